"""Inviting people, and invitations that nobody has accepted yet."""

import pytest
from pytest_django import Settings

from portal.directory.errors import Conflict, Forbidden, Invalid, NotFound
from portal.directory.invitations import NewInvitation
from portal.directory.members import Member, MemberStatus
from tests.contract.worlds import ADMIN, World, acting

NEW = "nia@new.example"


@pytest.fixture(autouse=True)
def _email(settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "portal@example.com"


def invited(world: World, *, roles: tuple[str, ...] = ()) -> Member:
    return acting(world).invitations.invite(NewInvitation(NEW, "Nia New", roles, "fr"))


def pending(world: World) -> list[str]:
    return [one.member.email_address for one in acting(world).invitations.page().items]


def test_an_invited_person_is_pending_with_name_and_roles(world: World) -> None:
    member = invited(world, roles=(ADMIN,))

    assert (member.email_address, member.name, member.status) == (NEW, "Nia New", MemberStatus.INVITED)
    assert ADMIN in member.role_ids
    assert pending(world) == [NEW]
    assert acting(world, "gil@globex.example", "globex").invitations.page().items == ()


def test_a_member_or_a_bad_address_is_not_invited(world: World) -> None:
    invitations = acting(world).invitations
    for address, error in (("max@acme.example", Conflict), ("nobody", Invalid)):
        with pytest.raises(error):
            invitations.invite(NewInvitation(address))
    with pytest.raises(Invalid):
        invitations.invite(NewInvitation(NEW, roles=("king",)))
    assert pending(world) == []


def test_inviting_needs_the_permission(world: World) -> None:
    member_id = invited(world).member_id
    invitations = acting(world, "max@acme.example").invitations
    with pytest.raises(Forbidden):
        invitations.invite(NewInvitation("leo@new.example"))
    with pytest.raises(Forbidden):
        invitations.page()
    with pytest.raises(Forbidden):
        invitations.resend(member_id)
    with pytest.raises(Forbidden):
        invitations.revoke(member_id)
    assert invitations.grantable_roles() == ()


def test_an_organization_can_forbid_invitations(world: World) -> None:
    assert acting(world).invitations.obstacle() == ""
    world.forbid_invitations("acme")
    assert acting(world).invitations.obstacle()
    with pytest.raises(Forbidden):
        invited(world)


def test_a_revoked_invitation_is_over(world: World) -> None:
    member_id = invited(world).member_id

    assert acting(world).invitations.revoke(member_id) == NEW

    assert pending(world) == []
    for change in (acting(world).invitations.resend, acting(world).invitations.revoke):
        with pytest.raises((NotFound, Conflict)):
            change(member_id)
    assert invited(world).status is MemberStatus.INVITED


def test_only_invited_members_of_the_own_organization_are_revoked(world: World) -> None:
    active = world.add_member("acme", "eve@acme.example")
    with pytest.raises(Conflict):
        acting(world).invitations.revoke(active)
    with pytest.raises(NotFound):
        acting(world, "gil@globex.example", "globex").invitations.revoke(invited(world).member_id)
    assert pending(world) == [NEW]
