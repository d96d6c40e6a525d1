"""Read request bodies, which can arrive as slowly as the client sends them.

A read from the HTTP server can't be interrupted, and ending a request while another thread reads its body stops the whole
process. So a request waits for its body in its own thread, without a worker slot, and only a few may wait at once.
"""

import time
from collections.abc import Callable
from enum import Enum
from typing import Final, Protocol

from django.http import HttpRequest

from portal.serving.threads import Share, Visit

# After this time, the permission checked at the start may no longer apply.
SECONDS: Final = 60.0


class Stream(Protocol):
    """What WSGI calls `wsgi.input`."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes."""
        ...

    def readline(self, size: int, /) -> bytes:
        """Return the next line."""
        ...


class BodyProblem(Enum):
    """Why a body wasn't read: it took too long, or too many requests are waiting for theirs."""

    LATE = 408
    BUSY = 503


class Body:
    """A `wsgi.input` that raises TimeoutError if the body can't be read; `problem` says why."""

    def __init__(self, stream: Stream, visit: Visit) -> None:
        self._stream = stream
        self._visit = visit
        self._since = 0.0
        self.problem: BodyProblem | None = None

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes."""
        return self._receive(self._stream.read, size)

    def readline(self, size: int = -1, /) -> bytes:
        """Return the next line."""
        return self._receive(self._stream.readline, size)

    def _receive(self, read: Callable[[int], bytes], size: int) -> bytes:
        self._since = self._since or time.monotonic()
        content = None
        if self._visit.is_admitted and not self.problem:
            with self._visit.waiting():
                content = self._wait(read, size)
        if time.monotonic() - self._since > SECONDS:
            self.problem = BodyProblem.LATE
        elif content is None or not self._visit.is_admitted:
            self.problem = self.problem or BodyProblem.BUSY
        if content is None or self.problem:
            raise TimeoutError
        return content

    def _wait(self, read: Callable[[int], bytes], size: int) -> bytes | None:
        """Return what was read, or None if too many requests wait for their bodies."""
        threads, address = self._visit.threads, self._visit.address
        if not threads.take(Share.BODIES_OF_VISITOR, address):
            return None
        try:
            if not threads.take(Share.BODIES):
                return None
            try:
                return read(size)
            finally:
                threads.give_back(Share.BODIES)
        finally:
            threads.give_back(Share.BODIES_OF_VISITOR, address)


def body_problem(request: HttpRequest) -> BodyProblem | None:
    """Return why the request's body wasn't read, if it wasn't."""
    body = request.META.get("wsgi.input")
    return body.problem if isinstance(body, Body) else None
