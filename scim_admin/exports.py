"""The log of SCIM requests as a file: written while it is sent, a few hundred calls at a time."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from scim_admin.forms.log import FileFormat
from scim_admin.log_presenter import Call

_AT_ONCE = 200
_COLUMNS = (
    "id",
    "at",
    "asked",
    "method",
    "path",
    "query",
    "status",
    "scim_type",
    "detail",
    "cause",
    "cure",
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
# What a spreadsheet takes for the beginning of a formula (OWASP, CSV Injection).
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")

Written = Callable[[Iterator[Call]], Iterator[str]]


def csv_lines(calls: Iterator[Call]) -> Iterator[str]:
    """Yield the file as CSV (RFC 4180); what could be taken for a formula has an apostrophe before it."""
    yield _csv([_COLUMNS])
    while some := list(islice(calls, _AT_ONCE)):
        yield _csv([_cell(value) for value in _record(call).values()] for call in some)


def json_lines(calls: Iterator[Call]) -> Iterator[str]:
    """Yield the file with a JSON object on each line."""
    while some := list(islice(calls, _AT_ONCE)):
        yield "".join(f"{json.dumps(_record(call), ensure_ascii=False)}\n" for call in some)


EXPORTS: Mapping[FileFormat, tuple[str, Written]] = {
    FileFormat.CSV: ("text/csv; charset=utf-8", csv_lines),
    FileFormat.JSON_LINES: ("application/jsonl; charset=utf-8", json_lines),
}


def _record(call: Call) -> dict[str, object]:
    entry, explanation = call.entry, call.explanation
    values: dict[str, object] = {
        "id": entry.scim_request_id,
        "at": entry.at.isoformat(),
        "asked": call.asked,
        "cause": explanation.title if explanation else "",
        "cure": explanation.cure if explanation else "",
        "changed_attributes": list(entry.changed_attributes),
    }
    return {name: values[name] if name in values else getattr(entry, name) for name in _COLUMNS}


def _cell(value: object) -> object:
    text = " ".join(value) if isinstance(value, list) else value
    return f"'{text}" if isinstance(text, str) and text.startswith(_FORMULA) else text


def _csv(rows: "Iterator[list[object]] | list[tuple[str, ...]]") -> str:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()
