"""Whole lists in their own order, as identity providers read them: each page begins where the one before it ended.

By a cursor it says so itself. By index, to count up to the page costs more the further it is; so this process remembers
for a minute where the pages ended that it gave, and counts for others.
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
# A total beyond this is counted once in a while: that takes longer than the page.
_LARGE_TOTAL, _LARGE_TOTAL_SECONDS = 10_000, 10
_FIRST = UUID(int=0)


class ListedRow(NamedTuple):
    """What a list needs of a row; a tuple, as there are up to a thousand in a page."""

    pk: UUID
    document: dict[str, Any]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class UnfilteredList:
    """All people or groups of a connection, in the order of their keys.

    `rows_after` returns so many rows behind a key, `key_at` the key at a place, from 0.
    """

    key: tuple[object, ...]
    rows_after: Callable[[UUID, int], Sequence[ListedRow]]
    key_at: Callable[[int], UUID | None]
    count: Callable[[], int]


def page_in_order(whole: UnfilteredList, query: ListQuery, keyset: Keyset) -> ResultPage[ListedRow] | None:
    """Return a page of a whole list, or None for another list.

    Raises InvalidCursor, ExpiredCursor.
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
    # RFC 9865 lets later pages leave the total out, so that each costs the same.
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
    """Return behind which key a page starts; None where that is beyond the end."""
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
    """Where pages ended, the newest thousand."""

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
