"""Archive of the activity log: old months are written to files, and only then deleted from the database."""

import gzip
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import count, islice
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import QuerySet
from django.utils import timezone

from portal.directory.errors import Conflict
from portal.directory.ids import first_uuid7, public_id, timestamp_of
from portal.embedded import models
from portal.embedded.audit import Caller, record
from portal.embedded.database import triggers
from portal.embedded.database.batches import BATCH
from portal.embedded.database.partitions import (
    Partition,
    drop_owned,
    is_partitioned,
    month_of,
    next_month,
    partitions_of,
)
from portal.embedded.database.table_locks import TableLocked, change_tables
from portal.embedded.scope import across_organizations

_OWNER = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = %s::regclass"


@dataclass(frozen=True, slots=True)
class Archived:
    """A file with the entries of a month, as JSON Lines, compressed. `sha256` is that of the file."""

    file: Path
    entries: int
    sha256: str


def archive(folder: Path, caller: Caller) -> Iterator[Archived]:
    """Write each complete month older than ACTIVITY_LOG_DAYS to a file, and delete its entries. Yield each file.

    The deletion starts after the file is on the disk, and the activity log says so. A run that is stopped in between can
    be repeated: what is still there is then written to another file. Raise Conflict if this can't be done.
    """
    if not settings.ACTIVITY_LOG_DAYS:
        raise Conflict("ACTIVITY_LOG_DAYS is 0, so the activity log is kept for good.")
    if not _is_owner():
        raise Conflict("Only the owner of the tables can delete from the activity log. Run it as `migrate` is run.")
    before = month_of(timezone.now() - timedelta(days=settings.ACTIVITY_LOG_DAYS))
    for month in _partitions(before) if is_partitioned(models.ActivityEntryRow) else _months(before):
        yield from _move(month, folder, caller)


@dataclass(frozen=True, slots=True)
class _Month:
    """A month, or all until its end. Where the log is partitioned, it is a partition."""

    end: datetime
    entries: "QuerySet[models.ActivityEntryRow]"
    partition: Partition | None = None


def _months(before: datetime) -> Iterator[_Month]:
    while (oldest := _entries().order_by("pk").first()) and timestamp_of(oldest.pk) < before:
        end = next_month(month_of(timestamp_of(oldest.pk)))
        yield _Month(end, _entries().filter(pk__lt=first_uuid7(end)))


def _partitions(before: datetime) -> Iterator[_Month]:
    for one in partitions_of(models.ActivityEntryRow):
        if (end := timestamp_of(one.upper)) <= before:
            yield _Month(end, _entries().filter(pk__gte=one.lower, pk__lt=one.upper), one)


def _move(month: _Month, folder: Path, caller: Caller) -> Iterator[Archived]:
    if month.entries.exists():
        archived = _write(folder, f"activity-{month.end - timedelta(days=1):%Y-%m}", month.entries)
        after = {"entries": archived.entries, "sha256": archived.sha256, "until": month.end.isoformat()}
        record(caller, "activity_log.archive", organization_id=None, target_id=archived.file.name, after=after)
        _delete(archived, month.partition)
        yield archived
    elif month.partition:
        _drop(month.partition, 0)


def _entries() -> "QuerySet[models.ActivityEntryRow]":
    return across_organizations(models.ActivityEntryRow)


def _is_owner() -> bool:
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute(_OWNER, [models.ActivityEntryRow._meta.db_table])
        return bool(cursor.fetchone()[0])


def _write(folder: Path, name: str, entries: "QuerySet[models.ActivityEntryRow]") -> Archived:
    """Write entries to a file that no one else can read, in the order of their keys. It gets its name when it's complete."""
    written = 0
    with NamedTemporaryFile(dir=folder, prefix=f"{name}.", suffix=".part", delete=False) as file:
        try:
            with gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as compressed:
                for row in _rows(entries):
                    compressed.write(msgspec.json.encode(_line(row)) + b"\n")
                    written += 1
            file.flush()
            os.fsync(file.fileno())
            path = Path(file.name).replace(_free_name(folder, name))
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    _keep_name(folder)
    with path.open("rb") as written_file:
        return Archived(path, written, hashlib.file_digest(written_file, "sha256").hexdigest())


def _keep_name(folder: Path) -> None:
    """Write a folder to the disk: a file is there after a crash only if its name is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rows(entries: "QuerySet[models.ActivityEntryRow]") -> Iterator[Mapping[str, Any]]:
    # Page by page: a long transaction would keep PostgreSQL from cleaning up what others delete in it.
    in_order, last = entries.order_by("pk"), UUID(int=0)
    while page := list(in_order.filter(pk__gt=last).values()[:BATCH]):
        yield from page
        last = page[-1]["id"]


def _line(row: Mapping[str, Any]) -> Mapping[str, Any]:
    organization: UUID | None = row["organization_id"]
    # Changes of the project have none, or the nil UUID.
    named = public_id("organization", organization) if organization and organization.int else None
    return {**row, "organization_id": named}


def _free_name(folder: Path, name: str) -> Path:
    """Reserve the first name that isn't taken: an earlier run's file may have entries that are deleted already."""
    for number in count(1):
        path = folder / (f"{name}.jsonl.gz" if number == 1 else f"{name}-{number}.jsonl.gz")
        with suppress(FileExistsError):
            path.touch(mode=0o600, exist_ok=False)
            break
    return path


def _delete(archived: Archived, partition: Partition | None) -> None:
    """Delete the entries that the file has, as it is on the disk. Raise Conflict if they aren't those of the database."""
    with gzip.open(archived.file) as lines:
        keys = (UUID(msgspec.json.decode(line)["id"]) for line in lines)
        if partition:
            deleted = _drop(partition, sum(1 for _ in keys))
        else:
            deleted = sum(_in_turn(partial(_delete_entries, batch)) for batch in _batches(keys))
    if deleted != archived.entries:
        raise Conflict(f"{archived.file.name} has {archived.entries} entries, of which {deleted} were deleted.")


def _batches(keys: Iterator[UUID]) -> Iterator[tuple[UUID, ...]]:
    while batch := tuple(islice(keys, BATCH)):
        yield batch


def _drop(partition: Partition, entries: int) -> int:
    return _in_turn(partial(drop_owned, partition, rows=entries))


def _in_turn(change: Callable[[], int]) -> int:
    try:
        return change_tables(DEFAULT_DB_ALIAS, change)
    except TableLocked as error:
        raise Conflict("Another transaction keeps the activity log locked. Try again when it has ended.") from error


def _delete_entries(keys: tuple[UUID, ...]) -> int:
    with triggers.without("activity_no_delete"):
        return _entries().filter(pk__in=keys).delete()[0]
