"""Keyset paging for every list: signed cursors that are bound to one list, and pages that cost the same at any depth."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.core import signing
from django.db.models import Model, QuerySet

from portal.directory.errors import ExpiredCursor, InvalidCursor
from portal.directory.pages import Page

_DAY = 86_400
MAX_WORDS = 5
MAX_SEARCHED = 100_000

Item = TypeVar("Item")
Row = TypeVar("Row", bound=Model)
Columns = TypeVar("Columns")


class Keyset:
    """One list: its organization, its filter and its order, as far as they aren't the same for all such lists.

    A cursor is the key of the last row of a page, signed. It is valid for this list alone, and for `max_age` seconds.
    """

    def __init__(self, *list_key: object, max_age: int = _DAY) -> None:
        # repr() keeps ("a", "b") apart from ("a b",): parts of the key come from outside.
        salt = f"portal.cursor:{tuple(str(part) for part in list_key)!r}"
        # RFC 9865, section 2, allows unreserved characters only, and Django's default separator isn't one.
        self._signer = signing.TimestampSigner(salt=salt, sep="~")
        self._max_age = max_age

    def cursor(self, key: object) -> str:
        """Return a cursor for the rows after a key: one value, or a list of them."""
        return self._signer.sign_object(key if isinstance(key, list) else str(key))

    def key(self, cursor: str) -> Any:
        """Return the key that a page starts after, "" for the first page.

        Raise ExpiredCursor, and InvalidCursor if the cursor is forged or belongs to another list.
        """
        if not cursor:
            return ""
        try:
            return self._signer.unsign_object(cursor, max_age=self._max_age)
        except signing.SignatureExpired:
            raise ExpiredCursor("The cursor has expired. Start the list again without one.") from None
        # ValueError: text that can't be encoded.
        except (signing.BadSignature, ValueError):
            raise InvalidCursor("The cursor is not valid for this list.") from None

    def after(self, cursor: str, rows: "QuerySet[Row, Columns]", order_by: str) -> "QuerySet[Row, Columns]":
        """Return the rows after a cursor, in the order of a unique column ("-pk" for descending). Raise InvalidCursor."""
        column, comparison = (order_by[1:], "lt") if order_by.startswith("-") else (order_by, "gt")
        if key := self.key(cursor):
            rows = rows.filter(**{f"{column}__{comparison}": key})
        return rows.order_by(order_by)

    def page(
        self, rows: Sequence[Item], *, limit: int, key: Callable[[Item], object], searched_to: object = None
    ) -> Page[Item]:
        """Return a page of at most `limit` rows; one row more than that means that there is a next page.

        If a search stopped at the key `searched_to`, the next page continues after it.
        """
        kept, following = rows[:limit], searched_to
        if len(rows) > limit and kept:
            following = key(kept[-1])
        is_partial = len(rows) <= limit and bool(searched_to)
        return Page(tuple(kept), self.cursor(following) if following else None, is_partial=is_partial)


def search_words(text: str) -> tuple[str, ...]:
    """Return the words of a search, at most MAX_WORDS: each is compared with every row that the search reads."""
    return tuple(text.split()[:MAX_WORDS])


def search_bound(in_order: "QuerySet[Any]", column: str) -> str:
    """Return the key of the last row that one page of a search reads, "" if it reads all of them.

    Without an index that finds a part of a name, a page reads MAX_SEARCHED rows at most.
    """
    keys = list(in_order.values_list(column, flat=True)[MAX_SEARCHED - 1 : MAX_SEARCHED + 1])
    return str(keys[0]) if len(keys) > 1 else ""
