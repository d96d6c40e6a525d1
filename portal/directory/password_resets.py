"""Choosing a new password with a link by email (Stytch: passwords.email)."""

from dataclasses import dataclass
from typing import Protocol

from portal.directory.members import Member
from portal.directory.sessions import NOTHING_BEFORE, Authentication, Continuation, SessionTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetRequest:
    """A request for a link: the address, where it leads, and for how many minutes it works, Stytch's if they are None."""

    email_address: str
    redirect_url: str | None = None
    minutes: int | None = None
    code_challenge: str | None = None
    # The language of the email (Stytch: locale), "" for that of the member or the organization.
    locale: str = ""
    # The operator's own templates of the email (Stytch: reset_password_template_id), and for a first password
    # (verify_email_template_id). None for the project's.
    template_id: str | None = None
    first_template_id: str | None = None


class ProjectPasswordResetGateway(Protocol):
    """Links to choose a password, for members of one organization."""

    def start(self, request: ResetRequest) -> tuple[Member, str]:
        """Email a link to a member, and return them and the ID of their address (Stytch: passwords.email.reset_start).

        Their password works until they use it. Raise Invalid, NotFound, Forbidden if the organization doesn't allow
        passwords, TooManyRequests.
        """
        ...

    def request(self, request: ResetRequest) -> None:
        """Do the same later, for visitors: neither the result nor the time taken reveals who is a member. Raise Invalid."""
        ...

    def reset(
        self,
        token: str,
        *,
        password: str,
        code_verifier: str,
        terms: SessionTerms,
        before: Continuation = NOTHING_BEFORE,
    ) -> Authentication:
        """Set the password of a link's member, revoke all sessions except one `before`, and continue it or start one.

        (Stytch: passwords.email.reset.) The link works once, and is kept if the password is too weak. Raise Unauthenticated,
        Invalid.
        """
        ...

    def require(self, *, email_address: str, member_id: str = "") -> Member:
        """Let a member's password no longer sign them in until they choose another one (Stytch: passwords.email.require_reset).

        Their sessions continue. Needs `stytch.member:update.info.delete.password`. With `member_id`, the address must be
        theirs. Raise NotFound, Forbidden.
        """
        ...
