"""How the queue, the workers and the schedule are doing: what health checks and metrics read."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Case, Count, F, Max, Min, Q, When
from django.utils import timezone
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult, get_date_max

from portal.embedded.models import ScheduledJobRow, WorkerRow
from portal.embedded.tasks.jobs import JOBS


@dataclass(frozen=True, slots=True)
class QueueState:
    """Numbers of tasks. `waiting` are due, and the oldest of them has been for `oldest_seconds`; `delayed` aren't due yet."""

    waiting: int
    oldest_seconds: float | None
    delayed: int
    running: int
    dead: int


@dataclass(frozen=True, slots=True)
class JobState:
    """A job of the schedule: when it last started and succeeded, None for never, and how many seconds it took."""

    name: str
    every: timedelta
    started_at: datetime | None
    succeeded_at: datetime | None
    seconds: float | None


def queue_state() -> QueueState:
    """Count the tasks that aren't done."""
    now = timezone.now()
    open_or_dead = (TaskResultStatus.READY, TaskResultStatus.RUNNING, TaskResultStatus.FAILED)
    tasks = DBTaskResult.objects.filter(status__in=open_or_dead).order_by()
    is_ready = Q(status=TaskResultStatus.READY)
    is_due = is_ready & (Q(run_after__lte=now) | Q(run_after=get_date_max()))
    # A task that never had to wait has the end of time in `run_after`.
    due_at = Case(When(run_after__lte=now, then=F("run_after")), default=F("enqueued_at"))
    found = tasks.aggregate(
        waiting=Count("pk", filter=is_due),
        oldest=Min(due_at, filter=is_due),
        ready=Count("pk", filter=is_ready),
        running=Count("pk", filter=Q(status=TaskResultStatus.RUNNING)),
        dead=Count("pk", filter=Q(status=TaskResultStatus.FAILED)),
    )
    return QueueState(
        waiting=found["waiting"],
        oldest_seconds=max(0.0, (now - found["oldest"]).total_seconds()) if found["oldest"] else None,
        delayed=found["ready"] - found["waiting"],
        running=found["running"],
        dead=found["dead"],
    )


def last_heartbeat() -> datetime | None:
    """Return when a worker last showed that it lives, None if none is running."""
    newest: datetime | None = WorkerRow.objects.aggregate(newest=Max("seen_at"))["newest"]
    return newest


def job_states() -> list[JobState]:
    """Return the state of each job, in the order of the schedule."""
    rows = {row.name: row for row in ScheduledJobRow.objects.all()}
    known = [(job, rows.get(job.name) or ScheduledJobRow(name=job.name)) for job in JOBS]
    return [JobState(job.name, job.every, row.started_at, row.succeeded_at, row.seconds) for job, row in known]
