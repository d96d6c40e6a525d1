"""The database server: whether it responds and takes writes, the role's privileges, connections, and a pooler in between."""

import os
import sqlite3
from collections.abc import Iterator

import psycopg
from django.conf import settings
from django.db import DatabaseError, connection

from portal.embedded.database.postgresql.pooler import changes_connections
from portal.embedded.database.readiness import is_read_only
from portal.embedded.doctor.findings import Finding, error, ok, warning
from portal.outages import UndeclaredPooler, reason

_MIN_VERSION = 14
_OTHERS = 10  # connections of operators, backups and monitoring
_FIXES = {
    "connection refused": "Start PostgreSQL, or correct host and port in DATABASE_URL.",
    "credentials rejected": "Correct the user or the password in DATABASE_URL, or pg_hba.conf on the server.",
    "host name not found": "Correct the host in DATABASE_URL, or the name server of this machine.",
    "too many connections": "Raise max_connections, or lower REQUESTS_AT_ONCE and the number of workers.",
    "shutting down or starting": "Wait until it has started.",
    "disk full": "Free space on the disk of the database.",
    "file can't be opened": "Create the folder of the SQLite file, and let the server's user write there.",
}
# Partitions are read and written through their table, so the role that serves has no rights on them.
_LACKING = """
    SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relname ~ '^(directory|django_tasks)_'
    AND NOT relispartition AND CASE WHEN relkind = 'S' THEN NOT has_sequence_privilege(oid, 'USAGE')
        WHEN relkind IN ('r', 'p') THEN NOT has_table_privilege(oid, 'SELECT') OR NOT has_table_privilege(oid, 'INSERT')
            OR NOT has_table_privilege(oid, 'UPDATE') OR NOT has_table_privilege(oid, 'DELETE')
        ELSE FALSE END
    ORDER BY relname
"""
_ROLE = """
    SELECT rolsuper, EXISTS (
        SELECT 1 FROM pg_class WHERE relnamespace = current_schema()::regnamespace
        AND starts_with(relname, 'directory_') AND relowner = pg_roles.oid
    ) FROM pg_roles WHERE rolname = current_user
"""
_LIMITS = """
    SELECT least(
        current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
        (SELECT CASE WHEN rolconnlimit < 0 THEN 1000000 ELSE rolconnlimit END FROM pg_roles WHERE rolname = current_user),
        (SELECT CASE WHEN datconnlimit < 0 THEN 1000000 ELSE datconnlimit END FROM pg_database
            WHERE datname = current_database())
    )
"""

# A role without pg_read_all_stats sees that there are standbys, and nothing else of them.
_STANDBYS = """
    SELECT count(*), count(sync_state), count(*) FILTER (WHERE sync_state IN ('sync', 'quorum')),
        current_setting('synchronous_commit') IN ('off', 'local')
    FROM pg_stat_replication WHERE state IS DISTINCT FROM 'backup'
"""


def check() -> Iterator[Finding]:
    """Report a database that isn't available, too old or read-only, missing privileges, and too few connections."""
    try:
        connection.ensure_connection()
    except UndeclaredPooler:
        yield warning("Can't be checked through the pooler.", "Fix the finding about the pooler first.")
        return
    except DatabaseError as failure:
        why = reason(failure)["reason"]
        yield error(
            f"The database can't be reached: {why}.", _FIXES.get(why, "Check that it runs, and correct DATABASE_URL.")
        )
        return
    if is_read_only():
        yield error(
            "The database is read-only.",
            "Connect to the primary server: list all servers in DATABASE_URL, with target_session_attrs=read-write. For "
            "SQLite, let the server's user write the file and its folder.",
        )
    if connection.vendor == "sqlite":
        yield ok(f"SQLite {sqlite3.sqlite_version} can be read and written.")
        return
    yield from _of_server()


def _of_server() -> Iterator[Finding]:
    version = connection.pg_version // 10_000  # type: ignore[attr-defined]  # -- Django has it
    if version < _MIN_VERSION:
        yield error(
            f"The server is PostgreSQL {version}.", f"Upgrade the server to PostgreSQL {_MIN_VERSION} or later."
        )
    else:
        yield ok(f"PostgreSQL {version} responds.")
    yield from _privileges()
    yield from _standbys()
    if not _is_pooled():
        yield _connections()


def _privileges() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute(_LACKING)
        lacking = [name for (name,) in cursor.fetchall()]
        cursor.execute(_ROLE)
        is_superuser, is_owner = cursor.fetchone()
    if lacking:
        yield error(
            f"The role can't read and write {len(lacking)} tables or sequences, such as {', '.join(lacking[:3])}.",
            "Grant it the privileges in docs/operate.md, Create the database and its roles.",
        )
    if is_superuser or is_owner:
        kind = "is a superuser" if is_superuser else "owns the tables"
        yield warning(
            f"The role {kind}, so the database can't keep a stolen password from changing the activity log.",
            "Serve with a role of its own, as in docs/operate.md, Create the database and its roles.",
        )


def _standbys() -> Iterator[Finding]:
    """Say what a failover can lose. An asynchronous standby is a choice, not a fault."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDBYS)
        number, seen, synchronous, is_not_awaited = cursor.fetchone()
    if not number:
        return
    text = f"Standbys that follow this server: {number}."
    if not seen:
        yield ok(
            f"{text} The role can't see whether any is synchronous. To show it here, GRANT pg_read_all_stats TO the role."
        )
    elif synchronous and not is_not_awaited:
        yield ok(f"{text} Synchronous: {synchronous}. A failover to one of these loses no acknowledged write.")
    else:
        why = "synchronous_commit doesn't wait for them" if synchronous else "All are asynchronous"
        yield ok(
            f"{text} {why}, so a failover can lose writes that were acknowledged in the moments before it. "
            "docs/operate.md, Fail over, says how to prevent that."
        )


def _connections() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute(_LIMITS)
        (accepted,) = cursor.fetchone()
    # One each for the request log, readiness and figures.
    each, workers = settings.REQUESTS_AT_ONCE + 3, max(1, int(os.environ.get("GRANIAN_WORKERS") or 1))
    fitting = (accepted - _OTHERS) // each
    text = f"The server accepts {accepted} connections of this role: enough for {max(0, fitting)} worker processes ({each} each)."
    if fitting < workers:
        return error(text, f"Raise max_connections to {workers * each + _OTHERS} or more, or lower REQUESTS_AT_ONCE.")
    if fitting < 2 * workers:
        return warning(text, "That's too few for a second instance, or for a restart. Raise max_connections.")
    return ok(text)


def _is_pooled() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (process,) = cursor.fetchone()
    # A pooler tells its clients a number of its own.
    return bool(connection.connection.info.backend_pid != process)


def check_pooler() -> Iterator[Finding]:
    """Report a pooler whose mode doesn't fit DATABASE_PREPARE."""
    if connection.vendor == "sqlite":
        yield ok("SQLite has none.")
        return
    try:
        connection.ensure_connection()
    except UndeclaredPooler:
        yield error(
            "A pooler gives each transaction another connection, which prepared statements don't survive.",
            "Set DATABASE_PREPARE=false, or use session mode.",
        )
        return
    is_prepared = connection.settings_dict["OPTIONS"].get("prepare_threshold") is not None
    if not _is_pooled():
        yield ok("Gatehouse connects to PostgreSQL directly, without a pooler.") if is_prepared else _UNNECESSARY
        return
    with psycopg.connect(**connection.get_connection_params(), autocommit=True) as own:
        mode = changes_connections(own, lambda: psycopg.connect(**connection.get_connection_params(), autocommit=True))
    if mode is None:
        yield warning("The pooler is too busy to tell its mode.", "Raise its pool size.")
    elif mode or is_prepared:
        yield ok(f"A pooler in {'transaction' if mode else 'session'} mode, as DATABASE_PREPARE says.")
    else:
        yield _UNNECESSARY


_UNNECESSARY = warning(
    "DATABASE_PREPARE is false, but there is no pooler in transaction mode. Requests take longer than necessary.",
    "Remove DATABASE_PREPARE.",
)
