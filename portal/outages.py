"""Why a database can't be used right now, as its error tells: an outage, a full disk, a limit, or a fault of ours."""

from django.db import OperationalError


class UndeclaredPooler(OperationalError):
    """A pooler gives each transaction another connection, and DATABASE_PREPARE doesn't say so."""

    def __init__(self) -> None:
        super().__init__(
            "A pooler gives each transaction another connection to PostgreSQL (PgBouncer: pool_mode = transaction). "
            "Set DATABASE_PREPARE=false, or connect without the pooler."
        )
