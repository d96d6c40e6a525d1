"""What the doctor says about the worker."""

from collections.abc import Mapping
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.utils import timezone

from portal.embedded.doctor import worker
from portal.embedded.tasks.state import JobState, QueueState

NOW = timedelta(0)
HOUR = timedelta(hours=1)
QUIET: Mapping[str, float] = {"waiting": 2, "oldest_seconds": 1.0, "delayed": 0, "running": 0, "dead": 0}


def said(seen: timedelta | None = NOW, succeeded: timedelta | None = NOW, **queue: float) -> list[tuple[str, str]]:
    """Return the findings if a worker was seen, and its job succeeded, so long ago; None: never."""
    now = timezone.now()
    success = None if succeeded is None else now - succeeded
    state = QueueState(**{**QUIET, **queue})  # type: ignore[arg-type]  # -- whole numbers but for the seconds
    jobs = [JobState("prune_sessions", HOUR, success, success, 1.0)]
    with (
        patch.object(worker, "last_heartbeat", return_value=None if seen is None else now - seen),
        patch.object(worker, "queue_state", return_value=state),
        patch.object(worker, "job_states", return_value=jobs),
    ):
        return [(str(finding.severity), finding.text) for finding in worker.check()]


def test_a_worker_that_does_its_work_is_ok() -> None:
    assert said() == [("ok", "A worker runs, and 2 tasks wait for it.")]


@pytest.mark.parametrize("seen", [None, timedelta(minutes=2)])
def test_that_no_worker_runs_is_one_error(seen: timedelta | None) -> None:
    ((severity, text),) = said(seen, dead=1)

    assert (severity, text.partition(".")[0]) == ("error", "No worker runs")


def test_tasks_that_failed_or_wait_for_long_are_reported() -> None:
    assert said(dead=3) == [("warning", "3 tasks have failed for good.")]
    assert said(oldest_seconds=1800.0) == [("warning", "2 tasks wait, the oldest of them for 30 minutes.")]


@pytest.mark.parametrize(("succeeded", "is_late"), [(2 * HOUR, False), (4 * HOUR, True), (None, True)])
def test_a_scheduled_job_that_is_late_is_named(succeeded: timedelta | None, is_late: bool) -> None:
    late = ("warning", "Scheduled jobs haven't succeeded in time: prune_sessions.")

    assert (late in said(succeeded=succeeded)) is is_late
