"""What operators see of the queue, and what they do with dead tasks: run them again, or delete them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult, get_date_max

from portal.directory.errors import Invalid, NotFound
from portal.directory.ids import public_id
from portal.embedded.tasks.queue import organization_of

STATUSES = {
    "waiting": TaskResultStatus.READY,
    "running": TaskResultStatus.RUNNING,
    "dead": TaskResultStatus.FAILED,
    "done": TaskResultStatus.SUCCESSFUL,
}
_NAMES = {status: name for name, status in STATUSES.items()}


@dataclass(frozen=True, slots=True)
class QueuedTask:
    """A task, without its arguments. `organization_id` is "" for a scheduled job."""

    task_id: str
    name: str
    organization_id: str
    status: str
    attempts: int
    added_at: datetime
    # None unless it waits for a time.
    due_at: datetime | None
    finished_at: datetime | None
    error: str
    traceback: str


def list_tasks(status: str, *, limit: int) -> list[QueuedTask]:
    """Return the newest tasks with a status, one of STATUSES."""
    rows = DBTaskResult.objects.filter(status=STATUSES[status]).order_by("-enqueued_at", "-pk")
    return [_value(row) for row in rows[:limit]]


def get_task(task_id: str) -> QueuedTask:
    """Return a task. Raise Invalid for something that isn't an ID, NotFound."""
    row = DBTaskResult.objects.filter(pk=_key(task_id)).first()
    if row is None:
        raise NotFound("This task does not exist. Tasks that succeeded are kept for a day, dead ones for 30 days.")
    return _value(row)


def replay(task_ids: Sequence[str] | None) -> int:
    """Put dead tasks back into the queue, all of them for None, and return how many. Their attempts start again."""
    return _dead(task_ids).update(
        status=TaskResultStatus.READY,
        run_after=timezone.now(),
        worker_ids=[],
        finished_at=None,
        exception_class_path="",
        traceback="",
    )


def delete(task_ids: Sequence[str] | None) -> int:
    """Delete dead tasks, all of them for None, and return how many."""
    return _dead(task_ids).delete()[0]


def _dead(task_ids: Sequence[str] | None) -> "QuerySet[DBTaskResult[Any, Any]]":
    dead = DBTaskResult.objects.filter(status=TaskResultStatus.FAILED).order_by()
    return dead if task_ids is None else dead.filter(pk__in=[_key(one) for one in task_ids])


def _key(task_id: str) -> UUID:
    try:
        return UUID(task_id)
    except ValueError:
        raise Invalid(f'"{task_id}" isn\'t the ID of a task.') from None


def _value(row: "DBTaskResult[Any, Any]") -> QueuedTask:
    organization = organization_of(row.queue_name)
    name = row.task_path.rpartition(".")[2]
    # All jobs are one task, whose argument says which.
    job = row.args_kwargs["args"] if organization is None else []
    return QueuedTask(
        task_id=str(row.pk),
        name=job[0] if job else name,
        organization_id=public_id("organization", organization) if organization else "",
        status=_NAMES[TaskResultStatus(row.status)],
        attempts=len(row.worker_ids),
        added_at=row.enqueued_at,
        due_at=None if row.run_after == get_date_max() else row.run_after,
        finished_at=row.finished_at,
        error=row.exception_class_path,
        traceback=row.traceback,
    )
