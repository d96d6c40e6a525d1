"""What members choose for the pages and emails that they see: a time zone, a theme and a language."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Literal, Protocol
from zoneinfo import ZoneInfo, available_timezones

from portal.directory.locales import Locale


class Theme(StrEnum):
    """Whether pages are light or dark."""

    SYSTEM = ""
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class Preferences:
    """The choices of a member. Without a time zone, times are in that of the browser.

    Emails are in the language `locale`, with "" in that of the organization. Pages are in English.
    """

    time_zone: str = ""
    theme: Theme = Theme.SYSTEM
    locale: Locale | Literal[""] = ""


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
