"""Measures the time that statements take, and counts those that the database fails."""

import time
from collections.abc import Callable
from typing import Any

from portal.metrics import DATABASE_ERRORS, database_time
from portal.outages import UNAVAILABLE, reason


def timed(execute: Callable[..., Any], sql: str, parameters: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 -- Django calls it so
    """Run a statement; for `execute_wrappers` of a Django connection."""
    started = time.perf_counter()
    try:
        return execute(sql, parameters, many, context)
    except UNAVAILABLE as error:
        count_error(error)
        raise
    finally:
        database_time.seconds += time.perf_counter() - started


def count_error(error: Exception) -> None:
    """Count a connection or statement that failed, by the reason that the log has."""
    DATABASE_ERRORS.labels(reason(error)["reason"]).inc()
