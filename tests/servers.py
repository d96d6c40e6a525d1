"""What tests need to run servers of their own: a free port, a wait until it is open, and a database."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg.sql import SQL, Identifier

if TYPE_CHECKING:
    import subprocess


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
