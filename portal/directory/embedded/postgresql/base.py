"""Django's PostgreSQL backend, which asks the socket whether a kept connection is still good, and not the server."""

import select
from typing import Any

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """As Django's own, without a query of its own in each request (CONN_HEALTH_CHECKS), and with a cursor that is kept."""

    _kept: Any = None

    def kept_cursor(self) -> Any:
        """Return the cursor of this connection, for a statement whose rows are all fetched before the next one."""
        self.close_if_health_check_failed()
        self.ensure_connection()
        if self._kept is None or self._kept.connection is not self.connection:
            self._kept = self.create_cursor()
        return self._prepare_cursor(self._kept)  # type: ignore[attr-defined]  # -- Django has it

    def is_usable(self) -> bool:
        """Say whether the server has kept the connection: one that it has ended can be read, to its end."""
        if self.connection is None or self.connection.closed:
            return False
        socket = select.poll()
        socket.register(self.connection.fileno(), select.POLLIN)
        return not socket.poll(0)
