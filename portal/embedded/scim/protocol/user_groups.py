"""The groups that a user is in, directly or through other groups: the `groups` of a User (RFC 7643, 4.1.2)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Func, JSONField
from django.db.models.sql.compiler import SQLCompiler

from portal.embedded import models
from portal.embedded.database import raw_sql
from portal.embedded.scim.protocol.client import ScimClient
from portal.embedded.scope import rows_of

_PAIRS = "group_pairs"
_AND_ORGANIZATION = " AND m.organization_id = "
# A subquery instead of a join: without statistics, PostgreSQL would read every group for a join.
_GROUPS_OF_USERS = """
    SELECT m.user_id, m.group_id, (
        SELECT g.display_name FROM {group} g WHERE g.id = m.group_id AND g.organization_id = m.organization_id
    )
    FROM {membership} m WHERE m.organization_id = %s AND m.user_id {one_of} ORDER BY m.group_id
"""


@dataclass(frozen=True, slots=True)
class UserGroup:
    """An element of a user's `groups`. It's indirect if the user is only in a group that is its member."""

    key: UUID
    display: str
    is_direct: bool


class GroupPairs(Func):
    """The primary key and name of each group that a user is directly in, selected with the user; None for none."""

    output_field = JSONField()
    # A subquery instead of a join, as above.
    _NAME: ClassVar = (
        "(SELECT g.display_name FROM {group} g WHERE g.id = m.group_id AND g.organization_id = m.organization_id)"
    )
    _TABLES: ClassVar = {
        "membership": models.ScimMembershipRow._meta.db_table,
        "group": models.ScimGroupRow._meta.db_table,
    }

    def __init__(self) -> None:
        super().__init__(F("pk"), F("organization_id"))

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, *_: Any, **_context: Any) -> Any:  # noqa: D102 -- Django's
        pairs = f"jsonb_agg(jsonb_build_array(m.group_id, {self._NAME}))"
        return super().as_sql(compiler, connection, template=self._template(pairs), arg_joiner=_AND_ORGANIZATION)

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> Any:  # noqa: D102 -- Django's
        pairs = f"json_group_array(json_array(m.group_id, {self._NAME}))"
        return super().as_sql(compiler, connection, template=self._template(pairs), arg_joiner=_AND_ORGANIZATION)

    def _template(self, pairs: str) -> str:
        return f"(SELECT {pairs} FROM {{membership}} m WHERE m.user_id = %(expressions)s)".format(**self._TABLES)  # noqa: S608 -- names of our own tables


def groups_of(client: ScimClient, users: Sequence[models.ScimUserRow]) -> Mapping[UUID, list[UserGroup]]:
    """Return the groups of each user, by the user's primary key: the direct ones first, then the indirect ones."""
    direct: dict[UUID, dict[UUID, str]] = defaultdict(dict)
    for user, group, display in _direct_groups(client, users):
        direct[user][group] = display
    below = {group for groups in direct.values() for group in groups}
    parents = _parents(client, below) if client.connection.has_nested_groups else {}
    return {
        user: [
            *(UserGroup(key, display, is_direct=True) for key, display in groups.items()),
            *(UserGroup(key, name, is_direct=False) for key, name in _ancestors(groups, parents) if key not in groups),
        ]
        for user, groups in direct.items()
    }


def _direct_groups(client: ScimClient, users: Sequence[models.ScimUserRow]) -> Iterable[tuple[UUID, UUID, str]]:
    if all(hasattr(user, _PAIRS) for user in users):
        return [(user.pk, UUID(group), name) for user in users for group, name in sorted(getattr(user, _PAIRS) or ())]
    found = raw_sql.rows(_GROUPS_OF_USERS, client.organization_id, [user.pk for user in users])
    return [(raw_sql.key(user), raw_sql.key(group), name) for user, group, name in found]


def _parents(client: ScimClient, groups: set[UUID]) -> Mapping[UUID, Sequence[tuple[UUID, str]]]:
    """Return the parents of these groups and of all their ancestors, with one query per level."""
    found: dict[UUID, list[tuple[UUID, str]]] = {}
    level = groups
    while level:
        found |= {key: [] for key in level}
        nestings = (
            rows_of(client.organization_id, models.ScimNestingRow).filter(member_id__in=level).order_by("group_id")
        )
        for member, group, display in nestings.values_list("member_id", "group_id", "group__display_name"):
            found[member].append((group, display))
        level = {group for key in level for group, _ in found[key]} - set(found)
    return found


def _ancestors(
    groups: Iterable[UUID], parents: Mapping[UUID, Sequence[tuple[UUID, str]]]
) -> Iterator[tuple[UUID, str]]:
    """Yield each ancestor of these groups once, even if the groups form a cycle."""
    seen: set[UUID] = set()
    waiting = list(groups)
    while waiting:
        for key, display in parents.get(waiting.pop(), ()):
            if key not in seen:
                seen.add(key)
                waiting.append(key)
                yield key, display
