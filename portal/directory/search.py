"""Searching as Stytch's API does it: operands that must all hold, a page, and how many there are."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")

# From here on the total is -1, as at Stytch where it is not known: to count further would cost more than the page.
MOST_IN_TOTAL = 10_000


@dataclass(frozen=True, slots=True)
class Operand:
    """One condition, as the caller wrote it."""

    filter_name: str
    filter_value: Any


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """One page of what was found; `next_cursor` is None on the last page, `total` -1 where there are more than MOST_IN_TOTAL."""

    items: tuple[T, ...]
    next_cursor: str | None
    total: int
