"""The roles that groups grant, and assigning them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
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
from portal.directory.scim.group_roles import (
    ScimGroupRoles,
    ScimGroupRolesChange,
    check_number_of_groups,
    roles_version,
)
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

    def get_several(self, group_ids: Collection[str]) -> tuple[ScimGroupRoles, ...]:
        """Return the roles of several groups, by name. Raise Invalid, NotFound."""
        self._scope.require(Permission.SCIM_GET)
        check_number_of_groups(group_ids)
        return roles_of_groups(self._scope.organization_id, [parse_id("scim-group", one) for one in group_ids])

    def change_several(self, changes: Collection[ScimGroupRolesChange]) -> tuple[ScimGroupRoles, ...]:
        """Change the roles of several groups, or of none. Raise NotFound, Invalid, Conflict, Forbidden, StepUpRequired."""
        require_change(self._scope)
        check_number_of_groups(changes)
        organization_id = self._scope.organization_id
        wanted = {parse_id("scim-group", one.group_id): one for one in changes}
        self._scope.require_grantable(role_id for one in changes for role_id in one.add)
        _change(organization_id, wanted, self._scope.caller)
        left = _roles_of_groups(organization_id, wanted)
        deleted = (ScimGroupRoles(_link(group, ""), (), "", is_deleted=True) for group in wanted if group not in left)
        return _by_name([*left.values(), *deleted])

    def change(self, group_id: str, *, add: Collection[str], remove: Collection[str], version: str) -> ScimGroupRoles:
        """Assign roles and remove others. Raise NotFound, Invalid, Conflict, Forbidden, StepUpRequired."""
        require_change(self._scope)
        self._scope.require_grantable(add)
        organization_id, group = self._scope.organization_id, parse_id("scim-group", group_id)
        change_group_roles(organization_id, group, add=add, remove=remove, version=version, caller=self._scope.caller)
        try:
            return group_roles(organization_id, group)
        except NotFound:
            # A deleted group whose last role was removed.
            return ScimGroupRoles(_link(group, ""), (), "", is_deleted=True)


def require_change(scope: Scope) -> None:
    """Raise Forbidden unless the caller may change group roles, StepUpRequired without a recent proof."""
    scope.require(Permission.SCIM_UPDATE)
    scope.require(Permission.IMPLICIT_ROLES)
    scope.require_recent_proof()


def group_roles(organization_id: UUID, group: UUID) -> ScimGroupRoles:
    """Return the roles that a group of the active connection grants, or granted before it was deleted. Raise NotFound."""
    found = _roles_of_groups(organization_id, [group])
    if group not in found:
        raise NotFound(NO_GROUP)
    return found[group]


def roles_of_groups(organization_id: UUID, groups: Collection[UUID]) -> tuple[ScimGroupRoles, ...]:
    """Return the roles of several groups, as `group_roles()` does, by name. Raise NotFound if one doesn't exist."""
    found = _roles_of_groups(organization_id, groups)
    if any(group not in found for group in groups):
        raise NotFound(NO_GROUP)
    return _by_name(found.values())


def _roles_of_groups(organization_id: UUID, groups: Collection[UUID]) -> Mapping[UUID, ScimGroupRoles]:
    assigned = _assigned(organization_id).filter(group_key__in=groups).select_related("group").order_by("role_id")
    found = dict(_values(organization_id, assigned))
    if rest := [group for group in groups if group not in found]:
        rows = active_groups(organization_id).filter(pk__in=rest).values_list("pk", "display_name", "member_count")
        for group, name, members in rows:
            found[group] = ScimGroupRoles(_link(group, name), (), name, member_count=members)
    return found


def _by_name(found: Iterable[ScimGroupRoles]) -> tuple[ScimGroupRoles, ...]:
    return tuple(sorted(found, key=lambda one: (fold_name(one.group.group_name), one.group.group_id)))


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
    change = ScimGroupRolesChange("", tuple(add), tuple(remove), version or "")
    _change(organization_id, {group: change}, caller, is_checked=version is not None)


def _change(
    organization_id: UUID,
    changes: Mapping[UUID, ScimGroupRolesChange],
    caller: audit.Caller,
    *,
    is_checked: bool = True,
) -> None:
    """Write the changes of groups in one transaction. Versions are compared if `is_checked`."""
    with transaction.atomic():
        locked = lock_groups(organization_id, changes)
        if len(locked) < len(changes):
            raise NotFound(NO_GROUP)
        plans = [
            _plan(organization_id, changes[group], row, assigned, is_checked=is_checked)
            for group, (row, assigned) in locked.items()
        ]
        removed = [one for plan in plans for one in plan.removed]
        has_had_admin = ADMIN_ROLE in {one.role_id for one in removed} and _lock_and_find_admin(organization_id)
        if removed:
            delete_roles(organization_id, removed)
        for group, plan in zip(locked, plans, strict=True):
            if plan.after == plan.before:
                continue
            if plan.row:
                assign_roles(plan.row, plan.added)
            record_change(caller, organization_id, group, plan.name, {"roles": plan.before}, {"roles": plan.after})
        if has_had_admin and not has_admin(organization_id):
            raise Conflict(
                f"All admins are admins only through {'this group' if len(changes) == 1 else 'these groups'}. Without the "
                "role, no one could administer the organization. Make someone else an admin first.",
                field="roles",
            )


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a change does to a group, and the group's roles before it."""

    row: models.ScimGroupRow | None
    name: str
    before: list[str]
    added: Sequence[str]
    removed: Sequence[models.ScimGroupRoleRow]

    @property
    def after(self) -> list[str]:
        """The group's roles after it."""
        return sorted({*self.before, *self.added} - {one.role_id for one in self.removed})


def _plan(
    organization_id: UUID,
    change: ScimGroupRolesChange,
    row: models.ScimGroupRow | None,
    assigned: Sequence[models.ScimGroupRoleRow],
    *,
    is_checked: bool,
) -> _Plan:
    """Return what a change does to a locked group. Raise Invalid, Conflict."""
    if is_checked:
        check_version(change.version, row, assigned)
    before = [one.role_id for one in assigned]
    added = _checked((role_id for role_id in change.add if role_id not in before), organization_id)
    if row is None and added:
        raise Invalid("The identity provider has deleted this group. It cannot be assigned roles.", field="roles")
    removed = [one for one in assigned if one.role_id in change.remove]
    return _Plan(row, row.display_name if row else assigned[0].group_name, before, added, removed)


def lock_groups(
    organization_id: UUID, groups: Collection[UUID]
) -> Mapping[UUID, tuple[models.ScimGroupRow | None, Sequence[models.ScimGroupRoleRow]]]:
    """Return the groups that exist and their roles, locked until the transaction ends, by primary key.

    Each transaction calls this once, for all groups that it changes: it locks groups before roles, to avoid deadlocks.
    """
    # The primary key isn't locked, so that users can be added to a group at the same time.
    rows = active_groups(organization_id).select_for_update(of=("self",), no_key=True).filter(pk__in=groups)
    by_key = {row.pk: row for row in rows.order_by("pk")}
    assigned: dict[UUID, list[models.ScimGroupRoleRow]] = {}
    of_groups = _assigned(organization_id).filter(group_key__in=groups).select_for_update(of=("self",))
    for one in of_groups.order_by("group_key", "role_id"):
        assigned.setdefault(one.group_key, []).append(one)
    found = sorted(group for group in groups if group in by_key or group in assigned)
    return {group: (by_key.get(group), assigned.get(group, [])) for group in found}


def check_version(version: str, row: models.ScimGroupRow | None, assigned: Sequence[models.ScimGroupRoleRow]) -> None:
    """Raise Conflict unless these are the roles of `version`."""
    if version != roles_version(one.role_id for one in assigned):
        name = row.display_name if row else assigned[0].group_name
        raise Conflict(f"Someone else changed the roles of “{name}” in the meantime.", field="version")


def lock_group(
    organization_id: UUID, group: UUID, version: str
) -> tuple[models.ScimGroupRow | None, Sequence[models.ScimGroupRoleRow]]:
    """Return a group and its roles, locked until the transaction ends. Raise NotFound, Conflict."""
    locked = lock_groups(organization_id, [group])
    if group not in locked:
        raise NotFound(NO_GROUP)
    row, assigned = locked[group]
    check_version(version, row, assigned)
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
            member_count=assigned[0].group.member_count if assigned[0].group else None,
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
