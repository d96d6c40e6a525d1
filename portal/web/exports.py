"""A list as a file, CSV or JSON Lines, written in batches while it is sent."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import islice
from typing import TypeVar

from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.http import content_disposition_header

from portal.directory.activity import ExportedList
from portal.directory.errors import TooManyRequests
from portal.directory.pages import MAX_LIMIT, Page
from portal.serving.threads import Share, claim
from portal.web.pages import private
from portal.web.request import PortalRequest

# Lines of the file of a whole list.
MAX_EXPORTED = 100_000
_BATCH = 200
# Characters that a spreadsheet takes for the beginning of a formula (OWASP, CSV Injection).
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")

# The values of a line by column.
Record = Mapping[str, object]
Item = TypeVar("Item")


class FileFormat(StrEnum):
    """File formats of an export."""

    CSV = "csv"
    JSON_LINES = "jsonl"


def reserve_export(request: PortalRequest) -> None:
    """Reserve a thread, which a slow client occupies until the export ends. Raise TooManyRequests if another one runs."""
    if not claim(request, Share.DOWNLOAD):
        raise TooManyRequests("Another export is running. Try again when it has finished.")


def record_export(
    request: PortalRequest,
    exported: ExportedList,
    wanted: Iterable[tuple[str, str]],
    *,
    of: tuple[str, str] | None = None,
) -> None:
    """Record an export in the activity log, if the directory has one: the filters, and the ID and name of the connection."""
    if activity := request.directory.activity:
        activity.record_export(exported, dict(wanted), of=of)


def every_item(fetch: Callable[..., Page[Item]], *, maximum: int = MAX_EXPORTED) -> Iterator[Item]:
    """Yield the items of a list, up to `maximum`, page by page. `fetch` takes a cursor and a limit."""
    return islice(_all_pages(fetch), maximum)


def _all_pages(fetch: Callable[..., Page[Item]]) -> Iterator[Item]:
    cursor: str | None = ""
    while cursor is not None:
        page = fetch(cursor=cursor, limit=MAX_LIMIT)
        yield from page.items
        cursor = page.next_cursor


def export_response(
    request: PortalRequest, name: str, file_format: FileFormat, columns: Sequence[str], records: Iterator[Record]
) -> StreamingHttpResponse:
    """Return a file of records, read while it is sent. Its name has the organization and the time."""
    slug = request.signed_in.organization.organization_slug
    file_name = f"{name}-{slug}-{timezone.now():%Y%m%d-%H%M%S}.{file_format}"
    content_type, write = _WRITERS[file_format]
    response = private(StreamingHttpResponse(write(columns, records), content_type=content_type))
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=file_name) or ""
    return response


def _csv_lines(columns: Sequence[str], records: Iterator[Record]) -> Iterator[str]:
    """Yield the file as CSV (RFC 4180). An apostrophe before a value keeps spreadsheets from running it as a formula."""
    yield _csv([columns])
    while batch := list(islice(records, _BATCH)):
        yield _csv([_cell(record[name]) for name in columns] for record in batch)


def _json_lines(columns: Sequence[str], records: Iterator[Record]) -> Iterator[str]:
    """Yield the file with a JSON object on each line."""
    while batch := list(islice(records, _BATCH)):
        yield "".join(
            f"{json.dumps({name: record[name] for name in columns}, ensure_ascii=False)}\n" for record in batch
        )


_WRITERS: Mapping[FileFormat, tuple[str, Callable[[Sequence[str], Iterator[Record]], Iterator[str]]]] = {
    FileFormat.CSV: ("text/csv; charset=utf-8", _csv_lines),
    FileFormat.JSON_LINES: ("application/jsonl; charset=utf-8", _json_lines),
}


def _cell(value: object) -> object:
    text = value
    if isinstance(value, list):
        text = " ".join(value)
    elif isinstance(value, Mapping):
        text = json.dumps(value, ensure_ascii=False) if value else ""
    return f"'{text}" if isinstance(text, str) and text.startswith(_FORMULA) else text


def _csv(rows: Iterable[Sequence[object]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()
