"""Keyset paging: signed cursors, bound to their list, so that a page costs the same however deep it lies."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.core import signing
from django.db.models import Q, QuerySet

from portal.directory.errors import Invalid, InvalidCursor
from portal.directory.pages import MAX_LIMIT, Page

_CURSOR_SECONDS = 86_400
_LAST_CODE_POINT = "\U0010ffff"
MOST_WORDS = 5
MOST_SEARCHED = 100_000

Row = TypeVar("Row")
Item = TypeVar("Item")


def check_limit(limit: int) -> None:
    """Raise Invalid unless the limit is one that Stytch takes: 1 to 1000."""
    if not 1 <= limit <= MAX_LIMIT:
        raise Invalid(f"limit must be from 1 to {MAX_LIMIT}.", field="limit")


def read_cursor(cursor: str, *list_key: object) -> str:
    """Return the key after which the page starts, "" for the first page.

    Raises InvalidCursor for a cursor that is forged, older than a day, or of another list.
    """
    if not cursor:
        return ""
    try:
        return str(signing.loads(cursor, salt=_salt(list_key), max_age=_CURSOR_SECONDS))
    except signing.SignatureExpired:
        raise InvalidCursor("This place in the list has expired.") from None
    except signing.BadSignature:
        raise InvalidCursor("This place in the list is not valid.") from None


def make_page(
    rows: Sequence[Row], *list_key: object, limit: int, key: Callable[[Row], object], item: Callable[[Row], Item]
) -> Page[Item]:
    """Return a page of at most `limit` of the rows; a row more than that means there is a next page."""
    kept = rows[:limit]
    more = len(rows) > limit
    return Page(
        items=tuple(item(row) for row in kept),
        next_cursor=make_cursor(key(kept[-1]), *list_key) if more else None,
    )


def search_words(text: str) -> tuple[str, ...]:
    """Return the words of a search, at most MOST_WORDS: each costs a comparison of every row that is looked at."""
    return tuple(text.split()[:MOST_WORDS])


def last_searched(in_order: "QuerySet[Any]", column: str) -> str:
    """Return the key of the last row that one page of a search looks at, "" where it looks at all of them.

    A search for any part of a name has no index, so a page looks at MOST_SEARCHED rows at most.
    """
    keys = list(in_order.values_list(column, flat=True)[MOST_SEARCHED - 1 : MOST_SEARCHED + 1])
    return str(keys[0]) if len(keys) > 1 else ""


def make_search_page(
    rows: Sequence[Row],
    *list_key: object,
    limit: int,
    end: str,
    key: Callable[[Row], object],
    item: Callable[[Row], Item],
) -> Page[Item]:
    """Return a page as `make_page` does; where it looked only as far as `end`, the next page goes on there."""
    page = make_page(rows, *list_key, limit=limit, key=key, item=item)
    return page if page.next_cursor or not end else Page(page.items, make_cursor(end, *list_key))


def starts_with(column: str, prefix: str) -> Q:
    """Say how a folded column begins; "" for anything.

    It is a range, not LIKE: that uses the index on every database, and % and _ are just characters.
    """
    if not prefix:
        return Q()
    return Q(**{f"{column}__gte": prefix, f"{column}__lt": prefix + _LAST_CODE_POINT})


def make_cursor(key: object, *list_key: object) -> str:
    """Return a cursor that stands behind the key, for the list of this key alone."""
    return signing.dumps(str(key), salt=_salt(list_key))


def _salt(list_key: tuple[object, ...]) -> str:
    # repr() keeps ("a", "b") apart from ("a b",): parts of the key come from outside.
    return f"portal.cursor:{tuple(str(part) for part in list_key)!r}"
