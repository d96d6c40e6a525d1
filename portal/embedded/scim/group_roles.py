"""The roles that groups grant, and assigning them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from portal.directory.errors import Conflict, Invalid, NotFound
from portal.directory.ids import parse_id, public_id
from portal.directory.pages import DEFAULT_LIMIT, Page, check_limit
from portal.directory.permissions import Permission
from portal.directory.policy import ADMIN_ROLE, MEMBER_ROLE
from portal.directory.scim.connection import ScimConnectionStatus
from portal.directory.scim.group_roles import ScimGroupRoles, roles_version
from portal.directory.scim.users import ScimGroupLink
from portal.embedded import audit, models
from portal.embedded.database.keyset import Keyset
from portal.embedded.members.roles import check_roles, has_admin, lock_admins
from portal.embedded.models.fields import fold_name
from portal.embedded.scim.connection import active_connection
from portal.embedded.scim.groups import NO_GROUP, active_groups
from portal.embedded.scope import Scope, rows_of

_Rows = QuerySet[models.ScimGroupRoleRow]


class EmbeddedScimGroupRoles:
    """Implements portal.directory.scim.group_roles.ScimGroupRoleGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def page(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroupRoles]:
        """Return a page of the groups that grant roles, in the order in which they were pushed."""
        self._scope.require(Permission.SCIM_GET)
        check_limit(limit)
        organization_id, connection = self._scope.organization_id, parse_id("scim-connection", connection_id)
        keyset = Keyset("scim-group-roles", organization_id, connection)
        assigned = _assigned(organization_id).filter(connection_id=connection)
        in_order = keyset.after(cursor, assigned, "group_key").values_list("group_key", flat=True)
        groups = list(in_order.distinct()[: limit + 1])
        if not groups:
            active_connection(organization_id, connection_id)
        rows = assigned.filter(group_key__in=groups).select_related("group").order_by("role_id")
        values = _values(organization_id, rows)
        return keyset.page(groups, limit=limit, key=lambda group: group).map(lambda group: values[group])

    def get(self, group_id: str) -> ScimGroupRoles:
        """Return the roles that a group grants, or granted before it was deleted. Raise NotFound."""
        self._scope.require(Permission.SCIM_GET)
        return group_roles(self._scope.organization_id, parse_id("scim-group", group_id))

    def change(self, group_id: str, *, add: Collection[str], remove: Collection[str], version: str) -> ScimGroupRoles:
        """Assign roles and remove others. Raise NotFound, Invalid, Conflict, Forbidden."""
        require_change(self._scope)
        organization_id, group = self._scope.organization_id, parse_id("scim-group", group_id)
        change_group_roles(organization_id, group, add=add, remove=remove, version=version, caller=self._scope.caller)
        try:
            return group_roles(organization_id, group)
        except NotFound:
            # A deleted group whose last role was removed.
            return ScimGroupRoles(_link(group, ""), (), "", is_deleted=True)


def require_change(scope: Scope) -> None:
    """Raise Forbidden unless the caller may change group roles."""
    scope.require(Permission.SCIM_UPDATE)
    scope.require(Permission.IMPLICIT_ROLES)


def group_roles(organization_id: UUID, group: UUID) -> ScimGroupRoles:
    """Return the roles that a group of the active connection grants, or granted before it was deleted. Raise NotFound."""
    assigned = list(_assigned(organization_id).filter(group_key=group).select_related("group").order_by("role_id"))
    if assigned:
        return _values(organization_id, assigned)[group]
    name = active_groups(organization_id).filter(pk=group).values_list("display_name", flat=True).first()
    if name is None:
        raise NotFound(NO_GROUP)
    return ScimGroupRoles(_link(group, name), (), name)


def change_group_roles(  # noqa: PLR0913 -- the values of a change
    organization_id: UUID,
    group: UUID,
    *,
    add: Collection[str] = (),
    remove: Collection[str] = (),
    version: str | None = None,
    caller: audit.Caller,
) -> None:
    """Assign roles to a group and remove others.

    Raise NotFound, Invalid for a role, and Conflict: field "version" if the roles aren't those of `version` (None accepts
    any), or field "roles" if the organization would have no admin left.
    """
    with transaction.atomic():
        row, assigned = lock_group(organization_id, group, version)
        before = [one.role_id for one in assigned]
        added = _checked((role_id for role_id in add if role_id not in before), organization_id)
        removed = [one for one in assigned if one.role_id in remove]
        if row is None and added:
            raise Invalid("The identity provider has deleted this group. It can't be assigned roles.", field="roles")
        if not added and not removed:
            return
        has_had_admin = ADMIN_ROLE in {one.role_id for one in removed} and _lock_and_find_admin(organization_id)
        delete_roles(organization_id, removed)
        if row:
            assign_roles(row, added)
        if has_had_admin and not has_admin(organization_id):
            raise Conflict(
                "All admins are admins only through this group. Without the role, no one could administer the "
                "organization. Make someone else an admin first.",
                field="roles",
            )
        after = sorted({*before, *added} - {one.role_id for one in removed})
        name = row.display_name if row else assigned[0].group_name
        record_change(caller, organization_id, group, name, {"roles": before}, {"roles": after})


def lock_group(
    organization_id: UUID, group: UUID, version: str | None
) -> tuple[models.ScimGroupRow | None, Sequence[models.ScimGroupRoleRow]]:
    """Return a group and its roles, locked until the transaction ends. Raise NotFound, Conflict."""
    # The primary key isn't locked, so that users can be added to the group at the same time.
    row = active_groups(organization_id).select_for_update(of=("self",), no_key=True).filter(pk=group).first()
    assigned = list(
        _assigned(organization_id).filter(group_key=group).select_for_update(of=("self",)).order_by("role_id")
    )
    if row is None and not assigned:
        raise NotFound(NO_GROUP)
    if version is not None and version != roles_version(one.role_id for one in assigned):
        raise Conflict("Someone else changed the roles of this group in the meantime.", field="version")
    return row, assigned


def assign_roles(group: models.ScimGroupRow, role_ids: Iterable[str]) -> None:
    """Add roles to a group, and store its current name with all of them."""
    models.ScimGroupRoleRow.objects.bulk_create(
        models.ScimGroupRoleRow(
            organization_id=group.organization_id,
            connection_id=group.connection_id,
            group=group,
            group_key=group.pk,
            group_name=group.display_name,
            role_id=role_id,
        )
        for role_id in role_ids
    )
    store_name(group)


def delete_roles(organization_id: UUID, rows: Sequence[models.ScimGroupRoleRow]) -> None:
    """Delete roles of a group."""
    rows_of(organization_id, models.ScimGroupRoleRow).filter(pk__in=[row.pk for row in rows]).delete()


def store_name(group: models.ScimGroupRow) -> None:
    """Store the current name of a group with its roles."""
    _assigned(group.organization_id).filter(group_key=group.pk).update(group_name=group.display_name)


def record_change(  # noqa: PLR0913 -- as audit.record()
    caller: audit.Caller,
    organization_id: UUID,
    group: UUID,
    name: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> None:
    """Write a change of a group's roles into the activity log."""
    audit.record(
        caller,
        "scim_group.update_roles",
        organization_id=organization_id,
        target_id=public_id("scim-group", group),
        target_name=name,
        before=before,
        after=after,
    )


def _assigned(organization_id: UUID) -> _Rows:
    """Return the roles that groups of the active connection grant, or granted before they were deleted."""
    rows = rows_of(organization_id, models.ScimGroupRoleRow)
    return rows.filter(connection__status=ScimConnectionStatus.ACTIVE)


def _values(organization_id: UUID, rows: Iterable[models.ScimGroupRoleRow]) -> Mapping[UUID, ScimGroupRoles]:
    by_group: dict[UUID, list[models.ScimGroupRoleRow]] = {}
    for row in rows:
        by_group.setdefault(row.group_key, []).append(row)
    first_rows = [assigned[0] for assigned in by_group.values()]
    replacements = _groups_named(organization_id, {fold_name(row.group_name) for row in first_rows if not row.group})
    return {
        group: ScimGroupRoles(
            group=_link(group, assigned[0].group.display_name if assigned[0].group else assigned[0].group_name),
            role_ids=tuple(row.role_id for row in assigned),
            mapped_name=assigned[0].group_name,
            is_deleted=assigned[0].group is None,
            replacement=None if assigned[0].group else replacements.get(fold_name(assigned[0].group_name)),
        )
        for group, assigned in by_group.items()
    }


def _groups_named(organization_id: UUID, names: Collection[str]) -> Mapping[str, ScimGroupLink]:
    """Return the groups with one of these case-folded names, by that name."""
    if not names:
        return {}
    found = active_groups(organization_id).filter(display_name_folded__in=names)
    return {
        folded: _link(group, name)
        for group, name, folded in found.values_list("pk", "display_name", "display_name_folded")
    }


def _checked(role_ids: Iterable[str], organization_id: UUID) -> list[str]:
    """Return the roles in order. Raise Invalid for a role that a group can't grant."""
    chosen = sorted(set(role_ids))
    if MEMBER_ROLE in chosen:
        raise Invalid(f"Every member has the role {MEMBER_ROLE}, so no group can grant it.", field="roles")
    return check_roles(chosen, of=organization_id, error_type="invalid_rbac_role_id")


def _lock_and_find_admin(organization_id: UUID) -> bool:
    """Return whether there is an admin who could be lost."""
    lock_admins(organization_id)
    return has_admin(organization_id)


def _link(group: UUID, name: str) -> ScimGroupLink:
    return ScimGroupLink(public_id("scim-group", group), name)
