"""Django's PostgreSQL backend, which asks the socket whether a kept connection is still good, and not the server.

It also has a cursor that is kept, for the busiest statements (portal/embedded/database/statements.py), and sets time-outs.
"""

import select
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import psycopg
from django.db.backends.postgresql import base

from portal.embedded.database.postgresql.pooler import changes_connections
from portal.embedded.database.postgresql.prepared import PreparedCursor
from portal.outages import UndeclaredPooler


class DatabaseWrapper(base.DatabaseWrapper):
    """As Django's own, without a query of its own in each request (CONN_HEALTH_CHECKS), and with a cursor that is kept."""

    _kept: Any
    # What was found out once in this process; None until then.
    _has_undeclared_pooler: ClassVar[bool | None] = None

    def get_connection_params(self) -> dict[str, Any]:
        """Return libpq's parameters, without the time-outs, which PgBouncer takes only as statements."""
        parameters: dict[str, Any] = super().get_connection_params()
        parameters.pop("timeouts", None)
        return parameters

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect, and make the cursor that is kept: psycopg's own where nothing may be prepared.

        Raise psycopg.Error, or UndeclaredPooler if prepared statements would reach another connection.
        """
        connection = super().get_new_connection(conn_params)
        if connection.prepare_threshold is None:
            # Also no time-outs: they would stay on the pooler's connection, for other clients.
            self._kept = connection.cursor()
            return connection
        if self._is_behind_undeclared_pooler(connection, conn_params):
            connection.close()
            raise UndeclaredPooler
        connection.autocommit = True
        connection.execute(_set(self._timeouts))
        self._kept = PreparedCursor(connection)
        return connection

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

    def kept_cursor(self) -> Any:
        """Return the cursor of this connection, for a statement whose rows are all fetched before the next one."""
        self.close_if_health_check_failed()
        self.ensure_connection()
        return self._prepare_cursor(self._kept)  # type: ignore[attr-defined]  # -- Django has it

    def run_last(self, sql: str, parameters: Sequence[Any]) -> None:
        """Run the last statement of the transaction around it, which is committed on the same way unless it is part of another."""
        cursor = self.kept_cursor()
        can_commit = isinstance(self._kept, PreparedCursor) and self.in_atomic_block and not self.savepoint_ids
        if not can_commit:
            cursor.execute(sql, parameters)
            return
        self._kept.commits = True
        try:
            cursor.execute(sql, parameters)
        finally:
            self._kept.commits = False

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


def _set(timeouts: Mapping[str, int]) -> str:
    return "; ".join(f"SET {name} = '{seconds}s'" for name, seconds in timeouts.items())
