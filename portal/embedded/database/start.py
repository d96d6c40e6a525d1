"""What a server process looks at before it takes requests."""

import structlog
from django.db import DatabaseError, connection

from portal.outages import UndeclaredPooler, reason

log = structlog.get_logger("gatehouse.start")


def verify_database() -> None:
    """Exit with a sentence behind a pooler that DATABASE_PREPARE doesn't declare. Log a database that is unavailable."""
    if connection.vendor != "postgresql":
        return
    try:
        connection.ensure_connection()
    except UndeclaredPooler as error:
        raise SystemExit(f"Gatehouse cannot start: {error}") from None
    except DatabaseError as error:
        # The process starts all the same: it serves as soon as the database does.
        log.warning("database_unavailable", **reason(error))
    finally:
        connection.close()
