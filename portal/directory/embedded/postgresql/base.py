"""Django's PostgreSQL backend, which asks the socket whether a kept connection is still good, and not the server."""

import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """As Django's own, without a query of its own in each request (CONN_HEALTH_CHECKS)."""

    def is_usable(self) -> bool:
        """Say whether the server has kept the connection: one that it has ended can be read, to its end."""
        if self.connection is None or self.connection.closed:
            return False
        socket = select.poll()
        socket.register(self.connection.fileno(), select.POLLIN)
        return not socket.poll(0)
