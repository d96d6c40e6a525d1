"""One page of a list, as every area shows it: loaded by cursor, appended to or on a page of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django import forms
from django.http import HttpResponse, QueryDict
from django.utils.formats import number_format

from portal.directory.errors import InvalidCursor
from portal.directory.pages import Page
from portal.web.request import PortalRequest

Item = TypeVar("Item")

LIMITS = (25, 50, 100, 250)
_DEFAULT_LIMIT = 50
_MOST_SHOWN = 10**9


class ListQuery(forms.Form):
    """What an address says about the page that it wants."""

    limit = forms.TypedChoiceField(
        label="Page size",
        choices=[(limit, limit) for limit in LIMITS],
        coerce=int,
        error_messages={"invalid_choice": f"Use {', '.join(map(str, LIMITS[:-1]))} or {LIMITS[-1]}."},
    )

    def __init__(self, data: QueryDict, **options: Any) -> None:
        super().__init__({"limit": str(_DEFAULT_LIMIT), **data.dict()}, **options)


@dataclass(frozen=True, slots=True)
class Listing(Generic[Item]):
    """A loaded page with its place: the `first` to the `last` of the list, counted from 1."""

    items: tuple[Item, ...]
    next_cursor: str | None
    first: int
    last: int
    # The cursor was not good any more, so this is the first page again.
    has_restarted: bool
    # Added to the pages that the browser shows already.
    is_appended: bool
    # The search was ended for taking long; it goes on, at the cursor, behind this moment.
    searched_to: datetime | None = None

    @property
    def is_continued(self) -> bool:
        """Whether pages before this one are not shown."""
        return self.first > 1 and not self.is_appended

    @property
    def summary(self) -> str:
        """How much of the list is there, in words."""
        first, last = (number_format(number, force_grouping=True) for number in (self.first, self.last))
        if self.last == 0:
            # A search that is not through yet has found nothing so far; that is no empty list.
            return "Nothing found so far" if self.next_cursor else "Nothing found"
        if self.is_continued:
            return f"{first} to {last}" + ("" if self.next_cursor else ", the last")
        return f"{last} shown" if self.next_cursor else f"All {last} shown"


def load(request: PortalRequest, fetch: Callable[[str], Page[Item]], *, append_to: str) -> Listing[Item]:
    """Fetch the page at the address's cursor, or the first page where the cursor is not, or no longer, good.

    `append_to` is the fragment by which HTMX asks for a page to append.
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
    )


def start_again(response: HttpResponse, fragment: str) -> HttpResponse:
    """Let HTMX, which asked for a page to append, put the whole list anew."""
    response["HX-Retarget"] = response["HX-Reselect"] = f"#{fragment}"
    response["HX-Reswap"] = "outerHTML"
    return response


def _shown(request: PortalRequest) -> int:
    """Return how many the pages before hold; only a number on the page depends on it, so nonsense counts as none."""
    text = request.GET.get("shown", "")
    is_number = bool(request.GET.get("cursor")) and text.isascii() and text.isdigit()
    return min(int(text[:10]), _MOST_SHOWN) if is_number else 0
