"""Pages of lists, by index or by cursor, with one or several resource types (RFC 7644, 3.4.2; RFC 9865)."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.conf import settings
from django.db.models import F, Model, OrderBy, Q, QuerySet, TextField, Value

from portal.directory import errors
from portal.embedded.database.keyset import Keyset
from portal.embedded.database.time_limit import TimeLimitReached, time_limit
from portal.embedded.scim.filter.columns import Listable, condition, index_hint, sort_key, unique_value
from portal.embedded.scim.filter.parser import Comparison, ElementFilter, Node
from portal.embedded.scim.protocol.client import IndexHint
from portal.embedded.scim.protocol.errors import ExpiredCursor, InvalidCursor, TooMany
from portal.embedded.scope import across_organizations

Row = TypeVar("Row", bound=Model)
Item = TypeVar("Item")
MAX_RESULTS = 1000
DEFAULT_RESULTS = 100
CURSOR_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The parameters of a list. `start_index` counts from 1, and `cursor` is None for paging by index."""

    filter: Node | None = None
    filter_text: str = ""
    start_index: int = 1
    count: int = DEFAULT_RESULTS
    cursor: str | None = None
    sort_by: str = ""
    is_descending: bool = False


@dataclass(frozen=True, slots=True)
class ResultPage(Generic[Item]):
    """A page of rows. `total_results` is None on later pages by cursor, so that every page costs the same."""

    rows: Sequence[Item]
    total_results: int | None
    start_index: int | None = None
    next_cursor: str = ""


def find_unique(query: ListQuery, listable: Listable, find: Callable[[Any], Item | None]) -> ResultPage[Item] | None:
    """Return the result of a lookup by the unique attribute, or None for any other list."""
    wanted = unique_value(query.filter, listable)
    if wanted is None or query.cursor is not None or query.start_index > 1 or query.count < 1:
        return None
    row = find(wanted)
    return ResultPage([row] if row else [], 1 if row else 0, 1)


def query_page(
    rows: Callable[[IndexHint], QuerySet[Row]], query: ListQuery, listable: Listable, connection: object
) -> ResultPage[Row]:
    """Return a page of a client's rows.

    Raise InvalidFilter or InvalidPath for an attribute that cannot be compared or sorted by, InvalidCursor or
    ExpiredCursor for a cursor that cannot be used, and TooMany for a list that costs too much.
    """
    keyset = list_keyset(query, connection, listable.schema.name)
    hint = index_hint(query.filter, listable)
    found = _after_cursor(_filtered(rows(hint), query, listable), query, keyset).order_by(*_order(query))
    if hint is not IndexHint.CONNECTION and isinstance(query.filter, Comparison | ElementFilter):
        # An index finds the few rows: that needs no time limit, which would take more round trips.
        return _page(found, query, keyset)
    with _time_limited():
        return _page(found, query, keyset)


def query_merged_page(
    sources: Sequence[tuple[QuerySet[Any], Listable]], query: ListQuery, connection: object
) -> ResultPage[tuple[str, UUID]]:
    """Return a page of (resource type, primary key) of all sources in one order. Raise the errors of query_page()."""
    keyset = list_keyset(query, connection, "*")
    columns = ["pk", "type_name", *(["sort_key"] if query.sort_by else [])]
    parts = []
    for rows, listable in sources:
        selected = _filtered(rows, query, replace(listable, is_one_of_several=True))
        named = selected.annotate(type_name=Value(listable.schema.name, output_field=TextField()))
        parts.append(_after_cursor(named, query, keyset).order_by().values(*columns))
    with _time_limited():
        found = _page(parts[0].union(*parts[1:], all=True).order_by(*_order(query)), query, keyset)
    keys = [(row["type_name"], row["pk"]) for row in found.rows]
    return ResultPage(keys, found.total_results, found.start_index, found.next_cursor)


@contextmanager
def _time_limited() -> Iterator[None]:
    """Raise TooMany if a statement takes longer than SCIM_LIST_SECONDS. After a 503, clients would repeat the request."""
    try:
        with time_limit(settings.SCIM_LIST_SECONDS):
            yield
    except TimeLimitReached:
        raise TooMany(
            f"The list took longer than {settings.SCIM_LIST_SECONDS} seconds. Use a filter with fewer comparisons, or "
            "compare id, userName, displayName or externalId with eq."
        ) from None


def rows_by_key(rows: QuerySet[Row], keys: Sequence[UUID]) -> Sequence[Row]:
    """Return the rows with these primary keys."""
    return list(rows.filter(pk__in=keys)) if keys else []


def _filtered(rows: QuerySet[Any], query: ListQuery, listable: Listable) -> QuerySet[Any]:
    if query.filter is not None:
        rows = rows.filter(condition(query.filter, listable))
    return rows.annotate(sort_key=sort_key(query.sort_by, listable)) if query.sort_by else rows


def _order(query: ListQuery) -> list[str | OrderBy]:
    key = F("sort_key")
    if not query.sort_by:
        return ["pk"]
    # RFC 7644, 3.4.2.3: resources without a value come last, and first in descending order.
    return [key.desc(nulls_first=True) if query.is_descending else key.asc(nulls_last=True), "pk"]


def list_keyset(query: ListQuery, *of: object) -> Keyset:
    """Return the keyset of a list: connection, resource type, filter, order and count are the same on each page."""
    list_key = (*of, query.filter_text, query.sort_by.lower(), query.is_descending, query.count)
    return Keyset("scim", *list_key, max_age=CURSOR_SECONDS)


def key_before(query: ListQuery, keyset: Keyset) -> Any:
    """Return the key that a page by cursor starts after, "" for the first page. Raise InvalidCursor, ExpiredCursor."""
    try:
        return keyset.key(query.cursor or "")
    except errors.ExpiredCursor as error:
        raise ExpiredCursor(error.detail) from None
    except errors.InvalidCursor as error:
        raise InvalidCursor(
            f"{error.detail} Keep filter, sortBy, sortOrder and count the same as on the first page."
        ) from None


def _page(rows: QuerySet[Any], query: ListQuery, keyset: Keyset) -> ResultPage[Any]:
    count = min(max(query.count, 0), MAX_RESULTS)
    if query.cursor is None:
        return _page_by_index(rows, max(query.start_index, 1), count, is_sorted=bool(query.sort_by))
    found = list(rows[: count + 1]) if count else []
    page = keyset.page(found, limit=count, key=_position)
    # RFC 9865 allows later pages to omit the total, so every page costs the same.
    total = None if query.cursor else rows.count() if page.next_cursor or not count else len(found)
    return ResultPage(page.items, total, next_cursor=page.next_cursor or "")


def _page_by_index(rows: QuerySet[Any], start: int, count: int, *, is_sorted: bool) -> ResultPage[Any]:
    wanted = slice(start - 1, start - 1 + count)
    if start > 1 and not is_sorted and not rows.query.combinator:
        # Skip in the subquery, which reads only the index.
        page = across_organizations(rows.model).filter(pk__in=rows.values("pk")[wanted])
        found = list(page.defer("search").order_by("pk")) if count else []
    else:
        found = list(rows[wanted]) if count else []
    # A page that is not full gives the total without counting, as in the frequent lookups of one resource.
    is_end = len(found) < count and (found or start == 1)
    total = start - 1 + len(found) if is_end else rows.count()
    return ResultPage(found, total, start)


def _after_cursor(rows: QuerySet[Any], query: ListQuery, keyset: Keyset) -> QuerySet[Any]:
    key = key_before(query, keyset)
    return rows.filter(_after_position(query, *key)) if key else rows


def _after_position(query: ListQuery, pk: str, key: Any) -> Q:
    """Return the condition for rows that follow a position in the order of the list."""
    later = Q(pk__gt=pk)
    if not query.sort_by:
        return later
    if key is None:
        rest = Q(sort_key__isnull=True) & later
        return rest | Q(sort_key__isnull=False) if query.is_descending else rest
    rest = Q(sort_key=key) & later
    if query.is_descending:
        return rest | Q(sort_key__lt=key)
    return rest | Q(sort_key__gt=key) | Q(sort_key__isnull=True)


def _position(row: Any) -> list[Any]:
    """Return the position of a row, or of its values, in the order of the list."""
    pk, key = (row["pk"], row.get("sort_key")) if isinstance(row, dict) else (row.pk, getattr(row, "sort_key", None))
    written = key.isoformat() if isinstance(key, datetime) else str(key) if isinstance(key, UUID) else key
    return [str(pk), written]
