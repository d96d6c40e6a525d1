"""The worker inside a web process, for small installations and the demo: one on each machine, however many processes serve.

A file lock decides which process runs it. The kernel frees the lock when the process ends, however it ends, and another
process runs the worker. A lock of the database wouldn't do: poolers give each transaction another connection.
"""

import hashlib
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import IO

import structlog
from django.conf import settings
from django.core.files import locks

from portal.embedded.tasks.worker import Worker

log = structlog.get_logger("gatehouse.worker")

_RETRY_SECONDS = 5.0
_LOOK_SECONDS = 0.2


def start() -> threading.Thread:
    """Run a worker in a thread of this process as long as no other process of this machine does."""
    # Not a daemon: the process ends when the running tasks have, or the worker's patience.
    thread = threading.Thread(target=_run, name="worker")
    thread.start()
    return thread


def lock_file() -> Path:
    """Return the path of the lock. Installations with other databases have other locks."""
    database = settings.DATABASES["default"]
    place = "\n".join(str(database.get(name, "")) for name in ("ENGINE", "HOST", "PORT", "NAME"))
    return Path(tempfile.gettempdir()) / f"gatehouse-worker-{hashlib.sha256(place.encode()).hexdigest()[:16]}.lock"


def _run() -> None:
    try:
        with _open(lock_file()) as file:
            while not locks.lock(file, locks.LOCK_EX | locks.LOCK_NB):
                if _wait(_RETRY_SECONDS):
                    return
            while not _is_ending():
                _work()
    except OSError:
        log.exception("worker_not_started", lock=str(lock_file()))


def _work() -> None:
    try:
        Worker(threads=settings.WORKER_THREADS, should_stop=_is_ending).run()
    except Exception:  # nothing else would start it again
        log.exception("worker_failed")
        _wait(_RETRY_SECONDS)


def _open(path: Path) -> IO[bytes]:
    # A file of another user, or a link, isn't opened: anyone can create files in this folder.
    flags = os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)
    return os.fdopen(os.open(path, flags, 0o600), "r+b")


def _wait(seconds: float) -> bool:
    """Wait. Return True as soon as the process ends."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if _is_ending():
            return True
        time.sleep(_LOOK_SECONDS)
    return _is_ending()


def _is_ending() -> bool:
    return not threading.main_thread().is_alive()
