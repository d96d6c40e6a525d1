"""A limit on the time of a whole exchange, which no server can stretch."""

import socket
import time
from contextlib import suppress
from threading import Lock, Timer
from types import TracebackType
from typing import Self


class Deadline:
    """Ends the watched socket when the time is over. A socket's own time-out starts again with each byte."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._socket: socket.socket | None = None
        self._lock = Lock()
        self._timer = Timer(seconds, self._end)
        self._timer.daemon = True

    def remaining(self) -> float:
        """Return the seconds that are left, a little above 0 when the time is over: 0 would mean not to wait at all."""
        return max(self._until - time.monotonic(), 0.001)

    def has_passed(self) -> bool:
        """Say whether the time is over. What was read may then be incomplete."""
        return time.monotonic() >= self._until

    def watch(self, watched: socket.socket) -> None:
        """End this socket, instead of the one before, when the time is over."""
        with self._lock:
            self._socket = watched
        if self.has_passed():
            self._end()

    def _end(self) -> None:
        with self._lock:
            if self._socket is not None:
                # Not the method of an SSLSocket, which would let the thread that reads continue without TLS.
                with suppress(OSError):
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            self._socket = None
