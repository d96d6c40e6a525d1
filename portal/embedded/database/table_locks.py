"""Schema changes on a database in use: they don't hold up writes behind them while they wait for a lock."""

import time
from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, connections, transaction

# PostgreSQL: shorter than the second after which it looks for deadlocks, so that no request is ended for one.
_LOCK_MILLISECONDS = 500
TRIES = 20

Result = TypeVar("Result")


class TableLocked(Exception):
    """Another transaction kept a table locked all the time."""


def change_tables(using: str, change: Callable[[], Result], *, patience: int = 1) -> Result:
    """Run a change in a transaction of its own, `patience` × 20 times if others lock its tables. Raise TableLocked."""
    tries = patience * TRIES
    for number in range(tries):
        try:
            with transaction.atomic(using):
                wait_briefly_for_locks(using)
                return change()
        except OperationalError as error:
            if number == tries - 1:
                raise TableLocked from error
            # Lets the requests through that have been waiting behind this one.
            time.sleep(1)
    raise TableLocked


def wait_briefly_for_locks(using: str) -> None:
    """Let the current transaction wait half a second for a lock: as long as it waits, writes behind it wait too."""
    if connections[using].vendor == "postgresql":
        with connections[using].cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {_LOCK_MILLISECONDS}")
