"""Database connections of a process, lent to the threads that work: as many as work at a time, however many threads there are."""

from threading import Lock

from django.db import DEFAULT_DB_ALIAS, connections  # noqa: TID251 -- lends connections, and asks them nothing
from django.db.backends.base.base import BaseDatabaseWrapper  # noqa: TID251 -- as above


class LentConnections:
    """Connections that aren't in use; the one used last is lent first, so that few are open."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._idle: list[BaseDatabaseWrapper] = []

    def lend(self) -> None:
        """Give this thread a connection, which is opened when it is first used."""
        with self._lock:
            lent = self._idle.pop() if self._idle else None
        if lent is None:
            lent = connections.create_connection(DEFAULT_DB_ALIAS)
            # One thread after the other uses it, never two at once.
            lent.inc_thread_sharing()
        connections[DEFAULT_DB_ALIAS] = lent

    def give_back(self) -> None:
        """Take this thread's connection for the next one."""
        lent = connections[DEFAULT_DB_ALIAS]
        del connections[DEFAULT_DB_ALIAS]
        with self._lock:
            self._idle.append(lent)

    def is_in_transaction(self) -> bool:
        """Say whether this thread's connection is in a transaction, so that nobody else can use it."""
        return connections[DEFAULT_DB_ALIAS].in_atomic_block
