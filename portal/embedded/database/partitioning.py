"""Partitioned tables on PostgreSQL: the first `migrate` of a database makes them if DATABASE_PARTITIONS is set.

Tables that grow with people are partitioned by a hash of the organization, logs by time (`partitions.py`). Migrations know
nothing of it: they create ordinary tables, which are replaced while they are empty. docs/decisions/0027 says why.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from portal.embedded import models
from portal.embedded.database import partitions, readiness

# What grows with people and groups. All that an organization has in them is in one partition.
HASHED: Sequence[type[Model]] = (
    models.MemberRow,
    models.MemberSessionRow,
    models.ScimUserRow,
    models.ScimGroupRow,
    models.ScimMembershipRow,
    models.ScimNestingRow,
)

_FIRST = "0001_initial"
# The keys of a table, the foreign keys from it and to it, and its other indexes. Checks are copied with the columns.
_KEYS = """
    SELECT format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE conrelid = %s::regclass AND contype IN ('p', 'u', 'x') ORDER BY conname
"""
_INDEXES = """
    SELECT pg_get_indexdef(indexrelid) FROM pg_index
    WHERE indrelid = %s::regclass AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
    ORDER BY indexrelid
"""
# Under the names of an ordinary table, so that a dump of one can be loaded.
_SEQUENCES = """
    SELECT format('ALTER SEQUENCE %%s RENAME TO %%I', oid::regclass, replace(relname, '_new_', '_'))
    FROM pg_class WHERE relkind = 'S' AND oid IN (SELECT objid FROM pg_depend WHERE refobjid = %s::regclass AND deptype = 'i')
"""
_FOREIGN_KEYS = """
    SELECT DISTINCT format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE contype = 'f' AND (conrelid = ANY(%s::regclass[]) OR confrelid = ANY(%s::regclass[])) ORDER BY 1
"""


def complete(using: str, applied: Collection[str]) -> None:
    """Partition the tables if these migrations, which were applied, created them and are all that there are.

    Later, bring the functions and rights of a partitioned database up to date.
    """
    connection = connections[using]
    if connection.vendor != "postgresql":
        return
    with transaction.atomic(using):
        if settings.DATABASE_PARTITIONS and _FIRST in applied and not readiness.unapplied_migrations():
            _partition(connection, settings.DATABASE_PARTITIONS)
        elif partitions.is_partitioned(models.ActivityEntryRow):
            partitions.install()
            partitions.reserve([*_tables(HASHED), *_tables(partitions.LOGS)])


def _partition(connection: BaseDatabaseWrapper, number: int) -> None:
    partitions.install()
    hashed, logs = _tables(HASHED), _tables(partitions.LOGS)
    foreign_keys = _texts(connection, _FOREIGN_KEYS, [*hashed, *logs], [*hashed, *logs])
    for table in hashed:
        _replace(connection, table, "HASH (organization_id)")
        _run(connection, _hash_partitions(table, number))
    for table in logs:
        _replace(connection, table, "RANGE (id)")
    _run(connection, foreign_keys)
    partitions.begin()
    partitions.reserve([*hashed, *logs])


def _replace(connection: BaseDatabaseWrapper, table: str, method: str) -> None:
    """Replace an empty table by a partitioned one with its columns, checks, keys and indexes, under the same names."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {table})")
        if cursor.fetchone()[0]:
            raise CommandError(f"{table} has rows already, so it can't be partitioned.")
    again = [*_texts(connection, _KEYS, table), *_texts(connection, _INDEXES, table)]
    created = f"CREATE TABLE {table}_new (LIKE {table} INCLUDING ALL EXCLUDING INDEXES) PARTITION BY {method}"
    _run(connection, [created, f"DROP TABLE {table} CASCADE", f"ALTER TABLE {table}_new RENAME TO {table}", *again])
    _run(connection, _texts(connection, _SEQUENCES, table))


def _hash_partitions(table: str, number: int) -> Iterator[str]:
    for remainder in range(number):
        values = f"WITH (MODULUS {number}, REMAINDER {remainder})"
        yield f"CREATE TABLE {table}_{remainder} PARTITION OF {table} FOR VALUES {values}"


def _tables(rows: Sequence[type[Model]]) -> list[str]:
    return [model._meta.db_table for model in rows]


def _texts(connection: BaseDatabaseWrapper, query: str, *parameters: Any) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return [text for (text,) in cursor.fetchall()]


def _run(connection: BaseDatabaseWrapper, statements: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
