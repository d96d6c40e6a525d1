"""What every directory promises of an organization, its roles and its members."""

import pytest

from portal.directory.errors import Gone, Invalid, NotFound, NotOffered, Refused, Unauthenticated
from portal.directory.members import MemberStatus, RoleSourceType
from tests.contract.worlds import ADMIN, EmbeddedWorld, World, acting, opened


def test_an_organization_is_found_by_its_slug(world: World) -> None:
    organization = opened(world).organization.get()

    assert (organization.organization_slug, organization.organization_name) == ("acme", "Acme")


def test_who_is_signed_in_sees_the_same_organization(world: World) -> None:
    assert acting(world).organization.get() == opened(world).organization.get()


@pytest.mark.parametrize(
    "slug", ["initech", "ACME", "..", ".", "acme/member", "acme?x=1", "acme%2e", "acme#", "ä", " "]
)
def test_an_address_without_an_organization_is_not_found_at_the_first_call(world: World, slug: str) -> None:
    directory = opened(world, slug)

    with pytest.raises(NotFound):
        directory.organization.get()


def test_an_organizations_id_is_no_address(world: World) -> None:
    organization = opened(world).organization.get()

    with pytest.raises(NotFound):
        opened(world, organization.organization_id).organization.get()


def test_the_policy_says_what_each_role_may_do(world: World) -> None:
    policy = acting(world).rbac.policy()

    assert policy.allows([ADMIN], "stytch.scim:get")
    assert not policy.allows(["stytch_member"], "stytch.scim:get")
    assert [role.role_id for role in policy.roles_granting("stytch.scim:get")] == [ADMIN]


def test_a_member_is_found_by_id_with_the_sources_of_each_role(world: World) -> None:
    member_id = world.add_member("acme", "eve@acme.example", roles=[ADMIN])

    member = acting(world).members.get(member_id)

    assert (member.member_id, member.email_address) == (member_id, "eve@acme.example")
    assert member.organization_id == opened(world).organization.get().organization_id
    assert member.status is MemberStatus.ACTIVE
    assert {role.role_id: tuple(source.type for source in role.sources) for role in member.roles} == {
        "stytch_member": (RoleSourceType.DIRECT_ASSIGNMENT,),
        ADMIN: (RoleSourceType.DIRECT_ASSIGNMENT,),
    }


def test_another_organizations_member_is_not_found(world: World) -> None:
    member_id = world.add_member("globex", "eve@globex.example")

    for directory in (acting(world), opened(world)):
        with pytest.raises(NotFound):
            directory.members.get(member_id)


@pytest.mark.parametrize(
    "member_id", ["", "..", "member-live-00000000-0000-7000-8000-000000000000", "'; --", "member-\x00", "x" * 5000]
)
def test_no_member_is_found_by_nonsense(world: World, member_id: str) -> None:
    with pytest.raises(NotFound):
        acting(world).members.get(member_id)


def test_a_link_that_nobody_sent_lets_nobody_in(world: World) -> None:
    with pytest.raises((Gone, NotOffered)):
        opened(world).sign_in_links.member("made-up")
    with pytest.raises((Gone, NotOffered, Invalid)):
        opened(world).sign_in_links.redeem("made-up", password="a password that is long enough")


def test_a_link_is_sent_or_the_directory_says_who_sends_it(world: World) -> None:
    directory, member_id = acting(world), world.add_member("acme", "eve@acme.example")
    if not isinstance(world, EmbeddedWorld):
        assert not directory.sign_in_links.are_emailed
        with pytest.raises(NotOffered, match="Forgot password"):
            directory.sign_in_links.send(member_id)
        return

    token = directory.sign_in_links.send(member_id).url.partition("?token=")[2]
    assert directory.sign_in_links.member(token).member_id == member_id
    assert directory.sign_in_links.redeem(token, password="five unrelated words in a row").member.member_id == member_id
    with pytest.raises(Gone):
        directory.sign_in_links.member(token)


def test_only_who_may_reset_passwords_sends_links(world: World) -> None:
    member_id = world.add_member("acme", "eve@acme.example")

    for directory, kinds in (
        (acting(world, "max@acme.example"), (Refused, NotOffered)),
        (opened(world), (Unauthenticated, NotOffered)),
    ):
        with pytest.raises(kinds):
            directory.sign_in_links.send(member_id)
    with pytest.raises((NotFound, NotOffered)):
        acting(world).sign_in_links.send(world.add_member("globex", "eve@globex.example"))
