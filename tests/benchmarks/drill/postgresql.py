"""A PostgreSQL server with a streaming standby, either of which can be the primary."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Literal

from tests.benchmarks.drill.units import Unit
from tests.servers import free_port

DATABASE = "gatehouse"
_SECONDS = 120
_SETTINGS = """
listen_addresses = '127.0.0.1'
max_connections = 100
shared_buffers = 64MB
wal_keep_size = 512MB
# Processes are killed, not the machine, so nothing has to be on the disk.
fsync = off
full_page_writes = off
hot_standby = on
# A standby that was cut off tries again soon.
wal_retrieve_retry_interval = 500ms
"""
_IS_STREAMING = "exists(SELECT FROM pg_stat_replication WHERE state = 'streaming')"
# PostgreSQL doesn't run as root, which containers often are.
_USER = "postgres" if os.geteuid() == 0 else None


class Server:
    """One of the two servers. Its name is the one under which it is known as a standby."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.port = free_port()
        self.data = folder / name
        self._socket_folder = folder
        self._log = folder / f"{name}.log"
        self.unit = Unit(self._launch)

    def create(self) -> None:
        """Create an empty cluster."""
        _run("initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale", "C.UTF-8")
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(_SETTINGS)

    def copy(self, primary: "Server") -> None:
        """Become a standby of another server."""
        shutil.rmtree(self.data, ignore_errors=True)
        source = f"host=127.0.0.1 port={primary.port} user=postgres application_name={self.name}"
        _run("pg_basebackup", "-D", str(self.data), "-d", source, "-R", "-X", "stream", "-c", "fast")

    def execute(self, statement: str, parameters: Sequence[Any] = (), database: str = "postgres") -> list[Any]:
        """Run a statement, and return its rows. Raise psycopg.Error."""
        url = f"postgres://postgres@127.0.0.1:{self.port}/{database}"
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def configure(self, name: str, value: str) -> None:
        """Change a setting of the running server, also for its later starts."""
        self.execute(SQL("ALTER SYSTEM SET {} = {}").format(SQL(name), Literal(value)).as_string())
        self.execute("SELECT pg_reload_conf()")

    def wait(self, condition: str) -> None:
        """Wait until a query gives true. Raise AssertionError after a minute."""
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            try:
                if self.execute(f"SELECT {condition}") == [(True,)]:
                    return
            except psycopg.Error:
                pass
            time.sleep(0.1)
        raise AssertionError(f"{self.name}: no {condition}")

    def processes(self, kinds: str) -> list[int]:
        """Return the ids of the server's processes of these kinds (a pattern), other than the one that answers."""
        found = self.execute(
            "SELECT pid FROM pg_stat_activity WHERE backend_type ~ %s AND pid <> pg_backend_pid()", [kinds]
        )
        return [pid for (pid,) in found]

    def stop(self) -> None:
        """Stop it at once, if it runs."""
        self.unit.release()
        if self.unit.process and self.unit.process.poll() is None:
            self.unit.process.send_signal(signal.SIGQUIT)
            self.unit.process.wait(timeout=_SECONDS)
        self.unit.kill()

    def _launch(self) -> "subprocess.Popen[bytes]":
        options = ["-p", str(self.port), "-k", str(self._socket_folder), "-c", f"cluster_name={self.name}"]
        command = [_program("postgres"), "-D", str(self.data), *options]
        with self._log.open("ab") as log:
            return subprocess.Popen(command, user=_USER, cwd="/", start_new_session=True, stdout=log, stderr=log)


class Pair:
    """A primary and its standby. With synchronous replication a commit waits until the standby has it on disk."""

    def __init__(self, folder: Path, *, is_synchronous: bool) -> None:
        folder.mkdir()
        if _USER:
            shutil.chown(folder, _USER)
        self.primary, self.standby = Server("db1", folder), Server("db2", folder)
        self._is_synchronous = is_synchronous
        self._servers = self.primary, self.standby

    @property
    def url(self) -> str:
        """The DATABASE_URL of docs/operate.md, with both servers."""
        hosts = ",".join(f"127.0.0.1:{server.port}" for server in self._servers)
        return f"postgres://postgres@{hosts}/{DATABASE}?target_session_attrs=read-write"

    def start(self) -> None:
        """Create both, with an empty database."""
        self.primary.create()
        self.primary.unit.start()
        self.primary.wait("true")
        self.primary.execute(f"CREATE DATABASE {DATABASE}")
        self.rejoin()

    def rejoin(self) -> None:
        """Make the other server a standby of the primary, and wait for it from then on if that is asked for."""
        self.standby.copy(self.primary)
        self.standby.unit.start()
        self.primary.wait(_IS_STREAMING)
        if self._is_synchronous:
            self.primary.configure("synchronous_standby_names", self.standby.name)
            self.primary.wait("exists(SELECT FROM pg_stat_replication WHERE sync_state = 'sync')")

    def cut_off(self) -> None:
        """Let the standby receive nothing more, as if the network between the two had failed."""
        # It may be on its way back from a kill.
        self.primary.wait(_IS_STREAMING)
        self.standby.configure("primary_conninfo", "host=127.0.0.1 port=1")
        self.standby.wait("NOT exists(SELECT FROM pg_stat_wal_receiver)")

    def fail_over(self) -> None:
        """Lose the primary for good, and promote the standby. Return when it takes writes."""
        # It must not come back as a second primary.
        self.primary.unit.kill()
        self.primary, self.standby = self.standby, self.primary
        # The new primary has no standby that it could wait for.
        self.primary.configure("synchronous_standby_names", "")
        self.primary.execute("SELECT pg_promote()")
        self.primary.wait("NOT pg_is_in_recovery()")

    def stop(self) -> None:
        """Stop both."""
        for server in self._servers:
            server.stop()


def _program(name: str) -> str:
    """Return the path of a program of PostgreSQL, whose folder isn't in the PATH everywhere."""
    if found := shutil.which(name):
        return found
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    if not installed:
        raise SystemExit(f"{name} isn't installed.")
    return str(installed[-1])


def _run(program: str, *options: str) -> None:
    command = [_program(program), *options]
    subprocess.run(command, user=_USER, cwd="/", check=True, stdout=subprocess.DEVNULL, timeout=120)
