"""Run queued tasks in a test's own thread and transaction, and tasks that tests look at."""

import time
from pathlib import Path

from django_tasks import task

from portal.directory.ids import uuid7
from portal.embedded.database.rate_limits import DatabaseStorage
from portal.embedded.tasks.claims import claim_next
from portal.embedded.tasks.execution import execute, store
from portal.embedded.tasks.queue import GiveUp


def run_tasks() -> int:
    """Run the tasks that are due, as a worker does, and return how many ran."""
    number, worker_id = 0, uuid7()
    while claim := claim_next(worker_id):
        store(claim, execute(claim))
        number += 1
    return number


def count(name: str) -> int:
    """Return how often `add_one` or another task below had its effect."""
    return DatabaseStorage("database://").get(name)


@task()
def add_one(name: str) -> None:
    DatabaseStorage("database://").incr(name, 3600)


@task()
def fail(message: str) -> None:
    raise OSError(message)


@task()
def give_up() -> None:
    raise GiveUp


@task()
def wait_for_file(path: str, name: str) -> None:
    """Say that it began, wait until a file exists, then count: what is killed while it waits has had no effect."""
    Path(f"{path}.began").touch()
    while not Path(path).exists():
        time.sleep(0.02)
    DatabaseStorage("database://").incr(name, 3600)
