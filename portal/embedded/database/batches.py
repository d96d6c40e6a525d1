"""Deletion of many rows in short transactions, up to a number of rows in one run."""

from collections.abc import Callable

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
