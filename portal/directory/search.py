"""Search as in Stytch's API: operands that must all match, a page of results, and their total."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")

# Larger totals are -1, Stytch's value for an unknown total: counting further would cost more than the page.
MAX_TOTAL = 10_000


@dataclass(frozen=True, slots=True)
class Operand:
    """One condition, as the caller sent it."""

    filter_name: str
    filter_value: Any


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """One page of results. `next_cursor` is None on the last page. `total` is -1 if there are more than MAX_TOTAL."""

    items: tuple[T, ...]
    next_cursor: str | None
    total: int
