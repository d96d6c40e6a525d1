"""Discovery: signing in before an organization is chosen, on the portal's own pages and as products use it (Stytch: discovery)."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from portal.directory.members import Member
from portal.directory.organizations import Organization, OrganizationChanges
from portal.directory.second_factors import MfaRequired
from portal.directory.sessions import Authentication, SessionTerms, SignedIn


@dataclass(frozen=True, slots=True)
class Discovered:
    """The organizations where a person's password is right, before they choose one (Stytch: discovery)."""

    email_address: str
    organizations: tuple[Organization, ...]
    intermediate_session_token: str = field(repr=False)


class SignInLinkEmails(Protocol):
    """Sign-in links by email, for people who aren't signed in."""

    def send(self, email_address: str, *, organization_slug: str = "") -> None:
        """Email a one-time link to set a password to the members with this address, in one organization or in all.

        The email is sent soon after. Neither the result nor the time taken reveals whether there are any.
        """
        ...


class Discovery(Protocol):
    """Sign in before an organization is chosen: the one place that looks for a person in all organizations."""

    def authenticate(self, *, email_address: str, password: str) -> Discovered:
        """Return the organizations where this password is right (Stytch: passwords.discovery.authenticate).

        Raise Unauthenticated if there is none, taking the same time for every cause.
        """
        ...

    def organizations(self, intermediate_session_token: str) -> Discovered:
        """Return the discovered organizations again. Raise Unauthenticated after ten minutes, or if the token was used."""
        ...

    def exchange(self, intermediate_session_token: str, *, organization_id: str) -> SignedIn:
        """Start a session in one of the discovered organizations. The token works once.

        Raise Unauthenticated, SecondFactorRequired.
        """
        ...

    @property
    def link_emails(self) -> SignInLinkEmails | None:
        """Sign-in links by email, for people whose password is paused. None if this directory can't send any."""
        ...


class MembershipType(StrEnum):
    """What a person is to an organization, in Stytch's terms."""

    ACTIVE_MEMBER = "active_member"
    PENDING_MEMBER = "pending_member"
    INVITED_MEMBER = "invited_member"
    ELIGIBLE_TO_JOIN_BY_EMAIL_DOMAIN = "eligible_to_join_by_email_domain"


@dataclass(frozen=True, slots=True)
class DiscoveredOrganization:
    """An organization that a person can enter. `member` is None if they would join it.

    `is_authenticated` says that what they proved is enough for it. Otherwise `mfa_required` says which second factor is
    missing, or, without it, `organization.settings` which methods are allowed.
    """

    organization: Organization
    membership_type: MembershipType
    member: Member | None
    is_authenticated: bool
    mfa_required: MfaRequired | None = None


@dataclass(frozen=True, slots=True)
class DiscoveredOrganizations:
    """What a person can choose from, and the token to choose with. Without one, they chose by a session."""

    email_address: str
    organizations: tuple[DiscoveredOrganization, ...]
    intermediate_session_token: str = field(default="", repr=False)
    intermediate_session_token_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LinkPreview:
    """What a link by email is for, before it is used: "" and None for what the directory doesn't tell."""

    email_address: str = ""
    requested_at: datetime | None = None
    expires_at: datetime | None = None
    user_agent: str = ""


class EmailDiscovery(Protocol):
    """Discovery on the portal's own pages: prove an address by email, then enter an organization, join one or create one.

    Neither the result nor the time of a request reveals who is a member.
    """

    @property
    def are_emailed(self) -> bool:
        """Whether the directory can send emails."""
        ...

    @property
    def can_create(self) -> bool:
        """Whether the project lets people create organizations."""
        ...

    def request_code(self, email_address: str) -> None:
        """Email a code to an address. Raise Invalid, TooManyRequests."""
        ...

    def request_link(self, email_address: str) -> None:
        """Email a link to the portal's page that uses it. Raise Invalid, TooManyRequests."""
        ...

    def preview(self, token: str) -> LinkPreview:
        """Return what a link is for, without using it. Raise InvalidLink if the directory knows that it can't be used."""
        ...

    def authenticate_link(self, token: str) -> DiscoveredOrganizations:
        """Return what the reader of a link can choose from. It works once, in any browser. Raise InvalidLink."""
        ...

    def authenticate_code(self, *, email_address: str, code: str) -> DiscoveredOrganizations:
        """Return what the reader of a code can choose from. It works once. Raise Unauthenticated for every cause."""
        ...

    def organizations(self, intermediate_session_token: str) -> DiscoveredOrganizations:
        """Return what a person can choose from again. Raise Unauthenticated after ten minutes, or if the token was used."""
        ...

    def exchange(self, intermediate_session_token: str, *, organization_id: str) -> Authentication:
        """Start a session of the portal in an organization, joining it if the person may. The token works once.

        If the organization wants another method, the result has no session. Raise Unauthenticated, NotFound if the person
        isn't a member and may not join.
        """
        ...

    def create_organization(self, intermediate_session_token: str, *, organization_name: str) -> Authentication:
        """Create an organization with the person as its admin, and sign them in.

        Raise Forbidden unless `can_create`, and if another organization claims the domain; Unauthenticated, Invalid.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveryEmailRequest:
    """A request for a link or code: the address, where the link leads, and for how many minutes it works."""

    email_address: str
    redirect_url: str | None = None
    minutes: int | None = None
    code_challenge: str | None = None
    locale: str = ""  # (Stytch), "" for that of a member with the address
    # The operator's own templates of the email, and of the one about a first password. None for the project's.
    template_id: str | None = None
    first_template_id: str | None = None


class ProjectDiscoveryGateway(Protocol):
    """Discovery of the project's organizations. Neither the result nor the time of a request reveals who is a member."""

    def request_magic_link(self, request: DiscoveryEmailRequest) -> None:
        """Email a link to an address (Stytch: magic_links.email.discovery.send). Raise Invalid, TooManyRequests."""
        ...

    def request_code(self, request: DiscoveryEmailRequest) -> None:
        """Email a code to an address (Stytch: otps.email.discovery.send). Raise Invalid, TooManyRequests."""
        ...

    def authenticate_magic_link(self, token: str, *, code_verifier: str) -> DiscoveredOrganizations:
        """Return what the reader of a link can choose from (Stytch: magic_links.discovery.authenticate).

        The link works once. Raise Unauthenticated, Invalid for a wrong verifier.
        """
        ...

    def authenticate_code(self, *, email_address: str, code: str) -> DiscoveredOrganizations:
        """Return what the reader of a code can choose from (Stytch: otps.email.discovery.authenticate).

        The code works once, and no longer after five wrong ones. Raise Unauthenticated for every cause.
        """
        ...

    def authenticate_password(self, *, email_address: str, password: str) -> DiscoveredOrganizations:
        """Return the organizations where this password is right (Stytch: passwords.discovery.authenticate).

        Raise Unauthenticated if there is none, taking the same time for every cause.
        """
        ...

    def request_password_reset(self, request: DiscoveryEmailRequest) -> None:
        """Email a link to choose a password (Stytch: passwords.discovery.email.reset_start). Raise Invalid, TooManyRequests."""
        ...

    def reset_password(self, token: str, *, password: str, code_verifier: str) -> DiscoveredOrganizations:
        """Set a password in every organization of a link's address that allows passwords, and return what can be chosen.

        (Stytch: passwords.discovery.email.reset.) Revokes all sessions there. The link works once, and is kept if the
        password is too weak. Raise Unauthenticated, Invalid.
        """
        ...

    def require_password_reset(self, email_address: str) -> None:
        """Let the passwords of an address no longer sign in, in every organization (Stytch: passwords.email.require_reset).

        For the project only. Raise NotFound if no organization has such a member.
        """
        ...

    def organizations(self, intermediate_session_token: str) -> DiscoveredOrganizations:
        """Return what a person can choose from again (Stytch: discovery.organizations.list). Raise Unauthenticated."""
        ...

    def organizations_of(self, signed_in: SignedIn) -> DiscoveredOrganizations:
        """Return the organizations whose member the holder of a session is (Stytch: the same)."""
        ...

    def create_organization(
        self, intermediate_session_token: str, new: OrganizationChanges, terms: SessionTerms
    ) -> Authentication:
        """Create an organization with the person as its admin, and sign them in (Stytch: discovery.organizations.create).

        Without a name or slug, they come from the address. Raise Unauthenticated, Invalid, Conflict, Forbidden if another
        organization claims the domain.
        """
        ...
