"""Start each job of the schedule once per period, no matter how many workers look, even if their clocks jump."""

import time
from datetime import datetime

import structlog
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from portal.embedded.models import ScheduledJobRow
from portal.embedded.tasks.jobs import JOBS, Job
from portal.embedded.tasks.queue import HOUSEKEEPING

log = structlog.get_logger("gatehouse.tasks")


def start_due_jobs() -> list[str]:
    """Enqueue the jobs whose time has come, and return their names."""
    rows = {row.name: row for row in ScheduledJobRow.objects.all()}
    if missing := [ScheduledJobRow(name=job.name) for job in JOBS if job.name not in rows]:
        ScheduledJobRow.objects.bulk_create(missing, ignore_conflicts=True)
        rows |= {row.name: row for row in missing}
    now = timezone.now()
    return [job.name for job in JOBS if is_due(job, rows[job.name].started_at, now) and _start(job, rows[job.name])]


def is_due(job: Job, started_at: datetime | None, now: datetime) -> bool:
    """Say whether a job's period has passed since its last start.

    A start in the future is one by a clock that was wrong. It doesn't count if it's a period away, and else delays the job
    by a period at most.
    """
    return started_at is None or abs(now - started_at) >= job.every


def _start(job: Job, row: ScheduledJobRow) -> bool:
    """Enqueue a job. Return False if another worker was faster, or if its last run hasn't ended."""
    unfinished = DBTaskResult.objects.filter(status__in=("READY", "RUNNING"))
    if row.task_id and unfinished.filter(pk=row.task_id).exists():
        return False
    same = ScheduledJobRow.objects.filter(pk=job.name, started_at=row.started_at)
    with transaction.atomic():
        if not same.update(started_at=timezone.now()):
            return False
        result = run_job.using(queue_name=HOUSEKEEPING).enqueue(job.name)
        ScheduledJobRow.objects.filter(pk=job.name).update(task_id=result.id)
    return True


@task()
def run_job(name: str) -> None:
    """Run a job of the schedule, and note that it succeeded."""
    job = next((job for job in JOBS if job.name == name), None)
    if job is None:  # of another version
        return
    began = time.monotonic()
    result = import_string(job.function)()
    seconds = time.monotonic() - began
    ScheduledJobRow.objects.filter(pk=name).update(succeeded_at=timezone.now(), seconds=seconds)
    log.info("job_done", job=name, result=result, seconds=round(seconds, 3))
