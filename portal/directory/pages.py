"""Pages of a list, and their size."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, TypeVar, cast

from portal.directory.errors import Invalid

T = TypeVar("T")
Other = TypeVar("Other")
DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
# Upper bound of a number that a page shows.
MAX_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list. `next_cursor` is None on the last page.

    A search that reads too many rows stops before its end and is partial. It continues at the cursor: in the log, after the
    time `searched_to`.
    """

    items: tuple[T, ...]
    next_cursor: str | None
    searched_to: datetime | None = None
    is_partial: bool = False

    def map(self, convert: Callable[[T], Other]) -> "Page[Other]":
        """Return the same page of other items."""
        page = cast("Page[Any]", self)
        return replace(page, items=tuple(convert(item) for item in self.items))


def check_limit(limit: int) -> None:
    """Raise Invalid unless the limit is from 1 to 1000, as in Stytch's API."""
    if not 1 <= limit <= MAX_LIMIT:
        raise Invalid(f"limit must be from 1 to {MAX_LIMIT}.", field="limit")
