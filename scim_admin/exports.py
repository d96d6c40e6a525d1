"""The log as a file, CSV or JSON Lines, written in batches while it is sent."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from scim_admin.forms.log import FileFormat
from scim_admin.log_presenter import LogEntry

_BATCH = 200
_COLUMNS = (
    "id",
    "at",
    "request",
    "method",
    "path",
    "query",
    "status",
    "scim_type",
    "detail",
    "cause",
    "how_to_fix",
    "duration_ms",
    "resource_type",
    "resource_id",
    "subject",
    "changed_attributes",
    "token_last_four",
    "ip_address",
    "user_agent",
    "request_id",
    "body",
    "is_body_cut",
)
# Characters that a spreadsheet takes for the beginning of a formula (OWASP, CSV Injection).
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")

Writer = Callable[[Iterator[LogEntry]], Iterator[str]]


def csv_lines(entries: Iterator[LogEntry]) -> Iterator[str]:
    """Yield the file as CSV (RFC 4180). An apostrophe before a value keeps spreadsheets from running it as a formula."""
    yield _csv([_COLUMNS])
    while batch := list(islice(entries, _BATCH)):
        yield _csv([_cell(value) for value in _record(entry).values()] for entry in batch)


def json_lines(entries: Iterator[LogEntry]) -> Iterator[str]:
    """Yield the file with a JSON object on each line."""
    while batch := list(islice(entries, _BATCH)):
        yield "".join(f"{json.dumps(_record(entry), ensure_ascii=False)}\n" for entry in batch)


EXPORTS: Mapping[FileFormat, tuple[str, Writer]] = {
    FileFormat.CSV: ("text/csv; charset=utf-8", csv_lines),
    FileFormat.JSON_LINES: ("application/jsonl; charset=utf-8", json_lines),
}


def _record(entry: LogEntry) -> dict[str, object]:
    request, explanation = entry.request, entry.explanation
    values: dict[str, object] = {
        "id": request.scim_request_id,
        "at": request.at.isoformat(),
        "request": entry.title,
        "cause": explanation.title if explanation else "",
        "how_to_fix": explanation.fix if explanation else "",
        "changed_attributes": list(request.changed_attributes),
    }
    return {name: values[name] if name in values else getattr(request, name) for name in _COLUMNS}


def _cell(value: object) -> object:
    text = " ".join(value) if isinstance(value, list) else value
    return f"'{text}" if isinstance(text, str) and text.startswith(_FORMULA) else text


def _csv(rows: "Iterator[list[object]] | list[tuple[str, ...]]") -> str:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()
