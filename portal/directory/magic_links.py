"""Email magic links: links that sign their reader in to a product (Stytch: magic_links)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from portal.directory.members import Member
from portal.directory.sessions import NOTHING_BEFORE, Authentication, Continuation, SessionTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class MagicLinkRequest:
    """A request for an email: the address, where its link leads, and for how many minutes the link works.

    The redirect URLs are the configured defaults if they are None, the minutes Stytch's. With a `code_challenge` (RFC 7636,
    S256), only who knows its verifier can use the link.
    """

    email_address: str
    login_redirect_url: str | None = None
    signup_redirect_url: str | None = None
    login_minutes: int | None = None
    signup_minutes: int | None = None
    code_challenge: str | None = None
    # The language of the email (Stytch: locale), "" for that of the member or the organization.
    locale: str = ""
    # The operator's own templates of the email, for members and for people who join. None for the project's.
    login_template_id: str | None = None
    signup_template_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A person to invite, and the member who invites them, if it is one."""

    email_address: str
    redirect_url: str | None = None
    minutes: int | None = None
    invited_by: str | None = None
    name: str | None = None
    roles: Sequence[str] | None = None
    trusted_metadata: Mapping[str, Any] | None = None
    untrusted_metadata: Mapping[str, Any] | None = None
    locale: str = ""
    template_id: str | None = None


class ProjectMagicLinkGateway(Protocol):
    """Magic links to one organization."""

    def login_or_signup(self, request: MagicLinkRequest) -> tuple[Member, bool]:
        """Email a link to a member, or to someone who may join by their email domain and becomes a pending member.

        Return the member, and whether they were created (Stytch: magic_links.email.login_or_signup). Raise Invalid,
        Forbidden if the person may not join or the organization doesn't allow magic links, TooManyRequests.
        """
        ...

    def request(self, request: MagicLinkRequest) -> None:
        """Do the same later, for visitors: neither the result nor the time taken reveals who is a member. Raise Invalid."""
        ...

    def invite(self, invitation: Invitation) -> Member:
        """Create an invited member, and email them a link (Stytch: magic_links.email.invite).

        A member who was invited before gets another email. Raise Invalid, Conflict for an active member, Forbidden.
        """
        ...

    def authenticate(
        self, token: str, *, code_verifier: str, terms: SessionTerms, before: Continuation = NOTHING_BEFORE
    ) -> Authentication:
        """Sign the reader of a link in. The link works once (Stytch: magic_links.authenticate).

        Raise Unauthenticated if it was used, has expired, or was replaced; Invalid for a wrong verifier.
        """
        ...
