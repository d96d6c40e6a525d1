"""A PostgreSQL database with the roles that docs/operate.md creates, and the commands of the docs that copy one."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.servers import ROOT


@dataclass(frozen=True)
class Database:
    """A database as the page creates it, without tables at first. Its roles have its name, too."""

    server: str  # a superuser's URL, without a database
    name: str
    role: str

    @property
    def superuser(self) -> str:
        """The URL for a superuser."""
        return f"{self.server}/{self.name}"

    @property
    def owner(self) -> str:
        """The URL for the role that owns the tables and runs `migrate`."""
        return f"postgres://{self.role}_owner:choose-one@{self._host}/{self.name}"

    @property
    def serving(self) -> str:
        """The URL for the role that serves."""
        return f"postgres://{self.role}:choose-another@{self._host}/{self.name}"

    @property
    def _host(self) -> str:
        return self.server.rpartition("@")[2]


@contextmanager
def documented_database() -> Iterator[Database]:
    """Create a database and its roles with the statements of the page; drop them, and a restored copy, afterwards."""
    server = os.environ["TEST_DATABASE_URL"].rpartition("/")[0]
    role = f"gatehouse_roles_{os.getpid()}"
    database = Database(server, role, role)
    with psycopg.connect(f"{server}/postgres", autocommit=True) as superuser:
        for statement in _statements(role, 0):
            superuser.execute(statement.encode())
        try:
            _grant(database)
            yield database
        finally:
            for name in (_copy_of(database).name, role):
                superuser.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
            for name in (f"{role}_owner", role):
                superuser.execute(f"DROP ROLE {name}".encode())


def restored(database: Database, folder: Path, environment: Mapping[str, str]) -> tuple[Database, str]:
    """Back a database up and restore it to another one, as docs/operate.md says. Return that one, and what was printed."""
    return _copied(database, folder, environment, _commands("operate.md", "## Back up and restore"))


def partitioned(database: Database, folder: Path, environment: Mapping[str, str]) -> Database:
    """Move what a database has to a partitioned one, as docs/scale.md says, and return that one."""
    copy, _ = _copied(database, folder, environment, _commands("scale.md", "### Partition an existing database"))
    return copy


def _copied(database: Database, folder: Path, environment: Mapping[str, str], commands: str) -> tuple[Database, str]:
    copy = _copy_of(database)
    with psycopg.connect(f"{database.server}/postgres", autocommit=True) as superuser:
        superuser.execute(f"CREATE DATABASE {copy.name} OWNER {copy.role}_owner".encode())
    _grant(copy)
    done = subprocess.run(
        ["/bin/bash", "-e", "-c", commands.replace(".venv/bin/python manage.py", f"{sys.executable} {ROOT}/manage.py")],
        cwd=folder,
        env={
            **environment,
            "OWNER_URL": database.owner,
            "DRILL_URL": copy.owner,
            "NEW_URL": copy.owner,
            "SUPERUSER_URL": copy.superuser,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return copy, done.stdout + done.stderr


def _copy_of(database: Database) -> Database:
    return Database(database.server, f"{database.name}_drill", database.role)


def _grant(database: Database) -> None:
    with psycopg.connect(database.superuser, autocommit=True) as superuser:
        for statement in _statements(database.role, 1):
            superuser.execute(statement.encode())


def _statements(role: str, number: int) -> list[str]:
    """Return the SQL of a block of the page, with names of its own."""
    section = (ROOT / "docs/operate.md").read_text().split("### Create the database and its roles\n")[1]
    blocks = re.findall(r"```sql\n(.*?)```", section.split("\n### ")[0], re.DOTALL)
    return [line.replace("gatehouse", role) for line in blocks[number].splitlines() if line]


def _commands(page: str, heading: str) -> str:
    """Return the first commands of a section, without the URLs that they begin with."""
    section = (ROOT / "docs" / page).read_text().split(f"{heading}\n")[1].split("\n##")[0]
    block = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)[0]
    return "".join(line for line in block.splitlines(keepends=True) if not line.startswith("export "))


def findings(environment: Mapping[str, str]) -> list[str]:
    """Return what `manage.py doctor` finds about the database, its schema and the keys in it."""
    skipped = (
        "settings",
        "pooler",
        "redis",
        "clock",
        "tls",
        "proxy",
        "body_size",
        "metrics",
        "embed",
        "mail",
        "worker",
        "disk",
        "sms",
    )
    command = [sys.executable, "manage.py", "doctor", "--json", *(f"--skip={name}" for name in skipped)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    checks = json.loads(done.stdout)["checks"]
    assert {one["name"] for one in checks} == {"database", "schema", "keys"}
    return [one["text"] for check in checks for one in check["findings"] if one["severity"] != "ok"]
