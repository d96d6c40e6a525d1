"""Looks at something that can hang, such as a database, without making anyone wait for it."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Generic, TypeVar

import structlog

log = structlog.get_logger("gatehouse.probe")

Result = TypeVar("Result")

# How long a caller waits. Load balancers and monitoring give up after a second or two.
PATIENCE = 0.8


def deadline() -> float:
    """Return the time of the monotonic clock until which a caller that asks now waits."""
    return time.monotonic() + PATIENCE


class Probe(Generic[Result]):
    """Looks in a thread of its own, one look at a time, and keeps what it found for `fresh_seconds`.

    If a look takes too long or fails, `late` is the result, or with `keeps` the last result that there was.
    """

    def __init__(  # noqa: PLR0913 -- each is one property of the probe
        self,
        name: str,
        look: Callable[[], Result],
        *,
        late: Result,
        fresh_seconds: float = 0.5,
        keeps: bool = False,
        end: Callable[[], None] = lambda: None,
    ) -> None:
        self._name, self._look, self._late, self._keeps, self._end = name, look, late, keeps, end
        self._fresh_seconds = fresh_seconds
        self._lock = threading.Lock()
        self._asked: SimpleQueue[Future[Result] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._last: Future[Result] | None = None
        self._known: Result | None = None
        self._good_until = 0.0

    def ask(self) -> "Future[Result]":
        """Begin a look unless one is under way or fresh, without waiting for it."""
        with self._lock:
            if self._last is None or (self._last.done() and time.monotonic() > self._good_until):
                self._last = Future()
                self._asked.put(self._last)
                self._start()
            return self._last

    def result(self) -> Result:
        """Return what a look found, after PATIENCE seconds at most."""
        return self.wait(self.ask(), deadline())

    def wait(self, asked: "Future[Result]", until: float) -> Result:
        """Return what the look found, at a time of the monotonic clock at the latest."""
        try:
            return asked.result(max(0.0, until - time.monotonic()))
        except TimeoutError:
            log.warning("probe_hangs", probe=self._name)
            return self._fallback()

    def stop(self) -> None:
        """End the thread after its current look, and forget what was found."""
        with self._lock:
            thread, self._thread, self._last, self._known = self._thread, None, None, None
        if thread is not None:
            self._asked.put(None)
            thread.join()

    def _fallback(self) -> Result:
        return self._known if self._keeps and self._known is not None else self._late

    def _start(self) -> None:
        # Not earlier: the server may fork its processes after it has loaded the application.
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while (asked := self._asked.get()) is not None:
            try:
                found = self._known = self._look()
            except Exception:  # the client must get a response
                log.exception("probe_failed", probe=self._name)
                found = self._fallback()
            self._good_until = time.monotonic() + self._fresh_seconds
            asked.set_result(found)
        self._end()
