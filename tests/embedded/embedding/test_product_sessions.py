"""Tickets from the session that a member has at the product, and sessions that end together."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from portal.directory.actor import Origin
from portal.directory.embedding import TicketRejected
from portal.directory.errors import Forbidden, Unauthenticated
from portal.directory.ids import public_id
from portal.directory.organizations import RESTRICTED, OrganizationChanges
from portal.directory.sessions import AuthenticationFactor, PhoneNumberFactor, SessionEnded, SignedIn
from portal.embedded import models
from portal.embedded.project import EmbeddedProject
from portal.embedded.second_factors.policy import phone_public_id
from tests import factories
from tests.embedded.embedding.conftest import PAGE, browser, framed, product, ticket_of, wanted

pytestmark = pytest.mark.django_db
START = timezone.now().replace(microsecond=0)


def shared(member: models.MemberRow) -> tuple[str, SignedIn]:
    """Return the token of a product's session, and the session of a frame that ends with it."""
    token = factories.product_session_token(member)
    return token, entered(token, shares_lifetime=True)


def entered(session_token: str, **more: Any) -> SignedIn:
    created = product().embedding.create_ticket(wanted(session_token=session_token, **more))
    return browser().embedding.enter(created.ticket, parent_origin=PAGE)


def are_live(product_token: str, framed_token: str) -> tuple[bool, bool]:
    return works(lambda: EmbeddedProject(Origin()).open_session(product_token)), works(
        lambda: browser().embedding.authenticate(framed_token)
    )


def works(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except Unauthenticated:
        return False
    return True


@pytest.fixture(autouse=True)
def _project(db: None) -> None:
    models.ProjectRow.objects.create(public_token="public-token-live-1")


def test_a_jwt_of_the_session_makes_a_ticket(ada: models.MemberRow) -> None:
    token = factories.product_session_token(ada)
    signed_in, directory = EmbeddedProject(Origin()).open_session(token)

    assert entered(directory.sessions.jwt(signed_in), shares_lifetime=True).member.member_id == public_id(
        "member", ada.pk
    )


def test_a_session_that_ended_makes_no_ticket(ada: models.MemberRow) -> None:
    token = factories.product_session_token(ada)
    browser().sessions.revoke(token)

    with pytest.raises(Unauthenticated):
        product().embedding.create_ticket(wanted(session_token=token))


def test_a_ticket_ends_with_its_session(ada: models.MemberRow) -> None:
    token = factories.product_session_token(ada)
    ticket = product().embedding.create_ticket(wanted(session_token=token)).ticket
    browser().sessions.revoke(token)

    with pytest.raises(TicketRejected, match="has ended"):
        browser().embedding.enter(ticket, parent_origin=PAGE)


def test_a_member_alone_is_not_enough_where_a_second_factor_is_needed(ada: models.MemberRow) -> None:
    ticket = ticket_of(ada)
    product().organization.update(OrganizationChanges(mfa_policy="REQUIRED_FOR_ALL"))

    with pytest.raises(Forbidden, match="session_token or session_jwt") as caught:
        ticket_of(ada)
    assert caught.value.error_type == "insufficient_factors"
    with pytest.raises(TicketRejected):
        browser().embedding.enter(ticket, parent_origin=PAGE)


def test_a_member_alone_is_not_enough_where_methods_are_restricted(ada: models.MemberRow) -> None:
    ticket = ticket_of(ada)
    product().organization.update(OrganizationChanges(auth_methods=RESTRICTED, allowed_auth_methods=("password",)))

    with pytest.raises(Forbidden, match="session_token or session_jwt") as caught:
        ticket_of(ada)
    assert caught.value.error_type == "operation_restricted_by_organization_auth_methods"
    with pytest.raises(TicketRejected):
        browser().embedding.enter(ticket, parent_origin=PAGE)
    assert works(lambda: entered(factories.product_session_token(ada)))


def test_what_was_proved_at_the_product_satisfies_the_organization(ada: models.MemberRow) -> None:
    models.MemberRow.objects.update(mfa_phone_number="+12025550123", mfa_phone_number_verified=True)
    ada.refresh_from_db()
    now = timezone.now()
    phone = PhoneNumberFactor(phone_public_id(ada), ada.mfa_phone_number)
    code = AuthenticationFactor("otp", "sms", now, now, phone_number_factor=phone)
    product().organization.update(OrganizationChanges(mfa_policy="REQUIRED_FOR_ALL"))
    signed_in = entered(factories.product_session_token(ada, factors=[code]))

    session = browser().embedding.authenticate(signed_in.session_token).session
    assert [one.type for one in session.other_factors] == ["otp"]


def test_without_a_shared_lifetime_each_ends_alone(ada: models.MemberRow) -> None:
    token = factories.product_session_token(ada)
    inside, other = entered(token), entered(token)
    browser().sessions.revoke(inside.session_token)
    assert are_live(token, other.session_token) == (True, True)

    browser().sessions.revoke(token)
    assert are_live(token, other.session_token) == (False, True)


ENDS: dict[str, Callable[[str, SignedIn], object]] = {
    "the member signs out of the frame": lambda _, inside: browser().sessions.revoke(inside.session_token),
    "the product revokes the frame": lambda _, inside: product().sessions.revoke_session(
        inside.session.member_session_id
    ),
    "the ticket is revoked": lambda _, inside: product().embedding.revoke_ticket(
        inside.session.embedding.ticket_id if inside.session.embedding else ""
    ),
    "the member signs out of the product": lambda token, _: browser().sessions.revoke(token),
}


@pytest.mark.parametrize("end", ENDS)
def test_with_a_shared_lifetime_both_end_together(ada: models.MemberRow, end: str) -> None:
    token, inside = shared(ada)
    assert are_live(token, inside.session_token) == (True, True)
    ENDS[end](token, inside)

    assert are_live(token, inside.session_token) == (False, False)


def test_a_page_of_the_account_ends_both(ada: models.MemberRow) -> None:
    token, inside = shared(ada)
    own = browser().acting_as(browser().sessions.authenticate(factories.session_token(ada)))
    own.account.revoke_session(inside.session.member_session_id)

    assert are_live(token, inside.session_token) == (False, False)


def test_signing_out_everywhere_else_keeps_the_own_session(ada: models.MemberRow) -> None:
    """Which may be the one that the frame ends with: a product's session opens pages, too."""
    token, inside = shared(ada)
    own = browser().acting_as(browser().sessions.authenticate(token))
    own.account.revoke_other_sessions()

    assert are_live(token, inside.session_token) == (True, False)


def test_a_frame_ends_when_the_session_of_the_product_expires(ada: models.MemberRow) -> None:
    with time_machine.travel(START, tick=False):
        token = factories.product_session_token(ada, minutes=10)
        inside = entered(token, shares_lifetime=True)
        alone = framed(ada)
    with time_machine.travel(START + timedelta(minutes=11), tick=False):
        assert are_live(token, inside.session_token) == (False, False)
        listed = product().sessions.list_for_member(public_id("member", ada.pk))
        assert [one.member_session_id for one in listed] == [alone.session.member_session_id]


def test_a_frame_that_expires_ends_no_session_of_the_product(ada: models.MemberRow) -> None:
    with time_machine.travel(START, tick=False):
        token, inside = shared(ada)
    with time_machine.travel(START + timedelta(minutes=16), tick=False):
        assert are_live(token, inside.session_token) == (True, False)


def test_using_the_frame_uses_the_session_that_it_ends_with(ada: models.MemberRow) -> None:
    product().organization.update(OrganizationChanges(session_idle_minutes=20))
    with time_machine.travel(START, tick=False):
        token, inside = shared(ada)
    for minutes in (10, 20, 30):
        with time_machine.travel(START + timedelta(minutes=minutes), tick=False):
            browser().embedding.authenticate(inside.session_token)
    with time_machine.travel(START + timedelta(minutes=35), tick=False):
        assert are_live(token, inside.session_token) == (True, True)


def test_a_renewal_takes_the_lifetime_of_its_own_session(ada: models.MemberRow) -> None:
    inside, token = framed(ada), factories.product_session_token(ada)
    ticket = product().embedding.create_ticket(wanted(session_token=token, shares_lifetime=True)).ticket
    browser().embedding.renew(ticket, parent_origin=PAGE, session_token=inside.session_token)
    # A ticket that says nothing about it doesn't end it.
    browser().embedding.renew(ticket_of(ada), parent_origin=PAGE, session_token=inside.session_token)
    browser().sessions.revoke(token)

    with pytest.raises(SessionEnded):
        browser().embedding.authenticate(inside.session_token)
