"""The users in a group and in the groups within it, page by page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from portal.directory.ids import public_id
from portal.directory.pages import Page
from portal.directory.scim.connection import ScimConnectionStatus
from portal.directory.scim.groups import ScimGroupMember
from portal.directory.scim.users import ScimGroupLink
from portal.embedded import models
from portal.embedded.database.keyset import Keyset
from portal.embedded.database.name_search import name_search
from portal.embedded.database.raw_sql import key, rows
from portal.embedded.scim.users import active_users, matching_users
from portal.embedded.scope import rows_of

MAX_GROUPS_INSIDE = 1000

# UNION drops repeated rows, so cycles end.
_INSIDE = """
    WITH RECURSIVE inside(organization_id, group_id) AS (
        SELECT g.organization_id, g.id FROM {group} g
        JOIN {connection} c ON c.id = g.connection_id AND c.organization_id = g.organization_id
        WHERE g.organization_id = %s AND g.id = %s AND c.status = %s
        UNION SELECT n.organization_id, n.member_id FROM {nesting} n
        JOIN inside ON n.group_id = inside.group_id AND n.organization_id = inside.organization_id
        WHERE n.organization_id = %s
    )
    SELECT g.id, g.display_name, g.display_name_folded, g.connection_id FROM {group} g
    JOIN (SELECT organization_id, group_id FROM inside LIMIT %s) found
    ON g.id = found.group_id AND g.organization_id = found.organization_id
    WHERE g.organization_id = %s
"""
# The next users of each group are a range of an index. PostgreSQL would otherwise sort all of them for every page.
_NEXT_USERS = {
    "postgresql": """
        SELECT DISTINCT m.user_id FROM unnest(%s::uuid[]) AS inside(group_id) CROSS JOIN LATERAL (
            SELECT one.user_id FROM {membership} one
            WHERE one.organization_id = %s AND one.group_id = inside.group_id AND one.user_id > %s
            ORDER BY one.user_id LIMIT %s
        ) m ORDER BY m.user_id LIMIT %s
    """,
    "sqlite": """
        SELECT DISTINCT m.user_id FROM json_each(%s) inside JOIN {membership} m ON m.id IN (
            SELECT one.id FROM {membership} one
            WHERE one.organization_id = %s AND one.group_id = inside.value AND one.user_id > %s
            ORDER BY one.user_id LIMIT %s
        ) ORDER BY m.user_id LIMIT %s
    """,
}
_FIRST = UUID(int=0)
_COLUMNS = ("pk", "user_name", "display_name", "active", "user_name_folded")


@dataclass(frozen=True, slots=True)
class GroupsInside:
    """A group of the active connection, and the names of all groups whose members count as its own, in their order."""

    organization_id: UUID
    connection: UUID
    group: UUID
    names: Mapping[UUID, str]


def groups_inside(organization_id: UUID, group: UUID) -> GroupsInside | None:
    """Return a group with the groups within it, at most MAX_GROUPS_INSIDE; None if there is no such group."""
    of_group = (organization_id, group, ScimConnectionStatus.ACTIVE, organization_id)
    found = rows(_INSIDE, *of_group, MAX_GROUPS_INSIDE + 1, organization_id)
    # The group itself, then the others by name: the first one that a user is in is named.
    in_order = sorted(found, key=lambda row: (key(row[0]) != group, row[2]))
    if not in_order:
        return None
    names = {key(row[0]): str(row[1]) for row in in_order}
    return GroupsInside(organization_id, key(in_order[0][3]), group, names)


def members_page(inside: GroupsInside, search: str, *, cursor: str, limit: int) -> Page[ScimGroupMember]:
    """Return a page of the users in any of the groups, by primary key, or by userName if they are searched for."""
    page = _found(inside, search, cursor, limit) if search.strip() else _all(inside, cursor, limit)
    memberships = _memberships(inside, [row[0] for row in page.items])
    return page.map(lambda row: _value(inside, row, memberships[row[0]]))


def _all(inside: GroupsInside, cursor: str, limit: int) -> Page[Any]:
    keyset = Keyset("scim-group-members", inside.organization_id, inside.group)
    after = keyset.key(cursor)
    number = limit + 1
    found = rows(
        _NEXT_USERS[connection.vendor],
        *(list(inside.names), inside.organization_id, UUID(after) if after else _FIRST, number, number),
    )
    keys = [key(user) for (user,) in found]
    users = rows_of(inside.organization_id, models.ScimUserRow).filter(pk__in=keys).order_by("pk")
    return keyset.page(list(users.values_list(*_COLUMNS)), limit=limit, key=lambda row: row[0])


def _found(inside: GroupsInside, search: str, cursor: str, limit: int) -> Page[Any]:
    organization_id = inside.organization_id
    keyset = Keyset("scim-group-members-found", organization_id, inside.group, search)
    users = active_users(organization_id).filter(connection_id=inside.connection)
    found, bound = matching_users(
        organization_id,
        keyset.after(cursor, users, "user_name_folded"),
        inside.connection,
        name_search(search),
    )
    memberships = rows_of(organization_id, models.ScimMembershipRow).filter(group_id__in=list(inside.names))
    found = found.filter(pk__in=memberships.values("user_id"))
    return keyset.page(
        list(found.values_list(*_COLUMNS)[: limit + 1]), limit=limit, key=lambda row: row[4], searched_to=bound
    )


def _memberships(inside: GroupsInside, users: Sequence[UUID]) -> Mapping[UUID, tuple[UUID, Any]]:
    """Return for each user the first of the groups that they are in, and when they were added to it."""
    places = {group: place for place, group in enumerate(inside.names)}
    of_users = rows_of(inside.organization_id, models.ScimMembershipRow).filter(
        user_id__in=users, group_id__in=list(inside.names)
    )
    found = sorted(
        of_users.values_list("user_id", "group_id", "added_at"), key=lambda row: places[row[1]], reverse=True
    )
    return {user: (group, added_at) for user, group, added_at in found}


def _value(inside: GroupsInside, row: tuple[Any, ...], membership: tuple[UUID, Any]) -> ScimGroupMember:
    user, user_name, display_name, active, _ = row
    group, added_at = membership
    through = None if group == inside.group else ScimGroupLink(public_id("scim-group", group), inside.names[group])
    return ScimGroupMember(public_id("scim-user", user), user_name, display_name, active, through, added_at)
