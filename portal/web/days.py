"""Entries of a list by the days on which they happened, in the zone of the reader."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Generic, TypeVar

from django.utils import timezone

Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class Day(Generic[Entry]):
    """The entries of a day. `is_continued` if the page before shows the day already."""

    day: date
    entries: tuple[Entry, ...]
    is_continued: bool

    @property
    def name(self) -> str:
        """The name of the day before its date: "Today", "Yesterday" or ""."""
        today = timezone.localdate()
        return {today: "Today", today - timedelta(days=1): "Yesterday"}.get(self.day, "")


def by_day(entries: Iterable[Entry], at: Callable[[Entry], datetime], last_day: str) -> tuple[Day[Entry], ...]:
    """Return entries by day. `last_day` is the day with which the page before ended, as ISO 8601."""
    days = groupby(entries, key=lambda entry: timezone.localdate(at(entry)))
    return tuple(Day(day, tuple(ones), day.isoformat() == last_day) for day, ones in days)
