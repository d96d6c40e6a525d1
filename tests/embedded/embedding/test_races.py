"""Tickets that several requests use at the same moment: one wins."""

import pytest
from pytest_django import Settings

from portal.directory.embedding import TicketRejected
from portal.embedded import models
from tests import factories
from tests.embedded.embedding.conftest import PAGE, browser, framed, product, register, ticket_of, wanted
from tests.embedded.second_factors.test_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada(settings: Settings) -> models.MemberRow:
    settings.EMBED_URL = "https://embed.example.com"
    acme = factories.organization("acme")
    register(acme, PAGE)
    return factories.member(acme, "ada@acme.example", roles=["stytch_admin"])


def test_a_ticket_starts_one_session(ada: models.MemberRow) -> None:
    ticket = ticket_of(ada)
    results = at_once([lambda: browser().embedding.enter(ticket, parent_origin=PAGE) for _ in range(4)])

    assert [type(one) for one in results if one] == [TicketRejected] * 3
    assert models.MemberSessionRow.objects.count() == 1


def test_a_ticket_renews_once(ada: models.MemberRow) -> None:
    token, ticket = framed(ada).session_token, ticket_of(ada)
    results = at_once(
        [lambda: browser().embedding.renew(ticket, parent_origin=PAGE, session_token=token) for _ in range(4)]
    )

    assert [type(one) for one in results if one] == [TicketRejected] * 3


def test_one_tab_opens(ada: models.MemberRow) -> None:
    ticket = ticket_of(ada)
    browser().embedding.enter(ticket, parent_origin=PAGE)
    results = at_once([lambda: browser().embedding.enter_in_tab(ticket) for _ in range(4)])

    assert [type(one) for one in results if one] == [TicketRejected] * 3


def test_revoking_and_renewing_do_not_wait_for_each_other(ada: models.MemberRow) -> None:
    for _ in range(5):
        session = factories.product_session_token(ada)
        created = product().embedding.create_ticket(wanted(session_token=session, shares_lifetime=True))
        token = browser().embedding.enter(created.ticket, parent_origin=PAGE).session_token
        more = product().embedding.create_ticket(wanted(session_token=session, shares_lifetime=True)).ticket
        at_once(
            [
                lambda token=token, more=more: browser().embedding.renew(  # type: ignore[misc]  # -- a default binds it
                    more, parent_origin=PAGE, session_token=token
                ),
                lambda created=created: product().embedding.revoke_ticket(created.ticket_id),  # type: ignore[misc]
                lambda token=token: browser().sessions.revoke(token),  # type: ignore[misc]
            ]
        )
