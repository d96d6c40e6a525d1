"""A storage for the `limits` library in the application's own database: exact across processes, without Redis."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import DatabaseError, connection
from django.utils import timezone
from limits.storage import Storage

from portal.directory.embedded.models import RateLimitCounter

_TABLE = RateLimitCounter._meta.db_table  # noqa: SLF001 -- Django's documented model API
# One statement, so that simultaneous attempts are each counted. Called outside transactions: a rollback must not
# forget a failed attempt.
_COUNT = f"""
    INSERT INTO {_TABLE} (key, amount, expires_at) VALUES (%s, %s, %s)
    ON CONFLICT (key) DO UPDATE SET
        amount = CASE WHEN {_TABLE}.expires_at <= %s THEN excluded.amount ELSE {_TABLE}.amount + excluded.amount END,
        expires_at = CASE WHEN {_TABLE}.expires_at <= %s THEN excluded.expires_at ELSE {_TABLE}.expires_at END
    RETURNING amount
"""  # noqa: S608 -- only the table's own name is filled in


class DatabaseStorage(Storage):
    """Counters as rows; selected with the address `database://`."""

    STORAGE_SCHEME = ["database"]

    def __init__(self, uri: str | None = None, *, wrap_exceptions: bool = False, **_: Any) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions)

    @property
    def base_exceptions(self) -> type[Exception]:
        """What this storage raises."""
        return DatabaseError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count an attempt and return how many there were in the window."""
        now = timezone.now()
        until = now + timedelta(seconds=expiry)
        adapt = connection.ops.adapt_datetimefield_value
        with connection.cursor() as cursor:
            cursor.execute(_COUNT, [key, amount, adapt(until), adapt(now), adapt(now)])
            return int(cursor.fetchone()[0])

    def get(self, key: str) -> int:
        """Return how many attempts the current window holds."""
        counter = RateLimitCounter.objects.filter(key=key, expires_at__gt=timezone.now()).first()
        return counter.amount if counter else 0

    def get_expiry(self, key: str) -> float:
        """Return when the current window ends, in seconds since 1970."""
        counter = RateLimitCounter.objects.filter(key=key).first()
        return (counter.expires_at if counter else datetime.now(UTC)).timestamp()

    def check(self) -> bool:
        """Say whether the database answers."""
        try:
            RateLimitCounter.objects.exists()
        except DatabaseError:
            return False
        return True

    def reset(self) -> int | None:
        """Forget everything."""
        return RateLimitCounter.objects.all().delete()[0]

    def clear(self, key: str) -> None:
        """Forget one counter."""
        RateLimitCounter.objects.filter(key=key).delete()
