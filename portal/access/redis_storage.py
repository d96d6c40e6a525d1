"""Redis storage for the `limits` library that falls back to process memory during an outage."""

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from limits.errors import StorageError
from limits.storage import RedisStorage, Storage
from redis.backoff import NoBackoff
from redis.retry import Retry

from portal.access.memory_storage import ProcessStorage

log = structlog.get_logger("gatehouse.rates")

_SECONDS = 0.25  # timeout of Redis: a rate limit isn't worth a longer wait
_PAUSE_SECONDS = 5.0  # before Redis is tried again

Result = TypeVar("Result")


class RedisOrProcess(Storage):
    """Counters in Redis. During an outage each process counts on its own, and one request every 5 seconds tries Redis.

    The start and the end of an outage each write one log line.
    """

    STORAGE_SCHEME = None

    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        # The client's own retries would hold up the request for seconds.
        options: dict[str, Any] = {"retry": Retry(NoBackoff(), 0)}
        self._redis = RedisStorage(
            uri, wrap_exceptions=True, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS, **options
        )
        self._process = ProcessStorage()
        self._lock = threading.Lock()
        self._is_away = False
        self._next_try = 0.0

    @property
    def base_exceptions(self) -> type[Exception]:
        """The exceptions that this storage raises. An outage of Redis raises none."""
        return StorageError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count a hit and return the number of hits in the window."""
        return self._first(lambda storage: storage.incr(key, expiry, amount))

    def get(self, key: str) -> int:
        """Return the number of hits in the current window."""
        return self._first(lambda storage: storage.get(key))

    def get_expiry(self, key: str) -> float:
        """Return when the current window ends, in seconds since 1970."""
        return self._first(lambda storage: storage.get_expiry(key))

    def check(self) -> bool:
        """Say whether Redis responds."""
        return self._redis.check()

    def reset(self) -> int | None:
        """Remove all counters."""
        return self._first(lambda storage: storage.reset())

    def clear(self, key: str) -> None:
        """Remove one counter."""
        self._first(lambda storage: storage.clear(key))

    def _first(self, use: Callable[[Storage], Result]) -> Result:
        """Return the result from Redis, or from process memory during an outage."""
        if self._is_away and not self._may_try():
            return use(self._process)
        try:
            result = use(self._redis)
        except StorageError as error:
            self._note(is_away=True, error=type(error.storage_error).__name__)
            return use(self._process)
        if self._is_away:
            self._note(is_away=False)
        return result

    def _may_try(self) -> bool:
        """Say whether this request should try Redis again."""
        with self._lock:
            now = time.monotonic()
            if now < self._next_try:
                return False
            self._next_try = now + _PAUSE_SECONDS
            return True

    def _note(self, *, is_away: bool, error: str = "") -> None:
        with self._lock:
            has_changed, self._is_away = self._is_away is not is_away, is_away
            self._next_try = time.monotonic() + _PAUSE_SECONDS
        if has_changed and is_away:
            log.warning("redis_unavailable", error=error, counting="in each process")
        elif has_changed:
            log.warning("redis_available", counting="in Redis")
