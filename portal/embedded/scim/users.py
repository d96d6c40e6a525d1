"""The people whom the IdP pushed, their groups, and why they have their roles."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from portal.directory.email_addresses import fold_address
from portal.directory.errors import NotFound
from portal.directory.ids import parse_id, public_id
from portal.directory.members import MemberStatus, RoleSourceType
from portal.directory.pages import DEFAULT_LIMIT, MAX_COUNTED, Page
from portal.directory.permissions import Permission
from portal.directory.policy import MEMBER_ROLE
from portal.directory.scim.connection import ScimConnectionStatus
from portal.directory.scim.users import (
    ScimAttribute,
    ScimGroupLink,
    ScimRoleSource,
    ScimSignInObstacle,
    ScimUser,
    ScimUserDetails,
    ScimUserGroup,
    ScimUserRole,
    ScimUserState,
)
from portal.embedded import models
from portal.embedded.database.keyset import Keyset, check_limit, search_bound, search_words
from portal.embedded.database.raw_sql import key, rows
from portal.embedded.members.roles import email_roles
from portal.embedded.members.values import member_id
from portal.embedded.models.fields import fold_name
from portal.embedded.scim.access_obstacles import obstacles_of
from portal.embedded.scim.connection import active_connection
from portal.embedded.scope import Scope

# From a person up to the groups above, each with what led there; UNION forgets what it has seen, so that a circle ends.
_HELD = """
    WITH RECURSIVE held(group_id, via) AS (
        SELECT m.group_id, m.group_id FROM {membership} m WHERE m.user_id = %s
        UNION SELECT n.group_id, n.member_id FROM {nesting} n JOIN held ON n.member_id = held.group_id
    ) """
_GROUPS = f"""{_HELD}
    SELECT g.id, g.display_name, g.display_name_folded,
        CASE WHEN EXISTS (SELECT 1 FROM held d WHERE d.group_id = g.id AND d.via = g.id) THEN 1 ELSE 0 END
    FROM {{group}} g WHERE g.id IN (SELECT group_id FROM held) AND g.display_name_folded > %s
    ORDER BY g.display_name_folded LIMIT %s
"""  # noqa: S608 -- our own statement
_GRANTS = f"{_HELD} SELECT DISTINCT r.id FROM {{role}} r JOIN held ON r.group_id = held.group_id"  # noqa: S608 -- as above
_STEPS = f"{_HELD} SELECT group_id, via FROM held"  # noqa: S608 -- as above
_MOST_SOURCES = 20
_MOST_ATTRIBUTES = 100
_LONGEST_VALUE = 500
# Shown elsewhere on the page, or of no use to a person.
_LEFT_OUT = frozenset({"schemas", "id", "meta", "userName", "externalId", "active", "groups", "password"})
_COLUMNS = ("pk", "user_name", "display_name", "active", "updated_at", "user_name_folded", "cannot_sign_in")
_IN_STATE = {
    ScimUserState.ACTIVE: Q(active=True),
    ScimUserState.DEACTIVATED: Q(active=False),
    ScimUserState.CANNOT_SIGN_IN: Q(cannot_sign_in=True),
}

People = QuerySet[models.ScimUserRow]


class EmbeddedScimUsers:
    """Implements portal.directory.scim.users.ScimUserGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def page(
        self,
        connection_id: str,
        *,
        cursor: str = "",
        limit: int = DEFAULT_LIMIT,
        search: str = "",
        state: ScimUserState | None = None,
    ) -> Page[ScimUser]:
        """Return a page of people by userName. Raises Invalid, InvalidCursor, NotFound."""
        self._scope.require(Permission.SCIM_GET)
        check_limit(limit)
        connection = parse_id("scim-connection", connection_id)
        keyset = Keyset("scim-people", self._scope.organization_id, connection, search, state or "")
        found = keyset.after(cursor, self._people().filter(connection_id=connection), "user_name_folded")
        if state:
            found = found.filter(_IN_STATE[state])
        end = search_bound(found, "user_name_folded") if search_words(search) else ""
        matching = self._matching(found.filter(user_name_folded__lte=end) if end else found, search)
        page = list(matching.values_list(*_COLUMNS)[: limit + 1])
        if not page and not end:
            active_connection(self._scope.organization_id, connection_id)
        obstacles = obstacles_of(self._people().filter(pk__in=[row[0] for row in page[:limit] if row[6]]))
        return keyset.page(page, limit=limit, key=lambda row: row[5], searched_to=end).map(
            lambda row: _person(row, obstacles.get(row[0]))
        )

    def _matching(self, people: People, search: str) -> People:
        """Return the people who have each word in their userName, name or member's email address."""
        members = models.MemberRow.objects.filter(organization_id=self._scope.organization_id)
        for word in search_words(search):
            name = fold_name(word)
            reached = members.filter(email_address_folded__contains=fold_address(word)).values("pk")
            people = people.filter(
                Q(user_name_folded__contains=name) | Q(display_name_folded__contains=name) | Q(member_id__in=reached)
            )
        return people

    def without_access(self, connection_id: str) -> int:
        """Return how many active people can't sign in. Raises Refused."""
        self._scope.require(Permission.SCIM_GET)
        people = self._people().filter(connection_id=parse_id("scim-connection", connection_id))
        return people.filter(cannot_sign_in=True)[:MAX_COUNTED].count()

    def get(self, user_id: str) -> ScimUserDetails:
        """Return one person of the active connection. Raises NotFound."""
        self._scope.require(Permission.SCIM_GET)
        row = self._person(user_id)
        obstacle = obstacles_of(self._people().filter(pk=row.pk))[row.pk] if row.cannot_sign_in else None
        return ScimUserDetails(
            person=ScimUser(user_id, row.user_name, row.display_name, row.active, row.updated_at, obstacle),
            connection_id=public_id("scim-connection", row.connection_id),
            external_id=row.external_id,
            created_at=row.created_at,
            member_id=member_id(row.member) if row.member else "",
            email_address=row.member.email_address if row.member else "",
            is_adopted=row.is_adopted,
            attributes=tuple(_attributes(row.document))[:_MOST_ATTRIBUTES],
        )

    def groups(self, user_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimUserGroup]:
        """Return a page of the groups that a person is in, direct and indirect, by name."""
        self._scope.require(Permission.SCIM_GET)
        check_limit(limit)
        person = self._person(user_id)
        keyset = Keyset("scim-person-groups", self._scope.organization_id, person.pk)
        found = rows(_GROUPS, person.pk, keyset.key(cursor), limit + 1)
        return keyset.page(found, limit=limit, key=lambda row: row[2]).map(
            lambda row: ScimUserGroup(_link(key(row[0]), row[1]), is_direct=bool(row[3]))
        )

    def roles(self, user_id: str) -> tuple[ScimUserRole, ...]:
        """Return the roles that a person has now, each with its first sources. Raises NotFound."""
        self._scope.require(Permission.SCIM_GET)
        person = self._person(user_id)
        if not person.active or person.member is None or person.member.status != MemberStatus.ACTIVE:
            return ()
        by_hand = [*dict.fromkeys([MEMBER_ROLE, *person.member.direct_roles])]
        sources: dict[str, list[ScimRoleSource]] = {
            role_id: [ScimRoleSource(RoleSourceType.DIRECT_ASSIGNMENT)] for role_id in by_hand
        }
        for role_id in email_roles(person.member.organization, person.member.email_address):
            sources.setdefault(role_id, []).append(ScimRoleSource(RoleSourceType.EMAIL_ASSIGNMENT))
        for role_id, source in _sources(person):
            sources.setdefault(role_id, []).append(source)
        return tuple(
            ScimUserRole(role_id, tuple(found[:_MOST_SOURCES]), max(0, len(found) - _MOST_SOURCES))
            for role_id, found in sources.items()
        )

    def _people(self) -> People:
        return models.ScimUserRow.objects.filter(
            organization_id=self._scope.organization_id, connection__status=ScimConnectionStatus.ACTIVE
        )

    def _person(self, user_id: str) -> models.ScimUserRow:
        row = self._people().select_related("member__organization").filter(pk=parse_id("scim-user", user_id)).first()
        if row is None:
            raise NotFound("There is no such person; the identity provider may have deleted them.")
        return row


def _person(row: tuple[Any, ...], obstacle: ScimSignInObstacle | None) -> ScimUser:
    user, user_name, display_name, active, updated_at, *_ = row
    return ScimUser(public_id("scim-user", user), user_name, display_name, active, updated_at, obstacle)


def _sources(person: models.ScimUserRow) -> Iterator[tuple[str, ScimRoleSource]]:
    """Yield each role that a person has by a group, with the shortest way there."""
    granting = [found for (found,) in rows(_GRANTS, person.pk)]
    grants = models.ScimGroupRoleRow.objects.filter(organization_id=person.organization_id, pk__in=granting)
    chosen = list(
        grants.order_by("role_id", "group__display_name_folded").values_list("role_id", "group_id", "created_at")
    )
    if not chosen:
        return
    ways = _shortest_ways((key(group), key(via)) for group, via in rows(_STEPS, person.pk))
    paths = [(role_id, _path(ways, group), since) for role_id, group, since in chosen if group]
    named = models.ScimGroupRow.objects.filter(organization_id=person.organization_id)
    names = dict(named.filter(pk__in={step for _, path, _ in paths for step in path}).values_list("pk", "display_name"))
    for role_id, path, since in paths:
        links = tuple(_link(group, names.get(group, "")) for group in path)
        yield role_id, ScimRoleSource(RoleSourceType.SCIM_CONNECTION_GROUP, links, since)


def _shortest_ways(steps: Iterable[tuple[UUID, UUID]]) -> Mapping[UUID, UUID]:
    """Return for each group the one before it on the shortest way from the person; the first one is its own."""
    above: dict[UUID, list[UUID]] = {}
    ways: dict[UUID, UUID] = {}
    for group, via in steps:
        if group == via:
            ways[group] = group
        else:
            above.setdefault(via, []).append(group)
    waiting = deque(ways)
    while waiting:
        via = waiting.popleft()
        for group in above.get(via, ()):
            if group not in ways:
                ways[group] = via
                waiting.append(group)
    return ways


def _path(ways: Mapping[UUID, UUID], group: UUID) -> Sequence[UUID]:
    path = [group]
    while ways[path[-1]] != path[-1]:
        path.append(ways[path[-1]])
    return path[::-1]


def _link(group: UUID, name: str) -> ScimGroupLink:
    return ScimGroupLink(public_id("scim-group", group), name)


def _attributes(document: Mapping[str, Any], prefix: str = "") -> Iterator[ScimAttribute]:
    """Yield what a document says, each attribute under its path; those of an extension under their own names."""
    for name, value in document.items():
        if not prefix and name in _LEFT_OUT:
            continue
        if isinstance(value, Mapping):
            yield from _attributes(value, "" if name.startswith("urn:") else f"{prefix}{name}.")
        elif value not in (None, "", []):
            values = value if isinstance(value, list) else [value]
            yield ScimAttribute(prefix + name, tuple(_text(one) for one in values))


def _text(value: Any) -> str:
    """Return a value in words: of several with a type, "ada@acme.com (work, primary)"."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, Mapping):
        return str(value)[:_LONGEST_VALUE]
    kind = [str(value["type"])] if value.get("type") else []
    notes = ", ".join([*kind, *(["primary"] if value.get("primary") is True else [])])
    said = value.get("value") or value.get("formatted") or value.get("display")
    parts = ", ".join(str(part) for name, part in value.items() if name not in {"type", "primary", "$ref"})
    text = str(said or parts)[:_LONGEST_VALUE]
    return f"{text} ({notes})" if notes else text
