"""A storage for the `limits` library in the memory of one process, for what is counted too often for a database."""

import threading
import time
from typing import Any

from limits.storage import Storage

_SWEEP_SECONDS = 60
_MOST_WINDOWS = 100_000  # about 20 MB; beyond it the oldest is forgotten


class ProcessStorage(Storage):
    """Counters in a dictionary, selected with the address `process://`.

    The library's own starts a thread for almost every call, to forget what has ended; here the calls do that.
    """

    STORAGE_SCHEME = ["process"]

    def __init__(self, uri: str | None = None, *, wrap_exceptions: bool = False, **_: Any) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions)
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[int, float]] = {}
        self._next_sweep = 0.0

    @property
    def base_exceptions(self) -> type[Exception]:
        """What this storage raises."""
        return ValueError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count a call and return how many there were in the window."""
        now = time.time()
        with self._lock:
            self._sweep(now)
            count, until = self._windows.get(key, (0, 0.0))
            if until <= now:
                count, until = 0, now + expiry
            self._windows[key] = (count + amount, until)
            if len(self._windows) > _MOST_WINDOWS:
                del self._windows[next(iter(self._windows))]
            return count + amount

    def get(self, key: str) -> int:
        """Return how many calls the current window holds."""
        count, until = self._windows.get(key, (0, 0.0))
        return count if until > time.time() else 0

    def get_expiry(self, key: str) -> float:
        """Return when the current window ends, in seconds since 1970."""
        return self._windows.get(key, (0, time.time()))[1]

    def check(self) -> bool:
        """Say that memory is there."""
        return True

    def reset(self) -> int | None:
        """Forget everything."""
        with self._lock:
            number = len(self._windows)
            self._windows.clear()
        return number

    def clear(self, key: str) -> None:
        """Forget one counter."""
        with self._lock:
            self._windows.pop(key, None)

    def _sweep(self, now: float) -> None:
        """Forget the windows that have ended, so that many callers do not fill the memory."""
        if now >= self._next_sweep:
            self._windows = {key: window for key, window in self._windows.items() if window[1] > now}
            self._next_sweep = now + _SWEEP_SECONDS
