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
class ScimSafeguardLimit:
    """A limit: its `value` in force, what the organization chose (None: the default), and the bounds of a choice."""

    value: int
    chosen: int | None
    lowest: int
    highest: int

    @property
    def is_fixed(self) -> bool:
        """Whether only one value can be chosen."""
        return self.lowest == self.highest

    @property
    def is_clamped(self) -> bool:
        """Whether the bounds have become narrower than what the organization chose."""
        return self.chosen is not None and self.chosen != self.value


@dataclass(frozen=True, slots=True)
class ScimSafeguardLimits:
    """The limits: a share of the people in percent, and the number of people that are never put on hold."""

    share: ScimSafeguardLimit
    minimum: ScimSafeguardLimit

    @property
    def version(self) -> str:
        """The version that a change must name."""
        return f"{self.share.chosen or 0},{self.minimum.chosen or 0}"


@dataclass(frozen=True, slots=True)
class ScimSafeguard:
    """The safeguard of a connection; `version` identifies the state that was shown.

    A hold begins when more than `share` percent of the people, and more than `minimum`, lose access or the roles of a group
    within an hour. With a share of 0 the safeguard is off.
    """

    version: str
    share: int
    minimum: int
    limits: ScimSafeguardLimits
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

    @property
    def first_on_hold(self) -> int:
        """Which deactivation within an hour would be the first on hold, by the number of people when they were last counted."""
        return max(self.minimum, self.user_count * self.share // 100) + 1


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

    def change_limits(self, connection_id: str, *, share: int, minimum: int, version: str) -> ScimSafeguardLimits:
        """Change the limits that `version` identifies; needs `stytch.scim:update` and a recently entered password.

        Limits that are in force already are left as they are. Raise StepUpRequired, Invalid with the field "share" or
        "minimum" for a value out of bounds, Conflict if the limits have another version by now.
        """
        ...
