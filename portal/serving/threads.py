"""How a process shares itself among clients.

The HTTP server has many threads, most of which wait: for a body, or for their turn. Few work at a time, each with one of the
process's few database connections. Each client has a share of these places and no more. A request beyond a limit waits only
while requests under that limit begin or end; when nothing has moved for three seconds, or many wait already, it is
rejected at once. So threads stay free, and health checks are always answered.
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

from portal.serving.connections import LentConnections

PATIENCE: Final = 3.0  # seconds, so that a loaded machine doesn't reject
RETRY_SECONDS: Final = "2"
# Both are far less than the threads that the documented command gives a process (256).
MOST_WAITING: Final = 64
MOST_WAITING_FOR_ONE: Final = 16
MOST_BODIES: Final = 128
MOST_BODIES_OF_VISITOR: Final = 16
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
    """How many are under way, when one last began or ended, and who waits for their turn."""

    most: int
    number: int = 0
    moved_at: float = 0.0
    turns: deque[Lock] = field(default_factory=deque)


class Threads:
    """Counts what is under way in this process, of which `at_once` requests may work."""

    def __init__(self, at_once: int) -> None:
        self.connections = LentConnections()
        # At least one place stays for others, and one of an organization's for its people when its identity provider is busy.
        self._most = {
            Share.PROCESS: at_once,
            Share.ORGANIZATION: at_once - 1,
            Share.CONNECTION: at_once - 2,
            Share.VISITOR: at_once // 2,
            Share.DOWNLOAD: max(1, at_once // 4),
            Share.BODIES: MOST_BODIES,
            Share.BODIES_OF_VISITOR: MOST_BODIES_OF_VISITOR,
        }
        self._lock = Lock()
        self._limits: dict[tuple[Share, Hashable], _Limit] = {}
        # How many wait, for one share or from one address.
        self._waiting: Counter[Hashable] = Counter()

    def take(self, share: Share, key: Hashable = "", *, on_behalf_of: Hashable = "", waits: bool = True) -> bool:
        """Count one more; return False, and count nothing, if the limit is reached.

        `on_behalf_of` says who waits, where the share itself doesn't.
        """
        held = (share, key)
        with self._lock:
            limit = self._limits.get(held)
            if limit is None:
                limit = self._limits[held] = _Limit(self._most[share])
            if limit.number < limit.most:
                limit.number += 1
                limit.moved_at = time.monotonic()
                return True
            who = on_behalf_of or held
            if not waits or self._waiting.total() >= MOST_WAITING or self._waiting[who] >= MOST_WAITING_FOR_ONE:
                return False
            self._waiting[who] += 1
            turn = Lock()
            turn.acquire()
            limit.turns.append(turn)
        try:
            return self._wait(limit, turn)
        finally:
            with self._lock:
                self._waiting[who] -= 1
                if not self._waiting[who]:
                    del self._waiting[who]

    def give_back(self, share: Share, key: Hashable = "") -> None:
        """Count one less, or let the next one have it."""
        with self._lock:
            limit = self._limits[share, key]
            limit.moved_at = time.monotonic()
            if limit.turns:
                limit.turns.popleft().release()
                return
            limit.number -= 1
            if not limit.number:
                del self._limits[share, key]

    def _wait(self, limit: _Limit, turn: Lock) -> bool:
        """Wait for a turn; return False if nothing moves."""
        while not turn.acquire(timeout=max(0.0, limit.moved_at + PATIENCE - time.monotonic())):
            with self._lock:
                if time.monotonic() >= limit.moved_at + PATIENCE and turn in limit.turns:
                    limit.turns.remove(turn)
                    return False
        return True


class Visit:
    """One request's stay in the process: its place to work, with a database connection, and the shares that it holds."""

    def __init__(self, threads: Threads, address: str) -> None:
        self.threads = threads
        self.address = address
        self._held: list[tuple[Share, Hashable]] = []
        self._has_place = False
        # Without a place the request may only be rejected: it must not wait for anything.
        self.is_admitted = False

    def begin(self) -> None:
        """Take a place to work, if there is one."""
        self._take_place()

    def end(self) -> None:
        """Give back everything."""
        self._give_back_place()
        self._give_back_shares()

    def claim(self, share: Share, key: Hashable = "") -> bool:
        """Take a share until the request is answered; return False if it is used up."""
        is_taken = self.threads.take(share, key, waits=False)
        if not is_taken:
            with self._out_of_place():
                is_taken = self.threads.take(share, key)
        if is_taken:
            self._held.append((share, key))
        return is_taken and self.is_admitted

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Leave place and shares to others while the request waits for its client, and take them again afterwards."""
        with self._out_of_place():
            held = self._give_back_shares()
            try:
                yield
            finally:
                self._held = [one for one in held if self.threads.take(*one)]
        self.is_admitted = self.is_admitted and len(self._held) == len(held)

    @contextmanager
    def _out_of_place(self) -> Iterator[None]:
        """Leave the place to others for a while. Where none is free afterwards, the request is no longer admitted.

        Within a transaction the place, and with it the connection, is kept.
        """
        if not self._has_place or self.threads.connections.is_in_transaction():
            yield
            return
        self._give_back_place()
        try:
            yield
        finally:
            self._take_place()

    def _take_place(self) -> None:
        self.is_admitted = self._has_place = self.threads.take(Share.PROCESS, on_behalf_of=self.address)
        if self._has_place:
            self.threads.connections.lend()

    def _give_back_place(self) -> None:
        if self._has_place:
            self.threads.connections.give_back()
            self.threads.give_back(Share.PROCESS)
        self._has_place = False

    def _give_back_shares(self) -> list[tuple[Share, Hashable]]:
        held, self._held = self._held, []
        for one in held:
            self.threads.give_back(*one)
        return held


def attach(environ: dict[str, object], visit: Visit) -> None:
    """Put a visit where `is_admitted` and `claim` find it."""
    environ[_ENVIRON_KEY] = visit


def is_admitted(request: HttpRequest) -> bool:
    """Say whether the request may do more than be rejected; always where no guard counts, as in Django's test client."""
    visit = request.META.get(_ENVIRON_KEY)
    return visit is None or visit.is_admitted


def claim(request: HttpRequest, share: Share, key: Hashable = "") -> bool:
    """Take a share for the request until it is answered; return False if it is used up."""
    visit = request.META.get(_ENVIRON_KEY)
    return visit is None or visit.claim(share, key)
