"""A page of a list, loaded by cursor, and either appended to the list or shown as a page of its own.

While pages are appended, the address of the browser becomes that of all of them: `through` is their number of items. So a
reload, and the way back from an item, show them all again, up to MAX_LIMIT. Beyond that it's the address of the last page.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django import forms
from django.http import HttpResponse, QueryDict

from portal.directory.counts import Count
from portal.directory.errors import InvalidCursor
from portal.directory.pages import MAX_LIMIT, Page
from portal.web.numbers import counted, number
from portal.web.request import PortalRequest

Item = TypeVar("Item")

LIMITS = (25, 50, 100, 250)
_DEFAULT_LIMIT = 50
_MAX_SHOWN = 10**9


class ListQuery(forms.Form):
    """The query of a list: the page size."""

    limit = forms.TypedChoiceField(
        label="Page size",
        choices=[(limit, limit) for limit in LIMITS],
        coerce=int,
        error_messages={"invalid_choice": f"Use {', '.join(map(str, LIMITS[:-1]))} or {LIMITS[-1]}."},
    )

    def __init__(self, data: QueryDict, **options: Any) -> None:
        super().__init__({"limit": str(_DEFAULT_LIMIT), **data.dict()}, **options)

    @property
    def size(self) -> int:
        """How many items to load: the page size, or all that were loaded page by page before."""
        limit = int(self.cleaned_data["limit"])
        if self.data.get("cursor"):
            return limit
        return max(limit, min(_number(self.data.get("through")), MAX_LIMIT))


@dataclass(frozen=True, slots=True)
class Listing(Generic[Item]):
    """A loaded page with the positions of its first and last item in the list, counted from 1."""

    items: tuple[Item, ...]
    next_cursor: str | None
    first: int
    last: int
    # The cursor was no longer valid, so this is the first page again.
    has_restarted: bool
    # It is appended to the pages that the browser already shows.
    is_appended: bool
    # The search stopped here because it read too many rows. It continues at the cursor.
    searched_to: datetime | None = None
    # It stopped in a list that has no time.
    is_partial: bool = False
    # The number of items in the address once the next page is appended, None beyond MAX_LIMIT.
    through: int | None = None
    # How many items the whole list has, None if that isn't known.
    total: Count | None = None

    @property
    def is_continued(self) -> bool:
        """Whether pages before this one are not shown."""
        return self.first > 1 and not self.is_appended

    @property
    def summary(self) -> str:
        """How much of the list is shown, as text."""
        first, last = (number(one) for one in (self.first, self.last))
        if self.last == 0:
            # A search that has not finished isn't an empty list.
            return "Nothing found so far" if self.next_cursor else "Nothing found"
        if self.is_partial:
            return f"{last} found so far"
        if self.is_continued:
            return f"{first} to {last}" + ("" if self.next_cursor else ", the last")
        if not self.next_cursor:
            return f"All {last} shown"
        # Changes in between can make a kept number too small.
        is_known = self.total is not None and self.total.number > self.last
        return f"{last} of {counted(self.total)} shown" if self.total and is_known else f"{last} shown"


def load(request: PortalRequest, fetch: Callable[[str], Page[Item]], *, append_to: str) -> Listing[Item]:
    """Fetch the page at the cursor of the URL, or the first page if the cursor isn't valid.

    `append_to` is the fragment that HTMX requests to append a page.
    """
    cursor, before, has_restarted = request.GET.get("cursor", ""), _shown(request), False
    try:
        page = fetch(cursor)
    except InvalidCursor:
        page, before, has_restarted = fetch(""), 0, True
    return Listing(
        items=page.items,
        next_cursor=page.next_cursor,
        first=before + 1,
        last=before + len(page.items),
        has_restarted=has_restarted,
        is_appended=request.htmx.target == append_to and not has_restarted,
        searched_to=page.searched_to,
        is_partial=page.is_partial and page.searched_to is None,
        through=_through(request, before + len(page.items)),
    )


def start_again(response: HttpResponse, fragment: str) -> HttpResponse:
    """Make HTMX replace the whole list instead of appending a page."""
    response["HX-Retarget"] = response["HX-Reselect"] = f"#{fragment}"
    response["HX-Reswap"] = "outerHTML"
    return response


def _shown(request: PortalRequest) -> int:
    """Return how many items are on the previous pages. It is only displayed, so an invalid number counts as 0."""
    return min(_number(request.GET.get("shown")), _MAX_SHOWN) if request.GET.get("cursor") else 0


def _through(request: PortalRequest, shown: int) -> int | None:
    """Return how many items are shown with the next page at most."""
    limit = _number(request.GET.get("limit"))
    number = shown + (limit if limit in LIMITS else _DEFAULT_LIMIT)
    return number if number <= MAX_LIMIT else None


def _number(text: object) -> int:
    """Return a number from a URL, 0 if it isn't one."""
    return int(text[:10]) if isinstance(text, str) and text.isascii() and text.isdigit() else 0
