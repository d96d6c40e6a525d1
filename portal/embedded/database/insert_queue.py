"""Rows that are inserted a moment after the answer, many with one statement, so that no call waits for them."""

import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.util import Finalize
from typing import Generic, TypeVar

from django.conf import settings
from django.db import close_old_connections

Row = TypeVar("Row")

_MOST_WAITING = 1000


class InsertQueue(Generic[Row]):
    """Rows on which no answer depends; those of the last SCIM_LOG_DELAY milliseconds are lost when the process is killed."""

    def __init__(self, write: Callable[[Sequence[Row]], None]) -> None:
        self._write = write
        self._rows: list[Row] = []
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._arrived = threading.Event()
        self._thread: threading.Thread | None = None

    def put(self, *rows: Row) -> None:
        """Have rows written soon: at once without a delay, or where too many wait already."""
        with self._lock:
            self._rows.extend(rows)
            number = len(self._rows)
        if not settings.SCIM_LOG_DELAY or number > _MOST_WAITING:
            self.flush()
        else:
            self._start()
            self._arrived.set()

    def flush(self) -> None:
        """Write what waits, in the order in which it came."""
        with self._writing:
            with self._lock:
                rows, self._rows = self._rows, []
            if rows:
                self._write(rows)

    def _start(self) -> None:
        """Start the thread at the first row: not before the server has made its processes."""
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None:
                # Not only atexit: a server that forks its processes ends them without.
                Finalize(None, self.flush, exitpriority=1)
                self._thread = threading.Thread(target=self._run, name="insert-queue", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._arrived.wait()
            time.sleep(settings.SCIM_LOG_DELAY / 1000)
            self._arrived.clear()
            self.flush()
            close_old_connections()
