"""Sessions and discovery of every directory."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from portal.directory.actor import Origin
from portal.directory.discovery import Discovered
from portal.directory.errors import Unauthenticated
from portal.directory.organizations import Organization
from portal.directory.sessions import SignedIn
from tests.contract.worlds import ADMIN, PASSWORD, World, after_sessions_end, opened

ADA = "ada@acme.example"


def sign_in(world: World, email_address: str = ADA, password: str = PASSWORD, *, slug: str = "acme") -> SignedIn:
    return opened(world, slug).sessions.sign_in(email_address=email_address, password=password)


def discover(world: World, email_address: str = ADA, password: str = PASSWORD) -> Discovered:
    return world.provider.discovery(Origin()).authenticate(email_address=email_address, password=password)


def slug_of(organization: Organization) -> str:
    return organization.organization_slug


def slugs(discovered: Discovered) -> list[str]:
    return sorted(organization.organization_slug for organization in discovered.organizations)


def test_right_password_starts_a_session_with_the_members_roles(world: World) -> None:
    who = sign_in(world)

    assert (who.member.email_address, who.organization.organization_slug) == (ADA, "acme")
    assert who.session.roles == who.member.role_ids == {"stytch_member", ADMIN}
    assert (who.session.member_id, who.session.organization_id) == (who.member.member_id, who.member.organization_id)
    assert who.session.started_at <= who.session.last_accessed_at < who.session.expires_at


def test_session_has_the_roles_of_its_organization(world: World) -> None:
    assert sign_in(world, slug="globex").session.roles == {"stytch_member"}


def test_sign_in_ignores_the_case_of_the_address(world: World) -> None:
    assert sign_in(world, "ADA@acme.example").member.email_address == ADA


@pytest.mark.parametrize(
    ("email_address", "password"),
    [
        (ADA, "wrong"),
        (ADA, ""),
        ("nobody@acme.example", PASSWORD),
        ("gil@globex.example", PASSWORD),
        ("gone@acme.example", PASSWORD),
        ("none@acme.example", ""),
        ("not an address", PASSWORD),
    ],
    ids=["wrong", "empty", "nobody", "another-organization", "deleted", "without-password", "nonsense"],
)
def test_failed_sign_ins_have_the_same_message(world: World, email_address: str, password: str) -> None:
    world.delete_member(world.add_member("acme", "gone@acme.example"))
    world.add_member("acme", "none@acme.example", password="")

    with pytest.raises(Unauthenticated) as error:
        sign_in(world, email_address, password)

    assert error.value.detail == "Incorrect email or password."


def test_token_authenticates_its_session(world: World) -> None:
    who = sign_in(world)

    again = opened(world).sessions.authenticate(who.session_token)

    assert again.session_token == who.session_token
    assert (again.member, again.organization) == (who.member, who.organization)
    assert again.session.member_session_id == who.session.member_session_id
    assert again.session.expires_at == who.session.expires_at


@pytest.mark.parametrize("token", ["", "made-up", "x" * 5000, "\x00", "é"])
def test_unknown_token_is_rejected(world: World, token: str) -> None:
    with pytest.raises(Unauthenticated):
        opened(world).sessions.authenticate(token)


def test_session_is_rejected_in_another_organization(world: World) -> None:
    token = sign_in(world).session_token

    with pytest.raises(Unauthenticated):
        opened(world, "globex").sessions.authenticate(token)


def test_session_expires(world: World) -> None:
    token = sign_in(world).session_token

    with time_machine.travel(after_sessions_end()), pytest.raises(Unauthenticated):
        opened(world).sessions.authenticate(token)


def test_session_of_deleted_member_is_rejected(world: World) -> None:
    member_id = world.add_member("acme", "eve@acme.example")
    token = sign_in(world, "eve@acme.example").session_token

    world.delete_member(member_id)

    with pytest.raises(Unauthenticated):
        opened(world).sessions.authenticate(token)


def test_revoking_ends_only_this_session(world: World) -> None:
    first, second = sign_in(world), sign_in(world)

    opened(world).acting_as(first).sessions.revoke(first.session_token)

    with pytest.raises(Unauthenticated):
        opened(world).sessions.authenticate(first.session_token)
    assert opened(world).sessions.authenticate(second.session_token).member == first.member


def test_token_is_enough_to_revoke_its_session(world: World) -> None:
    token = sign_in(world).session_token

    opened(world).sessions.revoke(token)

    with pytest.raises(Unauthenticated):
        opened(world).sessions.authenticate(token)


@pytest.mark.parametrize("token", ["", "made-up"])
def test_revoking_an_unknown_token_is_not_an_error(world: World, token: str) -> None:
    who = sign_in(world)

    opened(world).sessions.revoke(token)
    opened(world).sessions.revoke(who.session_token)
    opened(world).acting_as(who).sessions.revoke(who.session_token)


def test_session_cannot_be_revoked_in_another_organization(world: World) -> None:
    who, gil = sign_in(world), sign_in(world, "gil@globex.example", slug="globex")

    opened(world, "globex").sessions.revoke(who.session_token)
    opened(world, "globex").acting_as(gil).sessions.revoke(who.session_token)

    assert opened(world).sessions.authenticate(who.session_token).member == who.member


def test_tokens_are_not_printed(world: World) -> None:
    who, discovered = sign_in(world), discover(world)

    assert who.session_token not in repr(who)
    assert discovered.intermediate_session_token not in repr(discovered)


def test_discovery_finds_organizations_with_this_password(world: World) -> None:
    world.add_organization("initech", "Initech")
    world.add_member("initech", ADA, password="another password, of hers")

    discovered = discover(world)

    assert (discovered.email_address, slugs(discovered)) == (ADA, ["acme", "globex"])


@pytest.mark.parametrize(("email_address", "password"), [(ADA, "wrong"), ("nobody@acme.example", PASSWORD), (ADA, "")])
def test_failed_discoveries_have_the_same_message(world: World, email_address: str, password: str) -> None:
    with pytest.raises(Unauthenticated) as error:
        discover(world, email_address, password)

    assert error.value.detail == "Incorrect email or password."


def test_discovery_leaves_out_deleted_members(world: World) -> None:
    world.add_organization("initech", "Initech")
    world.delete_member(world.add_member("initech", ADA))

    assert slugs(discover(world)) == ["acme", "globex"]


def test_discovered_organizations_are_available_for_ten_minutes(world: World) -> None:
    discovery, token = world.provider.discovery(Origin()), discover(world).intermediate_session_token

    again = discovery.organizations(token)

    assert (again.email_address, slugs(again)) == (ADA, ["acme", "globex"])
    with time_machine.travel(timezone.now() + timedelta(minutes=10, seconds=1)):
        with pytest.raises(Unauthenticated):
            discovery.organizations(token)
        with pytest.raises(Unauthenticated):
            discovery.exchange(token, organization_id=again.organizations[0].organization_id)


def test_exchange_starts_a_session_with_the_members_roles(world: World) -> None:
    discovered = discover(world)
    globex = next(one for one in discovered.organizations if one.organization_slug == "globex")

    who = world.provider.discovery(Origin()).exchange(
        discovered.intermediate_session_token, organization_id=globex.organization_id
    )

    assert who.organization == globex
    assert who.session.roles == {"stytch_member"}
    assert opened(world, "globex").sessions.authenticate(who.session_token).member == who.member


def test_intermediate_session_works_once(world: World) -> None:
    discovered, discovery = discover(world), world.provider.discovery(Origin())
    token, (acme, globex) = discovered.intermediate_session_token, sorted(discovered.organizations, key=slug_of)

    discovery.exchange(token, organization_id=acme.organization_id)

    for organization in (acme, globex):
        with pytest.raises(Unauthenticated):
            discovery.exchange(token, organization_id=organization.organization_id)
    with pytest.raises(Unauthenticated):
        discovery.organizations(token)


def test_wrong_choice_keeps_the_intermediate_session(world: World) -> None:
    initech = world.add_organization("initech", "Initech")
    discovered, discovery = discover(world), world.provider.discovery(Origin())
    token = discovered.intermediate_session_token
    with pytest.raises(Unauthenticated):
        discovery.exchange(token, organization_id=initech)

    assert discovery.exchange(token, organization_id=discovered.organizations[0].organization_id).member


def test_undiscovered_organization_is_rejected(world: World) -> None:
    initech = world.add_organization("initech", "Initech")
    token = discover(world).intermediate_session_token

    for organization_id in (initech, "initech", "", "made-up"):
        with pytest.raises(Unauthenticated):
            world.provider.discovery(Origin()).exchange(token, organization_id=organization_id)


@pytest.mark.parametrize("token", ["", "made-up"])
def test_unknown_intermediate_session_is_rejected(world: World, token: str) -> None:
    organization_id = opened(world).organization.get().organization_id

    with pytest.raises(Unauthenticated):
        world.provider.discovery(Origin()).organizations(token)
    with pytest.raises(Unauthenticated):
        world.provider.discovery(Origin()).exchange(token, organization_id=organization_id)
