"""The server processes that run now, and the keys that each of them has, as they tell the database.

A rotation of keys needs to know both: a process that lacks a key can't read what another one encrypts or signs under it.
"""

import os
import platform
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from portal.directory.ids import uuid7
from portal.embedded import models
from portal.embedded.server_keys import encryption_keys, fingerprint, signing_keys

log = structlog.get_logger("gatehouse.server_processes")

_SECONDS = 20.0
# A process that was last seen longer ago has ended, or will find out by itself that it can't read something.
_COUNTED_FOR = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A running process. Its keys are fingerprints: the first one signs or encrypts, the others only verify or decrypt."""

    name: str
    signing_keys: Sequence[str]
    encryption_keys: Sequence[str]


def running() -> Sequence[ServerProcess]:
    """Return the server processes that were seen within the last minute, by name."""
    rows = models.ServerProcessRow.objects.filter(seen_at__gt=timezone.now() - _COUNTED_FOR).order_by("name", "pk")
    return [ServerProcess(row.name, row.signing_keys, row.encryption_keys) for row in rows]


def announce() -> None:
    """Keep the database informed that this process runs, until it ends. Does nothing without the embedded directory."""
    if settings.DIRECTORY == "embedded":
        threading.Thread(target=_Announcement().repeat, name="server-process").start()


class _Announcement:
    def __init__(self) -> None:
        self._key, self._name = uuid7(), f"{platform.node()}:{os.getpid()}"
        self._signing = [fingerprint(key) for key in signing_keys()]
        self._encryption = [fingerprint(key) for key in encryption_keys()]

    def repeat(self) -> None:
        """Announce the process until it ends, and then say so."""
        main = threading.main_thread()
        while main.is_alive():
            _attempt(self._write)
            # The process waits for this thread at its end, also where a server forked it and `atexit` isn't called.
            main.join(_SECONDS)
        _attempt(self._delete)

    def _write(self) -> None:
        now = timezone.now()
        models.ServerProcessRow.objects.update_or_create(
            pk=self._key,
            defaults={
                "name": self._name,
                "signing_keys": self._signing,
                "encryption_keys": self._encryption,
                "seen_at": now,
            },
        )
        # Of processes that were killed.
        models.ServerProcessRow.objects.filter(seen_at__lt=now - timedelta(hours=1)).delete()

    def _delete(self) -> None:
        models.ServerProcessRow.objects.filter(pk=self._key).delete()


def _attempt(statements: Callable[[], None]) -> None:
    try:
        statements()
    except DatabaseError as error:
        # It's away, read-only, or not migrated yet. Readiness says so.
        log.debug("server_process_not_announced", error=type(error).__name__)
    finally:
        # Rather than keeping one more connection for each process.
        connection.close()
