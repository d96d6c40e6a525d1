"""Database errors: which ones are outages, and what to log of them."""

from django.db import IntegrityError, InterfaceError, InternalError, OperationalError

# An outage, a lock timeout, a full disk, a read-only database (InternalError in PostgreSQL).
UNAVAILABLE: tuple[type[Exception], ...] = (OperationalError, InterfaceError, InternalError)
# The same request can succeed later, including after a conflict between two requests.
TEMPORARY: tuple[type[Exception], ...] = (*UNAVAILABLE, IntegrityError)
# Meanings of the prefixes of PostgreSQL's SQLSTATEs, and of SQLite's error names.
_MEANINGS = {
    "08": "connection lost",
    "25006": "read-only",
    "25P03": "idle transaction ended",
    "23": "conflict with another request",
    "40": "conflict with another transaction",
    "53100": "disk full",
    "53200": "out of memory",
    "53300": "too many connections",
    "55P03": "lock not available in time",
    "57014": "statement took too long",
    "57P": "shutting down or starting",
    "58": "input or output failed",
    "SQLITE_BUSY": "lock not available in time",
    "SQLITE_CONSTRAINT": "conflict with another request",
    "SQLITE_FULL": "disk full",
    "SQLITE_IOERR": "input or output failed",
    "SQLITE_READONLY": "read-only",
    "SQLITE_CANTOPEN": "file can't be opened",
}
# A server that rejects a connection gives libpq no code, only a message.
_SENTENCES = {
    "too many clients": "too many connections",
    "too many connections": "too many connections",
    "connection slots are reserved": "too many connections",
    "no more connections allowed": "too many connections",
    "starting up": "shutting down or starting",
    "shutting down": "shutting down or starting",
    "authentication failed": "credentials rejected",
    "timeout expired": "no response",
    "timeout error": "no response",
    "resolve host": "host name not found",
    "Connection refused": "connection refused",
}


class UndeclaredPooler(OperationalError):
    """A pooler gives each transaction another connection, but DATABASE_PREPARE isn't false."""

    def __init__(self) -> None:
        super().__init__(
            "A pooler gives each transaction another connection to PostgreSQL (PgBouncer: pool_mode = transaction). "
            "Set DATABASE_PREPARE=false, or connect without the pooler."
        )


def reason(error: Exception) -> dict[str, str]:
    """Return what to log of a failed statement: its class, code and meaning, without SQL and values."""
    cause = error.__cause__
    code = str(getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None) or "")
    if code:
        meaning = next((text for start, text in _MEANINGS.items() if code.startswith(start)), "")
    else:
        # libpq's message about the connection.
        meaning = next((text for part, text in _SENTENCES.items() if part in str(error)), "connection lost or failed")
    return {"error": type(cause or error).__name__, "sqlstate": code, "reason": meaning or "other"}
