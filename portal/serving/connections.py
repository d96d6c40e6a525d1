"""A pool of database connections: one per request that is being handled, however many threads there are."""

from threading import Lock

from django.db import DEFAULT_DB_ALIAS, connections  # noqa: TID251 -- pools connections, runs no queries
from django.db.backends.base.base import BaseDatabaseWrapper  # noqa: TID251 -- as above


class LentConnections:
    """Idle connections. The most recently used one is lent first, so that few stay open."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._idle: list[BaseDatabaseWrapper] = []

    def lend(self) -> None:
        """Assign a connection to this thread. It's opened on first use."""
        with self._lock:
            lent = self._idle.pop() if self._idle else None
        if lent is None:
            lent = connections.create_connection(DEFAULT_DB_ALIAS)
            # Threads use it one after the other, never two at once.
            lent.inc_thread_sharing()
        connections[DEFAULT_DB_ALIAS] = lent

    def give_back(self) -> None:
        """Return this thread's connection to the pool."""
        lent = connections[DEFAULT_DB_ALIAS]
        del connections[DEFAULT_DB_ALIAS]
        with self._lock:
            self._idle.append(lent)

    def is_in_transaction(self) -> bool:
        """Say whether this thread's connection is in a transaction, so that no other thread can use it."""
        return connections[DEFAULT_DB_ALIAS].in_atomic_block
