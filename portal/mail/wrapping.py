"""Break lines of plain text, with the columns that mail programs give to each character."""

import re
import unicodedata
from collections.abc import Iterator

COLUMNS = 72
# No line begins with these, and none ends with an opening bracket.
_CLOSING = frozenset("、。，．：；！？）」』】〉》”’…")
_OPENING = frozenset("（「『【〈《“‘")


def columns(text: str) -> int:
    """Return how many columns a text takes: two for each Chinese or Japanese character, none for marks."""
    return sum(_columns(one) for one in text)


def padded(text: str, width: int) -> str:
    """Return a text with spaces behind it, to fill a column of a table."""
    return text + " " * max(0, width - columns(text))


def wrapped(text: str, first: str = "", others: str = "") -> str:
    """Return a text in lines of 72 columns. Words stay whole, except in languages that are written without spaces."""
    lines, line, is_empty = [], first, True
    # Not split(), which would break at no-break spaces.
    for word in re.split(r"[ \t\r\n]+", text.strip(" \t\r\n")):
        for number, piece in enumerate(_pieces(word)):
            space = " " if number == 0 and not is_empty else ""
            if not is_empty and columns(line) + len(space) + columns(piece) > COLUMNS:
                lines.append(line)
                line, space = others, ""
            line, is_empty = f"{line}{space}{piece}", False
    return "\n".join([*lines, line])


def _columns(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def _pieces(word: str) -> Iterator[str]:
    """Return the parts of a word between which a line may break: on both sides of a wide character."""
    piece = ""
    for one in word:
        is_break = (
            piece and (_is_wide(one) or _is_wide(piece[-1])) and one not in _CLOSING and piece[-1] not in _OPENING
        )
        if is_break:
            yield piece
            piece = ""
        piece += one
    yield piece


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in {"W", "F"}
