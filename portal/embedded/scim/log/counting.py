"""The number of requests per hour, written with the entries of the log, so that no page counts entries.

docs/decisions/0034 says why, and what reading the log instead would cost.
"""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import Sum
from django.utils import timezone

from portal.directory.ids import uuid7
from portal.directory.scim.log import FIRST_ERROR_STATUS, ScimHour
from portal.embedded import models
from portal.embedded.database.batches import delete_in_batches
from portal.embedded.database.writes import Writes
from portal.embedded.scope import Scope, across_organizations

HOURS = 24
# Older numbers aren't shown.
_KEPT = timedelta(days=2)
_HOUR = timedelta(hours=1)
_KEY = ("organization_id", "connection_key", "hour", "process_key")
_NUMBERS = ("succeeded", "failed")


def count_requests(writes: Writes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add the entries of the log to the numbers of their hours, in the same statement."""
    counted: dict[tuple[UUID, UUID, datetime], list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        hour = row["organization_id"], row["connection_id"], _hour_of(row["at"])
        counted[hour][row["status"] >= FIRST_ERROR_STATUS] += 1
    process = _process_key(os.getpid())
    added = [
        dict(zip(("id", *_KEY, *_NUMBERS), (uuid7(), *hour, process, *numbers), strict=True))
        for hour, numbers in counted.items()
    ]
    writes.add_numbers(models.ScimRequestCountRow, _KEY, _NUMBERS, added)


def hours(scope: Scope, connection: UUID) -> tuple[ScimHour, ...]:
    """Return the numbers of the last 24 hours, oldest first, with one query. The last hour is the one that now is in."""
    now = _hour_of(timezone.now())
    counted = scope.of(models.ScimRequestCountRow).filter(connection_key=connection, hour__gt=now - HOURS * _HOUR)
    summed = counted.values_list("hour").annotate(Sum("succeeded"), Sum("failed")).order_by()
    found = {hour: (succeeded, failed) for hour, succeeded, failed in summed}
    starts = [now - number * _HOUR for number in reversed(range(HOURS))]
    return tuple(ScimHour(start, *found.get(start, (0, 0))) for start in starts)


def prune(limit: int | None) -> int:
    """Delete numbers that are older than two days. Return how many rows, `limit` at most."""
    old = across_organizations(models.ScimRequestCountRow).filter(hour__lt=timezone.now() - _KEPT)

    def delete(size: int) -> int:
        return old.filter(pk__in=list(old.values_list("pk", flat=True)[:size])).delete()[0]

    return delete_in_batches(delete, limit)


def _hour_of(timestamp: datetime) -> datetime:
    return timestamp.replace(minute=0, second=0, microsecond=0)


@lru_cache(1)
def _process_key(pid: int) -> UUID:  # noqa: ARG001 -- the server may have forked this process
    """Return a key of this process, the same each time."""
    return uuid7()
