"""A member's own account in every directory (portal.directory.account)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from portal.directory.directory import Directory
from portal.directory.errors import Conflict, Forbidden, Invalid, NotFound, StepUpRequired, Unauthenticated
from portal.directory.sessions import SignedIn
from tests.contract.worlds import PASSWORD, World, acting, opened

ADA, MAX, NEW = "ada@acme.example", "max@acme.example", "new@acme.example"
STRONG = "twelve pelicans over Utrecht"
LATER = timedelta(minutes=6)


@pytest.fixture(autouse=True)
def _email(settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "portal@example.com"


def sign_in(world: World, email_address: str = MAX, password: str = PASSWORD) -> SignedIn:
    return opened(world).sessions.sign_in(email_address=email_address, password=password)


def as_member(world: World, who: SignedIn) -> Directory:
    return opened(world).acting_as(who)


def is_live(world: World, who: SignedIn) -> bool:
    try:
        opened(world).sessions.authenticate(who.session_token)
    except Unauthenticated:
        return False
    return True


def test_the_current_password_changes_the_password_and_ends_other_sessions(world: World) -> None:
    here, elsewhere = sign_in(world), sign_in(world)

    with time_machine.travel(timezone.now() + LATER, tick=False):
        as_member(world, here).account.change_password(STRONG, existing_password=PASSWORD)

        assert is_live(world, here)
        assert not is_live(world, elsewhere)
        assert sign_in(world, password=STRONG)
        with pytest.raises(Unauthenticated):
            sign_in(world)


def test_a_recent_proof_changes_the_password(world: World) -> None:
    here = sign_in(world)
    as_member(world, here).account.change_password(STRONG)

    assert is_live(world, here)
    assert sign_in(world, password=STRONG)


def test_members_change_their_names(world: World) -> None:
    here = sign_in(world)

    assert as_member(world, here).account.change_name("Max Muster").name == "Max Muster"

    assert opened(world).sessions.authenticate(here.session_token).member.name == "Max Muster"
    with pytest.raises(Unauthenticated):
        opened(world).account.change_name("Nobody")


def test_an_open_browser_changes_no_password(world: World) -> None:
    here = sign_in(world)
    with time_machine.travel(timezone.now() + LATER, tick=False):
        account = as_member(world, here).account
        with pytest.raises(StepUpRequired):
            account.change_password(STRONG)
        with pytest.raises(Unauthenticated):
            account.change_password(STRONG, existing_password="wrong password")
        with pytest.raises(Unauthenticated):
            account.change_password(STRONG, existing_password=PASSWORD + " ")
        assert is_live(world, here)
        assert sign_in(world)


def test_a_weak_password_is_rejected(world: World) -> None:
    with pytest.raises(Invalid):
        acting(world, MAX).account.change_password("short")
    assert sign_in(world)


def test_a_code_to_the_new_address_changes_the_address(world: World) -> None:
    here = sign_in(world)
    account = as_member(world, here).account
    account.start_email_update(NEW)
    assert opened(world).sessions.authenticate(here.session_token).member.email_address == MAX
    (code,) = world.emailed_codes(NEW)

    changed = account.finish_email_update(email_address=NEW, code=code)

    assert changed.member.email_address == NEW
    assert opened(world).sessions.authenticate(here.session_token).member.email_address == NEW
    assert sign_in(world, NEW)
    with pytest.raises(Unauthenticated):
        sign_in(world, MAX)
    with pytest.raises(Unauthenticated):
        account.finish_email_update(email_address=NEW, code=code)


def test_a_wrong_code_changes_nothing(world: World) -> None:
    account = acting(world, MAX).account
    account.start_email_update(NEW)
    (code,) = world.emailed_codes(NEW)
    with pytest.raises(Unauthenticated):
        account.finish_email_update(email_address=NEW, code="000000" if code != "000000" else "000001")
    assert sign_in(world, MAX)


def test_an_address_of_another_member_gets_no_code_and_looks_the_same(world: World) -> None:
    account = acting(world, MAX).account
    account.start_email_update(ADA)

    assert world.emailed_codes(ADA) == []
    with pytest.raises(Unauthenticated):
        account.finish_email_update(email_address=ADA, code="000000")


def test_one_session_ends(world: World) -> None:
    here, elsewhere = sign_in(world), sign_in(world)
    directory = as_member(world, here)
    ids = {one.member_session_id for one in directory.members.details(here.member.member_id).sessions or ()}
    assert ids == {here.session.member_session_id, elsewhere.session.member_session_id}

    directory.account.revoke_session(elsewhere.session.member_session_id)

    assert is_live(world, here)
    assert not is_live(world, elsewhere)


def test_a_session_of_another_member_does_not_end(world: World) -> None:
    other = sign_in(world, ADA)
    with pytest.raises(NotFound):
        acting(world, MAX).account.revoke_session(other.session.member_session_id)
    assert is_live(world, other)


def test_all_other_sessions_end(world: World) -> None:
    here, others, of_ada = sign_in(world), [sign_in(world) for _ in range(3)], sign_in(world, ADA)

    as_member(world, here).account.revoke_other_sessions()

    assert is_live(world, here)
    assert is_live(world, of_ada)
    assert not any(is_live(world, one) for one in others)


def test_the_data_has_the_member_and_no_secret(world: World) -> None:
    here = sign_in(world)
    data = as_member(world, here).account.data()

    assert data["member"]["email_address"] == MAX
    assert [one["member_session_id"] for one in data["sessions"]] == [here.session.member_session_id]
    assert here.session_token not in str(data)
    assert "md5$" not in str(data)
    assert ADA not in str(data)


def test_a_member_leaves(world: World) -> None:
    here = sign_in(world)
    as_member(world, here).account.leave()

    assert not is_live(world, here)
    with pytest.raises(Unauthenticated):
        sign_in(world)


def test_the_last_admin_stays(world: World) -> None:
    here = sign_in(world, ADA)
    with pytest.raises(Conflict):
        as_member(world, here).account.leave()
    assert is_live(world, here)

    world.add_member("acme", "second@acme.example", roles=["stytch_admin"])
    as_member(world, here).account.leave()
    assert not is_live(world, here)


@pytest.mark.parametrize(
    "act",
    [
        lambda account, who: account.start_email_update(NEW),
        lambda account, who: account.revoke_session(who.session.member_session_id),
        lambda account, who: account.revoke_other_sessions(),
        lambda account, who: account.data(),
        lambda account, who: account.leave(),
    ],
    ids=["address", "session", "sessions", "data", "leave"],
)
def test_an_open_browser_is_not_enough(world: World, act: Callable[[Any, SignedIn], object]) -> None:
    here = sign_in(world)
    with time_machine.travel(timezone.now() + LATER, tick=False), pytest.raises(StepUpRequired):
        act(as_member(world, here).account, here)
    assert is_live(world, here)


def test_a_visitor_has_no_account(world: World) -> None:
    account = opened(world).account
    with pytest.raises((Unauthenticated, Forbidden)):
        account.change_password(STRONG, existing_password=PASSWORD)
    with pytest.raises(Unauthenticated):
        account.leave()
    with pytest.raises(Unauthenticated):
        account.data()
