"""Deletion of many rows in short transactions, up to a number of rows in one run."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.db.models import QuerySet

# A scheduled run deletes so many rows of a kind at most. The next run continues.
MAX_ROWS = 100_000
# Rows in one transaction.
BATCH = 1000


def delete_in_batches(delete: Callable[[int], int], limit: int | None) -> int:
    """Call `delete` with the size of a batch until it deletes none, or `limit` in all. Return how many it deleted."""
    deleted = 0
    while limit is None or deleted < limit:
        batch = delete(BATCH if limit is None else min(BATCH, limit - deleted))
        if not batch:
            break
        deleted += batch
    return deleted


def delete_rows(rows: "QuerySet[Any, Any]", limit: int | None) -> int:
    """Delete rows that nothing refers to, in batches and in no order. Return how many, `limit` at most."""
    return delete_in_batches(partial(_delete, rows.order_by()), limit)


def _delete(rows: "QuerySet[Any, Any]", number: int) -> int:
    keys = list(rows.values_list("pk", flat=True)[:number])
    return rows.filter(pk__in=keys).delete()[0] if keys else 0
