"""The worker: whether one runs, and whether tasks and scheduled jobs get done."""

from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone

from portal.embedded.doctor.findings import Finding, error, ok, warning
from portal.embedded.tasks.state import JobState, job_states, last_heartbeat, queue_state

_SILENT = timedelta(seconds=60)
_LONG_SECONDS = 600.0
# A job that takes longer, or was late once, isn't worth a finding.
_ALLOWANCE = timedelta(hours=1)


def check() -> Iterator[Finding]:
    """Report that no worker runs, tasks that failed for good or wait for long, and jobs that are late."""
    found = [*_problems()]
    yield from found or [ok(f"A worker runs, and {queue_state().waiting} tasks wait for it.")]


def _problems() -> Iterator[Finding]:
    seen = last_heartbeat()
    if seen is None or seen < timezone.now() - _SILENT:
        yield error(
            "No worker runs. Emails aren't sent, and old data isn't deleted.",
            "Start manage.py worker as a service, or set SERVE_WORKER=true.",
        )
        return
    queue = queue_state()
    if queue.dead:
        yield warning(
            f"{queue.dead} tasks have failed for good.",
            "List them with manage.py tasks list, fix the cause, and run manage.py tasks replay.",
        )
    if queue.oldest_seconds and queue.oldest_seconds > _LONG_SECONDS:
        yield warning(
            f"{queue.waiting} tasks wait, the oldest of them for {queue.oldest_seconds / 60:.0f} minutes.",
            "Raise WORKER_THREADS, or run more workers.",
        )
    if late := [job.name for job in job_states() if _is_late(job)]:
        yield warning(
            f"Scheduled jobs haven't succeeded in time: {', '.join(late)}.",
            "Search the worker's log for their names. They run again by themselves.",
        )


def _is_late(job: JobState) -> bool:
    return job.succeeded_at is None or job.succeeded_at < timezone.now() - 2 * job.every - _ALLOWANCE
