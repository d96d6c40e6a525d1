"""Sign-in links: one-time links to set a password."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from portal.directory.members import Member
from portal.directory.sessions import SignedIn


@dataclass(frozen=True, slots=True)
class SentLink:
    """A one-time link to set a password. `url` is "" if it is emailed."""

    email_address: str
    expires_at: datetime
    url: str = field(default="", repr=False)


class SignInLinkGateway(Protocol):
    """One-time links to set a password and sign in with it."""

    def member(self, token: str) -> Member:
        """Return the member the link was sent to, without using it. Raise InvalidLink if it can't be used."""
        ...

    def redeem(self, token: str, *, password: str) -> SignedIn:
        """Set the member's password and start a session. The link works once.

        Raise InvalidLink if it can't be used, Invalid for a weak password, SecondFactorRequired.
        """
        ...

    @property
    def are_emailed(self) -> bool:
        """Whether `send` emails the link. If not, it returns the link for the caller to pass on."""
        ...

    def send(self, member_id: str) -> SentLink:
        """Send a member a new link. Earlier links stop working. An email is on its way, but not sent yet, on return.

        Needs `stytch.member:update.info.delete.password` and a recent password (portal.directory.step_up). A link that
        isn't emailed also needs every permission of the member. Raise NotFound, Conflict if the member can't sign in by
        password, Forbidden, StepUpRequired, TooManyRequests if too many emails of the organization wait.
        """
        ...

    def require_new_password(self, member_id: str) -> str:
        """Let a member's password no longer sign them in until they replace it, and return their address. Sessions continue.

        Needs `stytch.member:update.info.delete.password` and a recent proof. Raise NotFound if the member has no password,
        Forbidden, StepUpRequired.
        """
        ...
