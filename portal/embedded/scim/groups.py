"""Groups that the identity provider pushed, their members, and how they are nested."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from portal.directory.errors import NotFound
from portal.directory.ids import parse_id, public_id
from portal.directory.pages import DEFAULT_LIMIT, Page, check_limit
from portal.directory.permissions import Permission
from portal.directory.scim.connection import ScimConnectionStatus
from portal.directory.scim.groups import ScimGroup, ScimGroupMember
from portal.embedded import models
from portal.embedded.database.keyset import Keyset, search_bound, search_words
from portal.embedded.models.fields import fold_name
from portal.embedded.scim.connection import active_connection
from portal.embedded.scope import Scope, rows_of

NO_GROUP = "There is no such group. The identity provider may have deleted it."

_GroupRows = QuerySet[models.ScimGroupRow]
# The primary key, the name, the number of members, the folded name, and the last change.
_Columns = tuple[UUID, str, int, str, datetime]
_COLUMNS = ("pk", "display_name", "member_count", "display_name_folded", "updated_at")


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

    def search(self, connection_id: str, text: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroup]:
        """Return a page of the groups whose names contain each word. Raise Invalid, InvalidCursor, NotFound."""
        self._scope.require(Permission.SCIM_GET)
        check_limit(limit)
        organization_id, connection = self._scope.organization_id, parse_id("scim-connection", connection_id)
        keyset = Keyset("scim-groups", organization_id, connection, text)
        found = keyset.after(cursor, self._groups().filter(connection_id=connection), "display_name_folded")
        words = search_words(text)
        bound = search_bound(found, "display_name_folded") if words else ""
        if bound:
            found = found.filter(display_name_folded__lte=bound)
        for word in words:
            found = found.filter(display_name_folded__contains=fold_name(word))
        rows = list(found.values_list(*_COLUMNS)[: limit + 1])
        if not rows and not bound:
            active_connection(organization_id, connection_id)
        roles = _roles_between(organization_id, rows[0][3], rows[-1][3]) if rows else {}
        page = keyset.page(rows, limit=limit, key=lambda row: row[3], searched_to=bound)
        return page.map(lambda row: self._value(row, connection_id, roles.get(row[0], ())))

    def get(self, group_id: str) -> ScimGroup:
        """Return one group of the active connection. Raise NotFound."""
        self._scope.require(Permission.SCIM_GET)
        rows = self._groups().filter(pk=parse_id("scim-group", group_id))
        row = rows.values_list(*_COLUMNS, "connection_id").first()
        if row is None:
            raise NotFound(NO_GROUP)
        roles = _roles_of(self._scope.organization_id, [row[0]])
        return self._value(row[:-1], public_id("scim-connection", row[-1]), roles.get(row[0], ()))

    def members(self, group_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroupMember]:
        """Return a page of the users in a group, in the order in which they were provisioned."""
        self._scope.require(Permission.SCIM_GET)
        check_limit(limit)
        group = parse_id("scim-group", group_id)
        keyset = Keyset("scim-group-members", self._scope.organization_id, group)
        memberships = self._scope.of(models.ScimMembershipRow).filter(
            group_id=group, group__connection__status=ScimConnectionStatus.ACTIVE
        )
        found = keyset.after(cursor, memberships, "user_id").values_list(
            "user_id", "user__user_name", "user__display_name", "user__active"
        )
        rows = list(found[: limit + 1])
        if not rows:
            self.get(group_id)
        return keyset.page(rows, limit=limit, key=lambda row: row[0]).map(
            lambda row: ScimGroupMember(public_id("scim-user", row[0]), *row[1:])
        )

    def nested(self, group_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroup]:
        """Return a page of the groups that are members of a group, by name."""
        return self._related("parents__group_id", group_id, cursor, limit)

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


def _by_group(pairs: Iterable[Sequence[Any]]) -> Mapping[UUID, Sequence[str]]:
    found: dict[UUID, list[str]] = {}
    for group, role_id in pairs:
        found.setdefault(group, []).append(role_id)
    return found
