"""The worker: claims tasks for its threads, shows that it lives, takes back the tasks of dead workers, and starts jobs.

Every statement stands alone or in a short transaction, and nothing is kept on a connection, so that it works behind any pooler.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from uuid import UUID

import structlog
from django.db import DatabaseError, close_old_connections, connection

from portal.embedded.tasks import heartbeats
from portal.embedded.tasks.claims import Claim, Failure, claim_next
from portal.embedded.tasks.execution import execute, store
from portal.embedded.tasks.heartbeats import Heartbeats
from portal.embedded.tasks.schedule import start_due_jobs
from portal.outages import UNAVAILABLE, UndeclaredPooler, reason

log = structlog.get_logger("gatehouse.worker")

_POLL_SECONDS = 1.0
# After a failure of the database.
_PAUSE_SECONDS = 2.0
_SCHEDULE_SECONDS = 10.0
# For running tasks, once the worker has to stop. Shorter than the 30 seconds after which granian and systemd kill it.
GRACE_SECONDS = 20.0


class Worker:
    """Runs tasks in threads until `should_stop()`; with `once`, until nothing is due.

    It runs one task of an organization at a time, and takes the organizations in turn, so none keeps the others waiting.
    """

    def __init__(self, *, threads: int, should_stop: Callable[[], bool], once: bool = False) -> None:
        self._threads, self._should_stop, self._is_once = threads, should_stop, once
        self._heartbeats = Heartbeats()
        self._due: dict[str, float] = {}
        # The last queue that a task was claimed of.
        self._queue = ""
        self._running: dict[UUID, Claim] = {}
        self._claimed: SimpleQueue[Claim | None] = SimpleQueue()
        self._freed = threading.Event()
        self._is_away, self._is_ending = False, False

    def run(self) -> None:
        """Run until told to stop. Then wait for running tasks, up to 20 seconds; another worker takes back what is left."""
        # Daemons: a task that hangs doesn't keep the process from ending.
        names = [f"task-{number}" for number in range(self._threads)]
        threads = [threading.Thread(target=self._run_tasks, name=name, daemon=True) for name in names]
        for thread in threads:
            thread.start()
        while not self._should_stop() and self._turn():
            pass
        self._end()
        for _ in threads:
            self._claimed.put(None)
        if not self._running:
            for thread in threads:
                thread.join()

    def _turn(self) -> bool:
        """Do what is due, then wait a second, or until a thread is free. Return False if nothing is left and this is once."""
        try:
            close_old_connections()
            self._look_after()
            self._claim()
        except UndeclaredPooler:
            raise
        except DatabaseError as error:
            if not self._is_away:
                log.warning("database_unavailable", **reason(error))
            self._is_away = True
            # In the meantime others may have taken this worker for dead: it shows first that it lives.
            self._due.clear()
            connection.close()
            time.sleep(_PAUSE_SECONDS)
            return True
        self._is_away = False
        if self._is_once and not self._running:
            return False
        self._freed.wait(_POLL_SECONDS)
        self._freed.clear()
        return True

    def _look_after(self) -> None:
        if self._is_due("beat"):
            self._heartbeats.beat()
            self._heartbeats.release_orphans(set(self._running.copy()))
            self._wait_with("beat", heartbeats.BEAT_SECONDS)
        if self._is_due("schedule"):
            start_due_jobs()
            self._wait_with("schedule", _SCHEDULE_SECONDS)

    def _is_due(self, name: str) -> bool:
        return time.monotonic() >= self._due.get(name, 0)

    def _wait_with(self, name: str, seconds: float) -> None:
        self._due[name] = time.monotonic() + seconds

    def _claim(self) -> None:
        """Claim a task for each free thread."""
        while len(self._running) < self._threads:
            busy = {claim.queue for claim in self._running.copy().values()}
            claim = claim_next(self._heartbeats.worker_id, after=self._queue, busy=busy)
            if claim is None:
                break
            self._queue = claim.queue
            self._running[claim.task_id] = claim
            self._claimed.put(claim)

    def _run_tasks(self) -> None:
        while claim := self._claimed.get():
            close_old_connections()
            failure = execute(claim)
            # What the task left on the connection, such as an error.
            close_old_connections()
            try:
                self._store(claim, failure)
            except Exception as error:  # noqa: BLE001 -- the thread has other tasks to run, and this one is taken back
                log.warning("task_outcome_not_stored", task_id=str(claim.task_id), error=type(error).__name__)
            del self._running[claim.task_id]
            self._freed.set()
        connection.close()

    def _store(self, claim: Claim, failure: Failure | None) -> None:
        """Store an outcome, as soon as the database is back."""
        while not self._is_ending:
            try:
                store(claim, failure)
            except UNAVAILABLE:
                connection.close()
                time.sleep(_PAUSE_SECONDS)
            else:
                break

    def _end(self) -> None:
        until = time.monotonic() + GRACE_SECONDS
        while self._running and time.monotonic() < until:
            with suppress(DatabaseError):
                if self._is_due("beat"):
                    self._heartbeats.beat()
                    self._wait_with("beat", heartbeats.BEAT_SECONDS)
            self._freed.wait(_POLL_SECONDS)
            self._freed.clear()
        self._is_ending = True
        if left := self._running.copy().values():
            log.warning("tasks_left", task_ids=[str(claim.task_id) for claim in left])
            return
        with suppress(DatabaseError):
            self._heartbeats.end()
        connection.close()
