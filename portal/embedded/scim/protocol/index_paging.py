"""Pages of unfiltered lists in primary-key order, by cursor or by index.

SCIM demands paging by index. Skipping rows costs more with each page, so each process caches for a minute at which
primary key the pages that it returned ended, and skips rows only for other start indexes.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any, NamedTuple
from uuid import UUID

from portal.embedded.database.keyset import Keyset
from portal.embedded.scim.protocol.pagination import MAX_RESULTS, ListQuery, ResultPage, key_before

_CACHE_SECONDS = 60
_MAX_CACHED = 1000
# A larger total is cached: counting takes longer than reading the page.
_LARGE_TOTAL, _LARGE_TOTAL_SECONDS = 10_000, 10
_FIRST = UUID(int=0)


class ListedRow(NamedTuple):
    """The columns that a list needs; a tuple, because a page has up to a thousand."""

    pk: UUID
    document: dict[str, Any]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class UnfilteredList:
    """All users or groups of a connection, in primary-key order.

    `rows_after` returns so many rows after a primary key, `key_at` the primary key at an offset.
    """

    key: tuple[object, ...]
    rows_after: Callable[[UUID, int], Sequence[ListedRow]]
    key_at: Callable[[int], UUID | None]
    count: Callable[[], int]


def page_in_order(whole: UnfilteredList, query: ListQuery, keyset: Keyset) -> ResultPage[ListedRow] | None:
    """Return a page of an unfiltered list, or None for a list with a filter or sort order.

    Raise InvalidCursor or ExpiredCursor for a cursor that cannot be used.
    """
    limit = min(query.count, MAX_RESULTS)
    if query.filter is not None or query.sort_by or limit < 1:
        return None
    if query.cursor is not None:
        return _by_cursor(whole, limit, query, keyset)
    return _by_index(whole, limit, max(query.start_index, 1))


def _by_cursor(whole: UnfilteredList, limit: int, query: ListQuery, keyset: Keyset) -> ResultPage[ListedRow]:
    key = key_before(query, keyset)
    found = whole.rows_after(UUID(key[0]) if key else _FIRST, limit + 1)
    page = keyset.page(found, limit=limit, key=lambda row: [str(row.pk), None])
    # RFC 9865 allows later pages to omit the total, so every page costs the same.
    total = None if query.cursor else _count(whole) if page.next_cursor else len(found)
    return ResultPage(page.items, total, next_cursor=page.next_cursor or "")


def _by_index(whole: UnfilteredList, limit: int, start: int) -> ResultPage[ListedRow]:
    place = _page_start(whole, start)
    found = whole.rows_after(place.after, limit + 1) if place else []
    if found and len(found) <= limit:
        return ResultPage(found, start - 1 + len(found), start)
    total = place.total if place and place.total is not None else _count(whole)
    if found:
        _PAGE_STARTS.put(
            (*whole.key, start + limit), _PageStart(found[limit - 1].pk, total, time.monotonic() + _CACHE_SECONDS)
        )
    return ResultPage(found[:limit], total, start)


def _page_start(whole: UnfilteredList, start: int) -> "_PageStart | None":
    """Return the primary key that a page starts after, or None if it starts after the last row."""
    if start == 1:
        return _PageStart(_FIRST, None, 0)
    if known := _PAGE_STARTS.get((*whole.key, start)):
        return known
    before = whole.key_at(start - 2)
    return _PageStart(before, None, 0) if before else None


def _count(whole: UnfilteredList) -> int:
    known = _PAGE_STARTS.get(whole.key)
    if known is not None and known.total is not None:
        return known.total
    total = whole.count()
    if total > _LARGE_TOTAL:
        _PAGE_STARTS.put(whole.key, _PageStart(_FIRST, total, time.monotonic() + _LARGE_TOTAL_SECONDS))
    return total


class _PageStart(NamedTuple):
    after: UUID
    total: int | None
    until: float


class _PageStartCache:
    """A cache of the primary keys at which the latest thousand pages ended."""

    def __init__(self) -> None:
        self._places: dict[tuple[object, ...], _PageStart] = {}
        self._lock = Lock()

    def get(self, key: tuple[object, ...]) -> _PageStart | None:
        place = self._places.get(key)
        return place if place and place.until > time.monotonic() else None

    def put(self, key: tuple[object, ...], place: _PageStart) -> None:
        with self._lock:
            self._places.pop(key, None)
            self._places[key] = place
            if len(self._places) > _MAX_CACHED:
                del self._places[next(iter(self._places))]


_PAGE_STARTS = _PageStartCache()
