"""Frames that another ticket keeps open."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from portal.directory.embedding import TicketRejected
from portal.directory.frames import EmbedArea
from portal.directory.organizations import OrganizationChanges
from portal.directory.sessions import SessionEnded, SignedIn
from portal.embedded import models
from tests import factories
from tests.embedded.embedding.conftest import (
    OTHER_PAGE,
    PAGE,
    browser,
    framed,
    product,
    product_session,
    register,
    row_of,
    ticket_of,
    wanted,
)

pytestmark = pytest.mark.django_db
START = timezone.now().replace(microsecond=0)


def renew(member: models.MemberRow, token: str, *, origin: str = PAGE, ticket: str = "") -> SignedIn:
    return browser().embedding.renew(ticket or ticket_of(member), parent_origin=origin, session_token=token)


def test_a_ticket_keeps_a_frame_open_for_another_hour(ada: models.MemberRow) -> None:
    with time_machine.travel(START, tick=False):
        before = framed(ada)
    with time_machine.travel(START + timedelta(minutes=14), tick=False):
        renewed = renew(ada, before.session_token, ticket=ticket_of(ada, read_only=True, areas=(EmbedArea.ACTIVITY,)))

    assert renewed.session.member_session_id == before.session.member_session_id
    assert renewed.session_token == before.session_token
    assert renewed.session.expires_at == START + timedelta(minutes=74)
    with time_machine.travel(START + timedelta(minutes=28), tick=False):
        session = browser().embedding.authenticate(before.session_token).session
    assert session.embedding is not None
    assert (session.embedding.areas, session.embedding.read_only) == ((EmbedArea.ACTIVITY,), True)
    assert models.ActivityEntryRow.objects.get(action="member_session.renew").after == {"parent_origin": PAGE}


def test_the_organizations_limit_counts_from_the_first_entry(ada: models.MemberRow) -> None:
    product().organization.update(OrganizationChanges(session_duration_minutes=80))
    with time_machine.travel(START, tick=False):
        token = framed(ada).session_token
    for minutes in (14, 28, 42, 56):
        with time_machine.travel(START + timedelta(minutes=minutes), tick=False):
            renewed = renew(ada, token)
    assert renewed.session.expires_at == START + timedelta(minutes=80)


def test_a_ticket_renews_once(ada: models.MemberRow) -> None:
    token, ticket = framed(ada).session_token, ticket_of(ada)
    renew(ada, token, ticket=ticket)

    with pytest.raises(TicketRejected, match="used already"):
        renew(ada, token, ticket=ticket)


def test_a_ticket_of_another_member_renews_nothing(ada: models.MemberRow, acme: models.OrganizationRow) -> None:
    ben = factories.member(acme, "ben@acme.example")
    before = framed(ada)

    with pytest.raises(TicketRejected, match="another member"):
        renew(ben, before.session_token)
    assert row_of(before).member_id == ada.pk


def test_a_ticket_for_another_page_renews_nothing(ada: models.MemberRow, acme: models.OrganizationRow) -> None:
    register(acme, PAGE, OTHER_PAGE)
    before = framed(ada)

    with pytest.raises(TicketRejected, match="another page"):
        renew(ada, before.session_token, ticket=ticket_of(ada, parent_origin=OTHER_PAGE), origin=OTHER_PAGE)
    with pytest.raises(TicketRejected, match="is for pages of"):
        renew(ada, before.session_token, origin=OTHER_PAGE)


def test_only_a_live_frame_is_renewed(ada: models.MemberRow) -> None:
    ended = framed(ada)
    product().sessions.revoke_session(ended.session.member_session_id)
    with pytest.raises(SessionEnded) as caught:
        renew(ada, ended.session_token)
    assert caught.value.parent_origin == PAGE

    with time_machine.travel(START, tick=False):
        idle = framed(ada)
    with time_machine.travel(START + timedelta(minutes=16), tick=False), pytest.raises(SessionEnded):
        renew(ada, idle.session_token)


def test_no_other_session_is_renewed(ada: models.MemberRow) -> None:
    for token in (factories.session_token(ada), product_session(ada), "x"):
        with pytest.raises(SessionEnded):
            renew(ada, token)


def test_a_renewal_that_fails_uses_no_ticket(ada: models.MemberRow) -> None:
    ticket = ticket_of(ada)
    with pytest.raises(SessionEnded):
        renew(ada, "x", ticket=ticket)
    assert models.EmbedTicketRow.objects.get().used_at is None


def test_a_frame_ends_with_the_ticket_that_renewed_it(ada: models.MemberRow) -> None:
    token = framed(ada).session_token
    created = product().embedding.create_ticket(wanted(ada))
    renew(ada, token, ticket=created.ticket)
    product().embedding.revoke_ticket(created.ticket_id)

    with pytest.raises(SessionEnded):
        browser().embedding.authenticate(token)


def test_no_tab_opens_with_a_ticket_that_renewed(ada: models.MemberRow) -> None:
    token, ticket = framed(ada).session_token, ticket_of(ada)
    renew(ada, token, ticket=ticket)

    with pytest.raises(TicketRejected):
        browser().embedding.enter_in_tab(ticket)
