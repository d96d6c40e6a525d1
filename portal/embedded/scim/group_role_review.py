"""Reviewing group roles: who a change affects, and groups that were renamed or deleted since the last change."""

from collections.abc import Collection
from uuid import UUID

from django.db import connection, transaction

from portal.directory.errors import Invalid, NotFound
from portal.directory.ids import parse_id, public_id
from portal.directory.members import MemberStatus
from portal.directory.permissions import Permission
from portal.directory.scim.connection import ScimConnectionStatus
from portal.directory.scim.group_roles import ScimGroupRoles, ScimRoleEffect, ScimUserLink
from portal.embedded.database.raw_sql import key, rows
from portal.embedded.members.roles import WITHOUT_GROUPS
from portal.embedded.scim.group_roles import (
    assign_roles,
    delete_roles,
    group_roles,
    lock_group,
    record_change,
    require_change,
    store_name,
)
from portal.embedded.scope import Scope

# Users who are in the group, or in a group nested in it, and have the role neither from another group nor otherwise.
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
_MAX_NAMED = 10


class EmbeddedScimGroupRoleReview:
    """Implements portal.directory.scim.group_roles.ScimGroupRoleReviewGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def preview(self, group_id: str, *, add: Collection[str], remove: Collection[str]) -> tuple[ScimRoleEffect, ...]:
        """Return who gains or loses each role by a change. Raise NotFound."""
        self._scope.require(Permission.SCIM_GET)
        organization_id, group = self._scope.organization_id, parse_id("scim-group", group_id)
        assigned = set(group_roles(organization_id, group).role_ids)
        caller = parse_id("member", self._scope.caller.actor.id)
        changes = [(one, True) for one in sorted(set(add) - assigned)]
        changes += [(one, False) for one in sorted(assigned & set(remove))]
        return tuple(
            role_effect(organization_id, group, role_id, is_gained=is_gained, caller=caller)
            for role_id, is_gained in changes
        )

    def confirm(self, group_id: str, *, version: str) -> ScimGroupRoles:
        """Let a renamed group keep its roles under its new name. Raise NotFound, Conflict, Forbidden."""
        require_change(self._scope)
        organization_id, group = self._scope.organization_id, parse_id("scim-group", group_id)
        with transaction.atomic():
            row, assigned = lock_group(organization_id, group, version)
            if row and assigned and assigned[0].group_name != row.display_name:
                before, after = {"name": assigned[0].group_name}, {"name": row.display_name}
                store_name(row)
                record_change(self._scope.caller, organization_id, group, row.display_name, before, after)
            return group_roles(organization_id, group)

    def move(self, group_id: str, *, to_group_id: str, version: str) -> ScimGroupRoles:
        """Move the roles of a deleted group to another one. Raise NotFound, Invalid, Conflict, Forbidden."""
        require_change(self._scope)
        organization_id = self._scope.organization_id
        group, to = parse_id("scim-group", group_id), parse_id("scim-group", to_group_id)
        with transaction.atomic():
            row, moved = lock_group(organization_id, group, version)
            if row is not None or not moved:
                raise Invalid("The identity provider hasn't deleted this group. Change its roles instead.", field="to")
            target, assigned = lock_group(organization_id, to, None)
            if target is None or target.connection_id != moved[0].connection_id:
                raise NotFound("There is no group to move the roles to.")
            before = [one.role_id for one in assigned]
            delete_roles(organization_id, moved)
            assign_roles(target, sorted({one.role_id for one in moved} - set(before)))
            after = {
                "roles": sorted({*before, *(one.role_id for one in moved)}),
                "moved_from": public_id("scim-group", group),
            }
            record_change(self._scope.caller, organization_id, to, target.display_name, {"roles": before}, after)
            return group_roles(organization_id, to)


def role_effect(organization_id: UUID, group: UUID, role_id: str, *, is_gained: bool, caller: UUID) -> ScimRoleEffect:
    """Return the users who gain a role if the group grants it, or lose it if the group no longer does."""
    found = rows(
        _EFFECT.replace("WITHOUT_GROUPS", WITHOUT_GROUPS[connection.vendor]),
        *(organization_id, group, organization_id, role_id, group, ScimConnectionStatus.ACTIVE),
        *(role_id, MemberStatus.ACTIVE, caller, _MAX_NAMED),
    )
    return ScimRoleEffect(
        role_id=role_id,
        is_gained=is_gained,
        number=int(found[0][4]) if found else 0,
        first=tuple(ScimUserLink(public_id("scim-user", key(one[0])), one[2] or one[1]) for one in found),
        includes_caller=bool(found) and key(found[0][3]) == caller,
    )
