"""What tests need to run servers of their own: a free port, a wait until it is open, a database, and an operator."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
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
