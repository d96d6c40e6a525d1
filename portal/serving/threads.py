"""Concurrency limits of a process, shared fairly among clients.

The HTTP server has many threads, most of which wait for a body or a free slot. Only a few requests are handled at a time, each
with a database connection of its own. Each client may use a limited share of these slots. A request beyond a limit waits
while other requests under that limit begin or end. If none has for three seconds, or too many already wait, it's rejected
immediately. So threads stay free, and health checks always get a response.
"""

import time
from collections import Counter, deque
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from threading import Lock
from typing import Final

from django.http import HttpRequest

from portal.metrics import REQUEST_SLOTS
from portal.serving.connections import LentConnections

PATIENCE: Final = 3.0  # seconds; long enough that a busy machine doesn't reject requests
RETRY_SECONDS: Final = "2"
# Far fewer than the threads of a process in the documented command (256).
MAX_WAITING: Final = 64
MAX_WAITING_PER_KEY: Final = 16
MAX_BODIES: Final = 128
MAX_BODIES_OF_VISITOR: Final = 16
_ENVIRON_KEY: Final = "gatehouse.visit"


class Share(Enum):
    """What a limit counts: requests of the whole process, of one client, or of one kind."""

    PROCESS = auto()
    ORGANIZATION = auto()
    CONNECTION = auto()
    VISITOR = auto()
    DOWNLOAD = auto()
    BODIES = auto()
    BODIES_OF_VISITOR = auto()


@dataclass(slots=True)
class _Limit:
    """The number of requests in progress, when one last began or ended, and the locks of those that wait."""

    maximum: int
    number: int = 0
    changed_at: float = 0.0
    turns: deque[Lock] = field(default_factory=deque)


class Threads:
    """Count the requests in progress in this process, of which `at_once` may be handled at a time."""

    def __init__(self, at_once: int) -> None:
        self.connections = LentConnections()
        # One slot always stays free for other organizations, and one for an organization's people while its IdP is busy.
        self._maximum = {
            Share.PROCESS: at_once,
            Share.ORGANIZATION: at_once - 1,
            Share.CONNECTION: at_once - 2,
            Share.VISITOR: at_once // 2,
            Share.DOWNLOAD: max(1, at_once // 4),
            Share.BODIES: MAX_BODIES,
            Share.BODIES_OF_VISITOR: MAX_BODIES_OF_VISITOR,
        }
        self._lock = Lock()
        self._limits: dict[tuple[Share, Hashable], _Limit] = {}
        # The number of waiting requests per share, or per address.
        self._waiting: Counter[Hashable] = Counter()
        REQUEST_SLOTS.labels("limit").set(at_once)
        self._working, self._queued = REQUEST_SLOTS.labels("working"), REQUEST_SLOTS.labels("waiting")

    def take(self, share: Share, key: Hashable = "", *, on_behalf_of: Hashable = "", waits: bool = True) -> bool:
        """Count one more and return True, or return False if the limit is reached.

        `on_behalf_of` is the key by which waiting requests are counted, if it isn't the share itself.
        """
        held = (share, key)
        with self._lock:
            limit = self._limits.get(held)
            if limit is None:
                limit = self._limits[held] = _Limit(self._maximum[share])
            if limit.number < limit.maximum:
                limit.number += 1
                limit.changed_at = time.monotonic()
                self._note(share, limit)
                return True
            waiting_key = on_behalf_of or held
            if not waits or self._waiting.total() >= MAX_WAITING or self._waiting[waiting_key] >= MAX_WAITING_PER_KEY:
                return False
            self._waiting[waiting_key] += 1
            turn = Lock()
            turn.acquire()
            limit.turns.append(turn)
        self._queued.inc()
        try:
            return self._wait(limit, turn)
        finally:
            self._queued.dec()
            with self._lock:
                self._waiting[waiting_key] -= 1
                if not self._waiting[waiting_key]:
                    del self._waiting[waiting_key]

    def give_back(self, share: Share, key: Hashable = "") -> None:
        """Count one less, or pass the slot to the next waiting request."""
        with self._lock:
            limit = self._limits[share, key]
            limit.changed_at = time.monotonic()
            if limit.turns:
                limit.turns.popleft().release()
                return
            limit.number -= 1
            self._note(share, limit)
            if not limit.number:
                del self._limits[share, key]

    def _note(self, share: Share, limit: _Limit) -> None:
        if share is Share.PROCESS:
            self._working.set(limit.number)

    def _wait(self, limit: _Limit, turn: Lock) -> bool:
        """Wait for a slot. Return False if no request begins or ends in time."""
        while not turn.acquire(timeout=max(0.0, limit.changed_at + PATIENCE - time.monotonic())):
            with self._lock:
                if time.monotonic() >= limit.changed_at + PATIENCE and turn in limit.turns:
                    limit.turns.remove(turn)
                    return False
        return True


class Visit:
    """What one request holds in the process: its worker slot with a database connection, and its shares."""

    def __init__(self, threads: Threads, address: str) -> None:
        self.threads = threads
        self.address = address
        self._held: list[tuple[Share, Hashable]] = []
        self._has_slot = False
        # Without a slot the request can only be rejected: it must not wait for anything.
        self.is_admitted = False

    def begin(self) -> None:
        """Take a worker slot, if one is free."""
        self._take_slot()

    def end(self) -> None:
        """Give back everything."""
        self._give_back_slot()
        self._give_back_shares()

    def claim(self, share: Share, key: Hashable = "") -> bool:
        """Take a share until the response is sent. Return False if it's used up."""
        is_taken = self.threads.take(share, key, waits=False)
        if not is_taken:
            with self._without_slot():
                is_taken = self.threads.take(share, key)
        if is_taken:
            self._held.append((share, key))
        return is_taken and self.is_admitted

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Give up the slot and shares while the request waits for its client, and take them again afterwards."""
        with self._without_slot():
            held = self._give_back_shares()
            try:
                yield
            finally:
                self._held = [one for one in held if self.threads.take(*one)]
        self.is_admitted = self.is_admitted and len(self._held) == len(held)

    @contextmanager
    def _without_slot(self) -> Iterator[None]:
        """Give up the slot for a while. If none is free afterwards, the request is no longer admitted.

        Within a transaction, keep the slot and its connection.
        """
        if not self._has_slot or self.threads.connections.is_in_transaction():
            yield
            return
        self._give_back_slot()
        try:
            yield
        finally:
            self._take_slot()

    def _take_slot(self) -> None:
        self.is_admitted = self._has_slot = self.threads.take(Share.PROCESS, on_behalf_of=self.address)
        if self._has_slot:
            self.threads.connections.lend()

    def _give_back_slot(self) -> None:
        if self._has_slot:
            self.threads.connections.give_back()
            self.threads.give_back(Share.PROCESS)
        self._has_slot = False

    def _give_back_shares(self) -> list[tuple[Share, Hashable]]:
        held, self._held = self._held, []
        for one in held:
            self.threads.give_back(*one)
        return held


def attach(environ: dict[str, object], visit: Visit) -> None:
    """Store a visit for `is_admitted` and `claim`."""
    environ[_ENVIRON_KEY] = visit


def is_admitted(request: HttpRequest) -> bool:
    """Say whether the request may be handled. Always True without the guard, as in Django's test client."""
    visit = request.META.get(_ENVIRON_KEY)
    return visit is None or visit.is_admitted


def claim(request: HttpRequest, share: Share, key: Hashable = "") -> bool:
    """Take a share for the request until the response is sent. Return False if it's used up."""
    visit = request.META.get(_ENVIRON_KEY)
    return visit is None or visit.claim(share, key)
