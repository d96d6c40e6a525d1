"""Partitions of the logs by time, on a database whose tables `partitioning.py` has partitioned.

A row's primary key is a UUID of version 7, so a range of keys is a range of time. Each log has partitions for the coming
weeks and a default partition for anything else, so that no write is ever rejected.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, IntegrityError, connection
from django.db.models import Model
from django.utils import timezone

from portal.directory.ids import first_uuid7, timestamp_of
from portal.embedded import models
from portal.embedded.database.table_locks import TableLocked, change_tables

log = structlog.get_logger("gatehouse.partitions")

LOGS: Sequence[type[Model]] = (models.ActivityEntryRow, models.ScimRequestRow)

_AHEAD = timedelta(days=35)
# When this little is left, create() hasn't run for weeks.
_TOO_SHORT = timedelta(days=14)
# Above this, a partition for each week would make hundreds of them.
_MAX_DAYS_BY_WEEK = 366
_NIL = UUID(int=0)
_WITHIN = "id >= %s AND id < %s"

_PARTITIONS = """
    SELECT partition.relname, pg_get_expr(partition.relpartbound, partition.oid)
    FROM pg_inherits JOIN pg_class partition ON partition.oid = inhrelid WHERE inhparent = to_regclass(%s)
"""
_RESERVE = """
    SELECT gatehouse_reserve(partition.relname) FROM pg_inherits JOIN pg_class partition ON partition.oid = inhrelid
    WHERE partition.relispartition AND partition.relkind = 'r' AND inhparent::regclass::text = ANY(%s)
"""
_BOUNDS = re.compile(r"FROM \('(.+)'\) TO \('(.+)'\)")

# The role that serves doesn't own the tables. These let it add a log's partitions, and drop those of the log of requests,
# whose rows it can delete anyway. Rights on a partition would bypass the guards of the whole table, so no one has any.
_FUNCTIONS = """
CREATE OR REPLACE FUNCTION gatehouse_reserve(partition text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE one record;
BEGIN
    FOR one IN SELECT DISTINCT grantee FROM pg_class, aclexplode(relacl)
        WHERE pg_class.oid = partition::regclass AND grantee <> relowner
    LOOP
        EXECUTE format('REVOKE ALL ON %I FROM %s', partition,
            CASE one.grantee WHEN 0 THEN 'PUBLIC' ELSE one.grantee::regrole::text END);
    END LOOP;
END $$;
CREATE OR REPLACE FUNCTION gatehouse_add_partition(log text, partition text, lower uuid, upper uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = SCHEMA, pg_temp AS $$
BEGIN
    IF log <> ALL ('{LOGS}'::text[]) OR partition !~ ('^' || log || '_[0-9]{8}$') THEN
        RAISE insufficient_privilege USING MESSAGE = 'not a partition of a log';
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', partition, log);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', log, partition, lower, upper);
    PERFORM gatehouse_reserve(partition);
END $$;
CREATE OR REPLACE FUNCTION gatehouse_close_default(log text, partition text, lower uuid, upper uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = SCHEMA, pg_temp AS $$
BEGIN
    IF log <> ALL ('{LOGS}'::text[]) OR partition !~ ('^' || log || '_[0-9]{8}$') THEN
        RAISE insufficient_privilege USING MESSAGE = 'not a partition of a log';
    END IF;
    EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', log, log || '_default');
    EXECUTE format('ALTER TABLE %I RENAME TO %I', log || '_default', partition);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', log, partition, lower, upper);
    EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', log || '_default', log);
    PERFORM gatehouse_reserve(log || '_default');
END $$;
CREATE OR REPLACE FUNCTION gatehouse_drop_requests(partition text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = SCHEMA, pg_temp AS $$
BEGIN
    IF partition !~ '^REQUESTS_[0-9]{8}$' THEN
        RAISE insufficient_privilege USING MESSAGE = 'not a partition of the log of requests';
    END IF;
    EXECUTE format('DROP TABLE %I', partition);
END $$;
"""


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition of a log, with the keys from `lower` up to but not including `upper`."""

    name: str
    lower: UUID
    upper: UUID

    @property
    def bounds(self) -> tuple[UUID, UUID]:
        """Both bounds."""
        return self.lower, self.upper


def create() -> int:
    """Create the partitions of the coming weeks, and return how many. 0 if the logs aren't partitioned.

    What isn't possible now is logged and reported by `gaps`. Until the next run, rows go to the default partition.
    """
    return sum(_create(_table(model), timezone.now()) for model in LOGS if is_partitioned(model))


def gaps() -> list[str]:
    """Return what is missing: partitions of the coming weeks, or of rows that are in a default partition."""
    if connection.vendor != "postgresql":
        return []
    found = []
    for model in LOGS:
        table = _table(model)
        if not (end := _end(table)):
            if settings.DATABASE_PARTITIONS:
                found.append(f"{table} isn't partitioned, although DATABASE_PARTITIONS is set")
            continue
        if end < timezone.now() + _TOO_SHORT:
            found.append(f"{table} has partitions until {end:%Y-%m-%d} only")
        if _has_rows_outside(table):
            found.append(f"{table}_default has rows")
    return found


def is_partitioned(model: type[Model]) -> bool:
    """Say whether a log is partitioned."""
    return connection.vendor == "postgresql" and bool(partitions_of(model))


def partitions_of(model: type[Model]) -> list[Partition]:
    """Return the partitions of a log by time, the oldest first, without the default partition."""
    return _partitions(_table(model))


def drop_requests(before: datetime) -> int:
    """Drop the partitions of the log of requests that end before a timestamp. Return how many requests they had.

    Raise TableLocked if other transactions are in the way.
    """
    dropped = 0
    for old in partitions_of(models.ScimRequestRow):
        if timestamp_of(old.upper) <= before:
            ((number,),) = _rows(f"SELECT count(*) FROM {_table(models.ScimRequestRow)} WHERE {_WITHIN}", *old.bounds)
            change_tables(DEFAULT_DB_ALIAS, partial(_rows, "SELECT gatehouse_drop_requests(%s)", old.name))
            log.info("partition_dropped", partition=old.name, rows=number)
            dropped += number
    return dropped


def drop_owned(partition: Partition, *, rows: int) -> int:
    """Drop a partition within the current transaction if it has so many rows. Return how many were dropped.

    Only the owner of the tables can.
    """
    # No one adds a row between the count and the end.
    _execute(f"LOCK TABLE {partition.name} IN SHARE MODE")
    ((number,),) = _rows(f"SELECT count(*) FROM {partition.name}")
    if number != rows:
        return 0
    _execute(f"DROP TABLE {partition.name}")
    return rows


def install() -> None:
    """Create the functions with which the role that serves adds and drops partitions."""
    ((schema,),) = _rows("SELECT quote_ident(current_schema())")
    logs = ",".join(map(_table, LOGS))
    functions = _FUNCTIONS.replace("SCHEMA", schema).replace("LOGS", logs)
    _execute(functions.replace("REQUESTS", _table(models.ScimRequestRow)))


def reserve(tables: Sequence[str]) -> None:
    """Take all rights on the partitions of tables from every role but their owner. A restored dump has them again."""
    _rows(_RESERVE, list(tables))


def begin() -> None:
    """Create the first partitions of the logs, which were partitioned. The first one takes all that is older."""
    now = timezone.now()
    for table in map(_table, LOGS):
        _execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")
        _add("gatehouse_add_partition", table, _NIL, _next(table, now))
        _create(table, now)


def month_of(timestamp: datetime) -> datetime:
    """Return the start of a timestamp's month."""
    return timestamp.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(month: datetime) -> datetime:
    """Return the start of the month after one that starts then."""
    return month_of(month + timedelta(days=31))


def _create(table: str, now: datetime) -> int:
    created = 0
    while (end := _end(table)) and end < now + _AHEAD:
        # One partition for all that has come while none was created.
        upper = _next(table, max(now, end))
        change = partial(_extend, table, end, upper)
        try:
            change_tables(DEFAULT_DB_ALIAS, change)
        except (IntegrityError, TableLocked) as error:
            log.error("partition_not_created", table=table, until=upper.isoformat(), reason=type(error).__name__)  # noqa: TRY400 -- tried again
            break
        created += 1
    return created


def _extend(table: str, end: datetime, upper: datetime) -> None:
    """Add a partition after the last one. If rows of its time are in the default partition, that one becomes it."""
    bounds = first_uuid7(end), first_uuid7(upper)
    ((is_used,),) = _rows(f"SELECT EXISTS (SELECT 1 FROM {table} WHERE {_WITHIN})", *bounds)
    _add("gatehouse_close_default" if is_used else "gatehouse_add_partition", table, bounds[0], upper)


def _add(function: str, table: str, lower: UUID, upper: datetime) -> None:
    # Named after its end: the first one has no beginning.
    name = f"{table}_{upper:%Y%m%d}"
    _rows(f"SELECT {function}(%s, %s, %s, %s)", table, name, lower, first_uuid7(upper))


def _next(table: str, timestamp: datetime) -> datetime:
    """Return the end of the month or, for the log of requests if it's kept for up to a year, of the week."""
    if table != _table(models.ScimRequestRow) or settings.SCIM_LOG_DAYS > _MAX_DAYS_BY_WEEK:
        return next_month(month_of(timestamp))
    day = timestamp.replace(hour=0, minute=0, second=0, microsecond=0)
    return day + timedelta(days=7 - day.weekday())


def _partitions(table: str) -> list[Partition]:
    bounds = {name: _BOUNDS.search(text) for name, text in _rows(_PARTITIONS, table)}
    found = [Partition(name, UUID(text[1]), UUID(text[2])) for name, text in bounds.items() if text]
    return sorted(found, key=lambda one: one.upper)


def _end(table: str) -> datetime | None:
    """Return when the last partition ends, None if the log isn't partitioned."""
    found = _partitions(table)
    return timestamp_of(found[-1].upper) if found else None


def _has_rows_outside(table: str) -> bool:
    """Say whether the default partition has rows. The role that serves has no rights on it, so the whole table is asked."""
    found = _partitions(table)
    sql = f"SELECT EXISTS (SELECT 1 FROM {table} WHERE id < %s OR id >= %s)"
    return bool(_rows(sql, found[0].lower, found[-1].upper)[0][0])


def _table(model: type[Model]) -> str:
    return model._meta.db_table


def _rows(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def _execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
