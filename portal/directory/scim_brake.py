"""What a directory returns of the brake, which has further deactivations wait when there were many within an hour."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ScimBrakeDecision(StrEnum):
    """Let deactivations go on for 24 hours, keep them waiting, or take them as settled and count anew."""

    RELEASE = "release"
    KEEP = "keep"
    REARM = "rearm"


@dataclass(frozen=True, slots=True)
class ScimBrake:
    """The brake of a connection; while it does not brake, `stopped_at` is None and nobody waits.

    `gone` of `people` were deactivated within the hour when it stopped; `waiting` is counted no further than MOST_COUNTED.
    `version` stands for what was shown. `share`, in percent, and `least` say when it brakes; it is off without a share.
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
    # When the contacts were told by e-mail; None where they were not, or not yet.
    told_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ScimHeldPerson:
    """A person whom the IdP wanted to deactivate or delete, last at `refused_at`, and who is still active."""

    user_id: str
    user_name: str
    display_name: str
    refused_at: datetime
