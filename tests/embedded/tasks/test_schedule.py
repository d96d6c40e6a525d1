"""The schedule: each job runs once per period, over all workers and even if clocks jump."""

from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from portal.embedded.database.rate_limits import DatabaseStorage
from portal.embedded.models import ScheduledJobRow
from portal.embedded.tasks import schedule
from portal.embedded.tasks.jobs import JOBS, Job
from portal.embedded.tasks.schedule import is_due, start_due_jobs
from portal.embedded.tasks.state import job_states
from tests.embedded.tasks.test_queue import each
from tests.tasks import count, run_tasks

pytestmark = pytest.mark.django_db

HOURLY = Job("hourly", timedelta(hours=1), "tests.embedded.tasks.test_schedule.tick")


def tick() -> int:
    return DatabaseStorage("database://").incr("tick", 3600 * 24)


@pytest.fixture
def only_hourly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "JOBS", (HOURLY,))


@pytest.mark.usefixtures("only_hourly")
def test_a_job_runs_once_per_period() -> None:
    now, runs = timezone.now(), []
    for minutes in (0, 1, 59, 60, 61, 119, 121):
        with time_machine.travel(now + timedelta(minutes=minutes), tick=False):
            start_due_jobs()
            run_tasks()
            runs.append(count("tick"))

    assert runs == [1, 1, 1, 2, 2, 2, 3]


@pytest.mark.django_db(transaction=True)
def test_several_workers_start_each_job_once() -> None:
    assert each(4, lambda _: len(start_due_jobs())) == len(JOBS)

    names = Counter(row.args_kwargs["args"][0] for row in DBTaskResult.objects.all())
    assert names == {job.name: 1 for job in JOBS}


@pytest.mark.usefixtures("only_hourly")
def test_a_job_is_not_started_while_its_last_run_waits_or_runs() -> None:
    start_due_jobs()
    with time_machine.travel(timezone.now() + timedelta(hours=5), tick=True):
        assert start_due_jobs() == []
        run_tasks()
        assert start_due_jobs() == ["hourly"]


@pytest.mark.parametrize(
    ("started_ago", "expected"),
    [
        (None, True),
        (timedelta(minutes=59), False),
        (timedelta(hours=1), True),
        # Started by a clock that was wrong, or on a machine whose clock is ahead.
        (timedelta(seconds=-2), False),
        (timedelta(minutes=-59), False),
        (timedelta(days=-3650), True),
    ],
)
def test_a_clock_that_jumps_delays_a_job_by_a_period_at_most(started_ago: timedelta | None, *, expected: bool) -> None:
    now = timezone.now()

    assert is_due(HOURLY, None if started_ago is None else now - started_ago, now) is expected


def test_every_job_of_the_schedule_runs() -> None:
    assert {state.succeeded_at for state in job_states()} == {None}
    start_due_jobs()
    run_tasks()

    states = job_states()
    assert [state.name for state in states] == [job.name for job in JOBS]
    assert all(state.started_at and state.succeeded_at and state.seconds is not None for state in states)


@pytest.mark.usefixtures("only_hourly")
def test_a_job_that_fails_has_not_succeeded_and_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr("tests.embedded.tasks.test_schedule.tick", fail)
        start_due_jobs()
        run_tasks()
    row = ScheduledJobRow.objects.get()
    assert (row.succeeded_at, count("tick")) == (None, 0)

    with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=True):
        run_tasks()
    row.refresh_from_db()
    assert row.succeeded_at
    assert count("tick") == 1
