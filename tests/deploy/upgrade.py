"""An upgrade as an operator does it, on a database of an early version that is written to all the while."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import psycopg
from psycopg.sql import SQL, Composed, Identifier

from portal.directory.ids import uuid7
from tests.documented_database import Database
from tests.servers import ROOT

OLDEST = "0019"
ACME, GLOBEX, INITECH = (UUID(f"01990000-0000-7000-800{number}-000000000000") for number in (1, 2, 3))
_FILL = (Path(__file__).parent / "installation_0019.sql").read_text()
# The guards of that time, which compared organizations by triggers. Nodes of the version look for them.
_GUARDS = """
import django
django.setup()
from django.db import connection
from portal.embedded.database import triggers

with connection.cursor() as cursor:
    tables = set(connection.introspection.table_names(cursor))  # later versions add more
    tables.discard("directory_intermediatesession_members")  # has no organization yet
    for guard in triggers._guards("sqlite"):
        if guard.table in tables:
            for statement in guard.create("postgresql"):
                cursor.execute(statement)
"""
_COLUMNS = """
    SELECT table_name, array_agg(column_name::text ORDER BY column_name) FROM information_schema.columns
    WHERE table_schema = 'public' AND starts_with(table_name, 'directory_') GROUP BY 1 HAVING 'organization_id' = ANY(array_agg(column_name))
"""
# What a node of the version writes, with the columns that it knows: for each person some transactions.
_CREATE = """
    WITH member AS (
        INSERT INTO directory_member (id, organization_id, email_address, email_address_folded, name, status, password, direct_roles,
            created_at, updated_at)
        VALUES (%(key)s, %(organization)s, %(name)s, %(name)s, %(name)s, 'active', '', '[]', now(), now())
    ), person AS (
        INSERT INTO directory_scimuser (id, organization_id, connection_id, member_id, user_name, user_name_folded, external_id,
            display_name, active, document, search, is_adopted, created_at, updated_at)
        VALUES (%(key)s, %(organization)s, %(connection)s, %(key)s, %(name)s, %(name)s, '', '', TRUE, '{}', '{}', FALSE, now(), now())
    ), membership AS (
        INSERT INTO directory_scimmembership (organization_id, group_id, user_id) VALUES (%(organization)s, %(group)s, %(key)s)
    )
    INSERT INTO directory_activityentry (id, organization_id, at, actor_type, actor_id, actor_name, on_behalf_of, action, target_id,
        target_name, before, after, ip_address, user_agent, request_id)
    VALUES (%(key)s, %(organization)s, now(), 'scim', '', '', '', 'member.create', %(name)s, '', '{}', '{}', '', '', ''),
        (%(change)s, NULL, now(), 'operator', '', '', '', 'project.change', %(name)s, '', '{}', '{}', '', '', '')
"""
_LOG = """
    INSERT INTO directory_scimrequest (id, organization_id, connection_id, at, method, path, query, status, scim_type, detail,
        duration_ms, resource_type, resource_id, changed_attributes, body, is_body_cut, token_last_four, ip_address, user_agent,
        request_id)
    VALUES (%(key)s, %(organization)s, %(connection)s, now(), 'POST', '/Users', '', 201, '', '', 12, 'User', %(name)s, '[]', '', FALSE,
        'abcd', '', '', '')
"""
_SIGN_IN = """
    INSERT INTO directory_membersession (id, organization_id, member_id, token_hash, started_at, last_accessed_at, expires_at,
        ip_address, user_agent)
    VALUES (%(key)s, %(organization)s, %(key)s, sha256(%(name)s::bytea), now(), now(), now() + '1 hour', '', '')
"""
_CHOOSE = (
    """
    INSERT INTO directory_intermediatesession (id, token_hash, email_address, expires_at)
    VALUES (%(key)s, sha256(%(name)s::bytea), %(name)s, now() + '1 hour')
    """,
    "INSERT INTO directory_intermediatesession_members (intermediatesession_id, member_id) VALUES (%(key)s, %(key)s)",
)
_CHANGE = "UPDATE directory_scimuser SET display_name = 'Changed', updated_at = now() WHERE id = %(key)s"
_STAY = ((_CREATE,), (_LOG,), (_SIGN_IN,), _CHOOSE, (_CHANGE,))
_LEAVE = (
    "DELETE FROM directory_scimmembership WHERE group_id = %(group)s AND user_id = %(key)s",
    "UPDATE directory_member SET status = 'deleted' WHERE id = %(key)s",
)


@dataclass(frozen=True)
class Contents:
    """How many rows each table has for an organization, and a digest of them, of the columns that it had at first."""

    columns: Mapping[str, list[str]]
    rows: Mapping[str, tuple[int, str]]


def migrate(environment: Mapping[str, str], *to: str) -> "subprocess.CompletedProcess[str]":
    """Run `manage.py migrate`, to a migration of the embedded directory or to the newest of all, and return how it ended."""
    return subprocess.run(migrate_command(*to), cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def migrate_command(*to: str) -> list[str]:
    """Return the command that migrates."""
    return [sys.executable, "manage.py", "migrate", *(["directory", *to] if to else [])]


def install(database: Database, environment: Mapping[str, str], users: int) -> None:
    """Create the database as the oldest version left it, with people, groups, memberships and the rest."""
    done = migrate(environment, OLDEST)
    assert done.returncode == 0, done.stderr
    with psycopg.connect(database.owner) as owner:
        owner.execute("SELECT set_config('rehearsal.people', %s, FALSE)", [str(users)])
        owner.execute(_FILL.encode())
    subprocess.run([sys.executable, "-c", _GUARDS], cwd=ROOT, env=environment, check=True)
    with psycopg.connect(database.owner, autocommit=True) as owner:
        owner.execute("ANALYZE")


def contents(database: Database, organization: UUID, columns: Mapping[str, list[str]] | None = None) -> Contents:
    """Return what an organization has. Compare it with what it had by the `columns` of that time."""
    with psycopg.connect(database.owner) as owner:
        columns = columns or dict(owner.execute(_COLUMNS).fetchall())
        rows = {
            table: owner.execute(_digest(table, names), [organization]).fetchone() for table, names in columns.items()
        }
    return Contents(columns, {table: row for table, row in rows.items() if row})


def _digest(table: str, columns: list[str]) -> Composed:
    listed = SQL(", ").join(map(Identifier, columns))
    return SQL(
        "SELECT count(*), md5(string_agg(rows::text, ',' ORDER BY id)) FROM (SELECT {} FROM {} WHERE organization_id = %s) rows"
    ).format(listed, Identifier(table))


@dataclass
class Load:
    """Writers of the version before, which create people of Globex, change them and remove some. None of them may fail."""

    database: Database
    longest_wait: str  # for a lock; a statement that waits longer fails
    kept: list[UUID] = field(default_factory=list)
    removed: list[UUID] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    is_over: bool = False

    def write(self, number: int) -> None:
        """Write until told to stop, or until a statement fails."""
        options = f"-c lock_timeout={self.longest_wait} -c statement_timeout=60s"
        try:
            with psycopg.connect(self.database.serving, options=options) as node:
                while not self.is_over:
                    self._write_user(node, removes=len(self.kept) % 3 == number)
                    time.sleep(0.02)
        except psycopg.Error as error:
            self.failed.append(f"{type(error).__name__}: {error}")

    def _write_user(self, node: "psycopg.Connection[tuple[object, ...]]", *, removes: bool) -> None:
        key = uuid7()
        globex = str(GLOBEX)
        values = {
            "key": key,
            "change": uuid7(),
            "name": f"{key}@globex.example",
            "organization": globex,
            "connection": globex[:-1] + "1",
            "group": globex[:-1] + "1",
        }
        for transaction in (*_STAY, _LEAVE) if removes else _STAY:
            for statement in transaction:
                node.execute(statement, values)
            node.commit()
        (self.removed if removes else self.kept).append(key)


@contextmanager
def load(database: Database, *, longest_wait: str) -> Iterator[Load]:
    """Write to the database in two sessions. Check at the end that no statement failed, and that what was written is there."""
    running = Load(database, longest_wait)
    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(running.write, number) for number in range(2)]
        try:
            yield running
        finally:
            running.is_over = True
        for writer in writers:
            writer.result()
    assert not running.failed, running.failed
    assert len(running.kept) > 10
    assert running.removed


def wait_until(is_true: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    """Wait until something is true, while a process runs."""
    for _ in range(600):
        if is_true():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError("it didn't happen")
