"""What admins change about other members, in every directory (portal.directory.members, portal.directory.member_roles)."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from portal.directory.directory import Directory
from portal.directory.email_updates import DeliveryMethod, EmailUpdateRequest
from portal.directory.errors import Conflict, Forbidden, Invalid, NotFound, StepUpRequired
from portal.directory.members import MemberChanges, MemberStatus
from portal.directory.policy import Role
from portal.embedded import models
from tests.contract.worlds import ADMIN, PASSWORD, World, acting, opened

EVE, MAX = "eve@acme.example", "max@acme.example"


def changes(directory: Directory, member_id: str) -> dict[str, Callable[[], object]]:
    """Return everything that needs a permission and a recent proof."""
    asked = EmailUpdateRequest(email_address="new@acme.example", delivery_method=DeliveryMethod.CODE)
    return {
        "mfa": lambda: directory.members.update(member_id, MemberChanges(mfa_enrolled=True)),
        "emergency access": lambda: directory.members.update(member_id, MemberChanges(is_breakglass=True)),
        "role": lambda: directory.member_roles.add(member_id, ADMIN),
        "no role": lambda: directory.member_roles.remove(member_id, ADMIN),
        "address": lambda: directory.email_updates.start(member_id, asked),
        "sessions": lambda: directory.sessions.revoke_for_member(member_id),
        "deactivation": lambda: directory.members.delete(member_id),
        "reactivation": lambda: directory.members.reactivate(member_id),
    }


def test_each_change_needs_a_permission(world: World) -> None:
    eve = world.add_member("acme", EVE)
    for name, change in changes(acting(world, MAX), eve).items():
        with pytest.raises(Forbidden):
            pytest.fail(f"{name}: {change()}")
    assert not acting(world).members.get(eve).is_admin


def test_each_change_needs_a_recent_proof(world: World) -> None:
    eve = world.add_member("acme", EVE)
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        who = opened(world).sessions.sign_in(email_address="ada@acme.example", password=PASSWORD)
    with time_machine.travel(start + timedelta(minutes=6), tick=False):
        directory = opened(world).acting_as(opened(world).sessions.authenticate(who.session_token))
        for name, change in changes(directory, eve).items():
            with pytest.raises(StepUpRequired):
                pytest.fail(f"{name}: {change()}")
        assert directory.members.update(eve, MemberChanges(name="Eve")).name == "Eve"


def test_no_one_moves_the_address_of_a_member_who_may_do_more(world: World) -> None:
    actions = frozenset({"search", "update.info.email"})
    acting(world).roles.create(Role("helpdesk", {"stytch.member": actions}))
    world.add_member("acme", EVE, roles=["helpdesk"])
    eve = acting(world, EVE)
    ids = {one.member.email_address: one.member.member_id for one in eve.members.page().items}
    asked = EmailUpdateRequest(email_address="taken.over@acme.example", delivery_method=DeliveryMethod.CODE)

    with pytest.raises(Forbidden, match="has permissions that you don’t have"):
        eve.email_updates.start(ids["ada@acme.example"], asked)


def test_a_member_of_another_organization_is_not_found(world: World) -> None:
    gil = opened(world, "globex").sessions.sign_in(
        email_address="gil@globex.example",
        password=PASSWORD,
    )
    directory = acting(world)
    for name, change in changes(directory, gil.member.member_id).items():
        with pytest.raises(NotFound):
            pytest.fail(f"{name}: {change()}")
    with pytest.raises(NotFound):
        directory.sessions.revoke_session(gil.session.member_session_id, member_id=gil.member.member_id)
    assert opened(world, "globex").sessions.authenticate(gil.session_token)


def test_what_changed_in_the_meantime_is_not_overwritten(world: World) -> None:
    eve = world.add_member("acme", EVE)
    members = acting(world).members
    version = members.get(eve).version_of("name")
    members.update(eve, MemberChanges(mfa_enrolled=True))
    members.update(eve, MemberChanges(name="Eve"), version=version)

    with pytest.raises(Conflict):
        members.update(eve, MemberChanges(name="Evelyn"), version=version)

    assert members.get(eve).name == "Eve"


def test_metadata_is_replaced_by_key(world: World) -> None:
    eve = world.add_member("acme", EVE)
    members = acting(world).members
    members.update(eve, MemberChanges(untrusted_metadata={"team": "Support", "floor": 2}))

    member = members.update(eve, MemberChanges(untrusted_metadata={"team": None, "desk": "4a"}))

    assert member.untrusted_metadata == {"floor": 2, "desk": "4a"}


def test_roles_are_given_and_taken_one_by_one(world: World) -> None:
    eve = world.add_member("acme", EVE)
    roles = acting(world).member_roles

    assert roles.add(eve, ADMIN).direct_role_ids == (ADMIN,)
    assert roles.add(eve, ADMIN).direct_role_ids == (ADMIN,)
    assert roles.remove(eve, ADMIN).direct_role_ids == ()
    with pytest.raises(Invalid):
        roles.add(eve, "no_such_role")


def test_the_last_admin_stays(world: World) -> None:
    directory = acting(world)
    ada = opened(world).sessions.sign_in(
        email_address="ada@acme.example",
        password=PASSWORD,
    )
    for change in (
        lambda: directory.member_roles.remove(ada.member.member_id, ADMIN),
        lambda: directory.members.delete(ada.member.member_id),
    ):
        with pytest.raises(Conflict):
            change()
    assert directory.members.get(ada.member.member_id).is_admin


def test_a_deactivated_member_loses_sessions_and_comes_back_without_roles(world: World) -> None:
    eve = world.add_member("acme", EVE, roles=[ADMIN])
    session = opened(world).sessions.sign_in(email_address=EVE, password=PASSWORD)
    models.MemberRow.objects.update(email_address_verified=True)
    directory = acting(world)

    assert directory.members.delete(eve) == eve

    assert directory.members.details(eve).listed.member.status == MemberStatus.DELETED
    with pytest.raises(Exception, match="ended"):
        opened(world).sessions.authenticate(session.session_token)
    again = directory.members.reactivate(eve)
    assert (again.status, again.direct_role_ids) == (MemberStatus.ACTIVE, ())
    with pytest.raises(NotFound):
        directory.members.reactivate(eve)


def test_sessions_of_a_member_end_one_by_one_or_all(world: World) -> None:
    eve = world.add_member("acme", EVE)
    one, two = (opened(world).sessions.sign_in(email_address=EVE, password=PASSWORD) for _ in range(2))
    sessions = acting(world).sessions
    sessions.revoke_session(one.session.member_session_id, member_id=eve)

    with pytest.raises(Exception, match="ended"):
        opened(world).sessions.authenticate(one.session_token)
    assert opened(world).sessions.authenticate(two.session_token)
    sessions.revoke_for_member(eve)
    with pytest.raises(Exception, match="ended"):
        opened(world).sessions.authenticate(two.session_token)
