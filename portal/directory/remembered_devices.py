"""Remembered devices: browsers in which a member isn't asked for a second factor for a while."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

MAX_DEVICES = 10  # of one member; beyond that, the one that was used least recently is forgotten


@dataclass(frozen=True, slots=True)
class RememberedDevice:
    """A browser that signs its member in without a second factor until it expires."""

    device_id: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    ip_address: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class NewDevice:
    """The token that the browser keeps, and until when it counts."""

    token: str = field(repr=False)
    expires_at: datetime


class RememberedDeviceGateway(Protocol):
    """The acting member's remembered devices. They count only where the portal itself signs them in."""

    @property
    def days(self) -> int:
        """For how many days the organization has devices remembered, 0 if it doesn't. For visitors, too."""
        ...

    def remember(self) -> NewDevice:
        """Remember the browser of this request for as long as the organization allows.

        Raise Unauthenticated unless the session has a second factor from the last five minutes, which isn't a recovery
        code; Forbidden if the organization doesn't allow it.
        """
        ...

    def own(self) -> tuple[RememberedDevice, ...]:
        """Return those that still count, the last used first."""
        ...

    def forget(self, device_id: str) -> None:
        """End one, with the other sessions that began with it. Raise NotFound, StepUpRequired."""
        ...
