"""The groups that the IdP pushed, and who is in them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from portal.directory.errors import NotFound
from portal.directory.ids import parse_id, public_id
from portal.directory.pages import DEFAULT_LIMIT, Page
from portal.directory.permissions import Permission
from portal.directory.scim.connection import ScimConnectionStatus
from portal.directory.scim.groups import ScimGroup, ScimGroupMember
from portal.embedded import models
from portal.embedded.database.keyset import Keyset, check_limit, search_bound, search_words
from portal.embedded.models.fields import fold_name
from portal.embedded.scim.connection import active_connection
from portal.embedded.scope import Scope

_NO_GROUP = "There is no such group; the identity provider may have deleted it."


def active_groups(organization_id: UUID) -> "QuerySet[models.ScimGroupRow]":
    """Return the groups of the organization's active connection."""
    return models.ScimGroupRow.objects.filter(
        organization_id=organization_id, connection__status=ScimConnectionStatus.ACTIVE
    )


class EmbeddedScimGroups:
    """Implements portal.directory.scim.groups.ScimGroupGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def page(
        self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT, search: str = ""
    ) -> Page[ScimGroup]:
        """Return a page of groups in the order of their names. Raises Invalid, InvalidCursor, NotFound."""
        self._scope.require(Permission.SCIM_GET)
        check_limit(limit)
        connection = parse_id("scim-connection", connection_id)
        keyset = Keyset("scim-groups", self._scope.organization_id, connection, search)
        place = (self._scope.organization_id, ScimConnectionStatus.ACTIVE, connection, keyset.key(cursor))
        end, rows = (
            _found(place, search, limit + 1) if search_words(search) else ("", list(_groups(*place)[: limit + 1]))
        )
        if not rows and not end:
            active_connection(self._scope.organization_id, connection_id)
        roles = _roles_between(self._scope.organization_id, rows[0][3], rows[-1][3]) if rows else {}
        return keyset.page(rows, limit=limit, key=lambda row: row[3], searched_to=end).map(
            lambda row: self._value(row[0], row[1], row[2], row[4], connection_id, roles.get(row[0], ()))
        )

    def get(self, group_id: str) -> ScimGroup:
        """Return one group of the active connection. Raises NotFound."""
        self._scope.require(Permission.SCIM_GET)
        row = active_groups(self._scope.organization_id).filter(pk=parse_id("scim-group", group_id)).first()
        if row is None:
            raise NotFound(_NO_GROUP)
        roles = row.roles.order_by("role_id").values_list("role_id", flat=True)
        connection_id = public_id("scim-connection", row.connection_id)
        return self._value(row.pk, row.display_name, row.member_count, row.updated_at, connection_id, tuple(roles))

    def members(self, group_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroupMember]:
        """Return a page of the people in a group, in the order in which they were provisioned."""
        self._scope.require(Permission.SCIM_GET)
        check_limit(limit)
        group = parse_id("scim-group", group_id)
        keyset = Keyset("scim-group-members", self._scope.organization_id, group)
        memberships = models.ScimMembershipRow.objects.filter(
            organization_id=self._scope.organization_id,
            group_id=group,
            group__connection__status=ScimConnectionStatus.ACTIVE,
        )
        rows = list(
            keyset.after(cursor, memberships, "user_id").values_list(
                "user_id", "user__user_name", "user__display_name", "user__active"
            )[: limit + 1]
        )
        if not rows:
            self.get(group_id)
        return keyset.page(rows, limit=limit, key=lambda row: row[0]).map(
            lambda row: ScimGroupMember(public_id("scim-user", row[0]), *row[1:])
        )

    def nested(self, group_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroup]:
        """Return a page of the groups that are members of a group, by name. Raises NotFound."""
        return self._related("parents__group_id", group_id, cursor, limit)

    def parents(self, group_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroup]:
        """Return a page of the groups that a group is a member of, by name. Raises NotFound."""
        return self._related("nestings__member_id", group_id, cursor, limit)

    def _related(self, relation: str, group_id: str, cursor: str, limit: int) -> Page[ScimGroup]:
        self._scope.require(Permission.SCIM_GET)
        check_limit(limit)
        group = parse_id("scim-group", group_id)
        keyset = Keyset("scim-related-groups", self._scope.organization_id, relation, group)
        related = active_groups(self._scope.organization_id).filter(**{relation: group})
        rows = list(keyset.after(cursor, related, "display_name_folded")[: limit + 1])
        if not rows and not active_groups(self._scope.organization_id).filter(pk=group).exists():
            raise NotFound(_NO_GROUP)
        roles = _roles_of(row.pk for row in rows)
        return keyset.page(rows, limit=limit, key=lambda row: row.display_name_folded).map(
            lambda row: self._value(
                row.pk,
                row.display_name,
                row.member_count,
                row.updated_at,
                public_id("scim-connection", row.connection_id),
                roles.get(row.pk, ()),
            )
        )

    def _value(  # noqa: PLR0913 -- a group's columns
        self, group: UUID, name: str, member_count: int, updated_at: datetime, connection_id: str, roles: Iterable[str]
    ) -> ScimGroup:
        return ScimGroup(
            public_id("scim-group", group),
            name,
            self._scope.organization.organization_id,
            connection_id,
            member_count,
            updated_at,
            tuple(roles),
        )


def _found(place: tuple[UUID, str, UUID, str], search: str, number: int) -> tuple[str, Sequence[tuple[Any, ...]]]:
    """Return how far the search looked, "" for to the end, and the first groups with each of its words in their name."""
    groups = _groups(*place)
    end = search_bound(groups, "display_name_folded")
    groups = groups.filter(display_name_folded__lte=end) if end else groups
    for word in search_words(search):
        groups = groups.filter(display_name_folded__contains=fold_name(word))
    return end, list(groups[:number])


def _groups(
    organization: UUID, status: str, connection: UUID, after: str
) -> "QuerySet[models.ScimGroupRow, tuple[UUID, str, int, str, datetime]]":
    of_organization = models.ScimGroupRow.objects.filter(organization_id=organization).filter(connection__status=status)
    found = of_organization.filter(connection_id=connection).filter(display_name_folded__gt=after)
    in_order = found.order_by("display_name_folded")
    return in_order.values_list("pk", "display_name", "member_count", "display_name_folded", "updated_at")


def _roles_between(organization: UUID, first: str, last: str) -> Mapping[UUID, Sequence[str]]:
    """Return the roles of the groups from one name to another. There are few roles, so the query starts from them."""
    roles = models.ScimGroupRoleRow.objects.filter(
        organization_id=organization, group__display_name_folded__gte=first, group__display_name_folded__lte=last
    )
    return _by_group(roles.order_by("role_id").values_list("group_id", "role_id"))


def _roles_of(groups: Iterable[UUID]) -> Mapping[UUID, Sequence[str]]:
    chosen = models.ScimGroupRoleRow.objects.filter(group_id__in=list(groups)).order_by("role_id")
    return _by_group(chosen.values_list("group_id", "role_id"))


def _by_group(pairs: Iterable[Sequence[Any]]) -> Mapping[UUID, Sequence[str]]:
    found: dict[UUID, list[str]] = {}
    for group, role_id in pairs:
        found.setdefault(group, []).append(role_id)
    return found
