"""The worker as a process: killed, told to stop, beside another one, without its database, and inside a web process."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from portal.embedded.management.commands.worker import NICENESS
from tests.embedded.database.test_pgbouncer import pgbouncer
from tests.servers import ROOT, environment_in, free_port, manage, migrate, operate, postgresql_database, wait_for_port

# Looks for the dead within seconds. Where another worker lives, it could be taken for dead on a busy machine.
_HASTY = """
import django
django.setup()
from django.core.management import call_command
from portal.embedded.tasks import heartbeats
heartbeats.BEAT_SECONDS, heartbeats.DEAD_SECONDS = 0.2, 1.0
call_command("worker")
"""
_ADD = """
from uuid import UUID
from portal.embedded.tasks.queue import enqueue
from tests import tasks
"""

pytestmark = pytest.mark.xdist_group("worker")  # in one process, which prepares each database once

Environment = dict[str, str]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)], scope="module")
def environment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """A portal of its own, in a database of its own, without scheduled jobs that are due."""
    folder = tmp_path_factory.mktemp("worker")
    if request.param == "sqlite":
        yield prepared(environment_in(folder))
        return
    with postgresql_database() as url:
        yield prepared(environment_in(folder) | {"DATABASE_URL": url})


def prepared(environment: Environment) -> Environment:
    migrate(environment)
    manage(environment, "worker", "--once")
    return environment


@contextmanager
def worker(environment: Environment, *, is_hasty: bool = False) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, *(["-c", _HASTY] if is_hasty else ["manage.py", "worker"])]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def rows(environment: Environment, sql: str, *values: str) -> list[tuple[Any, ...]]:
    """Ask the database itself, which takes less time than a command, and return the rows if there are any."""
    url = environment["DATABASE_URL"]
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=20)) as database, database:
            return database.execute(sql, values).fetchall()
    with psycopg.connect(url, autocommit=True) as server:
        cursor = server.execute(sql.replace("?", "%s").encode(), values)
        return cursor.fetchall() if cursor.description else []


def wait_until(is_true: Callable[[], bool]) -> None:
    for _ in range(1200):
        if is_true():
            return
        time.sleep(0.05)
    raise AssertionError("it does not happen")


def add(environment: Environment, *arguments: str) -> None:
    operate(environment, _ADD + "\n".join(f"enqueue({one})" for one in arguments) + "\nprint(1)")


def add_waiting_task(environment: Environment, folder: Path, name: str) -> Path:
    """Add a task that counts `name` once the returned file exists."""
    file = folder / name
    add(environment, f"UUID(int=1), tasks.wait_for_file, {str(file)!r}, {name!r}")
    return file


def count(environment: Environment, name: str) -> int:
    """Return how often a task had its effect."""
    return sum(counts(environment, name))


def counts(environment: Environment, start: str) -> list[int]:
    """Return how often each of several tasks had its effect."""
    found = rows(environment, "SELECT amount FROM directory_ratelimitcounter WHERE key LIKE ?", f"{start}%")
    return [amount for (amount,) in found]


def status(environment: Environment, name: str) -> str:
    sql = "SELECT status FROM django_tasks_database_dbtaskresult WHERE CAST(args_kwargs AS text) LIKE ?"
    ((found,),) = rows(environment, sql, f'%"{name}"%')
    return str(found)


def do_not_wait(environment: Environment) -> None:
    """Let tasks that failed run again at once."""
    rows(
        environment,
        "UPDATE django_tasks_database_dbtaskresult SET run_after = '2000-01-01 00:00:00' WHERE status = 'READY'",
    )


def test_a_killed_workers_task_runs_again_and_has_its_effect_once(environment: Environment, tmp_path: Path) -> None:
    file = add_waiting_task(environment, tmp_path, "killed")
    began = Path(f"{file}.began")
    with worker(environment) as first:
        wait_until(began.exists)
        first.send_signal(signal.SIGKILL)
        first.wait()
    began.unlink()
    assert status(environment, "killed") == "RUNNING"
    with worker(environment, is_hasty=True):
        wait_until(lambda: status(environment, "killed") == "READY")
        do_not_wait(environment)
        wait_until(began.exists)
        file.touch()
        wait_until(lambda: status(environment, "killed") == "SUCCESSFUL")

    assert count(environment, "killed") == 1


def test_a_worker_that_gets_sigterm_finishes_its_task_and_claims_no_other(
    environment: Environment, tmp_path: Path
) -> None:
    file = add_waiting_task(environment, tmp_path, "ends")
    rows(environment, "DELETE FROM directory_worker")
    with worker(environment) as process:
        wait_until(Path(f"{file}.began").exists)
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == NICENESS
        add_waiting_task(environment, tmp_path, "stays")
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert process.poll() is None
        file.touch()
        assert process.wait(timeout=60) == 0

    assert (count(environment, "ends"), status(environment, "ends")) == (1, "SUCCESSFUL")
    assert (count(environment, "stays"), status(environment, "stays")) == (0, "READY")
    assert rows(environment, "SELECT id FROM directory_worker") == []
    rows(environment, "DELETE FROM django_tasks_database_dbtaskresult")


def test_two_workers_run_each_task_once(environment: Environment) -> None:
    with worker(environment), worker(environment):
        add(environment, *(f"UUID(int={n % 7}), tasks.add_one, 'both-{n}'" for n in range(60)))
        wait_until(lambda: sum(counts(environment, "both-")) >= 60)

    assert counts(environment, "both-") == [1] * 60


@pytest.mark.postgresql
def test_a_worker_outlives_its_database(tmp_path: Path) -> None:
    with postgresql_database() as url:
        environment = prepared(environment_in(tmp_path) | {"DATABASE_URL": url})
        name = url.rpartition("/")[2]
        file = add_waiting_task(environment, tmp_path, "outage")
        with worker(environment) as process, psycopg.connect(url.replace(name, "postgres"), autocommit=True) as server:
            wait_until(Path(f"{file}.began").exists)
            server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            time.sleep(1.5)
            assert process.poll() is None
            server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
            file.touch()
            wait_until(lambda: status(environment, "outage") == "SUCCESSFUL")
            add(environment, "UUID(int=1), tasks.add_one, 'after'")
            wait_until(lambda: count(environment, "after") == 1)

        assert count(environment, "outage") == 1


@pytest.mark.postgresql
@pytest.mark.pgbouncer
def test_workers_need_no_connection_of_their_own(tmp_path: Path) -> None:
    """PgBouncer in transaction mode gives each transaction another connection."""
    with postgresql_database() as url, pgbouncer(tmp_path, "transaction", size=2) as pooler:
        direct = prepared(environment_in(tmp_path) | {"DATABASE_URL": url})
        pooled = direct | {"DATABASE_URL": f"{pooler}/{url.rpartition('/')[2]}", "DATABASE_PREPARE": "false"}
        with worker(pooled), worker(pooled):
            add(direct, *(f"UUID(int={n % 7}), tasks.add_one, 'pooled-{n}'" for n in range(30)))
            wait_until(lambda: sum(counts(direct, "pooled-")) >= 30)

        assert counts(direct, "pooled-") == [1] * 30


def test_one_of_several_web_processes_runs_the_worker_and_another_follows(tmp_path: Path) -> None:
    environment = environment_in(tmp_path) | {"SERVE_WORKER": "true"}
    migrate(environment)
    port = free_port()
    options = ["--interface", "wsgi", "--port", str(port), "--workers", "2", "--blocking-threads", "8"]
    command = [sys.executable, "-m", "granian", *options, "--respawn-failed-workers", "portal.wsgi:application"]
    server = subprocess.Popen([*command, "--log-level", "critical"], cwd=ROOT, env=environment, start_new_session=True)
    try:
        wait_for_port(port, server)
        wait_until(lambda: bool(workers(environment)))
        time.sleep(1)
        (first,) = workers(environment)
        os.kill(int(first.rpartition(":")[2]), signal.SIGKILL)
        wait_until(lambda: len(workers(environment)) == 2)
        add(environment, "UUID(int=1), tasks.add_one, 'served'")
        wait_until(lambda: count(environment, "served") == 1)
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=60)
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()

    # Only the killed one has left its row.
    assert workers(environment) == [first]


def workers(environment: Environment) -> list[str]:
    return [name for (name,) in rows(environment, "SELECT name FROM directory_worker")]
