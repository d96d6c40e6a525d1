"""Rows by their keys: SQL that is the same for any number of keys, for the SCIM endpoint's reads and writes.

A condition is a mapping of columns to keys, which includes the organization. None means that the column is NULL. README.md
beside this says when to use it.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from django.db import connection
from django.db.models import Model

from portal.embedded.database.statements import run

Where = Mapping[str, UUID | None]


def select_keys(
    model: type[Model], where: Where, column: str, keys: Sequence[UUID], *more: str
) -> list[tuple[UUID, ...]]:
    """Return a column, and more that hold keys, of the rows that fulfill a condition and have one of the keys in it."""
    condition, values = among(where, column, keys)
    found = run(f"SELECT {', '.join((column, *more))} FROM {table(model)} WHERE {condition}", values)
    return found if connection.vendor == "postgresql" else [tuple(map(_key, row)) for row in found]


def select_keys_in(
    model: type[Model], where: Where, keys: Sequence[UUID], column: str, within: tuple[type[Model], Where, str]
) -> list[tuple[UUID, UUID, bool]]:
    """Return the keys of the rows that fulfill a condition, each with a column and whether another table has the key too.

    `within` is that table, a condition on its rows, and the column that the key is in.
    """
    other, where_within, name = within
    condition, values = equal(where_within)
    is_one, keys_among = among(where, "id", keys)
    # Not EXISTS: PostgreSQL may then read all rows that fulfill the condition first, and a group has a hundred thousand.
    is_in = f"(SELECT 1 FROM {table(other)} WHERE {condition} AND {name} = {table(model)}.id)"
    found = run(f"SELECT id, {column}, {is_in} FROM {table(model)} WHERE {is_one}", [*values, *keys_among])
    return [(_key(key), _key(more), bool(exists)) for key, more, exists in found]


def count_rows(model: type[Model], where: Where) -> int:
    """Return how many rows fulfill a condition."""
    condition, values = equal(where)
    ((number,),) = run(f"SELECT count(*) FROM {table(model)} WHERE {condition}", values)
    return int(number)


def key_at(model: type[Model], where: Where, number: int) -> UUID | None:
    """Return the primary key at a position, from 0, among the rows that fulfill a condition; None past the last one."""
    condition, values = equal(where)
    sql = f"SELECT id FROM {table(model)} WHERE {condition} ORDER BY id LIMIT 1 OFFSET %s"
    return next((_key(key) for (key,) in run(sql, [*values, number])), None)


def table(model: type[Model]) -> str:
    """Return the name of a model's table."""
    return model._meta.db_table


def equal(where: Where) -> tuple[str, list[Any]]:
    """Return a condition as SQL, and its values."""
    terms = " AND ".join(f"{name} IS NULL" if value is None else f"{name} = %s" for name, value in where.items())
    keys = [value for value in where.values() if value is not None]
    return terms, keys if connection.vendor == "postgresql" else [key.hex for key in keys]


def among(where: Where, column: str, keys: Sequence[UUID]) -> tuple[str, list[Any]]:
    """Return a condition, and that a column has one of the keys, as SQL, and the values."""
    if connection.vendor != "postgresql":
        terms, values = equal(where)
        hexadecimal = msgspec.json.encode([key.hex for key in keys]).decode()
        return f"{terms} AND {column} IN (SELECT value FROM json_each(%s))", [*values, hexadecimal]
    # The organization, which selects a partition, and NULLs apart from the others.
    apart = {name: value for name, value in where.items() if value is None or name == "organization_id"}
    others = {name: value for name, value in where.items() if name not in apart}
    terms, values = equal(apart)
    if not others:
        return f"{terms} AND {column} = ANY(%s)", [*values, list(keys)]
    # One condition: with ANY beside others, PostgreSQL may look for the keys among all rows that fulfill the others.
    wanted = f"SELECT {'%s, ' * len(others)}unnest(%s)"
    return f"{terms} AND ({', '.join((*others, column))}) IN ({wanted})", [*values, *others.values(), list(keys)]


def _key(value: Any) -> UUID:
    # SQLite stores keys as hexadecimal text.
    return value if isinstance(value, UUID) else UUID(value)
