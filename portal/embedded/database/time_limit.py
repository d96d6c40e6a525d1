"""A limit on how long the database works on a statement, for lists whose cost the client decides."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

_INSTRUCTIONS = 20_000  # of SQLite's machine between two looks at the clock: about a millisecond


class TimeLimitReached(Exception):
    """A statement took longer than it may."""


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Stop statements that take longer; on SQLite the limit is for all of them together. Raises TimeLimitReached.

    For reading: on PostgreSQL what is inside is a transaction, on SQLite it is not.
    """
    try:
        with _of_postgresql(seconds) if connection.vendor == "postgresql" else _of_sqlite(seconds):
            yield
    except OperationalError as error:
        if _is_stopped(error.__cause__):
            raise TimeLimitReached from error
        raise


def lift_time_limit() -> None:
    """Let the statements of the current transaction take as long as they need: all of it is done, or nothing."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")


@contextmanager
def _of_postgresql(seconds: int) -> Iterator[None]:
    # Local to the transaction: behind a pooler, the next one on this connection may be another client's.
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{seconds}s"])
        yield


@contextmanager
def _of_sqlite(seconds: int) -> Iterator[None]:
    connection.ensure_connection()
    database: sqlite3.Connection = connection.connection
    end = time.monotonic() + seconds
    database.set_progress_handler(lambda: time.monotonic() > end, _INSTRUCTIONS)
    try:
        yield
    finally:
        database.set_progress_handler(None, 0)


def _is_stopped(cause: BaseException | None) -> bool:
    if isinstance(cause, sqlite3.OperationalError):
        return cause.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT
    return isinstance(cause, QueryCanceled)
