"""Statements that Django's ORM cannot say, or only with a text of its own for each number of keys; most walk from group to group."""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models.expressions import RawSQL

from portal.embedded import models

_TABLES = {
    "membership": models.ScimMembershipRow,
    "nesting": models.ScimNestingRow,
    "role": models.ScimGroupRoleRow,
    "group": models.ScimGroupRow,
    "user": models.ScimUserRow,
    "member": models.MemberRow,
    "organization": models.OrganizationRow,
    "connection": models.ScimConnectionRow,
}


def rows(sql: str, *values: Any) -> Sequence[tuple[Any, ...]]:
    """Run a statement, and return what it selects, as the database gives it.

    It names tables as `{group}`, and asks with `column {one_of}` for one of several keys, which are one value.
    """
    with connection.cursor() as cursor:
        cursor.execute(_formatted(sql), [_prepared(one) for one in values])
        return list(cursor.fetchall())


def subquery(sql: str, *values: Any) -> RawSQL:
    """Return a statement as the operand of `IN`."""
    return RawSQL(_formatted(sql), [_prepared(one) for one in values])  # noqa: S611 -- our own statements


def key(value: Any) -> UUID:
    """Return a key that `rows()` selected: SQLite has no type for it."""
    return value if isinstance(value, UUID) else UUID(str(value))


@cache
def _formatted(sql: str) -> str:
    return sql.format(
        one_of="= ANY(%s)" if connection.vendor == "postgresql" else "IN (SELECT value FROM json_each(%s))",
        **{name: model._meta.db_table for name, model in _TABLES.items()},
    )


def _prepared(value: Any) -> Any:
    if isinstance(value, list | tuple):
        prepared = [_prepared(one) for one in value]
        return prepared if connection.vendor == "postgresql" else json.dumps(prepared)
    if isinstance(value, UUID):
        return value if connection.vendor == "postgresql" else value.hex
    return value if isinstance(value, int) else str(value)
