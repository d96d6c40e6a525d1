"""One-time links to choose a password."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from portal.directory.members import Member
from portal.directory.sessions import SignedIn


@dataclass(frozen=True, slots=True)
class SentLink:
    """A one-time link to choose a password; `url` is "" where it was emailed."""

    email_address: str
    expires_at: datetime
    url: str = field(default="", repr=False)


class SignInLinkGateway(Protocol):
    """One-time links to choose a password."""

    def member(self, token: str) -> Member:
        """Return the member the link was sent to, without using it up. Raise Gone, NotOffered."""
        ...

    def redeem(self, token: str, *, password: str) -> SignedIn:
        """Set the member's password and start a session; the link works once. Raise Gone, Invalid, NotOffered."""
        ...

    @property
    def are_emailed(self) -> bool:
        """Whether `send` emails the link; if not, it returns the link for the caller to pass on."""
        ...

    def send(self, member_id: str) -> SentLink:
        """Send a member a new one-time link to choose a password; earlier links stop working.

        Needs `stytch.member:update.info.delete.password` and a recent password (portal.directory.step_up). A link that
        isn't emailed also needs every permission of the member. Raise NotFound, Conflict where the member can't sign in
        by password, Refused, StepUpRequired, Unavailable where the mail server failed, NotOffered.
        """
        ...
