"""In-memory storage for the `limits` library, for counters that are updated too often for a database."""

import threading
import time
from typing import Any

from limits.storage import Storage

_SWEEP_SECONDS = 60
_MAX_WINDOWS = 100_000  # about 20 MB; the oldest is dropped beyond it


class ProcessStorage(Storage):
    """Counters in a dictionary, selected with the URI `process://`.

    The library's own storage starts a thread on almost every hit to drop expired windows; this one does it inline.
    """

    STORAGE_SCHEME = ["process"]

    def __init__(self, uri: str | None = None, *, wrap_exceptions: bool = False, **_: Any) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions)
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[int, float]] = {}
        self._next_sweep = 0.0

    @property
    def base_exceptions(self) -> type[Exception]:
        """The exceptions that this storage raises."""
        return ValueError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count a hit and return the number of hits in the window."""
        now = time.time()
        with self._lock:
            self._sweep(now)
            count, until = self._windows.get(key, (0, 0.0))
            if until <= now:
                count, until = 0, now + expiry
            self._windows[key] = (count + amount, until)
            if len(self._windows) > _MAX_WINDOWS:
                del self._windows[next(iter(self._windows))]
            return count + amount

    def get(self, key: str) -> int:
        """Return the number of hits in the current window."""
        count, until = self._windows.get(key, (0, 0.0))
        return count if until > time.time() else 0

    def get_expiry(self, key: str) -> float:
        """Return when the current window ends, in seconds since 1970."""
        return self._windows.get(key, (0, time.time()))[1]

    def check(self) -> bool:
        """Return True: memory is always available."""
        return True

    def reset(self) -> int | None:
        """Remove all counters."""
        with self._lock:
            number = len(self._windows)
            self._windows.clear()
        return number

    def clear(self, key: str) -> None:
        """Remove one counter."""
        with self._lock:
            self._windows.pop(key, None)

    def _sweep(self, now: float) -> None:
        """Drop expired windows, to limit memory use."""
        if now >= self._next_sweep:
            self._windows = {key: window for key, window in self._windows.items() if window[1] > now}
            self._next_sweep = now + _SWEEP_SECONDS
