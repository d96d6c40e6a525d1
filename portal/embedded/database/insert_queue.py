"""Rows that are inserted soon after the response, many with one statement, so that no request waits for them."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from django.conf import settings
from django.db import close_old_connections

Row = TypeVar("Row")

# With so many waiting, a request writes them itself. If others are being written, it waits for that first.
MAX_WAITING = 1000


class InsertQueue(Generic[Row]):
    """Rows that no response depends on. If the process is killed, those of the last SCIM_LOG_DELAY milliseconds are lost.

    That's at most MAX_WAITING that wait and as many that are being written, and one or two for each request in progress.
    A process that is stopped waits for its executors and so writes them, including one that a server forked, in which
    `atexit` isn't called.
    """

    def __init__(self, write: Callable[[Sequence[Row]], None]) -> None:
        self._write = write
        self._rows: list[Row] = []
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._is_scheduled = False
        self._executor: ThreadPoolExecutor | None = None

    def put(self, *rows: Row) -> None:
        """Write rows soon: at once without a delay, or if too many wait already."""
        with self._lock:
            self._rows.extend(rows)
            is_due = not settings.SCIM_LOG_DELAY or len(self._rows) > MAX_WAITING or not self._schedule()
        if is_due:
            self.flush()

    def flush(self) -> None:
        """Write the waiting rows, in the order in which they came."""
        with self._writing:
            with self._lock:
                rows, self._rows = self._rows, []
            if rows:
                self._write(rows)

    def _schedule(self) -> bool:
        """Have the waiting rows written after the delay. Return False if the process is being stopped."""
        if not self._is_scheduled:
            # Not earlier: the server may fork its processes after it has loaded the application.
            self._executor = self._executor or ThreadPoolExecutor(1, "insert-queue")
            try:
                self._executor.submit(self._flush_later)
            except RuntimeError:
                return False
            self._is_scheduled = True
        return True

    def _flush_later(self) -> None:
        time.sleep(settings.SCIM_LOG_DELAY / 1000)
        with self._lock:
            self._is_scheduled = False
        self.flush()
        close_old_connections()
