"""What tests need to run servers of their own: a free port, a wait until it is open, a database, and an operator."""

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any

import psycopg
import requests
from psycopg.sql import SQL, Identifier

ROOT = Path(__file__).parents[1]
# For what an operator enters once: in one process, as each takes a second to start.
_OPERATOR = """
import json, sys
from io import StringIO
import django
django.setup()
from django.core.management import call_command

def answer(*arguments):
    call_command(*arguments, stdout=(out := StringIO()))
    return out.getvalue()
"""


def free_port() -> int:
    """Return a port of this machine at which nothing listens."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Return when a process listens at a port. Raise AssertionError if it ends, or takes longer than five seconds."""
    for _ in range(100):
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, f"{process.args!r} ended"
        time.sleep(0.05)
    raise AssertionError(f"{process.args!r} doesn't listen")


def environment_in(folder: Path) -> dict[str, str]:
    """Return the settings of a portal whose database is in a folder."""
    return {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "SECRET_KEY": "k9-" + "0123456789abcdefghijklmnopqrstuvwxyz" * 2,
        "ALLOW_HTTP": "true",
        "PUBLIC_URL": f"http://127.0.0.1:{free_port()}",
        "DATABASE_URL": f"sqlite:///{folder}/gatehouse.sqlite3",
        "LOG_LEVEL": "ERROR",
    }


def manage(environment: Mapping[str, str], *arguments: str) -> str:
    """Run a command of manage.py, and return its output."""
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=dict(environment), capture_output=True, text=True, check=True).stdout


def migrate(environment: Mapping[str, str]) -> None:
    """Migrate the new database of a portal. On SQLite it's a copy: one is migrated in each run of the tests."""
    url = environment["DATABASE_URL"]
    if not url.startswith("sqlite:///"):
        manage(environment, "migrate")
        return
    migrated = migrated_file()
    with migrated.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not migrated.exists():
            unfinished = migrated.with_suffix(".unfinished")
            manage({**environment, "DATABASE_URL": f"sqlite:///{unfinished}"}, "migrate")
            unfinished.rename(migrated)
        shutil.copyfile(migrated, url.removeprefix("sqlite:///"))


def migrated_file() -> Path:
    """Return where `migrate()` keeps its database for all processes of this run. tests/conftest.py deletes it."""
    return Path(tempfile.gettempdir()) / f"gatehouse-{os.environ.get('PYTEST_XDIST_TESTRUNUID', os.getpid())}.sqlite3"


def serve(
    environment: dict[str, str], *, address: str = "", folder: Path = ROOT, log: IO[bytes] | None = None
) -> "subprocess.Popen[bytes]":
    """Serve a checkout of the project, at its public URL unless a proxy is to reach it elsewhere.

    As documented, with one process; with a log, in which each request has a line of the server's own.
    """
    address = address or environment["PUBLIC_URL"]
    port = address.rpartition(":")[2]
    options = ["--interface", "wsgi", "--http", "1", "--no-ws", "--port", port, "--blocking-threads", "256"]
    options += ["--access-log"] if log else ["--log-level", "critical"]
    command = [sys.executable, "-m", "granian", *options, "portal.wsgi:application"]
    # A group of its own, so that the workers are killed with their parent.
    server = subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True, stdout=log, stderr=log)
    for _ in range(200):
        try:
            requests.get(f"{address}/healthz", verify=environment.get("REQUESTS_CA_BUNDLE", True), timeout=5)
        except requests.RequestException:
            time.sleep(0.05)
        else:
            return server
    raise AssertionError("the server does not start")


@contextmanager
def postgresql_database() -> Iterator[str]:
    """Yield the URL of an empty database on the tests' PostgreSQL."""
    server, name = os.environ["TEST_DATABASE_URL"].rpartition("/")[0], f"gatehouse_{os.getpid()}_{time.monotonic_ns()}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        try:
            yield f"{server}/{name}"
        finally:
            connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def operate(environment: Mapping[str, str], program: str, *, entered: str = "") -> Any:
    """Run commands with `answer(*arguments)`, which returns their output, and return what the program prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", _OPERATOR + program],
        cwd=ROOT,
        env=dict(environment),
        input=entered,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)
