"""Who runs which task. One statement each, which changes a row only in the state it was read in: two workers never have the same task.

A claim is a task and the time at which it was claimed. Once another worker has claimed the task, the outcome of the first
claim changes nothing. A task that failed waits, longer each time, and is dead after the last attempt.
"""

import random
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from traceback import format_tb
from typing import Any
from uuid import UUID

import structlog
from django.db.models import F, Q
from django.utils import timezone
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from portal.embedded.database.batches import MAX_ROWS, delete_rows

log = structlog.get_logger("gatehouse.tasks")

MAX_ATTEMPTS = 8
# 15 seconds, a minute, 4 minutes, …: the last attempt is about half a day after the first.
_FIRST_DELAY, _FACTOR, _LONGEST_DELAY = timedelta(seconds=15), 4, timedelta(hours=6)
_KEPT_DONE, _KEPT_DEAD = timedelta(days=1), timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Claim:
    """A task that a worker runs."""

    task_id: UUID
    queue: str
    path: str
    attempt: int
    claimed_at: datetime
    worker: str
    row: "DBTaskResult[Any, Any]" = field(repr=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a task failed. The message isn't kept, because it may quote an address or a secret."""

    error: str
    traceback: str = ""
    is_final: bool = False


def failure_of(error: BaseException, *, is_final: bool) -> Failure:
    """Return what to keep of an error: its class, and the lines of code it came through."""
    # Without NUL, which PostgreSQL doesn't store.
    return Failure(type(error).__qualname__, "".join(format_tb(error.__traceback__)).replace("\0", ""), is_final)


def claim_next(worker_id: UUID, *, after: str = "", busy: Collection[str] = ()) -> Claim | None:
    """Claim the most urgent due task of the next queue after `after`, in the order of names, that isn't `busy`."""
    due = DBTaskResult.objects.ready().exclude(queue_name__in=busy)
    in_order = due.order_by("queue_name", F("priority").desc(), "run_after", "enqueued_at")
    # Rows that another worker has claimed since they were read.
    passed: list[UUID] = []
    for rows in (in_order.filter(queue_name__gt=after), in_order):
        while row := rows.exclude(pk__in=passed).first():
            if claimed := _claim(row, worker_id):
                return claimed
            passed.append(row.pk)
    return None


def _claim(row: "DBTaskResult[Any, Any]", worker_id: UUID) -> Claim | None:
    now = timezone.now()
    worker_ids = [*row.worker_ids, str(worker_id)]
    # An attempt changes `run_after`, so a row that has failed since it was read isn't claimed.
    same = DBTaskResult.objects.filter(pk=row.pk, status=TaskResultStatus.READY, run_after=row.run_after)
    if not same.update(status=TaskResultStatus.RUNNING, started_at=now, worker_ids=worker_ids):
        return None
    row.worker_ids = worker_ids
    return _claim_of(row, now)


def succeed(claim: Claim) -> bool:
    """Store that a task has succeeded. Return False if another worker has claimed it in the meantime."""
    stored = {"exception_class_path": "", "traceback": ""}
    is_ours = _update(claim, status=TaskResultStatus.SUCCESSFUL, finished_at=timezone.now(), **stored)
    if is_ours:
        log.info("task_done", seconds=round((timezone.now() - claim.claimed_at).total_seconds(), 3), **_said(claim))
    return is_ours


def fail(claim: Claim, failure: Failure) -> bool:
    """Store that a task has failed, and when it runs again, if it does. Return False as `succeed`."""
    now = timezone.now()
    stored = {"exception_class_path": failure.error, "traceback": failure.traceback}
    if failure.is_final or claim.attempt >= MAX_ATTEMPTS:
        is_ours = _update(claim, status=TaskResultStatus.FAILED, finished_at=now, **stored)
        if is_ours:
            log.error("task_dead", error=failure.error, **_said(claim))
        return is_ours
    wait = delay(claim.attempt)
    is_ours = _update(claim, status=TaskResultStatus.READY, run_after=now + wait, **stored)
    if is_ours:
        log.warning("task_failed", error=failure.error, again_in=round(wait.total_seconds()), **_said(claim))
    return is_ours


def running() -> list[Claim]:
    """Return the tasks that any worker runs, as it claimed them."""
    return [_claim_of(row, row.started_at) for row in DBTaskResult.objects.running().order_by("pk") if row.started_at]


def _claim_of(row: "DBTaskResult[Any, Any]", claimed_at: datetime) -> Claim:
    worker_ids: list[str] = row.worker_ids
    return Claim(row.pk, row.queue_name, row.task_path, len(worker_ids), claimed_at, worker_ids[-1], row)


def _update(claim: Claim, **changes: Any) -> bool:
    claimed = DBTaskResult.objects.filter(
        pk=claim.task_id, status=TaskResultStatus.RUNNING, started_at=claim.claimed_at
    )
    if claimed.update(**changes):
        return True
    log.warning("task_superseded", **_said(claim))
    return False


def _said(claim: Claim) -> dict[str, Any]:
    return {"task_id": str(claim.task_id), "task": claim.path, "attempt": claim.attempt}


def delay(attempt: int) -> timedelta:
    """Return how long a task waits after an attempt: up to 6 hours, and up to a fifth more, so that not all are due at once."""
    wait = min(_FIRST_DELAY * int(_FACTOR ** (attempt - 1)), _LONGEST_DELAY)
    return wait * (1 + random.random() / 5)  # noqa: S311 -- nothing depends on its being unpredictable


def prune(limit: int | None = MAX_ROWS) -> int:
    """Delete tasks that succeeded a day ago or died 30 days ago, a thousand in a transaction. Return how many, `limit` at most."""
    now = timezone.now()
    is_old = Q(status=TaskResultStatus.SUCCESSFUL, finished_at__lt=now - _KEPT_DONE) | Q(
        status=TaskResultStatus.FAILED, finished_at__lt=now - _KEPT_DEAD
    )
    return delete_rows(DBTaskResult.objects.filter(is_old), limit)
