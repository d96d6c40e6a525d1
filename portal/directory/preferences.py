"""What members choose for the pages that they see: a time zone and a theme."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Protocol
from zoneinfo import ZoneInfo, available_timezones


class Theme(StrEnum):
    """Whether pages are light or dark."""

    SYSTEM = ""
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class Preferences:
    """The choices of a member. Without a time zone, times are in that of the browser."""

    time_zone: str = ""
    theme: Theme = Theme.SYSTEM


@cache
def zone_names() -> frozenset[str]:
    """Return the names of all time zones in the IANA database, as browsers and operating systems use them."""
    return frozenset(available_timezones())


def zone(name: str) -> ZoneInfo | None:
    """Return a time zone by its name, None if there isn't one. The name may come from anyone."""
    return ZoneInfo(name) if name in zone_names() else None


class PreferencesGateway(Protocol):
    """The preferences of the acting member. A Member value has them."""

    def change(self, preferences: Preferences) -> None:
        """Store the preferences. Raise Invalid with the field "time_zone" for an unknown one, Unauthenticated."""
        ...
