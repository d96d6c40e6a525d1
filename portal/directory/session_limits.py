"""The limits that an organization sets for its members' sessions, and for how long devices are remembered: settings of ours."""

from dataclasses import dataclass
from typing import Protocol

from portal.directory.counts import Count

# A product verifies a session JWT by itself for five minutes, and the use of a session is recorded once a minute. With a
# shorter limit, sessions would end while they are used.
MIN_LIMIT = 10  # minutes
MAX_ENDING = 10_000  # sessions that end with a change; a task ends the others


@dataclass(frozen=True, slots=True)
class LimitBounds:
    """What an organization can choose, in minutes and days, and the portal's own limits, which hold beside its own."""

    longest: int
    portal_idle: int
    portal_duration: int
    remembered_device_days: int
    shortest: int = MIN_LIMIT


class SessionLimitGateway(Protocol):
    """The organization's limits of sessions. `session_idle_minutes` and `session_duration_minutes` of its settings hold them."""

    @property
    def bounds(self) -> LimitBounds:
        """What an organization can choose here."""
        ...

    def ending(self, *, idle_minutes: int, duration_minutes: int) -> Count:
        """Count the sessions that would end with these limits, up to MAX_COUNTED. Needs the permission to change them. Raise Forbidden."""
        ...
