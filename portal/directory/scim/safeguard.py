"""The deactivation safeguard: after many deactivations within an hour, further ones are on hold until an admin decides."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from portal.directory.pages import DEFAULT_LIMIT, Page

# How long a connection is new, and how many people can be deactivated within an hour while it's tried out.
TRIAL, LEAST_IN_TRIAL = timedelta(days=7), 50


class ScimSafeguardDecision(StrEnum):
    """Approve the deactivations on hold, keep them on hold, or clear the hold and start counting again."""

    RELEASE = "release"
    KEEP = "keep"
    REARM = "rearm"


@dataclass(frozen=True, slots=True)
class ScimSafeguard:
    """The safeguard of a connection. Without a hold, `stopped_at` is None.

    `gone` of `people` were deactivated within the hour when the hold began, and `removed` lost the roles of a group.
    `waiting` people are on hold, and `waiting_groups` groups, each counted up to MAX_COUNTED. Approved deactivations are accepted until `released_until`. `version` identifies what was shown. A hold
    begins beyond `share` percent and `least` people; the safeguard is off without a share.
    """

    version: str
    stopped_at: datetime | None
    kept_at: datetime | None
    released_until: datetime | None
    gone: int
    people: int
    waiting: int
    share: int
    least: int
    # When the first contact was emailed about the hold.
    told_at: datetime | None = None
    # People taken out of groups with roles by single requests within that hour, and groups that are on hold.
    removed: int = 0
    waiting_groups: int = 0
    # Until when the connection is new, so that `least` is at least LEAST_IN_TRIAL; None afterwards.
    trial_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ScimHeldGroup:
    """A group with roles that many people would leave by one request, which the IdP last sent at `refused_at`."""

    group_id: str
    group_name: str
    people: int
    refused_at: datetime


@dataclass(frozen=True, slots=True)
class ScimHeldUser:
    """A person whose deactivation is on hold; the IdP last asked for it at `refused_at`."""

    user_id: str
    user_name: str
    display_name: str
    refused_at: datetime


class ScimSafeguardGateway(Protocol):
    """The deactivation safeguard (ScimFeature.SAFEGUARD; without it, all raise NotOffered). Reading needs `stytch.scim:get`."""

    def get(self, connection_id: str) -> ScimSafeguard:
        """Return the state of the safeguard. Raise NotFound, NotOffered."""
        ...

    def held_users(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimHeldUser]:
        """Return a page of the people on hold. Raise Invalid, InvalidCursor, NotFound, NotOffered."""
        ...

    def held_groups(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimHeldGroup]:
        """Return a page of the groups on hold. Raise Invalid, InvalidCursor, NotFound, NotOffered."""
        ...

    def held_number(self, connection_id: str) -> int:
        """Return how many people lose access or the roles of a group once the hold is approved. Raise NotFound, NotOffered."""
        ...

    def decide(
        self, connection_id: str, decision: ScimSafeguardDecision, *, version: str, number: int | None = None
    ) -> None:
        """Approve, keep or clear the hold that `version` identifies; needs `stytch.scim:update`.

        An approval is for the people and groups on hold now, for 24 hours, and must say how many people that are. Raise Conflict where the
        hold has changed (with the field "number" where the number has), NotFound, NotOffered.
        """
        ...
