"""Read people to invite: pasted lines, or a CSV file of any spreadsheet program. What can't be read is a problem of its line."""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from portal.directory.bulk_invitations import MAX_LINES, DraftLine
from portal.directory.policy import role_name

# A file of 5,000 rows is smaller, even with long names.
MAX_FILE_BYTES = 2_097_152
_MAX_COLUMNS = 200
# The first bytes of a file that say its encoding. UTF-32 before UTF-16, which begins with the same two bytes.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(("email", "e-mail", "email address", "email_address", "address", "mail"), "email"),
    **dict.fromkeys(("name", "full name", "display name"), "name"),
    **dict.fromkeys(("roles", "role"), "roles"),
    **dict.fromkeys(("locale", "language"), "locale"),
}
_WITHOUT_HEADER = ("email", "name", "roles", "locale")
# "Kim Vega <kim@example.com>", with or without quotation marks.
_NAMED = re.compile(r'"?(?P<name>[^"<>]*)"?\s*<(?P<address>[^<>]*)>')
_BETWEEN = re.compile(r"[;,]")


class UnreadableListError(ValueError):
    """The list as a whole can't be used. The message says why."""


@dataclass(frozen=True)
class Defaults:
    """What counts for people whose line says nothing else, and the roles that a file can name by ID or name."""

    roles: tuple[str, ...] = ()
    locale: str = ""
    role_ids: Sequence[str] = ()
    _by_name: dict[str, str] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        for role_id in self.role_ids:
            self._by_name.setdefault(role_name(role_id).casefold(), role_id)

    def role(self, text: str) -> str:
        """Return the ID of a role, or the text itself if there is no such role."""
        return text if text in self.role_ids else self._by_name.get(text.casefold(), text)


def read_text(text: str, defaults: Defaults) -> list[DraftLine]:
    """Return the people of a text, one per line, or several with commas or semicolons. Raise UnreadableListError."""
    first = text.lstrip().partition("\n")[0]
    if "@" not in first and "email" in _names(re.split(r"[,;\t]", first)):
        return _checked(_of_csv(text, defaults))
    return _checked(_of_lines(text, defaults))


def read_file(content: bytes, defaults: Defaults) -> list[DraftLine]:
    """Return the people of a CSV file: UTF-8, UTF-16 with a byte order mark, or Latin-1. Raise UnreadableListError."""
    if len(content) > MAX_FILE_BYTES:
        raise UnreadableListError(f"The file is larger than {MAX_FILE_BYTES // 1_048_576} MB.")
    return _checked(_of_csv(_decoded(content), defaults))


def _checked(lines: Iterable[DraftLine]) -> list[DraftLine]:
    found = list(islice(lines, MAX_LINES + 1))
    if len(found) > MAX_LINES:
        raise UnreadableListError(f"There are more than {MAX_LINES:,} people. Split the list into several.")
    if not found:
        raise UnreadableListError("There is no one in this list.")
    return found


def _decoded(content: bytes) -> str:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _of_lines(text: str, defaults: Defaults) -> Iterator[DraftLine]:
    number = 0
    for line_number, line in enumerate(text.splitlines(), 1):
        for part in _parts(line):
            # Each person has a number of their own. It's that of the line as long as each has one.
            number = max(number + 1, line_number)
            found = _NAMED.fullmatch(part)
            name, address = (found["name"].strip(), found["address"].strip()) if found else ("", part)
            yield DraftLine(number, address, name, defaults.roles, defaults.locale)


def _parts(line: str) -> Iterator[str]:
    """Yield the addresses of a line. A comma within quotation marks belongs to a name."""
    quoted = line.split('"')
    # Every second part is within quotation marks.
    marked = '"'.join(part if number % 2 else _BETWEEN.sub("\n", part) for number, part in enumerate(quoted))
    yield from (part.strip() for part in marked.split("\n") if part.strip())


def _of_csv(text: str, defaults: Defaults) -> Iterator[DraftLine]:
    start = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t", key=start.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    columns: Sequence[str] | None = None
    number = 0
    while True:
        number += 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:
            yield DraftLine(number, "", problem="This row isn’t valid CSV. A cell may be too long.")
            continue
        if not any(cell.strip() for cell in row):
            continue
        if columns is None:
            columns = _names(row)
            if "email" in columns:
                continue
            columns = _WITHOUT_HEADER
        yield _of_row(number, dict(zip(columns, row[:_MAX_COLUMNS], strict=False)), defaults)


def _names(row: Iterable[str]) -> list[str]:
    return [_COLUMNS.get(cell.strip().casefold(), "") for cell in islice(row, _MAX_COLUMNS)]


def _of_row(number: int, cells: Mapping[str, str], defaults: Defaults) -> DraftLine:
    given = [one.strip() for one in re.split(r"[;,|]", cells.get("roles", "")) if one.strip()]
    return DraftLine(
        number,
        cells.get("email", "").strip(),
        cells.get("name", "").strip(),
        tuple(dict.fromkeys(map(defaults.role, given))) or defaults.roles,
        cells.get("locale", "").strip() or defaults.locale,
    )
