"""A storage for the `limits` library in the application's own database: exact across processes, without Redis."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.utils import timezone
from limits.storage import Storage

from portal.embedded.database.batches import BATCH, MAX_ROWS, delete_in_batches
from portal.embedded.models import RateLimitCounterRow

_TABLE = RateLimitCounterRow._meta.db_table
# One statement, so that simultaneous attempts are each counted. Called outside transactions: a rollback must not
# forget a failed attempt.
_COUNT = f"""
    INSERT INTO {_TABLE} (key, amount, expires_at) VALUES (%s, %s, %s)
    ON CONFLICT (key) DO UPDATE SET
        amount = CASE WHEN {_TABLE}.expires_at <= %s THEN excluded.amount ELSE {_TABLE}.amount + excluded.amount END,
        expires_at = CASE WHEN {_TABLE}.expires_at <= %s THEN excluded.expires_at ELSE {_TABLE}.expires_at END
    RETURNING amount
"""


# Every so many writes of a process delete a batch of rows: more than were written, so the table stays as large as what is
# counted at the moment.
_PRUNED_EVERY = 100
_WRITES = count(1)


def prune(limit: int | None = MAX_ROWS) -> int:
    """Delete counters whose window has ended, a thousand in a transaction. Return how many, `limit` at most."""
    return delete_in_batches(_delete_ended, limit)


def _delete_ended(number: int) -> int:
    """Delete some of the counters whose window has ended, and return how many."""
    with transaction.atomic():
        ended = RateLimitCounterRow.objects.filter(expires_at__lte=timezone.now())
        keys = list(ended.select_for_update(skip_locked=True).values_list("key", flat=True)[:number])
        # The condition again: SQLite locks no rows, and a window may have begun again.
        return ended.filter(key__in=keys).delete()[0]


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
        """Count an attempt and return how many there were in the window. A negative amount takes attempts back."""
        now = timezone.now()
        if amount < 0:
            counting = RateLimitCounterRow.objects.filter(key=key, expires_at__gt=now, amount__gte=-amount)
            counting.update(amount=F("amount") + amount)
            return self.get(key)
        until = now + timedelta(seconds=expiry)
        adapt = connection.ops.adapt_datetimefield_value
        with connection.cursor() as cursor:
            cursor.execute(_COUNT, [key, amount, adapt(until), adapt(now), adapt(now)])
            counted = int(cursor.fetchone()[0])
        if next(_WRITES) % _PRUNED_EVERY == 0:
            _delete_ended(BATCH)
        return counted

    def get(self, key: str) -> int:
        """Return how many attempts the current window holds."""
        counter = RateLimitCounterRow.objects.filter(key=key, expires_at__gt=timezone.now()).first()
        return counter.amount if counter else 0

    def get_expiry(self, key: str) -> float:
        """Return when the current window ends, in seconds since 1970."""
        counter = RateLimitCounterRow.objects.filter(key=key).first()
        return (counter.expires_at if counter else datetime.now(UTC)).timestamp()

    def check(self) -> bool:
        """Say whether the database answers."""
        try:
            RateLimitCounterRow.objects.exists()
        except DatabaseError:
            return False
        return True

    def reset(self) -> int | None:
        """Forget everything."""
        return RateLimitCounterRow.objects.all().delete()[0]

    def clear(self, key: str) -> None:
        """Forget one counter."""
        RateLimitCounterRow.objects.filter(key=key).delete()
