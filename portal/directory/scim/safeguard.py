"""The deactivation safeguard: after many deactivations within an hour, further ones are on hold until an admin decides."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from portal.directory.pages import DEFAULT_LIMIT, Page

# A new connection has a higher minimum, so that it can be tried out.
TRIAL_PERIOD, TRIAL_MINIMUM = timedelta(days=7), 50


class ScimSafeguardDecision(StrEnum):
    """Approve the deactivations on hold, keep them on hold, or clear the hold and start counting again."""

    RELEASE = "release"
    KEEP = "keep"
    REARM = "rearm"


@dataclass(frozen=True, slots=True)
class ScimSafeguard:
    """The safeguard of a connection; `version` identifies the state that was shown.

    A hold begins when more than `share` percent of the people, and more than `minimum`, lose access or the roles of a group
    within an hour. With a share of 0 the safeguard is off.
    """

    version: str
    share: int
    minimum: int
    # Until when the connection is new, so that `minimum` is at least TRIAL_MINIMUM; None afterwards.
    trial_until: datetime | None
    # None without a hold.
    hold_started_at: datetime | None
    hold_kept_at: datetime | None
    # When the first contact was emailed about the hold.
    notified_at: datetime | None
    # Approved deactivations are accepted until then.
    approved_until: datetime | None
    # When the hold began: all people, those who were deactivated within the hour, and those who lost the roles of a group.
    user_count: int
    deactivated_count: int
    removed_count: int
    # People and groups on hold, each counted up to MAX_COUNTED.
    held_user_count: int
    held_group_count: int


@dataclass(frozen=True, slots=True)
class ScimHeldUser:
    """A user whose deactivation is on hold. The identity provider last requested it at `requested_at`."""

    user_id: str
    user_name: str
    display_name: str
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class ScimHeldGroup:
    """A group with roles that one request would remove `user_count` users from, last sent at `requested_at`."""

    group_id: str
    group_name: str
    user_count: int
    requested_at: datetime


class ScimSafeguardGateway(Protocol):
    """The deactivation safeguard. Reading needs `stytch.scim:get`. Raise NotFound for any other connection than the active one."""

    def get(self, connection_id: str) -> ScimSafeguard:
        """Return the state of the safeguard."""
        ...

    def held_users(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimHeldUser]:
        """Return a page of the users on hold. Raise Invalid for a bad limit, InvalidCursor."""
        ...

    def held_groups(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimHeldGroup]:
        """Return a page of the groups on hold. Raise Invalid for a bad limit, InvalidCursor."""
        ...

    def held_count(self, connection_id: str) -> int:
        """Return how many users lose access or the roles of a group if the hold is approved."""
        ...

    def decide(
        self, connection_id: str, decision: ScimSafeguardDecision, *, version: str, count: int | None = None
    ) -> None:
        """Approve, keep or clear the hold that `version` identifies; needs `stytch.scim:update`.

        An approval is valid for 24 hours, for the users and groups that are on hold now. Its `count` is what `held_count()`
        returned. Raise Conflict if the hold has changed, with the field "count" if only the count has.
        """
        ...
