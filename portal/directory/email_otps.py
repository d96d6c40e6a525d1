"""Email one-time codes: six digits that sign in the person who receives them (Stytch: otps.email)."""

from dataclasses import dataclass
from typing import Protocol

from portal.directory.members import Member
from portal.directory.sessions import NOTHING_BEFORE, Authentication, Continuation, SessionTerms, SignedIn


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRequest:
    """A request for a code: the address, and for how many minutes the code works, Stytch's if they are None."""

    email_address: str
    login_minutes: int | None = None
    signup_minutes: int | None = None
    # The language of the email (Stytch: locale), "" for that of the member or the organization.
    locale: str = ""
    # The operator's own templates of the email, for members and for people who join. None for the project's.
    login_template_id: str | None = None
    signup_template_id: str | None = None


class EmailOtpGateway(Protocol):
    """Codes by email that open the portal of one organization."""

    def request(self, request: CodeRequest) -> None:
        """Email a code to a member, or to someone who may join by their email domain.

        Neither the result nor the time taken reveals who that is. Raise Invalid for a bad address, TooManyRequests.
        """
        ...

    def sign_in(self, *, email_address: str, code: str) -> SignedIn:
        """Start a session of the portal with a code. It works once, and no longer after five wrong ones.

        Raise Unauthenticated for every cause, SecondFactorRequired.
        """
        ...

    def confirm(self, code: str) -> SignedIn:
        """Record that the acting member has a code that was sent to their address (portal.directory.step_up).

        Raise Unauthenticated for a wrong code, which doesn't end the session, and if the session has ended.
        """
        ...

    @property
    def are_emailed(self) -> bool:
        """Whether the directory can send emails."""
        ...


class ProjectEmailOtpGateway(EmailOtpGateway, Protocol):
    """The same for products."""

    def login_or_signup(self, request: CodeRequest) -> tuple[Member, bool]:
        """Email a code to a member, or to someone who may join by their email domain and becomes a pending member.

        Return the member, and whether they were created (Stytch: otps.email.login_or_signup). Raise Invalid, Forbidden if
        the person may not join or the organization doesn't allow codes, TooManyRequests.
        """
        ...

    def authenticate(
        self, *, email_address: str, code: str, terms: SessionTerms, before: Continuation = NOTHING_BEFORE
    ) -> Authentication:
        """Sign in the person who has the code (Stytch: otps.email.authenticate).

        The code works once, and no longer after five wrong ones. Raise Unauthenticated for every cause.
        """
        ...
