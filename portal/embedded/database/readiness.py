"""Whether this process can serve with its database as it is now: what readiness and `manage.py check` report."""

import pkgutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from functools import cache
from queue import SimpleQueue

import structlog
from django.db import DatabaseError, close_old_connections, connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from portal.embedded import migrations, models
from portal.embedded.database import triggers
from portal.outages import UndeclaredPooler, reason

log = structlog.get_logger("gatehouse.readiness")

# What keeps this process from serving: a few words about each part of it.
Faults = Mapping[str, str]

_SECONDS = 2.0  # that a check may take
_SECONDS_KNOWN = 0.5  # for which its result is used again
_SECONDS_THOROUGH = 10.0  # for which what changes only with an upgrade is used again


def faults() -> Faults:
    """Return what keeps this process from serving, within two seconds; {} if nothing does."""
    return _probe.result()


def find_faults() -> Faults:
    """Look at everything now, on this thread's connection."""
    try:
        with _impatience():
            if not _is_read_only():
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
            cursor.execute(f"SET LOCAL statement_timeout = '{_SECONDS:.0f}s'")
        yield


def _is_read_only() -> bool:
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_read_only")
        return bool(cursor.fetchone() == ("on",))


def unapplied_migrations() -> list[str]:
    """Return the migrations of this version that the database lacks."""
    applied = MigrationRecorder(connection).applied_migrations()
    return [name for name in _migrations() if ("directory", name) not in applied]


def unreadable_keys() -> int:
    """Return how many keys that sign session JWTs, or will, neither SECRET_KEY nor a fallback decrypts."""
    if not (keys := _private_keys()):
        return 0
    # Only a process that has such keys loads what decrypts them.
    from portal.embedded.database.encryption import SIGNING_KEY, decrypted  # noqa: PLC0415 -- as above

    return sum(decrypted(key, purpose=SIGNING_KEY) is None for key in keys)


def keys_under_fallbacks() -> int:
    """Return how many of those keys SECRET_KEY itself doesn't decrypt."""
    if not (keys := _private_keys()):
        return 0
    from portal.embedded.database.encryption import SIGNING_KEY, is_current  # noqa: PLC0415 -- as above

    return sum(not is_current(key, purpose=SIGNING_KEY) for key in keys)


def _private_keys() -> list[bytes | memoryview]:
    signing = models.SigningKeyRow.objects.exclude(replaced_at__lte=timezone.now())
    return list(signing.values_list("private_key", flat=True))


def _thorough() -> Faults:
    global _known  # noqa: PLW0603 -- what a process knows is one thing
    found, read_at = _known
    if read_at is None or read_at < time.monotonic() - _SECONDS_THOROUGH:
        found = _find_thoroughly()
        _known = found, time.monotonic()
    return found


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
        log.error("not_ready", reason="SECRET_KEY doesn't decrypt the key that signs session JWTs")
        found["signing_key"] = "can't be decrypted"
    return found


@cache
def _migrations() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(migrations.__path__)]


class Probe:
    """Runs a check in a thread of its own, so that no one waits longer than two seconds for a database that hangs."""

    def __init__(self, check: Callable[[], Faults]) -> None:
        self._check = check
        self._lock = threading.Lock()
        self._asked: SimpleQueue[Future[Faults] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._last: Future[Faults] | None = None
        self._good_until = 0.0

    def result(self) -> Faults:
        """Return what the check finds, or found half a second ago; that the database doesn't answer if it takes longer."""
        with self._lock:
            if self._last is None or (self._last.done() and time.monotonic() > self._good_until):
                self._last = Future()
                self._asked.put(self._last)
                self._start()
            last = self._last
        try:
            return last.result(_SECONDS)
        except TimeoutError:
            log.warning("database_unavailable", reason=f"no answer within {_SECONDS:.0f} seconds")
            return {"database": "doesn't answer"}

    def stop(self) -> None:
        """End the thread and its connection."""
        with self._lock:
            thread, self._thread, self._last = self._thread, None, None
        if thread is not None:
            self._asked.put(None)
            thread.join()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="readiness", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while (asked := self._asked.get()) is not None:
            close_old_connections()
            try:
                asked.set_result(self._check())
            except Exception:  # the one who asks must get an answer
                log.exception("readiness_failed")
                asked.set_result({"readiness": "isn't known"})
            self._good_until = time.monotonic() + _SECONDS_KNOWN
        connection.close()


_probe = Probe(find_faults)


def stop() -> None:
    """Forget what was found, and end the thread that looks."""
    global _known  # noqa: PLW0603 -- as above
    _probe.stop()
    _known = {}, None
