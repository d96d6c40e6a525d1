"""The members of a group: users and other groups, each in a row, so that adding one does not rewrite the others."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import F
from django.utils import timezone

from portal.directory.ids import parse_id, public_id
from portal.embedded import models
from portal.embedded.database.keys import select_keys, select_keys_in
from portal.embedded.database.statements import Statement
from portal.embedded.database.writes import Writes
from portal.embedded.scim.filter.parser import (
    And,
    Comparison,
    Node,
    attribute_paths,
    count_comparisons,
    element_matcher,
    parse_path,
)
from portal.embedded.scim.protocol.client import IndexHint, ScimClient
from portal.embedded.scim.protocol.errors import InvalidValue, Mutability, TooLarge
from portal.embedded.scim.protocol.patch import Operation
from portal.embedded.scim.protocol.payload import read_element
from portal.embedded.scim.protocol.schemas import GROUP
from portal.embedded.scope import rows_of

log = structlog.get_logger("gatehouse.scim")

MEMBERS = GROUP.core["members"]
_KEY = models.ScimUserRow._meta.pk
MAX_LISTED_IDS = 100  # ids in an entry of the activity log, and in an error
_BATCH_SIZE = 1000  # rows in one statement
_NIL = UUID(int=0)


@dataclass(frozen=True, slots=True, eq=False)
class MemberType:
    """A type of members: its name in SCIM, the prefix of its ids, and the tables of memberships and resources."""

    resource_type: str
    noun: str
    field: str
    rows: type[models.ScimMembershipRow] | type[models.ScimNestingRow]
    resources: type[models.ScimUserRow] | type[models.ScimGroupRow]


USER_MEMBER = MemberType("User", "scim-user", "user_id", models.ScimMembershipRow, models.ScimUserRow)
GROUP_MEMBER = MemberType("Group", "scim-group", "member_id", models.ScimNestingRow, models.ScimGroupRow)
_MEMBER_TYPES = (USER_MEMBER, GROUP_MEMBER)

MemberKey = tuple[MemberType, UUID]


@dataclass(frozen=True, slots=True)
class MemberChange:
    """The members to add to a group and to remove from it."""

    joining: Sequence[MemberKey] = ()
    leaving: Sequence[MemberKey] = ()


class GroupMember(NamedTuple):
    """An element of a group's `members`; a tuple, because there can be a hundred thousand."""

    kind: MemberType
    key: UUID
    display: str


def public_member_id(key: MemberKey) -> str:
    """Return the SCIM id of a member."""
    return public_id(key[0].noun, key[1])


def get_members_field(payload: Mapping[str, Any]) -> list[Any]:
    """Return the `members` of a group as they were sent, including invalid elements."""
    for name, value in payload.items():
        if name.lower() == GROUP.urn.lower() and isinstance(value, Mapping):
            return get_members_field(value)
        if GROUP.attribute(name) is MEMBERS:
            return value if isinstance(value, list) else [] if value is None else [value]
    return []


def read_members(client: ScimClient, value: Any, group: UUID = _NIL) -> dict[MemberKey, bool]:
    """Return the members that a value of `members` names, each with whether it already is in the group.

    Raise InvalidValue if some are not resources of the connection, unless the connection skips unknown members.
    """
    ids = {_read_id(one): one for one in _ids(value)}
    known = dict(_existing(client, list(ids), group))
    if unknown := [ids[key][:100] for key in ids if key not in known][:MAX_LISTED_IDS]:
        if not client.connection.skips_unknown_members:
            raise InvalidValue(f"There is no such User or Group: {', '.join(unknown)}.")
        log.warning("scim_unknown_members_skipped", connection_id=client.connection_id, members=unknown)
    return {key: known[key] for key in ids if key in known}


def replace_members(row: models.ScimGroupRow, wanted: Mapping[MemberKey, bool]) -> MemberChange:
    """Return the change after which the group has exactly the wanted members."""
    current = dict.fromkeys(current_members(row))
    return MemberChange([k for k in wanted if k not in current], [k for k in current if k not in wanted])


def member_change(client: ScimClient, row: models.ScimGroupRow, operations: Iterable[Operation]) -> MemberChange:
    """Return the total change of PATCH operations on members. Only the rows that they concern are read."""
    joining: dict[MemberKey, None] = {}
    leaving: dict[MemberKey, None] = {}
    # Whether the members that were read are in the group.
    known: dict[MemberKey, bool] = {}
    operations = list(operations)
    _check_member_count(sum(len(one.value) for one in operations if isinstance(one.value, list)))
    for operation in operations:
        added, removed = _one_change(client, row, operation, joining)
        known |= added
        for key in removed:
            joining.pop(key, None)
            leaving[key] = None
        for key in added:
            leaving.pop(key, None)
            joining[key] = None
    known |= dict.fromkeys(current_members(row, [key for key in leaving if key not in known]), True)
    return MemberChange([k for k in joining if not known[k]], [k for k in leaving if known.get(k)])


def current_members(row: models.ScimGroupRow, among: Sequence[MemberKey] | None = None) -> list[MemberKey]:
    """Return the members of the group, or those among the given ones."""
    if among is not None and len(among) == 1:
        ((kind, key),) = among
        return [(kind, key) for _ in _IS_MEMBER[kind].rows(row.organization_id, row.pk, key)]
    if among is None:
        return [
            (kind, key)
            for kind in _MEMBER_TYPES
            for key in rows_of(row.organization_id, kind.rows)
            .filter(group=row)
            .order_by(kind.field)
            .values_list(kind.field, flat=True)
        ]
    return [
        (kind, key)
        for kind, batch in _batches(among)
        for (key,) in select_keys(kind.rows, _of_group(row), kind.field, batch)
    ]


def _of_group(row: models.ScimGroupRow) -> dict[str, Any]:
    return {"organization_id": row.organization_id, "group_id": row.pk}


def apply_change(client: ScimClient, row: models.ScimGroupRow, change: MemberChange, writes: Writes) -> None:
    """Add the membership rows of a change to the writes. Raise InvalidValue if a group would be its own member."""
    if (GROUP_MEMBER, row.pk) in change.joining:
        raise InvalidValue("A group cannot be a member of itself.")
    for kind, batch in _batches(change.leaving):
        writes.delete_keys(kind.rows, _of_group(row), kind.field, batch)
    if any(kind is GROUP_MEMBER for kind, _ in change.joining):
        unmarked = rows_of(client.organization_id, models.ScimConnectionRow).filter(has_nested_groups=False)
        unmarked.filter(pk=row.connection_id).update(has_nested_groups=True)
        # The response to this request depends on it.
        client.connection.has_nested_groups = True
    for kind, batch in _batches(change.joining):
        same = _of_group(row) | ({"added_at": timezone.now()} if kind is USER_MEMBER else {})
        writes.insert_values(kind.rows, [{**same, kind.field: key} for key in batch])


def groups_containing(client: ScimClient, member: MemberKey) -> list[UUID]:
    """Return the groups that a user or group is directly in."""
    kind, key = member
    of_organization = {"organization_id": client.organization_id}
    return [group for _, group in select_keys(kind.rows, of_organization, kind.field, [key], "group_id")]


def lock_groups(client: ScimClient, keys: Sequence[UUID]) -> None:
    """Lock groups until the transaction ends."""
    list(client.groups(IndexHint.VALUE).filter(pk__in=keys).select_for_update().order_by("pk").values_list("pk"))


def decrement_member_counts(client: ScimClient, keys: Sequence[UUID]) -> None:
    """Subtract one from the member count of each group."""
    client.groups(IndexHint.VALUE).filter(pk__in=keys).update(
        member_count=F("member_count") - 1, updated_at=timezone.now()
    )


def members_of(
    client: ScimClient, groups: Sequence[models.ScimGroupRow], *, with_names: bool = False
) -> Mapping[UUID, Sequence[GroupMember]]:
    """Return the members of each group, by its primary key, with one query for users and one for groups."""
    keys = [group.pk for group in groups]
    if len(keys) == 1 and not with_names:
        of_group = _MEMBER_KEYS.rows(client.organization_id, *keys)
        users: Mapping[UUID, Sequence[GroupMember]] = {keys[0]: _MemberKeys(of_group)}
    else:
        users = _named_users(client, keys)
    if not client.connection.has_nested_groups:
        return users
    subgroups: dict[UUID, list[GroupMember]] = defaultdict(list)
    nested = rows_of(client.organization_id, models.ScimNestingRow).filter(group_id__in=keys).order_by("member_id")
    for group, key, display_name in nested.values_list("group_id", "member_id", "member__display_name"):
        subgroups[group].append(GroupMember(GROUP_MEMBER, key, display_name))
    return {**users, **{group: [*users.get(group, ()), *inner] for group, inner in subgroups.items()}}


def _named_users(client: ScimClient, groups: Sequence[UUID]) -> Mapping[UUID, Sequence[GroupMember]]:
    found: dict[UUID, list[GroupMember]] = defaultdict(list)
    users = rows_of(client.organization_id, models.ScimMembershipRow).filter(group_id__in=groups).order_by("user_id")
    names = users.values_list("group_id", "user_id", "user__display_name", "user__user_name")
    for group, key, display_name, user_name in names.iterator(_BATCH_SIZE):
        found[group].append(GroupMember(USER_MEMBER, key, display_name or user_name))
    return found


class _MemberKeys(Sequence[GroupMember]):
    """The users in a group, of which only the primary keys are in memory: there can be a hundred thousand."""

    def __init__(self, rows: Iterable[Sequence[UUID]]) -> None:
        self._rows = list(rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [GroupMember(USER_MEMBER, key, "") for (key,) in self._rows[place]]
        return GroupMember(USER_MEMBER, self._rows[place][0], "")


_MEMBER_KEYS = Statement(
    lambda organization, key: rows_of(organization, models.ScimMembershipRow).filter(group_id=key).order_by("user_id"),
    ("user_id",),
    (_KEY, UUID(int=1)),
    (_KEY, UUID(int=2)),
)


def _one_change(
    client: ScimClient, row: models.ScimGroupRow, operation: Operation, joining: Iterable[MemberKey]
) -> tuple[Mapping[MemberKey, bool], Sequence[MemberKey]]:
    """Return the members that one operation adds, each with whether it already is in the group, and those it removes."""
    client.budget.spend_on_path(operation.path)
    target = parse_path(GROUP, operation.path)
    if target.sub_attribute or len(target.attributes) > 1:
        # `members.value` does not select all members.
        raise Mutability('Members can only be added and removed, not changed. Use the path "members".')
    if target.filter is not None:
        if operation.kind != "remove":
            raise InvalidValue('Members can only be added and removed, not changed. Use the path "members".')
        named = _ids_in_filter(target.filter)
        client.budget.spend(count_comparisons(target.filter) * (row.member_count if named is None else len(named)))
        among = [*current_members(row), *joining] if named is None else named
        fits = element_matcher(target.filter, MEMBERS)
        elements = zip(among, _elements(client, among, target.filter), strict=True)
        return {}, [key for key, element in elements if fits(element)]
    if operation.kind == "remove":
        if operation.value is None:
            client.budget.spend(row.member_count)
            return {}, [*current_members(row), *joining]
        return {}, [_read_id(value) for value in _ids(operation.value)]
    added = read_members(client, operation.value, row.pk)
    if operation.kind == "add":
        return added, ()
    client.budget.spend(row.member_count)
    return added, [key for key in (*current_members(row), *joining) if key not in added]


def _elements(client: ScimClient, keys: Sequence[MemberKey], node: Node) -> Iterator[dict[str, str]]:
    """Yield members as elements of `members`, with `display` only if a filter names it, because it takes a query."""
    names = dict(_display_names(client, keys)) if "display" in set(map(str.lower, attribute_paths(node))) else {}
    for key in keys:
        kind, value = key[0], public_member_id(key)
        element = {
            "value": value,
            "$ref": f"{client.base_url}/{kind.resource_type}s/{value}",
            "type": kind.resource_type,
        }
        yield element | ({"display": names[key]} if key in names else {})


def _display_names(client: ScimClient, keys: Sequence[MemberKey]) -> Iterator[tuple[MemberKey, str]]:
    for kind, batch in _batches(keys):
        if kind is USER_MEMBER:
            users = client.users(IndexHint.VALUE).filter(pk__in=batch).values_list("pk", "display_name", "user_name")
            yield from (((kind, key), display_name or user_name) for key, display_name, user_name in users)
        else:
            groups = client.groups(IndexHint.VALUE).filter(pk__in=batch).values_list("pk", "display_name")
            yield from (((kind, key), display_name) for key, display_name in groups)


def _ids_in_filter(node: Node) -> list[MemberKey] | None:
    """Return the only members that can match a filter such as `value eq "x"`, or None if any member can."""
    match node:
        case And(parts):
            return next((keys for part in parts if (keys := _ids_in_filter(part)) is not None), None)
        case Comparison(path, "eq", str(value)) if path.lower() == "value":
            return [_read_id(value)]
        case _:
            return None


def _ids(value: Any) -> list[str]:
    """Return the ids in a value of `members`. Raise InvalidValue for an element without id, TooLarge for a list that is too long."""
    sent = value if isinstance(value, list) else [] if value is None else [value]
    _check_member_count(len(sent))
    # Every element needs an id: skipping the others would turn a misspelled list into an empty one.
    ids = [_id(element) for element in sent]
    if not all(ids):
        raise InvalidValue('Each element of "members" needs a "value": the id of a User or a Group.')
    return ids


def _id(element: Any) -> str:
    if isinstance(element, dict) and isinstance(value := element.get("value"), str):
        # A shortcut for the usual form, because there can be a hundred thousand elements.
        return value
    return str((read_element(MEMBERS, element) or {}).get("value", ""))


def _check_member_count(members: int) -> None:
    if members > settings.SCIM_MAX_MEMBERS:
        raise TooLarge(
            f"The request has more than {settings.SCIM_MAX_MEMBERS} members. Split it into several requests."
        )


def _read_id(text: str) -> MemberKey:
    kind = GROUP_MEMBER if text.startswith(f"{GROUP_MEMBER.noun}-") else USER_MEMBER
    return kind, parse_id(kind.noun, text)


# Identity providers often add and remove users one at a time.
_IS_MEMBER = {
    kind: Statement(
        lambda organization, group, key, kind=kind: (
            rows_of(organization, kind.rows).filter(group_id=group).filter(**{kind.field: key})
        ),
        ("pk",),
        (_KEY, UUID(int=1)),
        (_KEY, UUID(int=2)),
        (_KEY, UUID(int=3)),
    )
    for kind in _MEMBER_TYPES
}


def _existing(client: ScimClient, keys: Sequence[MemberKey], group: UUID) -> Iterator[tuple[MemberKey, bool]]:
    of_organization = {"organization_id": client.organization_id}
    for kind, batch in _batches(keys):
        within = (kind.rows, {**of_organization, "group_id": group}, kind.field)
        # By primary key: without statistics, a condition on the connection makes PostgreSQL read all its users.
        found = select_keys_in(kind.resources, of_organization, batch, "connection_id", within)
        yield from (((kind, key), is_in) for key, connection, is_in in found if connection == client.connection.pk)


def _batches(keys: Sequence[MemberKey]) -> Iterator[tuple[MemberType, list[UUID]]]:
    for kind in _MEMBER_TYPES:
        of_kind = [key for one, key in keys if one is kind]
        for start in range(0, len(of_kind), _BATCH_SIZE):
            yield kind, of_kind[start : start + _BATCH_SIZE]
