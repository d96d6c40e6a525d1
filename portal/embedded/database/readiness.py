"""Whether this process can serve with its database as it is now: what readiness and `manage.py check` report."""

import pkgutil
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache

import structlog
from django.db import DatabaseError, OperationalError, close_old_connections, connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from portal.embedded import migrations, models
from portal.embedded.database import triggers
from portal.outages import UndeclaredPooler, reason
from portal.serving.probe import Probe

log = structlog.get_logger("gatehouse.readiness")

# What keeps this process from serving: a few words about each part of it.
Faults = Mapping[str, str]

_STATEMENT_SECONDS = 2
_LOCK_MILLISECONDS = 200
_SECONDS_THOROUGH = 10.0  # for which what changes only with an upgrade is used again
_LOCK_NOT_AVAILABLE = "55P03"


def faults() -> Faults:
    """Return what keeps this process from serving, within a second; {} if nothing does."""
    return _probe.result()


def find_faults() -> Faults:
    """Look at everything now, on this thread's connection."""
    try:
        with _impatience():
            takes_writes = not is_read_only()
        if takes_writes:
            return _thorough()
        # Among several servers, the next look finds the one that takes writes.
        connection.close()
        return {"database": "is read-only"}  # noqa: TRY300 -- as the other answers
    except UndeclaredPooler:
        return {"database": "is behind a pooler that DATABASE_PREPARE doesn't declare"}
    except DatabaseError as error:
        log.warning("database_unavailable", **reason(error))
        return {"database": "doesn't answer"}


@contextmanager
def _impatience() -> Iterator[None]:
    if connection.vendor != "postgresql":
        # A transaction would wait there until no one writes.
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = '{_STATEMENT_SECONDS}s'")
        yield


def is_read_only() -> bool:
    """Say whether the database takes no writes: a standby, or a file that can't be written."""
    if connection.vendor != "postgresql":
        return _is_file_read_only()
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_read_only")
        return bool(cursor.fetchone() == ("on",))


def _is_file_read_only() -> bool:
    """Say whether SQLite can't write to its file. Writes nothing."""
    if connection.in_atomic_block:
        return False  # a transaction begins with the write lock
    with connection.cursor() as cursor:
        (patience,) = cursor.execute("PRAGMA busy_timeout").fetchone()
        cursor.execute("PRAGMA busy_timeout = 0")
        try:
            cursor.execute("BEGIN IMMEDIATE")
            try:
                # The lock alone is given for a read-only file, too.
                cursor.execute("PRAGMA user_version = 0")
            finally:
                cursor.execute("ROLLBACK")
        except OperationalError as error:
            # Busy: another process is writing.
            code = error.__cause__.sqlite_errorname if isinstance(error.__cause__, sqlite3.Error) else ""
            if code.startswith("SQLITE_BUSY"):
                return False
            if code.startswith("SQLITE_READONLY"):
                return True
            raise
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {patience}")
    return False


def unapplied_migrations() -> list[str]:
    """Return the migrations of this version that the database lacks."""
    applied = MigrationRecorder(connection).applied_migrations()
    return [name for name in known_migrations() if ("directory", name) not in applied]


def unreadable_keys() -> int:
    """Return how many keys that sign session JWTs, or will, no key of this process decrypts."""
    if not (keys := _private_keys()):
        return 0
    # Only a process that has such keys loads what decrypts them.
    from portal.embedded.database.encryption import SIGNING_KEY, decrypted  # noqa: PLC0415 -- as above

    return sum(decrypted(key, purpose=SIGNING_KEY) is None for key in keys)


def keys_under_fallbacks() -> int:
    """Return how many of those keys, and of the secrets of second factors, only a fallback decrypts."""
    from portal.embedded.second_factors import stored  # noqa: PLC0415 -- it depends on more than a probe needs

    outdated = stored.under_fallbacks()
    if not (keys := _private_keys()):
        return outdated
    from portal.embedded.database.encryption import SIGNING_KEY, is_current  # noqa: PLC0415 -- as above

    return outdated + sum(not is_current(key, purpose=SIGNING_KEY) for key in keys)


def _private_keys() -> list[bytes | memoryview]:
    signing = models.SigningKeyRow.objects.exclude(replaced_at__lte=timezone.now())
    return list(signing.values_list("private_key", flat=True))


def _thorough() -> Faults:
    global _known  # noqa: PLW0603 -- what a process knows is one thing
    found, read_at = _known
    if read_at is None or read_at < time.monotonic() - _SECONDS_THOROUGH:
        try:
            with _impatience():
                _limit_waiting()
                found = _find_thoroughly()
        except OperationalError as error:
            if read_at is None or getattr(error.__cause__, "sqlstate", "") != _LOCK_NOT_AVAILABLE:
                raise
            # An operator's statement keeps a table locked. What was found before is still the best answer.
        _known = found, time.monotonic()
    return found


def _limit_waiting() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {_LOCK_MILLISECONDS}")


_known: tuple[Faults, float | None] = {}, None


def _find_thoroughly() -> Faults:
    if lacking := unapplied_migrations():
        # Nothing else can be asked of such a database.
        log.error("not_ready", reason="migrations are not applied", migrations=lacking)
        return {"migrations": "are not applied"}
    found = {}
    if gaps := triggers.gaps(connection.alias):
        log.error("not_ready", reason="guards are missing, disabled or changed", guards=gaps)
        found["guards"] = "are missing, disabled or changed"
    if unreadable_keys():
        log.error("not_ready", reason="no key of this process decrypts the key that signs session JWTs")
        found["signing_key"] = "can't be decrypted"
    return found


@cache
def known_migrations() -> list[str]:
    """Return the names of this version's migrations."""
    return [module.name for module in pkgutil.iter_modules(migrations.__path__)]


def _look() -> Faults:
    close_old_connections()
    return find_faults()


def _end() -> None:
    connection.close()  # of the probe's thread


_probe: Probe[Faults] = Probe("readiness", _look, late={"database": "doesn't answer"}, end=_end)


def stop() -> None:
    """Forget what was found, and end the thread that looks."""
    global _known  # noqa: PLW0603 -- as above
    _probe.stop()
    _known = {}, None
