"""Tells whether a pooler gives each transaction another connection to PostgreSQL, which prepared statements don't survive."""

import select
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.errors import ConnectionTimeout
from psycopg.pq import ExecStatus

_SECONDS = 3
_ROUNDS = 3

Connection = psycopg.Connection[Any]


def changes_connections(connection: Connection, connect: Callable[[], Connection]) -> bool | None:
    """Say whether transactions of one client run on several server connections; None if the pooler is too busy to tell.

    Open a second client where there is a pooler at all. Raise psycopg.Error if the server doesn't answer.
    """
    # PostgreSQL names its process to each client that connects; a pooler sends a number of its own.
    if connection.info.backend_pid == _server_process(connection):
        return False
    own, others = set(), set()
    with connect() as other:
        for _ in range(_ROUNDS):
            # A pooler that takes turns differs at the second statement, any other hands what is free to the other client.
            own |= {_server_process(connection), _server_process(connection)}
            try:
                others.add(_server_process(other))
            except ConnectionTimeout:
                return None
    return len(own) > 1 or len(others) > 1 or own == others


def _server_process(connection: Connection) -> int:
    """Return the server process that ran a statement. Raise ConnectionTimeout if none did within seconds."""
    pgconn = connection.pgconn
    pgconn.send_query(b"SELECT pg_backend_pid()")
    if not select.select([pgconn.socket], [], [], _SECONDS)[0]:
        raise ConnectionTimeout("timeout expired")
    results = list(iter(pgconn.get_result, None))
    if results[0].status != ExecStatus.TUPLES_OK:
        raise psycopg.OperationalError(results[0].get_error_message(connection.info.encoding))
    return int(results[0].get_value(0, 0) or 0)
