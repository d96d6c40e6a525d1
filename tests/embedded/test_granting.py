"""No member grants a permission that they don't have, by any path (portal.embedded.scope.Scope.require_grantable).

Eve may do everything with members, roles, SCIM and automatic roles, but isn't an admin.
"""

from collections.abc import Callable, Mapping

import pytest
from pytest_django import Settings

from portal.directory.email_updates import DeliveryMethod, EmailUpdateRequest
from portal.directory.errors import Forbidden
from portal.directory.members import MemberChanges
from portal.directory.organizations import EmailImplicitRoleAssignment, OrganizationChanges
from portal.directory.policy import ADMIN_ROLE, DEFAULT_POLICY, Role
from portal.directory.roles import assignments_version
from portal.directory.scim.group_roles import ScimGroupRolesChange, roles_version
from portal.embedded import models
from portal.embedded.directory import EmbeddedDirectory
from portal.embedded.project import EmbeddedProject
from tests import factories
from tests.embedded.conftest import api_session

pytestmark = pytest.mark.django_db
# Everything except deleting the organization, and one resource.
_RESOURCES = ("stytch.member", "stytch.scim", "stytch.custom-org-roles")
_ORGANIZATION = [one for one in DEFAULT_POLICY.resources["stytch.organization"].actions if one != "delete"]
MANAGER = {
    "role_id": "manager",
    "permissions": [
        *({"resource_id": one, "actions": ["*"]} for one in _RESOURCES),
        {"resource_id": "stytch.organization", "actions": _ORGANIZATION},
    ],
}
HELPER = {"role_id": "helper", "permissions": [{"resource_id": "stytch.member", "actions": ["search"]}]}
Path = Callable[[EmbeddedDirectory, str], object]


@pytest.fixture
def world(acme: models.OrganizationRow, admin: models.MemberRow) -> Mapping[str, models.MemberRow]:
    """Eve the manager, and Bob."""
    models.OrganizationRow.objects.filter(pk=acme.pk).update(custom_roles=[MANAGER, HELPER])
    return {
        "eve": factories.member(acme, "eve@acme.example", roles=["manager"]),
        "bob": factories.member(acme, "bob@acme.example"),
    }


@pytest.fixture
def group(acme: models.OrganizationRow) -> models.ScimGroupRow:
    return factories.scim_group(factories.scim_connection(acme), "Staff")


def group_id(group: models.ScimGroupRow) -> str:
    return f"scim-group-live-{group.pk}"


def paths(row: models.OrganizationRow, bob: models.MemberRow, group: models.ScimGroupRow) -> Mapping[str, Path]:
    """Return every way to give a role to someone."""
    member_id, none = f"member-live-{bob.pk}", roles_version(())
    connection_id = f"scim-connection-live-{group.connection_id}"

    def rule(role_id: str) -> EmailImplicitRoleAssignment:
        return EmailImplicitRoleAssignment("board.example", role_id)

    def by_domain(role_id: str) -> None:
        factories.role_by_domain(row, "board.example", role_id)

    def new_at_domain(directory: EmbeddedDirectory, role_id: str) -> object:
        by_domain(role_id)
        return directory.members.create(MemberChanges(email_address="new@board.example"))

    def moved_to_domain(directory: EmbeddedDirectory, role_id: str) -> object:
        by_domain(role_id)
        return directory.members.update(member_id, MemberChanges(email_address="bob@board.example"))

    def reactivated(directory: EmbeddedDirectory, role_id: str) -> object:
        by_domain(role_id)
        left = factories.member(row, "left@board.example")
        models.MemberRow.objects.filter(pk=left.pk).update(status="deleted", email_address_verified=True)
        return directory.members.reactivate(f"member-live-{left.pk}")

    def moved_roles(directory: EmbeddedDirectory, role_id: str) -> object:
        old = factories.scim_group(group.connection, "Old")
        granted = factories.group_role(old, role_id)
        key = old.pk
        models.ScimGroupRoleRow.objects.filter(pk=granted.pk).update(group=None)
        old.delete()
        version = roles_version([role_id])
        review = directory.scim.group_role_review
        return review.move(f"scim-group-live-{key}", to_group_id=group_id(group), version=version)

    def restored(directory: EmbeddedDirectory, role_id: str) -> object:
        factories.group_role(group, role_id)
        models.ScimConnectionRow.objects.filter(pk=group.connection_id).update(
            status="deleted", deleted_at=group.connection.created_at.now(tz=group.connection.created_at.tzinfo)
        )
        return directory.scim.restoration.restore(connection_id, reactivate=False)

    return {
        "create": lambda one, role_id: one.members.create(
            MemberChanges(email_address="new@acme.example", roles=[role_id])
        ),
        "update": lambda one, role_id: one.members.update(member_id, MemberChanges(roles=[role_id])),
        "create at a domain": new_at_domain,
        "move to a domain": moved_to_domain,
        "reactivate": reactivated,
        "settings": lambda one, role_id: one.organization.update(
            OrganizationChanges(rbac_email_implicit_role_assignments=[rule(role_id)])
        ),
        "rule for a domain": lambda one, role_id: one.roles.change_email_assignments(
            add=[rule(role_id)], version=assignments_version(())
        ),
        "group": lambda one, role_id: one.scim.group_roles.change(
            group_id(group), add=[role_id], remove=[], version=none
        ),
        "groups": lambda one, role_id: one.scim.group_roles.change_several(
            [ScimGroupRolesChange(group_id(group), add=(role_id,), version=none)]
        ),
        "connection": lambda one, role_id: one.scim.update_connection(
            connection_id, display_name=None, identity_provider=None, group_roles=[(group_id(group), role_id)]
        ),
        "moved roles": moved_roles,
        "restored connection": restored,
    }


@pytest.mark.parametrize(
    "path",
    [
        "create",
        "update",
        "create at a domain",
        "move to a domain",
        "reactivate",
        "settings",
        "rule for a domain",
        "group",
        "groups",
        "connection",
        "moved roles",
        "restored connection",
    ],
)
def test_a_role_with_more_permissions_cannot_be_given(
    known: EmbeddedProject,
    acme: models.OrganizationRow,
    world: Mapping[str, models.MemberRow],
    group: models.ScimGroupRow,
    path: str,
) -> None:
    directory = known.open_session(api_session(world["eve"]).session_token)[1]
    grant = paths(acme, world["bob"], group)[path]

    with pytest.raises(Forbidden) as rejected:
        grant(directory, ADMIN_ROLE)
    assert "permissions that you don’t have" in rejected.value.detail
    assert not models.ScimGroupRoleRow.objects.filter(group=group, role_id=ADMIN_ROLE).exclude(
        connection__status="deleted"
    )
    models.ScimGroupRoleRow.objects.all().delete()
    models.ScimConnectionRow.objects.update(status="active")
    models.MemberRow.objects.filter(email_address="left@board.example").update(email_address="x@acme.example")
    # A role that grants no more than the manager has can be given the same way.
    assert grant(directory, "helper") is not None


def test_a_role_of_ones_own_gains_no_permission_that_one_lacks(
    known: EmbeddedProject, world: Mapping[str, models.MemberRow]
) -> None:
    directory = known.open_session(api_session(world["eve"]).session_token)[1]

    for permissions in ({"stytch.organization": frozenset({"delete"})}, {"stytch.sso": frozenset({"*"})}):
        with pytest.raises(Forbidden):
            directory.roles.create(Role("more", permissions))
        with pytest.raises(Forbidden):
            directory.rbac.set_organization_roles([Role("more", permissions)])
    assert directory.roles.create(Role("less", {"stytch.member": frozenset({"search", "create"})}))


def test_an_admin_and_the_project_give_every_role(
    known: EmbeddedProject, ada: object, world: Mapping[str, models.MemberRow], acme: models.OrganizationRow
) -> None:
    session_token = api_session(models.MemberRow.objects.get(email_address="ada@acme.example")).session_token
    member_id = f"member-live-{world['bob'].pk}"

    admin = known.open_session(session_token)[1]
    assert admin.members.update(member_id, MemberChanges(roles=[ADMIN_ROLE])).is_admin
    assert admin.roles.create(Role("more", {"stytch.self": frozenset({"*"})}))


def test_keeping_a_role_is_not_giving_it(known: EmbeddedProject, world: Mapping[str, models.MemberRow]) -> None:
    models.MemberRow.objects.filter(pk=world["bob"].pk).update(direct_roles=[ADMIN_ROLE])
    directory = known.open_session(api_session(world["eve"]).session_token)[1]
    kept = MemberChanges(roles=[ADMIN_ROLE, "helper"])

    assert directory.members.update(f"member-live-{world['bob'].pk}", kept).is_admin


def new_address(directory: EmbeddedDirectory, member_id: str) -> object:
    return directory.members.update(member_id, MemberChanges(email_address="eve+2@acme.example"))


def proof_of_a_new_address(directory: EmbeddedDirectory, member_id: str) -> object:
    request = EmailUpdateRequest(email_address="eve+2@acme.example", delivery_method=DeliveryMethod.CODE)
    return directory.email_updates.start(member_id, request)


@pytest.mark.parametrize("change", [new_address, proof_of_a_new_address])
def test_only_members_with_as_many_permissions_change_an_address(
    known: EmbeddedProject,
    admin: models.MemberRow,
    world: Mapping[str, models.MemberRow],
    settings: Settings,
    change: Path,
) -> None:
    settings.EMAIL_IS_SET_UP = True
    models.MemberRow.objects.update(email_address_verified=True)
    directory = known.open_session(api_session(world["eve"]).session_token)[1]

    with pytest.raises(Forbidden, match="has permissions that you don’t have"):
        change(directory, f"member-live-{admin.pk}")
    assert change(directory, f"member-live-{world['bob'].pk}")
