"""Django's PostgreSQL backend, which asks the socket whether a kept connection is still good, and not the server.

It also has a cursor that is kept, for the busiest statements (portal/directory/embedded/statements.py).
"""

import select
from collections.abc import Sequence
from typing import Any

from django.db.backends.postgresql import base

from portal.directory.embedded.postgresql.prepared import PreparedCursor


class DatabaseWrapper(base.DatabaseWrapper):
    """As Django's own, without a query of its own in each request (CONN_HEALTH_CHECKS), and with a cursor that is kept."""

    _kept: Any

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect, and make the cursor that is kept: psycopg's own where nothing may be prepared. Raises psycopg.Error."""
        connection = super().get_new_connection(conn_params)
        is_prepared = connection.prepare_threshold is not None
        self._kept = PreparedCursor(connection) if is_prepared else connection.cursor()
        return connection

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
        """Say whether the server has kept the connection: one that it has ended can be read, to its end."""
        if self.connection is None or self.connection.closed:
            return False
        socket = select.poll()
        socket.register(self.connection.fileno(), select.POLLIN)
        return not socket.poll(0)
