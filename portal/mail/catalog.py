"""What emails say, in each language: texts/en.toml and so on, which have the same keys.

A text has placeholders such as {organization}. Values are put in as they are, so a name with braces stays a name.
"""

import re
import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from portal.directory.locales import LOCALES
from portal.mail.content import Paragraph, Words
from portal.mail.languages import ENGLISH, UNSPACED, grouped, plural_form
from portal.web.locations import location_of
from portal.web.user_agents import known_device

FOLDER = Path(__file__).parent / "texts"
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_STRONG = re.compile(r"\*\*(.+?)\*\*")
# The languages of databases of places that have other names there.
_OF_PLACES = {"de-DE": "de", "pt-br": "pt-BR", "zh-Hans": "zh-CN"}
_UNITS = (("days", 24 * 60), ("hours", 60), ("minutes", 1))


class Texts:
    """The texts of one language."""

    def __init__(self, locale: str, tables: Mapping[str, Mapping[str, Any]]) -> None:
        self.locale = locale
        self._tables = tables

    def __call__(self, key: str, **values: str) -> str:
        """Return a text, such as that of "invitation.title", with its placeholders filled."""
        return filled(str(self._text(key)), values)

    def paragraph(self, key: str, **values: str) -> Paragraph:
        """Return a text as a paragraph, in which **this** is bold."""
        return paragraph_of(str(self._text(key)), values)

    def last_paragraph(self, key: str, **values: str) -> Paragraph:
        """Return a text as the paragraph that says what to do if the email wasn't expected."""
        return paragraph_of(str(self._text(key)), values, is_last=True)

    def plain(self, text: str) -> Paragraph:
        """Return a paragraph of sentences that are written already."""
        return Paragraph((Words(text),))

    def number(self, number: int) -> str:
        """Return a whole number as the language writes it."""
        return grouped(self.locale, number)

    def counted(self, key: str, number: int, **values: str) -> str:
        """Return the plural form of a text for a number, which is its placeholder {number}."""
        forms: Mapping[str, str] = self._text(key)
        return filled(forms[plural_form(self.locale, number)], {"number": grouped(self.locale, number), **values})

    def variant(self, table: str, name: str, which: str) -> str:
        """Return the key of a text in a variant such as "_first", or without it if the text has none."""
        return f"{table}.{name}{which}" if f"{name}{which}" in self._tables[table] else f"{table}.{name}"

    def sentences(self, *sentences: str) -> str:
        """Return sentences in a row. Empty ones are left out."""
        return ("" if self.locale in UNSPACED else " ").join(filter(None, sentences))

    def listed(self, *items: str) -> str:
        """Return items with commas between them."""
        comma = {"ja": "、", "zh-Hans": "、", "fa": "، "}.get(self.locale, ", ")
        return comma.join(items)

    def date(self, at: datetime) -> str:
        """Return a date such as "29 Nov 2026"."""
        months: list[str] = self._text("frame.months")
        return self("frame.date", day=str(at.day), month=months[at.month - 1], year=str(at.year))

    def time(self, at: datetime) -> str:
        """Return a time such as "29 Nov 2026, 08:41 UTC": an email doesn't know its reader's zone."""
        return self("frame.time", date=self.date(at), clock=f"{at:%H:%M}")

    def duration(self, time: timedelta) -> str:
        """Return how long something takes, in the largest unit that it is a multiple of."""
        minutes = max(1, round(time / timedelta(minutes=1)))
        unit, length = next(one for one in _UNITS if minutes % one[1] == 0)
        return self.counted(f"frame.{unit}", minutes // length)

    def device(self, user_agent: str) -> str:
        """Return "Chrome on macOS" for a known browser, else "": nothing that the client chose the words of."""
        browser, system = known_device(user_agent)
        return self("frame.device", browser=browser, system=system) if browser else ""

    def location(self, ip_address: str) -> str:
        """Return "Malmö, Sweden" for an address, "" if it isn't known."""
        return location_of(ip_address, _OF_PLACES.get(self.locale, self.locale))

    def _text(self, key: str) -> Any:
        table, _, name = key.partition(".")
        return self._tables[table][name]


@cache
def texts(locale: str) -> Texts:
    """Return the texts of a language, English for an unknown one."""
    known = locale if locale in LOCALES else ENGLISH
    return Texts(known, tomllib.loads((FOLDER / f"{known}.toml").read_text(encoding="utf-8")))


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return a text with its placeholders replaced. Raise KeyError for one that has no value."""
    return PLACEHOLDER.sub(lambda match: values[match[1]], text)


def paragraph_of(text: str, values: Mapping[str, str], *, is_last: bool = False) -> Paragraph:
    """Return a text with placeholders as a paragraph, in which **this** is bold. Values never are."""
    words = (Words(filled(part, values), is_strong=number % 2 == 1) for number, part in enumerate(_STRONG.split(text)))
    return Paragraph(tuple(one for one in words if one.text), is_last)
