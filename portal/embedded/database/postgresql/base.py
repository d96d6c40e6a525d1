"""Django's PostgreSQL backend, which asks the socket whether a kept connection is still good, and not the server.

It also runs the statements of the SCIM endpoint (portal/embedded/database/README.md), and sets time-outs.
"""

import select
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import msgspec
import psycopg
from django.db.backends.postgresql import base
from psycopg.types.datetime import TimestamptzLoader
from psycopg.types.json import set_json_loads

from portal.embedded.database.postgresql.pooler import changes_connections
from portal.embedded.database.timing import count_error, timed
from portal.outages import UndeclaredPooler

# Statements that stay prepared on a connection. The SCIM endpoint and the pages have about two hundred.
_MAX_PREPARED = 500
# Cursors that are kept for statements, each with its last rows.
_MAX_CURSORS = 200
_MAX_KEPT_ROWS = 200


class DatabaseWrapper(base.DatabaseWrapper):
    """As Django's own, without a query of its own in each request (CONN_HEALTH_CHECKS)."""

    _cursors: dict[str, Any]
    # What was found out once in this process; None until then.
    _has_undeclared_pooler: ClassVar[bool | None] = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.execute_wrappers.append(timed)

    def get_connection_params(self) -> dict[str, Any]:
        """Return libpq's parameters, without the time-outs, which PgBouncer takes only as statements."""
        parameters: dict[str, Any] = super().get_connection_params()
        parameters.pop("timeouts", None)
        return parameters

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect. Raise psycopg.Error, or UndeclaredPooler if prepared statements would reach another connection."""
        try:
            connection = super().get_new_connection(conn_params)
        except psycopg.Error as error:
            count_error(error)
            raise
        if connection.prepare_threshold is not None:
            if self._is_behind_undeclared_pooler(connection, conn_params):
                connection.close()
                raise UndeclaredPooler
            # Otherwise no time-outs are set: they would stay on the pooler's connection, for other clients.
            connection.autocommit = True
            connection.execute(_set(self._timeouts))
            connection.prepared_max = _MAX_PREPARED
        self._cursors = {}
        return connection

    def run_statement(self, sql: str, parameters: Sequence[Any], *, has_rows: bool) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows, if it has such, with timestamps and JSON read faster than by `cursor()`.

        Each statement has its own psycopg cursor: psycopg then keeps what it has found out about the types.
        """
        if self.connection is None or not self.health_check_done:  # type: ignore[attr-defined]  # -- Django has it
            self.close_if_health_check_failed()
            self.ensure_connection()
        raw = self._cursors.get(sql) or self._add_cursor(sql)
        cursor = self.make_debug_cursor(raw) if self.queries_logged else self.make_cursor(raw)
        cursor.execute(sql, parameters)
        if not has_rows:
            return []
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        if len(rows) > _MAX_KEPT_ROWS:
            self._cursors.pop(sql).close()
        return rows

    def _add_cursor(self, sql: str) -> Any:
        if len(self._cursors) >= _MAX_CURSORS:
            self._cursors.clear()
        self._cursors[sql] = cursor = _reading_cursor(self.connection)
        return cursor

    def set_timeouts(self, **changes: int) -> None:
        """Set this connection's time-outs as configured, but for the changes, in seconds. No effect where nothing is prepared."""
        if self.settings_dict["OPTIONS"].get("prepare_threshold") is not None:
            self.ensure_connection()
            # Several statements can't be prepared, as psycopg does with those that it has seen before.
            self.connection.execute(_set({**self._timeouts, **changes}), prepare=False)

    @property
    def _timeouts(self) -> Mapping[str, int]:
        found: Mapping[str, int] = self.settings_dict["OPTIONS"].get("timeouts", {})
        return found

    @classmethod
    def _is_behind_undeclared_pooler(cls, connection: Any, conn_params: dict[str, Any]) -> bool:
        if cls._has_undeclared_pooler is None:
            connect = partial(psycopg.connect, **conn_params)
            cls._has_undeclared_pooler = changes_connections(connection, connect)
        return bool(cls._has_undeclared_pooler)

    def is_usable(self) -> bool:
        """Say whether the server has kept the connection: one that it has ended can be read, to its end.

        After an error, one to a server that takes no writes (any longer) isn't usable where one that does was asked for.
        """
        if self.connection is None or self.connection.closed:
            return False
        socket = select.poll()
        socket.register(self.connection.fileno(), select.POLLIN)
        if socket.poll(0):
            return False
        return not (self.errors_occurred and self._is_demoted())

    def _is_demoted(self) -> bool:
        if self.settings_dict["OPTIONS"].get("target_session_attrs") not in {"read-write", "primary"}:
            return False
        try:
            return bool(self.connection.execute("SHOW transaction_read_only").fetchone() == ("on",))
        except psycopg.Error:
            return True


def _reading_cursor(connection: "psycopg.Connection[tuple[Any, ...]]") -> "psycopg.Cursor[tuple[Any, ...]]":
    cursor = connection.cursor()
    cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
    set_json_loads(msgspec.json.decode, cursor)
    return cursor


def _set(timeouts: Mapping[str, int]) -> str:
    return "; ".join(f"SET {name} = '{seconds}s'" for name, seconds in timeouts.items())
