"""Workers that died are found by their heartbeat, and nobody else is taken for dead."""

from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID

import pytest
import time_machine
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from portal.embedded import models
from portal.embedded.tasks import heartbeats
from portal.embedded.tasks.claims import claim_next
from portal.embedded.tasks.heartbeats import DEAD_SECONDS, Heartbeats
from portal.embedded.tasks.queue import enqueue
from portal.embedded.tasks.state import last_heartbeat
from tests import tasks

pytestmark = pytest.mark.django_db


class Clock:
    """The monotonic clock of this process."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(heartbeats, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


@pytest.fixture
def other(clock: Clock) -> Heartbeats:
    """Another worker, which runs a task."""
    other = Heartbeats()
    other.beat()
    enqueue(UUID(int=1), tasks.add_one, "a")
    assert claim_next(other.worker_id)
    return other


@pytest.fixture
def own(clock: Clock, other: Heartbeats) -> Heartbeats:
    own = Heartbeats()
    own.beat()
    assert own.release_orphans(set()) == []
    return own


def look(own: Heartbeats, clock: Clock, *, seconds: float, every: float = 10) -> list[UUID]:
    found = []
    for _ in range(int(seconds / every)):
        clock.now += every
        found += own.release_orphans(set())
    return found


def test_a_worker_whose_heart_stands_still_for_a_minute_is_dead(own: Heartbeats, clock: Clock) -> None:
    (task_id,) = DBTaskResult.objects.values_list("pk", flat=True)

    assert look(own, clock, seconds=DEAD_SECONDS - 10) == []
    assert look(own, clock, seconds=10) == [task_id]
    row = DBTaskResult.objects.get()
    assert (row.status, row.exception_class_path, len(row.worker_ids)) == ("READY", "WorkerDied", 1)
    assert [one.pk for one in models.WorkerRow.objects.all()] == [own.worker_id]


def test_a_worker_whose_heart_beats_lives(own: Heartbeats, other: Heartbeats, clock: Clock) -> None:
    for _ in range(20):
        other.beat()
        assert look(own, clock, seconds=50) == []


def test_nobody_is_dead_because_a_clock_jumps(own: Heartbeats, other: Heartbeats, clock: Clock) -> None:
    for days in (400, -400, 1):
        with time_machine.travel(timezone.now() + timedelta(days=days), tick=True):
            other.beat()
            own.beat()
            assert look(own, clock, seconds=DEAD_SECONDS - 10) == []


def test_nobody_is_dead_because_the_database_was_away(own: Heartbeats, clock: Clock) -> None:
    # No one could look or beat for an hour.
    clock.now += 3600

    assert own.release_orphans(set()) == []


def test_the_task_of_a_worker_that_stopped_without_it_is_taken_back_at_once(own: Heartbeats, other: Heartbeats) -> None:
    other.end()

    assert len(own.release_orphans(set())) == 1


def test_a_worker_keeps_what_it_runs_and_takes_back_what_it_lost(other: Heartbeats, clock: Clock) -> None:
    (task_id,) = DBTaskResult.objects.values_list("pk", flat=True)

    assert other.release_orphans({task_id}) == []
    assert other.release_orphans(set()) == [task_id]


def test_a_worker_that_was_taken_for_dead_registers_again(own: Heartbeats, other: Heartbeats, clock: Clock) -> None:
    look(own, clock, seconds=DEAD_SECONDS)
    assert models.WorkerRow.objects.count() == 1

    other.beat()
    assert models.WorkerRow.objects.count() == 2


def test_the_last_heartbeat_is_the_newest_of_any_worker(clock: Clock) -> None:
    assert last_heartbeat() is None
    first, second = Heartbeats(), Heartbeats()
    now = timezone.now()
    for ago, one in ((30, first), (10, second)):
        with time_machine.travel(now - timedelta(seconds=ago), tick=False):
            one.beat()

    assert last_heartbeat() == now - timedelta(seconds=10)
    second.end()
    assert last_heartbeat() == now - timedelta(seconds=30)
