"""Organizations, policies, members and sign-in links of every directory."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from portal.directory.directory import Directory
from portal.directory.errors import (
    Conflict,
    Forbidden,
    Invalid,
    InvalidLink,
    NotFound,
    StepUpRequired,
    Unauthenticated,
)
from portal.directory.members import MemberStatus, RoleSourceType
from portal.directory.organizations import OrganizationChanges, organization_version
from portal.directory.sign_in_links import SignInLinkGateway
from tests.contract.worlds import ADMIN, PASSWORD, EmbeddedWorld, World, acting, opened


def test_an_organization_is_found_by_its_slug(world: World) -> None:
    organization = opened(world).organization.get()

    assert (organization.organization_slug, organization.organization_name) == ("acme", "Acme")


def test_members_see_the_same_organization(world: World) -> None:
    assert acting(world).organization.get() == opened(world).organization.get()


@pytest.mark.parametrize(
    "slug", ["initech", "ACME", "..", ".", "acme/member", "acme?x=1", "acme%2e", "acme#", "ä", " "]
)
def test_unknown_slug_is_not_found(world: World, slug: str) -> None:
    directory = opened(world, slug)

    with pytest.raises(NotFound):
        directory.organization.get()


def test_names_of_organizations_are_found_by_their_slugs(world: World) -> None:
    assert world.provider.names(["acme"])["acme"] in {"Acme", "acme"}


def test_an_organizations_id_is_not_its_slug(world: World) -> None:
    organization = opened(world).organization.get()

    with pytest.raises(NotFound):
        opened(world, organization.organization_id).organization.get()


def test_settings_are_changed_together(world: World) -> None:
    changes = OrganizationChanges(
        organization_name="Acme Inc.", auth_methods="RESTRICTED", allowed_auth_methods=["password"]
    )
    returned = acting(world).organization.update(changes)

    now = acting(world).organization.get()
    assert now.organization_name == returned.organization_name == "Acme Inc."
    assert now.settings.allowed_auth_methods == ("password",)


def test_changing_a_setting_needs_the_action_of_each_field(world: World) -> None:
    changes = OrganizationChanges(organization_name="Mine")

    with pytest.raises(Forbidden):
        acting(world, "max@acme.example").organization.update(changes)
    with pytest.raises(Unauthenticated):
        opened(world).organization.update(changes)
    with pytest.raises(Forbidden):
        acting(world).organization.update(OrganizationChanges(organization_name="A", organization_external_id="mine"))
    assert acting(world).organization.get().organization_name == "Acme"


def test_a_change_of_what_someone_else_changed_since_is_a_conflict(world: World) -> None:
    seen = acting(world).organization.get()
    version = organization_version(seen, "organization_name", "mfa_policy")
    acting(world).organization.update(OrganizationChanges(mfa_methods="RESTRICTED", allowed_mfa_methods=["totp"]))
    acting(world).organization.update(OrganizationChanges(organization_name="First"), version=version)

    with pytest.raises(Conflict) as conflict:
        acting(world).organization.update(OrganizationChanges(organization_name="Second"), version=version)

    assert conflict.value.field == "version"
    assert acting(world).organization.get().organization_name == "First"
    with pytest.raises(Conflict):
        acting(world).organization.update(OrganizationChanges(organization_name="Second"), version="x:y")


def test_a_slug_belongs_to_one_organization(world: World) -> None:
    with pytest.raises(Conflict):
        acting(world).organization.update(OrganizationChanges(organization_slug="globex"))
    with pytest.raises(Invalid):
        acting(world).organization.update(OrganizationChanges(organization_slug="a/b"))

    assert acting(world).organization.get().organization_slug == "acme"


def test_a_deleted_organization_is_gone_with_its_sessions(world: World) -> None:
    ada = opened(world).sessions.sign_in(email_address="ada@acme.example", password=PASSWORD)
    max_ = opened(world).sessions.sign_in(email_address="max@acme.example", password=PASSWORD)

    deleted = opened(world).acting_as(ada).organization.delete()

    assert deleted == ada.organization.organization_id
    with pytest.raises(NotFound):
        opened(world).organization.get()
    for token in (ada.session_token, max_.session_token):
        with pytest.raises((NotFound, Unauthenticated)):
            opened(world).sessions.authenticate(token)
    assert acting(world, "gil@globex.example", "globex").organization.get().organization_slug == "globex"


def test_deleting_the_organization_needs_the_permission_and_a_recent_proof(world: World) -> None:
    with pytest.raises(Forbidden):
        acting(world, "max@acme.example").organization.delete()
    with pytest.raises(Unauthenticated):
        opened(world).organization.delete()
    ada = acting(world)
    with time_machine.travel(timezone.now() + timedelta(minutes=6), tick=False), pytest.raises(StepUpRequired):
        ada.organization.delete()
    assert opened(world).organization.get().organization_name == "Acme"


def test_only_the_embedded_directory_ends_all_sessions_and_stores_logos(world: World) -> None:
    ada, sign_in = acting(world), opened(world).sessions.sign_in
    addresses = ("max@acme.example", "ada@acme.example")
    of_max, of_ada = (sign_in(email_address=one, password=PASSWORD).session_token for one in addresses)

    is_embedded = isinstance(world, EmbeddedWorld)
    assert (ada.all_sessions is not None, ada.logo is not None) == (is_embedded, is_embedded)
    if ada.all_sessions:
        assert ada.all_sessions.revoke() == 2
    else:
        # Stytch ends those of one member at a time.
        ada.sessions.revoke_for_member(opened(world).sessions.authenticate(of_max).member.member_id)
    with pytest.raises(Unauthenticated):
        opened(world).sessions.authenticate(of_max)
    if not is_embedded:
        assert opened(world).sessions.authenticate(of_ada).member.email_address == "ada@acme.example"


def test_policy_says_which_permissions_a_role_grants(world: World) -> None:
    policy = acting(world).rbac.policy()

    assert policy.allows([ADMIN], "stytch.scim:get")
    assert not policy.allows(["stytch_member"], "stytch.scim:get")
    assert [role.role_id for role in policy.roles_granting("stytch.scim:get")] == [ADMIN]


def test_member_has_roles_with_their_sources(world: World) -> None:
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
def test_invalid_member_id_is_not_found(world: World, member_id: str) -> None:
    with pytest.raises(NotFound):
        acting(world).members.get(member_id)


def sign_in_links(directory: Directory, world: World) -> SignInLinkGateway | None:
    """Return the sign-in links of a directory. Only the embedded directory has any."""
    assert (directory.sign_in_links is not None) == isinstance(world, EmbeddedWorld)
    return directory.sign_in_links


def test_unknown_link_is_rejected(world: World) -> None:
    if links := sign_in_links(opened(world), world):
        with pytest.raises(InvalidLink):
            links.member("made-up")
        with pytest.raises(InvalidLink):
            links.redeem("made-up", password="a password that is long enough")


def test_link_sets_a_password_once(world: World) -> None:
    directory, member_id = acting(world), world.add_member("acme", "eve@acme.example")

    if links := sign_in_links(directory, world):
        token = links.send(member_id).url.partition("?token=")[2]
        assert links.member(token).member_id == member_id
        assert links.redeem(token, password="five unrelated words in a row").member.member_id == member_id
        with pytest.raises(InvalidLink):
            links.member(token)


def test_sending_links_needs_permission_to_reset_passwords(world: World) -> None:
    member_id = world.add_member("acme", "eve@acme.example")

    for directory, error in ((acting(world, "max@acme.example"), Forbidden), (opened(world), Unauthenticated)):
        if links := sign_in_links(directory, world):
            with pytest.raises(error):
                links.send(member_id)


def test_links_are_only_sent_to_members_of_the_organization(world: World) -> None:
    member_id = world.add_member("globex", "eve@globex.example")

    if links := sign_in_links(acting(world), world):
        with pytest.raises(NotFound):
            links.send(member_id)
