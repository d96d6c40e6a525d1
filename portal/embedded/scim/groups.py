"""Groups that the identity provider pushed, their members, and how they are nested."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from portal.directory.errors import NotFound
from portal.directory.ids import parse_id, public_id
from portal.directory.pages import DEFAULT_LIMIT, Page, check_limit
from portal.directory.permissions import Permission
from portal.directory.scim.connection import ScimConnectionStatus
from portal.directory.scim.groups import ScimGroup, ScimGroupMember, ScimGroupOrder, ScimNestedMembers
from portal.embedded import models
from portal.embedded.database.keyset import Keyset, search_bound
from portal.embedded.database.name_search import NameSearch, candidates, name_search
from portal.embedded.database.raw_sql import rows as rows_by_sql
from portal.embedded.models.fields import fold_name
from portal.embedded.scim.connection import active_connection
from portal.embedded.scim.group_members import groups_inside, members_page
from portal.embedded.scope import Scope, rows_of

NO_GROUP = "This group does not exist. The identity provider may have deleted it."

# Memberships that one count of people in nested groups reads.
MAX_MEMBERSHIPS = 10_000
# The memberships in the groups within a group, and how many users have one of these and none in the group itself.
_NESTED_MEMBERS = """
    WITH RECURSIVE inside(organization_id, group_id) AS (
        SELECT n.organization_id, n.member_id FROM {nesting} n WHERE n.organization_id = %s AND n.group_id = %s
        UNION SELECT n.organization_id, n.member_id FROM {nesting} n
        JOIN inside ON n.group_id = inside.group_id AND n.organization_id = inside.organization_id
        WHERE n.organization_id = %s
    ), reached(user_id) AS (
        SELECT m.user_id FROM inside
        JOIN {membership} m ON m.group_id = inside.group_id AND m.organization_id = inside.organization_id
        WHERE m.organization_id = %s AND m.group_id <> %s LIMIT %s
    )
    SELECT (SELECT COUNT(*) FROM reached), COUNT(DISTINCT r.user_id) FROM reached r WHERE NOT EXISTS (
        SELECT 1 FROM {membership} d WHERE d.organization_id = %s AND d.group_id = %s AND d.user_id = r.user_id
    )
"""

_GroupRows = QuerySet[models.ScimGroupRow]
# The primary key, the name, the number of members, the folded name, and the last change.
_Columns = tuple[UUID, str, int, str, datetime]
_COLUMNS = ("pk", "display_name", "member_count", "display_name_folded", "updated_at")
_BY_NAME = "display_name_folded"
# Both are orders of an index. Primary keys begin with the time.
_ORDER_BY = {ScimGroupOrder.NAME: _BY_NAME, ScimGroupOrder.NEWEST: "-pk"}


def _until(order_by: str, bound: str) -> dict[str, str]:
    """Return the condition for the rows up to a key in an order."""
    return {f"{order_by[1:]}__gte": bound} if order_by.startswith("-") else {f"{order_by}__lte": bound}


def active_groups(organization_id: UUID) -> _GroupRows:
    """Return the groups of the organization's active connection."""
    return rows_of(organization_id, models.ScimGroupRow).filter(connection__status=ScimConnectionStatus.ACTIVE)


class EmbeddedScimGroups:
    """Implements portal.directory.scim.groups.ScimGroupGateway and ScimGroupDetailGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def page(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroup]:
        """Return a page of groups by name. Raise Invalid, InvalidCursor, NotFound."""
        return self.search(connection_id, "", cursor=cursor, limit=limit)

    def search(  # noqa: PLR0913 -- what a list is filtered and ordered by
        self,
        connection_id: str,
        text: str,
        *,
        grants_roles: bool | None = None,
        order: ScimGroupOrder = ScimGroupOrder.NAME,
        cursor: str = "",
        limit: int = DEFAULT_LIMIT,
    ) -> Page[ScimGroup]:
        """Return a page of the groups whose names contain each word. Raise Invalid, InvalidCursor, NotFound."""
        self._scope.require(Permission.SCIM_GET)
        check_limit(limit)
        organization_id, connection = self._scope.organization_id, parse_id("scim-connection", connection_id)
        order_by = _ORDER_BY[order]
        list_key = (*(() if grants_roles is None else (grants_roles,)), *(() if order_by == _BY_NAME else (order,)))
        keyset = Keyset("scim-groups", organization_id, connection, text, *list_key)
        found = keyset.after(cursor, self._groups().filter(connection_id=connection), order_by)
        if grants_roles is not None:
            granting = self._scope.of(models.ScimGroupRoleRow).filter(group__isnull=False).values("group_id")
            # There are few roles, so they are looked up first.
            found = found.filter(pk__in=granting) if grants_roles else found.exclude(pk__in=granting)
        found, bound = self._matching(found, connection, name_search(text), order_by)
        rows = list(found.values_list(*_COLUMNS)[: limit + 1])
        if not rows and not bound:
            active_connection(organization_id, connection_id)
        names = sorted(row[3] for row in rows)
        roles = _roles_between(organization_id, names[0], names[-1]) if rows else {}
        outer = _outer_names(organization_id, [row[0] for row in rows[:limit]])
        page = keyset.page(
            rows, limit=limit, key=lambda row: row[3] if order_by == _BY_NAME else row[0], searched_to=bound
        )
        return page.map(
            lambda row: replace(self._value(row, connection_id, roles.get(row[0], ())), within=outer.get(row[0], ""))
        )

    def _matching(
        self, groups: _GroupRows, connection: UUID, search: NameSearch, order_by: str
    ) -> tuple[_GroupRows, str]:
        """Return the groups that match, and the key after which the page stops reading, "" if it reads all of them."""
        if search.beginning:
            beginning = fold_name(search.beginning)
            # A range of the index that lists groups. No name has the last code point.
            return groups.filter(
                display_name_folded__gte=beginning, display_name_folded__lt=beginning + "\U0010ffff"
            ), ""
        keys, bound = None, ""
        if word := search.indexed_word:
            with_word = self._groups().filter(connection_id=connection, display_name_folded__contains=fold_name(word))
            keys = candidates(with_word.values_list("pk", flat=True))
        if keys is not None:
            groups = groups.filter(pk__in=keys)
        elif search.words and (bound := search_bound(groups, order_by.removeprefix("-"))):
            groups = groups.filter(**_until(order_by, bound))
        for word in search.words:
            groups = groups.filter(display_name_folded__contains=fold_name(word))
        return groups, bound

    def get(self, group_id: str) -> ScimGroup:
        """Return one group of the active connection. Raise NotFound."""
        self._scope.require(Permission.SCIM_GET)
        rows = self._groups().filter(pk=parse_id("scim-group", group_id))
        row = rows.values_list(*_COLUMNS, "connection_id", "external_id", "created_at").first()
        if row is None:
            raise NotFound(NO_GROUP)
        connection, external_id, created_at = row[len(_COLUMNS) :]
        roles = _roles_of(self._scope.organization_id, [row[0]])
        value = self._value(row[: len(_COLUMNS)], public_id("scim-connection", connection), roles.get(row[0], ()))
        return replace(value, external_id=external_id, created_at=created_at)

    def members(
        self, group_id: str, *, search: str = "", cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[ScimGroupMember]:
        """Return a page of the users in a group and in the groups within it. Raise Invalid, InvalidCursor, NotFound."""
        self._scope.require(Permission.SCIM_GET)
        check_limit(limit)
        group = parse_id("scim-group", group_id)
        inside = groups_inside(self._scope.organization_id, group)
        if inside is None:
            raise NotFound(NO_GROUP)
        return members_page(inside, search, cursor=cursor, limit=limit)

    def nested(self, group_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroup]:
        """Return a page of the groups that are members of a group, by name."""
        return self._related("parents__group_id", group_id, cursor, limit)

    def count_nested_members(self, group_id: str) -> ScimNestedMembers:
        """Count the users who are in a group only through the groups within it."""
        self._scope.require(Permission.SCIM_GET)
        organization_id, group = self._scope.organization_id, parse_id("scim-group", group_id)
        ((read, number),) = rows_by_sql(
            _NESTED_MEMBERS,
            *(organization_id, group, organization_id),
            *(organization_id, group, MAX_MEMBERSHIPS + 1, organization_id, group),
        )
        return ScimNestedMembers(number, is_partial=read > MAX_MEMBERSHIPS)

    def parents(self, group_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroup]:
        """Return a page of the groups that a group is a member of, by name."""
        return self._related("nestings__member_id", group_id, cursor, limit)

    def _related(self, relation: str, group_id: str, cursor: str, limit: int) -> Page[ScimGroup]:
        self._scope.require(Permission.SCIM_GET)
        check_limit(limit)
        group = parse_id("scim-group", group_id)
        keyset = Keyset("scim-related-groups", self._scope.organization_id, relation, group)
        found = keyset.after(cursor, self._groups().filter(**{relation: group}), "display_name_folded")
        rows = list(found.values_list(*_COLUMNS, "connection_id")[: limit + 1])
        if not rows and not self._groups().filter(pk=group).exists():
            raise NotFound(NO_GROUP)
        roles = _roles_of(self._scope.organization_id, (row[0] for row in rows))
        return keyset.page(rows, limit=limit, key=lambda row: row[3]).map(
            lambda row: self._value(row[:-1], public_id("scim-connection", row[-1]), roles.get(row[0], ()))
        )

    def _groups(self) -> _GroupRows:
        return active_groups(self._scope.organization_id)

    def _value(self, row: _Columns, connection_id: str, role_ids: Iterable[str]) -> ScimGroup:
        group, name, member_count, _, updated_at = row
        return ScimGroup(
            group_id=public_id("scim-group", group),
            group_name=name,
            organization_id=self._scope.organization.organization_id,
            connection_id=connection_id,
            member_count=member_count,
            updated_at=updated_at,
            role_ids=tuple(role_ids),
        )


def _roles_between(organization_id: UUID, first: str, last: str) -> Mapping[UUID, Sequence[str]]:
    """Return the roles of the groups from one name to another. There are few roles, so the query starts from them."""
    roles = rows_of(organization_id, models.ScimGroupRoleRow).filter(
        group__display_name_folded__gte=first, group__display_name_folded__lte=last
    )
    return _by_group(roles.order_by("role_id").values_list("group_id", "role_id"))


def _roles_of(organization_id: UUID, groups: Iterable[UUID]) -> Mapping[UUID, Sequence[str]]:
    chosen = rows_of(organization_id, models.ScimGroupRoleRow).filter(group_id__in=list(groups)).order_by("role_id")
    return _by_group(chosen.values_list("group_id", "role_id"))


def _outer_names(organization_id: UUID, groups: Sequence[UUID]) -> Mapping[UUID, str]:
    """Return the name of a group that each of the groups is in, the first by name."""
    nestings = rows_of(organization_id, models.ScimNestingRow).filter(member_id__in=groups)
    named = nestings.order_by("-group__display_name_folded").values_list("member_id", "group__display_name")
    return dict(named)


def _by_group(pairs: Iterable[Sequence[Any]]) -> Mapping[UUID, Sequence[str]]:
    found: dict[UUID, list[str]] = {}
    for group, role_id in pairs:
        found.setdefault(group, []).append(role_id)
    return found
