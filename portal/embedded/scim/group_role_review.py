"""Reviewing group roles: who a change affects, and groups that were renamed or deleted since the last change."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from portal.directory.errors import Invalid, NotFound
from portal.directory.ids import parse_id, public_id
from portal.directory.members import MemberStatus
from portal.directory.permissions import Permission
from portal.directory.scim.connection import ScimConnectionStatus
from portal.directory.scim.group_roles import (
    ScimGroupRoles,
    ScimGroupRolesChange,
    ScimGroupRolesPreview,
    ScimRoleEffect,
    ScimUserLink,
    check_number_of_groups,
)
from portal.embedded.database.raw_sql import key, rows
from portal.embedded.members.roles import WITHOUT_GROUPS, count_active_users
from portal.embedded.scim.group_roles import (
    assign_roles,
    check_version,
    delete_roles,
    group_roles,
    lock_group,
    lock_groups,
    record_change,
    require_change,
    roles_of_groups,
    store_name,
)
from portal.embedded.scim.groups import NO_GROUP
from portal.embedded.scope import Scope

# Users who are in the group, or in a group nested in it, and have the role neither from another group nor otherwise.
_EFFECT = """
    WITH RECURSIVE inside(organization_id, group_id) AS (
        SELECT g.organization_id, g.id FROM {group} g WHERE g.organization_id = %s AND g.id {one_of}
        UNION SELECT n.organization_id, n.member_id FROM {nesting} n
        JOIN inside ON n.group_id = inside.group_id AND n.organization_id = inside.organization_id
        WHERE n.organization_id = %s
    ), otherwise(organization_id, group_id) AS (
        SELECT r.organization_id, r.group_id FROM {role} r
        JOIN {connection} c ON c.id = r.connection_id AND c.organization_id = r.organization_id
        WHERE r.organization_id = %s AND r.role_id = %s AND NOT (r.group_id {one_of}) AND c.status = %s
        UNION SELECT g.organization_id, g.id FROM {group} g WHERE g.organization_id = %s AND g.id {one_of}
        UNION SELECT n.organization_id, n.member_id FROM {nesting} n
        JOIN otherwise ON n.group_id = otherwise.group_id AND n.organization_id = otherwise.organization_id
        WHERE n.organization_id = %s
    )
    SELECT u.id, u.user_name, u.display_name, u.member_id, COUNT(*) OVER (),
    ROW_NUMBER() OVER (ORDER BY CASE WHEN p.id = %s THEN 0 ELSE 1 END, u.user_name_folded) AS place
    FROM {user} u JOIN {member} p ON p.id = u.member_id AND p.organization_id = u.organization_id
    CROSS JOIN (SELECT CAST(%s AS VARCHAR) AS role_id) g
    WHERE u.organization_id = %s AND u.active AND p.status = %s
    AND u.id IN (
        SELECT m.user_id FROM {membership} m
        JOIN inside ON m.group_id = inside.group_id AND m.organization_id = inside.organization_id
        WHERE m.organization_id = %s
    )
    AND u.id NOT IN (
        SELECT m.user_id FROM {membership} m
        JOIN otherwise ON m.group_id = otherwise.group_id AND m.organization_id = otherwise.organization_id
        WHERE m.organization_id = %s
    )
    AND NOT WITHOUT_GROUPS
    ORDER BY place LIMIT %s
"""
_MAX_NAMED = 10
# The column by which _EFFECT orders.
_PLACE = 5


@dataclass(slots=True)
class Moves:
    """The groups that get a role by a change, and those that lose it."""

    added: list[UUID] = field(default_factory=list)
    removed: list[UUID] = field(default_factory=list)


class EmbeddedScimGroupRoleReview:
    """Implements portal.directory.scim.group_roles.ScimGroupRoleReviewGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def preview(self, changes: Collection[ScimGroupRolesChange]) -> ScimGroupRolesPreview:
        """Return who gains or loses each role by changes of groups. Raise Invalid, NotFound."""
        self._scope.require(Permission.SCIM_GET)
        check_number_of_groups(changes)
        organization_id = self._scope.organization_id
        wanted = {parse_id("scim-group", one.group_id): one for one in changes}
        now = {
            parse_id("scim-group", one.group.group_id): set(one.role_ids)
            for one in roles_of_groups(organization_id, list(wanted))
        }
        moves: dict[str, Moves] = {}
        for group, change in wanted.items():
            for role_id in set(change.add) - now[group]:
                moves.setdefault(role_id, Moves()).added.append(group)
            for role_id in now[group] & set(change.remove):
                moves.setdefault(role_id, Moves()).removed.append(group)
        caller = parse_id("member", self._scope.caller.actor.id)
        asked = [
            (role_id, moves[role_id], is_gained)
            for is_gained in (True, False)
            for role_id in sorted(moves)
            if (moves[role_id].added if is_gained else moves[role_id].removed)
        ]
        effects = role_effects(organization_id, asked, caller=caller)
        return ScimGroupRolesPreview(count_active_users(organization_id, list(wanted)), effects)

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
            locked = lock_groups(organization_id, {group, to})
            if group not in locked:
                raise NotFound(NO_GROUP)
            row, moved = locked[group]
            check_version(version, row, moved)
            if row is not None or not moved:
                raise Invalid("The identity provider hasn't deleted this group. Change its roles instead.", field="to")
            target, assigned = locked.get(to, (None, ()))
            if target is None or target.connection_id != moved[0].connection_id:
                raise NotFound("The group to move the roles to doesn't exist.")
            before = [one.role_id for one in assigned]
            self._scope.require_grantable({one.role_id for one in moved} - set(before))
            delete_roles(organization_id, moved)
            assign_roles(target, sorted({one.role_id for one in moved} - set(before)))
            after = {
                "roles": sorted({*before, *(one.role_id for one in moved)}),
                "moved_from": public_id("scim-group", group),
            }
            record_change(self._scope.caller, organization_id, to, target.display_name, {"roles": before}, after)
            return group_roles(organization_id, to)


def role_effect(organization_id: UUID, role_id: str, moves: Moves, *, is_gained: bool, caller: UUID) -> ScimRoleEffect:
    """Return the users who gain a role if the groups grant it, or lose it if the groups no longer do."""
    return role_effects(organization_id, [(role_id, moves, is_gained)], caller=caller)[0]


def role_effects(
    organization_id: UUID, asked: Sequence[tuple[str, Moves, bool]], *, caller: UUID
) -> tuple[ScimRoleEffect, ...]:
    """Return the effect of each role, moves and whether it is gained, as `role_effect()` does. This takes one query at most."""
    if not asked:
        return ()
    effect = _EFFECT.replace("WITHOUT_GROUPS", WITHOUT_GROUPS[connection.vendor])
    # As subqueries, because a part of a UNION can't have WITH or LIMIT in SQLite.
    parts = (f"SELECT {number}, q{number}.* FROM ({effect}) q{number}" for number in range(len(asked)))  # noqa: S608 -- numbers
    values = (_values(organization_id, *one, caller) for one in asked)
    found: list[list[tuple[Any, ...]]] = [[] for _ in asked]
    for number, *row in rows(" UNION ALL ".join(parts), *chain.from_iterable(values)):
        found[number].append(tuple(row))
    return tuple(
        _effect(role_id, sorted(users, key=itemgetter(_PLACE)), caller, is_gained=is_gained)
        for (role_id, _, is_gained), users in zip(asked, found, strict=True)
    )


def _values(organization_id: UUID, role_id: str, moves: Moves, is_gained: bool, caller: UUID) -> tuple[object, ...]:  # noqa: FBT001 -- in the order of `asked`
    """Return the parameters of _EFFECT."""
    inside, without = (moves.added, []) if is_gained else (moves.removed, moves.removed)
    return (
        *(organization_id, inside, organization_id),
        *(organization_id, role_id, without, ScimConnectionStatus.ACTIVE),
        *(organization_id, [] if is_gained else moves.added, organization_id),
        *(caller, role_id, organization_id, MemberStatus.ACTIVE, organization_id, organization_id, _MAX_NAMED),
    )


def _effect(role_id: str, users: Sequence[tuple[Any, ...]], caller: UUID, *, is_gained: bool) -> ScimRoleEffect:
    return ScimRoleEffect(
        role_id=role_id,
        is_gained=is_gained,
        number=int(users[0][4]) if users else 0,
        first=tuple(ScimUserLink(public_id("scim-user", key(one[0])), one[2] or one[1]) for one in users),
        includes_caller=bool(users) and key(users[0][3]) == caller,
    )
