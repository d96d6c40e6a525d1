"""The queue: what is added runs once, in turn, again after a failure, and in the end is dead."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from django.db import connection, connections, transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from portal.directory.errors import TooManyRequests
from portal.directory.ids import uuid7
from portal.embedded.tasks import claims, inspection, queue
from portal.embedded.tasks.claims import MAX_ATTEMPTS, Claim, claim_next
from portal.embedded.tasks.execution import execute, store
from portal.embedded.tasks.queue import URGENT, enqueue
from portal.embedded.tasks.state import queue_state
from tests import tasks
from tests.tasks import count, run_tasks

pytestmark = pytest.mark.django_db

ACME, GLOBEX, WORKER = UUID(int=1), UUID(int=2), UUID(int=3)


def row() -> "DBTaskResult[..., None]":
    found: DBTaskResult[..., None] = DBTaskResult.objects.get()
    return found


def fail_until_dead() -> list[timedelta]:
    """Run the only task until it is dead, and return how long it waited each time."""
    waited = []
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        while run_tasks() and row().status == "READY":
            waited.append(row().run_after - timezone.now())
            traveller.shift(waited[-1])
    return waited


def test_a_task_runs_once() -> None:
    enqueue(ACME, tasks.add_one, "a")

    assert (run_tasks(), run_tasks()) == (1, 0)
    assert (count("a"), row().status) == (1, "SUCCESSFUL")


def test_a_task_of_a_rolled_back_transaction_does_not_exist() -> None:
    def add_then_fail() -> None:
        with transaction.atomic():
            enqueue(ACME, tasks.add_one, "a")
            raise OSError("undone")

    with pytest.raises(OSError, match="undone"):
        add_then_fail()

    assert (run_tasks(), count("a")) == (0, 0)


def test_organizations_take_turns_however_much_one_adds() -> None:
    for name in ("1", "2", "3", "4"):
        enqueue(ACME, tasks.add_one, name)
    enqueue(GLOBEX, tasks.add_one, "5")
    turns, after = [], ""
    while claim := claim_next(WORKER, after=after):
        after = claim.queue
        turns.append(claim.queue)

    assert turns == [ACME.hex, GLOBEX.hex, ACME.hex, ACME.hex, ACME.hex]


def test_an_organization_whose_task_runs_waits_for_its_next_turn() -> None:
    enqueue(ACME, tasks.add_one, "a")
    enqueue(GLOBEX, tasks.add_one, "b")

    claimed = claim_next(WORKER, busy={ACME.hex})

    assert claimed
    assert claimed.queue == GLOBEX.hex
    assert claim_next(WORKER, busy={ACME.hex}) is None


def test_what_someone_waits_for_runs_first() -> None:
    enqueue(ACME, tasks.add_one, "later")
    enqueue(ACME, tasks.fail.using(priority=URGENT), "now")

    claimed = claim_next(WORKER)

    assert claimed
    assert claimed.path == "tests.tasks.fail"


def test_an_organization_that_fills_its_queue_affects_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "MAX_WAITING", 2)
    for name in ("1", "2"):
        enqueue(ACME, tasks.add_one, name)

    with pytest.raises(TooManyRequests):
        enqueue(ACME, tasks.add_one, "3")
    enqueue(GLOBEX, tasks.add_one, "4")
    assert run_tasks() == 3
    enqueue(ACME, tasks.add_one, "5")


def test_a_task_that_always_fails_waits_longer_each_time_and_is_dead_in_the_end() -> None:
    enqueue(ACME, tasks.fail, "no luck")

    waited = [wait.total_seconds() for wait in fail_until_dead()]

    assert len(waited) == MAX_ATTEMPTS - 1
    for found, minimum in zip(waited, (15, 60, 240, 960, 3840, 15360, 21600), strict=True):
        assert minimum <= found <= minimum * 1.2
    assert (row().status, row().exception_class_path, queue_state().dead) == ("FAILED", "OSError", 1)
    assert run_tasks() == 0


def test_a_dead_task_can_be_replayed_from_its_first_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    enqueue(ACME, tasks.fail, "no luck")
    fail_until_dead()

    with time_machine.travel(timezone.now() + timedelta(days=3), tick=True):
        assert inspection.replay([str(row().pk)]) == 1
        assert len(fail_until_dead()) == MAX_ATTEMPTS - 1
        inspection.replay(None)
        monkeypatch.setattr("tests.tasks.fail", tasks.add_one)
        run_tasks()
    assert row().status == "SUCCESSFUL"
    assert inspection.replay(None) == 0


def test_a_task_that_gives_up_is_dead_at_once() -> None:
    enqueue(ACME, tasks.give_up)
    run_tasks()

    assert row().status == "FAILED"


def test_a_task_of_a_newer_version_waits_for_a_worker_that_knows_it() -> None:
    enqueue(ACME, tasks.add_one, "a")
    DBTaskResult.objects.update(task_path="tests.tasks.of_the_next_version")
    run_tasks()

    assert (row().status, row().exception_class_path) == ("READY", "ImportError")


def test_neither_the_log_nor_the_queue_has_an_errors_message(caplog: pytest.LogCaptureFixture) -> None:
    enqueue(ACME, tasks.fail, "ada@acme.example")
    DBTaskResult.objects.update(worker_ids=["x"] * MAX_ATTEMPTS)
    with caplog.at_level("DEBUG"):
        run_tasks()

    assert "task_dead" in caplog.text
    assert "ada@" not in caplog.text
    assert "raise OSError(message)" in row().traceback
    assert "ada@" not in row().traceback + row().exception_class_path


@pytest.mark.parametrize("outcome", [None, claims.Failure("OSError"), claims.Failure("OSError", is_final=True)])
def test_the_outcome_of_a_claim_that_was_taken_back_changes_nothing(outcome: claims.Failure | None) -> None:
    enqueue(ACME, tasks.add_one, "a")
    first = claim_next(WORKER)
    assert first
    claims.fail(first, claims.Failure("WorkerDied"))
    with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=True):
        second = claim_next(uuid7())
    assert second

    assert not store(first, outcome)
    assert (row().status, row().worker_ids[-1]) == ("RUNNING", second.worker)
    assert store(second, None)


def test_a_task_that_failed_since_it_was_read_is_not_claimed() -> None:
    enqueue(ACME, tasks.fail, "no luck")
    stale = row()
    run_tasks()

    assert claims._claim(stale, WORKER) is None
    assert row().status == "READY"


def test_a_task_that_another_worker_was_faster_to_claim_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        enqueue(ACME, tasks.add_one, name)
    claim, first = claims._claim, DBTaskResult.objects.order_by("enqueued_at").first()
    assert first
    monkeypatch.setattr(claims, "_claim", lambda row, worker: None if row.pk == first.pk else claim(row, worker))

    claimed = claim_next(WORKER)
    assert claimed
    assert claimed.task_id != first.pk
    assert claim_next(WORKER) is None


def each(number: int, work: Callable[[int], int]) -> int:
    """Run work in as many threads, each with a connection of its own, and return the sum of the results."""

    def run(which: int) -> int:
        try:
            return work(which)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(number) as pool:
        return sum(pool.map(run, range(number)))


@pytest.mark.django_db(transaction=True)
def test_several_workers_never_run_a_task_twice() -> None:
    names = [f"task-{n}" for n in range(40)]
    for n, name in enumerate(names):
        enqueue(UUID(int=n % 3), tasks.add_one, name)

    assert each(4, lambda _: run_tasks()) == len(names)
    assert {count(name) for name in names} == {1}


def test_old_tasks_are_pruned() -> None:
    for _ in range(2):
        enqueue(ACME, tasks.add_one, "a")
        enqueue(ACME, tasks.give_up)
    run_tasks()
    days = {"SUCCESSFUL": 1, "FAILED": 30}
    for status, age in days.items():
        old = DBTaskResult.objects.filter(status=status).first()
        assert old
        DBTaskResult.objects.filter(pk=old.pk).update(finished_at=timezone.now() - timedelta(days=age, minutes=1))
    enqueue(ACME, tasks.add_one, "waits")

    assert claims.prune() == 2
    assert sorted(DBTaskResult.objects.values_list("status", flat=True)) == ["FAILED", "READY", "SUCCESSFUL"]


def test_the_next_task_is_found_by_an_index() -> None:
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, "django_tasks_database_dbtaskresult")

    columns = ["status", "queue_name", "priority", "run_after", "enqueued_at"]
    assert found["directory_task_next"]["columns"] == columns


def test_numbers_of_tasks() -> None:
    assert (queue_state().waiting, queue_state().oldest_seconds) == (0, None)
    now = timezone.now()
    with time_machine.travel(now - timedelta(minutes=5), tick=False):
        enqueue(ACME, tasks.add_one, "waits")
    with time_machine.travel(now, tick=False):
        enqueue(GLOBEX, tasks.add_one, "runs")
        enqueue(GLOBEX, tasks.add_one.using(run_after=now + timedelta(hours=1)), "delayed")
        assert isinstance(claim_next(WORKER, after=ACME.hex), Claim)
        state = queue_state()

    assert (state.waiting, state.delayed, state.running, state.dead) == (1, 1, 1, 0)
    assert state.oldest_seconds == pytest.approx(300)


def test_execution_survives_what_would_end_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(name: str) -> None:
        raise SystemExit

    enqueue(ACME, tasks.add_one, "a")
    claimed = claim_next(WORKER)
    assert claimed
    monkeypatch.setattr("tests.tasks.DatabaseStorage", end)

    failure = execute(claimed)
    assert failure
    assert failure.error == "SystemExit"
