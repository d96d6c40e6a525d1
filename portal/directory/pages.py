"""One page of a list, and how long a page may be."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

T = TypeVar("T")
DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
# Nothing that is only shown is counted further.
MOST_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list; `next_cursor` is None on the last page.

    `searched_to` is given where a search was ended for taking long: it continues at the cursor, behind this moment.
    """

    items: tuple[T, ...]
    next_cursor: str | None
    searched_to: datetime | None = None
