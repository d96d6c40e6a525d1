"""The sessions of frames: what accepts them, how long they last, and what ends them."""

from collections.abc import Callable
from datetime import timedelta

import pyotp
import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from portal.directory.actor import Origin
from portal.directory.embedding import TicketRejected
from portal.directory.errors import Forbidden, StepUpRequired, Unauthenticated
from portal.directory.ids import public_id
from portal.directory.members import MemberStatus
from portal.directory.organizations import RESTRICTED, OrganizationChanges
from portal.directory.sessions import AuthenticationFactor, Continuation, SessionEndCause, SessionEnded
from portal.directory.step_up import proof_is_recent
from portal.embedded import models
from portal.embedded.project import EmbeddedProject
from portal.embedded.sessions.lifecycle import session_of_token
from tests import factories
from tests.embedded.embedding.conftest import (
    OTHER_PAGE,
    PAGE,
    browser,
    frame,
    framed,
    later,
    product,
    product_session,
    register,
    row_of,
    ticket_of,
    wanted,
)

pytestmark = pytest.mark.django_db
START = timezone.now().replace(microsecond=0)


def is_live(token: str) -> bool:
    try:
        browser().embedding.authenticate(token)
    except SessionEnded:
        return False
    return True


def test_the_token_of_a_frame_opens_no_page_and_not_the_api(ada: models.MemberRow) -> None:
    models.ProjectRow.objects.create(public_token="public-token-live-1")
    token = framed(ada).session_token

    assert is_live(token)
    with pytest.raises(SessionEnded):
        browser().sessions.authenticate(token)
    with pytest.raises(Unauthenticated):
        EmbeddedProject(Origin()).open_session(token)


def test_a_jwt_of_a_frame_opens_nothing(ada: models.MemberRow) -> None:
    models.ProjectRow.objects.create(public_token="public-token-live-1")
    jwt = product().sessions.jwt(framed(ada))

    with pytest.raises(Unauthenticated):
        EmbeddedProject(Origin()).open_session(jwt)
    with pytest.raises(Unauthenticated):
        product().embedding.create_ticket(wanted(session_token=jwt))


def test_a_frame_accepts_no_other_session(ada: models.MemberRow) -> None:
    for token in (factories.session_token(ada), product_session(ada), ticket_of(ada), "", "x"):
        assert session_of_token(token) or len(token) < 90
        assert not is_live(token)


def test_a_frame_of_another_organization_is_not_here(ada: models.MemberRow) -> None:
    other = factories.organization("globex")
    register(other, PAGE)
    token = framed(ada).session_token

    with pytest.raises(SessionEnded) as caught:
        browser("globex").embedding.authenticate(token)
    assert caught.value.parent_origin == ""


def test_neither_the_portals_session_nor_a_frames_makes_a_ticket(ada: models.MemberRow) -> None:
    for token in (factories.session_token(ada), framed(ada).session_token, "x"):
        with pytest.raises(Unauthenticated):
            product().embedding.create_ticket(wanted(session_token=token))


def test_a_frame_ends_after_15_minutes_without_use(ada: models.MemberRow) -> None:
    with time_machine.travel(START, tick=False):
        token = framed(ada).session_token
    with time_machine.travel(START + timedelta(minutes=14), tick=False):
        assert is_live(token)
    with time_machine.travel(START + timedelta(minutes=28), tick=False):
        assert is_live(token)
    with time_machine.travel(START + timedelta(minutes=44), tick=False):
        with pytest.raises(SessionEnded) as caught:
            browser().embedding.authenticate(token)
        assert caught.value.parent_origin == PAGE
        assert caught.value.end is not None
        assert (caught.value.end.cause, caught.value.end.minutes) == (SessionEndCause.IDLE, 15)


def test_a_frame_ends_after_an_hour_of_use(ada: models.MemberRow) -> None:
    with time_machine.travel(START, tick=False):
        token = framed(ada).session_token
    for minutes in range(10, 60, 10):
        with time_machine.travel(START + timedelta(minutes=minutes), tick=False):
            assert is_live(token)
    with time_machine.travel(START + timedelta(minutes=60), tick=False):
        assert not is_live(token)


def test_the_limits_of_the_organization_are_kept(ada: models.MemberRow) -> None:
    product().organization.update(OrganizationChanges(session_idle_minutes=10, session_duration_minutes=30))
    assert browser().embedding.idle_limit() == timedelta(minutes=10)
    with time_machine.travel(START, tick=False):
        unused, used = framed(ada), framed(ada)
        assert used.session.expires_at == START + timedelta(minutes=30)
    for minutes in range(8, 30, 8):
        with time_machine.travel(START + timedelta(minutes=minutes), tick=False):
            assert is_live(used.session_token)
    with time_machine.travel(START + timedelta(minutes=11), tick=False):
        assert not is_live(unused.session_token)
    with time_machine.travel(START + timedelta(minutes=31), tick=False):
        assert not is_live(used.session_token)


def test_the_limits_of_the_operator_are_kept(ada: models.MemberRow, settings: Settings) -> None:
    settings.SESSION_IDLE_MINUTES, settings.SESSION_DURATION_MINUTES = 5, 20
    assert browser().embedding.idle_limit() == timedelta(minutes=5)
    with time_machine.travel(START, tick=False):
        signed_in = framed(ada)
        assert signed_in.session.expires_at == START + timedelta(minutes=20)
    with time_machine.travel(START + timedelta(minutes=6), tick=False):
        assert not is_live(signed_in.session_token)


def test_the_time_at_the_product_counts_for_the_limit_of_the_organization(ada: models.MemberRow) -> None:
    product().organization.update(OrganizationChanges(session_duration_minutes=60))
    with time_machine.travel(START, tick=False):
        token = factories.product_session_token(ada, minutes=600)
    with time_machine.travel(START + timedelta(minutes=40), tick=False):
        ticket = product().embedding.create_ticket(wanted(session_token=token)).ticket
        entered = browser().embedding.enter(ticket, parent_origin=PAGE)
    assert entered.session.expires_at == START + timedelta(minutes=60)


def test_no_proof_is_recent_in_a_frame(ada: models.MemberRow) -> None:
    now = timezone.now()
    code = AuthenticationFactor("email_otp", "email", now, now)
    token = factories.product_session_token(ada, factors=[code])
    entered = browser().embedding.enter(
        product().embedding.create_ticket(wanted(session_token=token)).ticket, parent_origin=PAGE
    )

    # What was proved at the product is carried over, for the policy of the organization.
    assert entered.session.password_entered_at is not None
    assert [one.type for one in entered.session.other_factors] == ["email_otp"]
    assert not proof_is_recent(entered.session)
    assert not proof_is_recent(entered.session, takes_second_factor=True)
    inside = browser().acting_as(entered)
    with pytest.raises(StepUpRequired):
        inside.all_sessions.revoke()
    with pytest.raises(StepUpRequired):
        inside.embedding.add_origin(OTHER_PAGE)
    with pytest.raises(StepUpRequired):
        inside.members.delete(public_id("member", ada.pk))


def test_the_own_account_is_not_changed_in_a_frame(ada: models.MemberRow) -> None:
    inside = frame(ada)
    changes: list[Callable[[], object]] = [
        lambda: inside.account.change_name("Eve"),
        inside.account.leave,
        inside.account.data,
        inside.account.cancel_email_update,
        inside.remembered_devices.remember,
        inside.passkeys.own,
        lambda: inside.sessions.confirm_password("x"),
    ]
    for change in changes:
        with pytest.raises(Forbidden):
            change()
    assert models.MemberRow.objects.get().name == "Ada"


def test_no_second_factor_is_entered_in_a_frame(ada: models.MemberRow) -> None:
    member_id, secret = public_id("member", ada.pk), "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    product().totps.migrate(member_id, secret=secret, recovery_codes=["first-code1"])
    ada.refresh_from_db()
    signed_in = framed(ada)

    with pytest.raises(Unauthenticated):
        browser().acting_as(signed_in).totps.authenticate(
            member_id, pyotp.TOTP(secret).at(timezone.now()), before=Continuation(session=signed_in)
        )
    assert [one["type"] for one in row_of(signed_in).factors] == ["trusted_auth_token"]


def test_a_member_downloads_what_is_stored_of_their_frames(ada: models.MemberRow) -> None:
    framed(ada)
    own = browser().acting_as(browser().sessions.authenticate(factories.session_token(ada)))
    data = own.account.data()

    assert [one["embedding"]["parent_origin"] for one in data["sessions"] if one["embedding"]] == [PAGE]
    assert [one["embedding"]["areas"] for one in data["embed_tickets"]] == [["members", "scim"]]
    assert "token_hash" not in str(data)


@pytest.mark.parametrize("change", [{"status": MemberStatus.DELETED}, {"status": MemberStatus.INVITED}])
def test_a_frame_ends_with_the_member(ada: models.MemberRow, change: dict[str, str]) -> None:
    token = framed(ada).session_token
    models.MemberRow.objects.filter(pk=ada.pk).update(**change)

    assert not is_live(token)


def test_a_frame_ends_with_what_ends_sessions(ada: models.MemberRow, acme: models.OrganizationRow) -> None:
    """Each of these is an event of the organization, and none of them knows about frames."""
    other = factories.member(acme, "ben@acme.example")
    events: list[Callable[[], object]] = [
        product().all_sessions.revoke,
        lambda: product().sessions.revoke_for_member(public_id("member", other.pk)),
        lambda: product().organization.update(OrganizationChanges(mfa_policy="REQUIRED_FOR_ALL")),
    ]
    for event in events:
        token = framed(other).session_token
        assert is_live(token)
        event()
        assert not is_live(token), event


def test_a_frame_ends_when_the_member_is_deleted(ada: models.MemberRow, acme: models.OrganizationRow) -> None:
    other = factories.member(acme, "ben@acme.example")
    models.MemberRow.objects.update(email_address_verified=True)
    token = framed(other).session_token
    product().members.delete(public_id("member", other.pk))
    product().members.reactivate(public_id("member", other.pk))

    assert not is_live(token)


def test_a_frame_ends_when_the_organization_allows_only_other_methods(ada: models.MemberRow) -> None:
    token = framed(ada).session_token
    product().organization.update(OrganizationChanges(auth_methods=RESTRICTED, allowed_auth_methods=("password",)))

    assert not is_live(token)


def test_a_member_signs_out_of_a_frame(ada: models.MemberRow) -> None:
    token = framed(ada).session_token
    browser().sessions.revoke(token)

    assert not is_live(token)


def test_a_frame_is_listed_and_can_be_revoked(ada: models.MemberRow) -> None:
    factories.session_token(ada)
    signed_in = framed(ada)
    key = signed_in.session.member_session_id

    listed = {one.member_session_id: one for one in product().sessions.list_for_member(public_id("member", ada.pk))}
    assert len(listed) == 2
    found = listed[key].embedding
    assert found is not None
    assert found.parent_host == "app.example.com"
    product().sessions.revoke_session(key)
    assert not is_live(signed_in.session_token)


def test_an_idle_frame_is_not_listed(ada: models.MemberRow) -> None:
    with time_machine.travel(START, tick=False):
        framed(ada)
        factories.session_token(ada)
    with time_machine.travel(START + timedelta(minutes=16), tick=False):
        listed = product().sessions.list_for_member(public_id("member", ada.pk))
        assert [one.embedding for one in listed] == [None]


def test_a_tab_opens_in_place_of_a_frame_without_a_cookie(ada: models.MemberRow) -> None:
    ticket = ticket_of(ada, read_only=True)
    entered = browser().embedding.enter(ticket, parent_origin=PAGE)

    opened = browser().embedding.enter_in_tab(ticket)
    assert opened.session.member_session_id == entered.session.member_session_id
    assert opened.session.embedding == entered.session.embedding
    assert not is_live(entered.session_token)
    assert is_live(opened.session_token)
    with pytest.raises(TicketRejected, match="in use"):
        browser().embedding.enter_in_tab(ticket)


def test_no_tab_opens_once_the_cookie_came_back(ada: models.MemberRow) -> None:
    with time_machine.travel(START, tick=False):
        ticket = ticket_of(ada)
        entered = browser().embedding.enter(ticket, parent_origin=PAGE)
        # In the same moment, as far as the clock says.
        assert is_live(entered.session_token)

        with pytest.raises(TicketRejected, match="in use"):
            browser().embedding.enter_in_tab(ticket)
    assert is_live(entered.session_token)


def test_no_tab_opens_with_a_ticket_that_was_not_used(ada: models.MemberRow) -> None:
    with pytest.raises(TicketRejected):
        browser().embedding.enter_in_tab(ticket_of(ada))


def test_no_tab_opens_later(ada: models.MemberRow) -> None:
    ticket = ticket_of(ada)
    browser().embedding.enter(ticket, parent_origin=PAGE)

    with time_machine.travel(later(seconds=61)), pytest.raises(TicketRejected):
        browser().embedding.enter_in_tab(ticket)


def test_no_tab_opens_for_a_session_that_was_revoked(ada: models.MemberRow) -> None:
    created = product().embedding.create_ticket(wanted(ada))
    entered = browser().embedding.enter(created.ticket, parent_origin=PAGE)
    product().sessions.revoke_session(entered.session.member_session_id)

    with pytest.raises(TicketRejected):
        browser().embedding.enter_in_tab(created.ticket)


def test_use_is_recorded_once_a_minute(ada: models.MemberRow) -> None:
    with time_machine.travel(START, tick=False):
        signed_in = framed(ada)
        assert is_live(signed_in.session_token)
        first = row_of(signed_in).last_accessed_at
        assert first == START + timedelta(microseconds=1)
    with time_machine.travel(START + timedelta(seconds=30), tick=False):
        assert is_live(signed_in.session_token)
        assert row_of(signed_in).last_accessed_at == first
