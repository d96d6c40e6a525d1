"""Users that the identity provider pushed: their state, their groups, and where their roles come from."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from portal.directory.email_addresses import fold_address
from portal.directory.errors import NotFound
from portal.directory.ids import parse_id, public_id
from portal.directory.members import MemberStatus, RoleSourceType
from portal.directory.pages import DEFAULT_LIMIT, MAX_COUNTED, Page, check_limit
from portal.directory.permissions import Permission
from portal.directory.policy import MEMBER_ROLE
from portal.directory.scim.connection import ScimConnectionStatus
from portal.directory.scim.users import (
    ScimAttribute,
    ScimGroupLink,
    ScimListedUser,
    ScimRoleSource,
    ScimSignInObstacle,
    ScimUser,
    ScimUserDetails,
    ScimUserGroup,
    ScimUserRole,
    ScimUserState,
)
from portal.embedded import models
from portal.embedded.database.keyset import Keyset, search_bound
from portal.embedded.database.name_search import NameSearch, candidates, name_search
from portal.embedded.database.raw_sql import key, rows
from portal.embedded.members.roles import GroupGrant, email_roles, group_grants, roles_without_groups
from portal.embedded.members.values import member_id
from portal.embedded.models.fields import fold_name
from portal.embedded.scim.connection import active_connection
from portal.embedded.scim.safeguard import is_user_on_hold
from portal.embedded.scim.sign_in_obstacles import obstacles_by_user
from portal.embedded.scope import Scope, rows_of

# From a user up to the groups above, each with the group it was reached from. UNION drops repeated rows, so cycles end.
_REACHED = """
    WITH RECURSIVE reached(organization_id, group_id, via) AS (
        SELECT m.organization_id, m.group_id, m.group_id FROM {membership} m WHERE m.organization_id = %s AND m.user_id = %s
        UNION SELECT n.organization_id, n.group_id, n.member_id FROM {nesting} n
        JOIN reached ON n.member_id = reached.group_id AND n.organization_id = reached.organization_id
        WHERE n.organization_id = %s
    ) """
_GROUPS = f"""{_REACHED}
    SELECT g.id, g.display_name, g.display_name_folded,
        CASE WHEN EXISTS (SELECT 1 FROM reached d WHERE d.group_id = g.id AND d.via = g.id) THEN 1 ELSE 0 END,
        g.member_count
    FROM {{group}} g WHERE g.organization_id = %s AND g.id IN (SELECT group_id FROM reached)
    AND g.display_name_folded > %s
    ORDER BY g.display_name_folded LIMIT %s
"""  # noqa: S608 -- our own statement
_GRANTS = f"""{_REACHED} SELECT DISTINCT r.id FROM {{role}} r
    JOIN reached ON r.group_id = reached.group_id AND r.organization_id = reached.organization_id
"""  # noqa: S608 -- as above
_STEPS = f"{_REACHED} SELECT group_id, via FROM reached"  # noqa: S608 -- as above
_MAX_SOURCES = 20
# Groups of one user that a list names. Some are in ten thousand.
_MAX_LISTED_GROUPS = 100
_MAX_ATTRIBUTES = 100
_MAX_VALUE_LENGTH = 500
# Shown elsewhere on the page, or meant for programs.
_HIDDEN = frozenset({"schemas", "id", "meta", "userName", "externalId", "active", "groups", "password"})
_IN_STATE = {
    ScimUserState.ACTIVE: Q(active=True),
    ScimUserState.DEACTIVATED: Q(active=False),
    ScimUserState.CANNOT_SIGN_IN: Q(cannot_sign_in=True),
}

_UserRows = QuerySet[models.ScimUserRow]


def active_users(organization_id: UUID) -> _UserRows:
    """Return the users of the organization's active connection."""
    return rows_of(organization_id, models.ScimUserRow).filter(connection__status=ScimConnectionStatus.ACTIVE)


def matching_users(
    organization_id: UUID, users: _UserRows, connection: UUID, search: NameSearch
) -> tuple[_UserRows, str]:
    """Return the users that match, and the userName after which the page stops reading, "" if it reads all of them."""
    keys, bound = None, ""
    if word := search.indexed_word:
        of_connection = active_users(organization_id).filter(connection_id=connection)
        # Two queries, because a condition on two tables with OR uses no index.
        by_name = of_connection.filter(_name_has(word, "contains")).values_list("pk", flat=True)
        by_address = of_connection.filter(_address_has(organization_id, word, "contains")).values_list("pk", flat=True)
        keys = candidates(by_name.union(by_address, all=True))
    if keys is not None:
        users = users.filter(pk__in=keys)
    elif search.texts and (bound := search_bound(users, "user_name_folded")):
        users = users.filter(user_name_folded__lte=bound)
    for text in search.texts:
        has = _name_has(text, search.comparison) | _address_has(organization_id, text, search.comparison)
        users = users.filter(has)
    return users, bound


class EmbeddedScimUsers:
    """Implements portal.directory.scim.users.ScimUserGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def page(  # noqa: PLR0913 -- what a list is filtered by
        self,
        connection_id: str,
        *,
        cursor: str = "",
        limit: int = DEFAULT_LIMIT,
        search: str = "",
        state: ScimUserState | None = None,
        group_id: str = "",
    ) -> Page[ScimListedUser]:
        """Return a page of users by userName. Raise Invalid, InvalidCursor, NotFound."""
        self._scope.require(Permission.SCIM_GET)
        check_limit(limit)
        organization_id, connection = self._scope.organization_id, parse_id("scim-connection", connection_id)
        keyset = Keyset("scim-people", organization_id, connection, search, state or "", group_id)
        found = keyset.after(cursor, self._users().filter(connection_id=connection), "user_name_folded")
        if state:
            found = found.filter(_IN_STATE[state])
        if group_id:
            members = self._in_group(group_id)
            # A few are looked up by key. PostgreSQL would walk through the list, in which they can come late.
            few = candidates(members)
            found = found.filter(pk__in=members if few is None else few)
        found, bound = matching_users(organization_id, found, connection, name_search(search))
        found = found.select_related("connection", "member__organization").defer("document", "search")
        rows = list(found[: limit + 1])
        if not rows and not bound:
            active_connection(organization_id, connection_id)
        page = keyset.page(rows, limit=limit, key=lambda row: row.user_name_folded, searched_to=bound)
        listed = self._listed(page.items)
        return page.map(lambda row: listed[row.pk])

    def count_without_access(self, connection_id: str) -> int:
        """Return how many active users can't sign in, up to MAX_COUNTED."""
        self._scope.require(Permission.SCIM_GET)
        users = self._users().filter(connection_id=parse_id("scim-connection", connection_id))
        return users.filter(cannot_sign_in=True)[:MAX_COUNTED].count()

    def get(self, user_id: str) -> ScimUserDetails:
        """Return one user of the active connection. Raise NotFound."""
        self._scope.require(Permission.SCIM_GET)
        row = self._user(user_id)
        obstacle = self._obstacles([row.pk])[row.pk] if row.cannot_sign_in else None
        return ScimUserDetails(
            user=_value(row, obstacle),
            connection_id=public_id("scim-connection", row.connection_id),
            external_id=row.external_id,
            created_at=row.created_at,
            member_id=member_id(row.member) if row.member else "",
            email_address=row.member.email_address if row.member else "",
            is_linked=row.is_adopted,
            attributes=tuple(_attributes(row.document))[:_MAX_ATTRIBUTES],
        )

    def groups(self, user_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimUserGroup]:
        """Return a page of the groups that a user is in, directly or through nested groups, by name."""
        self._scope.require(Permission.SCIM_GET)
        check_limit(limit)
        user = self._user(user_id)
        keyset = Keyset("scim-person-groups", self._scope.organization_id, user.pk)
        of_organization = (user.organization_id, user.pk, user.organization_id, user.organization_id)
        found = rows(_GROUPS, *of_organization, keyset.key(cursor), limit + 1)
        return keyset.page(found, limit=limit, key=lambda row: row[2]).map(
            lambda row: ScimUserGroup(_link(key(row[0]), row[1]), is_direct=bool(row[3]), member_count=row[4])
        )

    def roles(self, user_id: str) -> tuple[ScimUserRole, ...]:
        """Return the current roles of a user, each with its first sources. Raise NotFound."""
        self._scope.require(Permission.SCIM_GET)
        user = self._user(user_id)
        member = _active_member(user)
        if member is None:
            return ()
        sources: dict[str, list[ScimRoleSource]] = {
            role_id: [ScimRoleSource(RoleSourceType.DIRECT_ASSIGNMENT)]
            for role_id in [MEMBER_ROLE, *member.direct_roles]
        }
        for role_id in email_roles(member.organization, member.email_address):
            sources.setdefault(role_id, []).append(ScimRoleSource(RoleSourceType.EMAIL_ASSIGNMENT))
        for role_id, source in _sources_through_groups(user):
            sources.setdefault(role_id, []).append(source)
        return tuple(
            ScimUserRole(role_id, tuple(found[:_MAX_SOURCES]), max(0, len(found) - _MAX_SOURCES))
            for role_id, found in sources.items()
        )

    def _users(self) -> _UserRows:
        return active_users(self._scope.organization_id)

    def _user(self, user_id: str) -> models.ScimUserRow:
        users = self._users().select_related("connection", "member__organization")
        row = users.filter(pk=parse_id("scim-user", user_id)).first()
        if row is None:
            raise NotFound("This person doesn't exist. The identity provider may have deleted them.")
        return row

    def _in_group(self, group_id: str) -> QuerySet[models.ScimMembershipRow, Any]:
        memberships = self._scope.of(models.ScimMembershipRow).filter(group_id=parse_id("scim-group", group_id))
        return memberships.values_list("user_id", flat=True)

    def _listed(self, users: Sequence[models.ScimUserRow]) -> Mapping[UUID, ScimListedUser]:
        """Return users with their groups and roles, by primary key. The number of queries is the same for any number of users."""
        obstacles = self._obstacles([user.pk for user in users if user.cannot_sign_in])
        groups = self._first_groups(users)
        grants = group_grants([user.member for user in users if user.member])
        return {
            user.pk: ScimListedUser(
                _value(user, obstacles.get(user.pk)),
                *groups.get(user.pk, ((), 0)),
                _role_ids(user, grants),
            )
            for user in users
        }

    def _first_groups(
        self, users: Sequence[models.ScimUserRow]
    ) -> Mapping[UUID, tuple[tuple[ScimGroupLink, ...], int]]:
        """Return the first groups of users by name, and how many there are. Users without one are left out."""
        memberships = self._scope.of(models.ScimMembershipRow).filter(user_id__in=[user.pk for user in users])
        numbered = memberships.annotate(
            number=Window(RowNumber(), partition_by="user_id", order_by="group__display_name_folded"),
            total=Window(Count("pk"), partition_by="user_id"),
        ).filter(number__lte=_MAX_LISTED_GROUPS)
        found: dict[UUID, list[ScimGroupLink]] = {}
        totals: dict[UUID, int] = {}
        columns = ("user_id", "group_id", "group__display_name", "total")
        for user_id, group_id, name, total in numbered.order_by("number").values_list(*columns):
            found.setdefault(user_id, []).append(_link(group_id, name))
            totals[user_id] = total
        return {user_id: (tuple(links), totals[user_id]) for user_id, links in found.items()}

    def _obstacles(self, users: Sequence[UUID]) -> Mapping[UUID, ScimSignInObstacle]:
        return obstacles_by_user(self._scope.organization_id, self._users().filter(pk__in=users))


def _name_has(text: str, comparison: str) -> Q:
    name = fold_name(text)
    return Q(**{f"user_name_folded__{comparison}": name}) | Q(**{f"display_name_folded__{comparison}": name})


def _address_has(organization_id: UUID, text: str, comparison: str) -> Q:
    address = Q(**{f"email_address_folded__{comparison}": fold_address(text)})
    return Q(member_id__in=rows_of(organization_id, models.MemberRow).filter(address).values("pk"))


def _value(row: models.ScimUserRow, obstacle: ScimSignInObstacle | None) -> ScimUser:
    return ScimUser(
        public_id("scim-user", row.pk),
        row.user_name,
        row.display_name,
        row.active,
        row.updated_at,
        obstacle,
        is_on_hold=is_user_on_hold(row),
    )


def _active_member(user: models.ScimUserRow) -> models.MemberRow | None:
    """Return the member of a user, None if one of them isn't active."""
    return user.member if user.active and user.member and user.member.status == MemberStatus.ACTIVE else None


def _role_ids(user: models.ScimUserRow, grants: Mapping[UUID, Sequence[GroupGrant]]) -> tuple[str, ...]:
    member = _active_member(user)
    if member is None:
        return ()
    through_groups = [grant.role_id for grant in grants.get(member.pk, ())]
    found = dict.fromkeys([*roles_without_groups(member), *through_groups])
    return tuple(role_id for role_id in found if role_id != MEMBER_ROLE)


def _sources_through_groups(user: models.ScimUserRow) -> Iterator[tuple[str, ScimRoleSource]]:
    """Yield each role that a user has through a group, with the shortest path to it."""
    reached = (user.organization_id, user.pk, user.organization_id)
    grants = rows_of(user.organization_id, models.ScimGroupRoleRow).filter(
        pk__in=[grant for (grant,) in rows(_GRANTS, *reached)]
    )
    granted = list(
        grants.order_by("role_id", "group__display_name_folded").values_list("role_id", "group_id", "created_at")
    )
    if not granted:
        return
    previous = _previous_groups((key(group), key(via)) for group, via in rows(_STEPS, *reached))
    paths = [(role_id, _path(previous, group), since) for role_id, group, since in granted if group]
    groups = rows_of(user.organization_id, models.ScimGroupRow)
    names = dict(groups.filter(pk__in={one for _, path, _ in paths for one in path}).values_list("pk", "display_name"))
    for role_id, path, since in paths:
        links = tuple(_link(group, names.get(group, "")) for group in path)
        yield role_id, ScimRoleSource(RoleSourceType.SCIM_CONNECTION_GROUP, links, since)


def _previous_groups(steps: Iterable[tuple[UUID, UUID]]) -> Mapping[UUID, UUID]:
    """Return for each group the previous one on the shortest path from the user. The user's own groups map to themselves."""
    above: dict[UUID, list[UUID]] = {}
    previous: dict[UUID, UUID] = {}
    for group, via in steps:
        if group == via:
            previous[group] = group
        else:
            above.setdefault(via, []).append(group)
    queue = deque(previous)
    while queue:
        via = queue.popleft()
        for group in above.get(via, ()):
            if group not in previous:
                previous[group] = via
                queue.append(group)
    return previous


def _path(previous: Mapping[UUID, UUID], group: UUID) -> Sequence[UUID]:
    path = [group]
    while previous[path[-1]] != path[-1]:
        path.append(previous[path[-1]])
    return path[::-1]


def _link(group: UUID, name: str) -> ScimGroupLink:
    return ScimGroupLink(public_id("scim-group", group), name)


def _attributes(document: Mapping[str, Any], prefix: str = "") -> Iterator[ScimAttribute]:
    """Yield the attributes of a document by their paths. Attributes of an extension have no prefix."""
    for name, value in document.items():
        if not prefix and name in _HIDDEN:
            continue
        if isinstance(value, Mapping):
            yield from _attributes(value, "" if name.startswith("urn:") else f"{prefix}{name}.")
        elif value not in (None, "", []):
            values = value if isinstance(value, list) else [value]
            yield ScimAttribute(prefix + name, tuple(_text(one) for one in values))


def _text(value: Any) -> str:
    """Return a value as text, such as "ada@acme.com (work, primary)"."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, Mapping):
        return str(value)[:_MAX_VALUE_LENGTH]
    kind = [str(value["type"])] if value.get("type") else []
    notes = ", ".join([*kind, *(["primary"] if value.get("primary") is True else [])])
    main = value.get("value") or value.get("formatted") or value.get("display")
    parts = ", ".join(str(part) for name, part in value.items() if name not in {"type", "primary", "$ref"})
    text = str(main or parts)[:_MAX_VALUE_LENGTH]
    return f"{text} ({notes})" if notes else text
