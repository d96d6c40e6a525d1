"""Giving roles to groups and taking them away: the portal's pages and the operator's command do it here."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from portal.directory.errors import Conflict, Invalid, NotFound
from portal.directory.ids import public_id
from portal.directory.members import MemberStatus
from portal.directory.policy import ADMIN_ROLE, MEMBER_ROLE
from portal.directory.scim.connection import ScimConnectionStatus
from portal.directory.scim.group_roles import ScimPersonLink, ScimRoleEffect, roles_version
from portal.embedded import audit, models
from portal.embedded.database.raw_sql import key, rows
from portal.embedded.members.roles import WITHOUT_GROUPS, check_roles, has_admin, hold_admins

# Who is in the group, or in a group within it, and has the role neither by any other group nor otherwise.
_EFFECT = """
    WITH RECURSIVE inside(group_id) AS (
        SELECT g.id FROM {group} g WHERE g.organization_id = %s AND g.id = %s
        UNION SELECT n.member_id FROM {nesting} n JOIN inside ON n.group_id = inside.group_id
    ), otherwise(group_id) AS (
        SELECT r.group_id FROM {role} r JOIN {connection} c ON c.id = r.connection_id
        WHERE r.organization_id = %s AND r.role_id = %s AND r.group_id <> %s AND c.status = %s
        UNION SELECT n.member_id FROM {nesting} n JOIN otherwise ON n.group_id = otherwise.group_id
    )
    SELECT u.id, u.user_name, u.display_name, u.member_id, COUNT(*) OVER ()
    FROM {user} u JOIN {member} p ON p.id = u.member_id CROSS JOIN (SELECT CAST(%s AS VARCHAR) AS role_id) g
    WHERE u.active AND p.status = %s
    AND u.id IN (SELECT m.user_id FROM {membership} m JOIN inside ON m.group_id = inside.group_id)
    AND u.id NOT IN (SELECT m.user_id FROM {membership} m JOIN otherwise ON m.group_id = otherwise.group_id)
    AND NOT WITHOUT_GROUPS
    ORDER BY CASE WHEN p.id = %s THEN 0 ELSE 1 END, u.user_name_folded LIMIT %s
"""
_MOST_NAMED = 10


def roles_of(organization_id: UUID, group: UUID, *, lock: bool = False) -> Sequence[models.ScimGroupRoleRow]:
    """Return the roles that a group of the active connection gives or, gone, gave."""
    found = models.ScimGroupRoleRow.objects.filter(
        organization_id=organization_id, group_key=group, connection__status=ScimConnectionStatus.ACTIVE
    )
    return list((found.select_for_update(of=("self",)) if lock else found).order_by("role_id"))


def change(  # noqa: PLR0913 -- what a change says
    organization_id: UUID,
    group: UUID,
    *,
    add: Collection[str] = (),
    remove: Collection[str] = (),
    version: str | None = None,
    caller: audit.Caller,
) -> None:
    """Give a group roles and take some away; `version` is what the caller has seen, None for whatever there is.

    Raises NotFound, Invalid (for a role), Conflict: for "version" where the roles are others by now, for "roles" where
    nobody would be left who is admin.
    """
    with transaction.atomic():
        row, held = _lock(organization_id, group, version)
        before = [one.role_id for one in held]
        adding = _checked((role_id for role_id in add if role_id not in before), organization_id)
        leaving = [one for one in held if one.role_id in remove]
        if row is None and adding:
            raise Invalid("The identity provider has deleted this group: it can be given no role.", field="roles")
        if not adding and not leaving:
            return
        was_there = _admin_before(organization_id, leaving)
        models.ScimGroupRoleRow.objects.filter(pk__in=[one.pk for one in leaving]).delete()
        if row:
            _give(row, adding)
        if was_there and not has_admin(organization_id):
            raise Conflict(
                "Everybody who is admin is so by this group: without the role nobody could administer the organization. "
                "Make somebody else an admin first.",
                field="roles",
            )
        after = sorted({*before, *adding} - {one.role_id for one in leaving})
        name = row.display_name if row else held[0].group_name
        _record(caller, organization_id, group, name, {"roles": before}, {"roles": after})


def confirm(organization_id: UUID, group: UUID, *, version: str, caller: audit.Caller) -> None:
    """Take a renamed group's new name for the right one. Raises NotFound, Conflict (for "version")."""
    with transaction.atomic():
        row, held = _lock(organization_id, group, version)
        if row is None or not held or held[0].group_name == row.display_name:
            return
        before = held[0].group_name
        _remember_name(row)
        _record(caller, organization_id, group, row.display_name, {"name": before}, {"name": row.display_name})


def move(organization_id: UUID, gone: UUID, *, to: UUID, version: str, caller: audit.Caller) -> None:
    """Give the roles of a group that is gone to another one of the same connection.

    Raises NotFound, Invalid where the group is not gone, Conflict (for "version").
    """
    with transaction.atomic():
        row, held = _lock(organization_id, gone, version)
        if row is not None or not held:
            raise Invalid("The identity provider has not deleted this group; change its roles instead.", field="to")
        target, existing = _lock(organization_id, to, None)
        if target is None or target.connection_id != held[0].connection_id:
            raise NotFound("There is no group that the roles could go to.")
        before = [one.role_id for one in existing]
        models.ScimGroupRoleRow.objects.filter(pk__in=[one.pk for one in held]).delete()
        _give(target, sorted({one.role_id for one in held} - set(before)))
        after = sorted({*before, *(one.role_id for one in held)})
        moved = {"roles": after, "moved_from": public_id("scim-group", gone)}
        _record(caller, organization_id, to, target.display_name, {"roles": before}, moved)


def effect(organization_id: UUID, group: UUID, role_id: str, *, is_gained: bool, caller: UUID) -> ScimRoleEffect:
    """Return who gets a role if the group gives it, or loses it if the group does so no more."""
    found = rows(
        _EFFECT.replace("WITHOUT_GROUPS", WITHOUT_GROUPS[connection.vendor]),
        *(organization_id, group, organization_id, role_id, group, ScimConnectionStatus.ACTIVE),
        *(role_id, MemberStatus.ACTIVE, caller, _MOST_NAMED),
    )
    return ScimRoleEffect(
        role_id=role_id,
        is_gained=is_gained,
        number=int(found[0][4]) if found else 0,
        first=tuple(ScimPersonLink(public_id("scim-user", key(one[0])), one[2] or one[1]) for one in found),
        includes_caller=bool(found) and key(found[0][3]) == caller,
    )


def _lock(
    organization_id: UUID, group: UUID, version: str | None
) -> tuple[models.ScimGroupRow | None, Sequence[models.ScimGroupRoleRow]]:
    """Return the group and its roles, which nobody else changes until the transaction ends. Raises NotFound, Conflict."""
    groups = models.ScimGroupRow.objects.filter(
        organization_id=organization_id, connection__status=ScimConnectionStatus.ACTIVE
    )
    # Not its key: who joins the group at the same time need not wait.
    row = groups.select_for_update(of=("self",), no_key=True).filter(pk=group).first()
    held = roles_of(organization_id, group, lock=True)
    if row is None and not held:
        raise NotFound("There is no such group; the identity provider may have deleted it.")
    if version is not None and version != roles_version(one.role_id for one in held):
        raise Conflict("Somebody else changed the roles of this group in the meantime.", field="version")
    return row, held


def _checked(role_ids: Iterable[str], organization_id: UUID) -> list[str]:
    """Return the roles in order. Raises Invalid for one that cannot be given."""
    chosen = sorted(set(role_ids))
    for role_id in chosen:
        if role_id == MEMBER_ROLE:
            raise Invalid(f"Every member is {MEMBER_ROLE}: no group can give it.", field="roles")
    return check_roles(chosen, of=organization_id, error_type="invalid_rbac_role_id")


def _admin_before(organization_id: UUID, leaving: Iterable[models.ScimGroupRoleRow]) -> bool:
    """Say whether there is an admin who could be lost."""
    if ADMIN_ROLE not in {one.role_id for one in leaving}:
        return False
    hold_admins(organization_id)
    return has_admin(organization_id)


def _give(row: models.ScimGroupRow, role_ids: Iterable[str]) -> None:
    """Add roles, and remember the group's name of now for all of them."""
    models.ScimGroupRoleRow.objects.bulk_create(
        models.ScimGroupRoleRow(
            organization_id=row.organization_id,
            connection_id=row.connection_id,
            group=row,
            group_key=row.pk,
            group_name=row.display_name,
            role_id=role_id,
        )
        for role_id in role_ids
    )
    _remember_name(row)


def _remember_name(row: models.ScimGroupRow) -> None:
    models.ScimGroupRoleRow.objects.filter(organization_id=row.organization_id, group_key=row.pk).update(
        group_name=row.display_name
    )


def _record(  # noqa: PLR0913 -- as activity.record()
    caller: audit.Caller,
    organization_id: UUID,
    group: UUID,
    name: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> None:
    audit.record(
        caller,
        "scim_group.update_roles",
        organization_id=organization_id,
        target_id=public_id("scim-group", group),
        target_name=name,
        before=before,
        after=after,
    )
