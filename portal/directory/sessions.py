"""Sessions as products hold them: how long, with which claims, checked by token or by JWT (Stytch: sessions)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import msgspec

from portal.directory.errors import Invalid
from portal.directory.members import Member
from portal.directory.organizations import Organization


@dataclass(frozen=True, slots=True)
class AuthenticationFactor:
    """One way in which a member has shown who they are in a session, in Stytch's words."""

    type: str
    delivery_method: str
    created_at: datetime
    last_authenticated_at: datetime


@dataclass(frozen=True, slots=True)
class MemberSession:
    """A member signed in, in one browser, until `expires_at` or revocation.

    All behind `password_entered_at` is only told by the embedded directory.
    """

    member_session_id: str
    member_id: str
    organization_id: str
    organization_slug: str
    roles: frozenset[str]
    started_at: datetime
    last_accessed_at: datetime
    expires_at: datetime
    # When the password was last entered in it; None where it was not.
    password_entered_at: datetime | None = None
    # How the member showed who they are in the session of another organization that this one was exchanged for.
    exchanged_factors: tuple[AuthenticationFactor, ...] = ()
    # What the product wants in it and in its JWT.
    custom_claims: Mapping[str, Any] = field(default_factory=dict)
    # From where it was started.
    ip_address: str = ""
    user_agent: str = ""

    @property
    def authentication_factors(self) -> tuple[AuthenticationFactor, ...]:
        """How the member has shown who they are: by this organization's password, the one way in so far, or elsewhere."""
        entered_at = self.password_entered_at
        if entered_at is None:
            return self.exchanged_factors
        own = AuthenticationFactor("password", "knowledge", min(entered_at, self.started_at), entered_at)
        return (*self.exchanged_factors, own)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A good session with its member and organization, and the token that proves it."""

    session: MemberSession
    member: Member
    organization: Organization
    session_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Discovered:
    """A person whose password is right in these organizations, before choosing one (Stytch: discovery)."""

    email_address: str
    organizations: tuple[Organization, ...]
    intermediate_session_token: str = field(repr=False)


class SessionGateway(Protocol):
    """Member sessions: made by signing in, checked on each request, ended at once by revocation."""

    def authenticate(self, session_token: str) -> SignedIn:
        """Return who holds the token and keep the session from idling out. Raises Unauthenticated."""
        ...

    def sign_in(self, *, email_address: str, password: str) -> SignedIn:
        """Start a session by password. Raises Unauthenticated, in the same time, whatever was wrong."""
        ...

    def confirm_password(self, password: str) -> SignedIn:
        """Note that the acting member entered their password again, for what asks for it (portal.directory.step_up).

        Raises Unauthenticated, also where it is not right; the session stays.
        """
        ...

    def revoke(self, session_token: str) -> None:
        """End the session: its next request is rejected. An unknown token isn't an error."""
        ...


class Discovery(Protocol):
    """Signing in before the organization is known: the one place that looks across organizations."""

    def authenticate(self, *, email_address: str, password: str) -> Discovered:
        """Return where this password is right (Stytch: passwords.discovery.authenticate). Raises Unauthenticated."""
        ...

    def organizations(self, intermediate_session_token: str) -> Discovered:
        """Return the same answer again, for ten minutes. Raises Unauthenticated."""
        ...

    def exchange(self, intermediate_session_token: str, *, organization_id: str) -> SignedIn:
        """Start a session in one of the discovered organizations, once: the token then ends. Raises Unauthenticated."""
        ...

    @property
    def other_way_in(self) -> str:
        """How someone whose password is paused signs in instead, as a sentence; "" where `email_links` emails a link."""
        ...

    def email_links(self, email_address: str, *, organization_slug: str = "") -> None:
        """Email a one-time link to choose a password to the members with this address, in one organization or in all.

        Neither the outcome nor the time says whether there are any. Raise NotOffered where `other_way_in` says why.
        """
        ...


SESSION_CLAIM = "https://stytch.com/session"
ORGANIZATION_CLAIM = "https://stytch.com/organization"
DEFAULT_MINUTES = 60  # Stytch: of a session that is started without saying how long
LEAST_MINUTES, MOST_MINUTES = 5, 527_040
MOST_CLAIM_BYTES = 4096
# As many sessions of a member are told, the newest.
MOST_TOLD = 1000
_RESERVED = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti"})
_OURS = "https://stytch.com/"
Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SessionTerms:
    """What a product asks of a session: how long from now, and which claims; None leaves it as it is."""

    duration_minutes: int | None = None
    custom_claims: Claims | None = None

    def check(self) -> None:
        """Raise Invalid for a duration that Stytch does not take, or claims that are not the product's to make."""
        minutes = self.duration_minutes
        if minutes is not None and not LEAST_MINUTES <= minutes <= MOST_MINUTES:
            raise Invalid(
                f"session_duration_minutes must be from {LEAST_MINUTES} to {MOST_MINUTES}.",
                field="session_duration_minutes",
                error_type="invalid_session_duration_minutes",
            )
        for name in self.custom_claims or ():
            if name in _RESERVED:
                raise _claims(f'The claim "{name}" is the JWT\'s own.', "reserved_claims_in_custom_claims")
            if name.startswith(_OURS):
                raise _claims(f'Claims that begin with "{_OURS}" are reserved.', "stytch_claims_in_custom_claims")

    def claims_after(self, before: Claims) -> Claims:
        """Return the claims with these put over them; null takes one away. Raises Invalid for more than 4 KB."""
        merged = {**before, **(self.custom_claims or {})}
        after = {name: value for name, value in merged.items() if value is not None}
        if self.custom_claims and _bytes(after) > MOST_CLAIM_BYTES:
            raise _claims(f"All claims together must take at most {MOST_CLAIM_BYTES} bytes.", "custom_claims_too_large")
        return after


@dataclass(frozen=True, slots=True)
class Authentication:
    """How signing in ended: with a session, or, where that is None, with what is missing.

    Then the intermediate session stands for the proof so far, and `allowed_auth_methods` says what else is asked for.
    """

    member: Member
    organization: Organization
    signed_in: SignedIn | None
    intermediate_session_token: str = field(default="", repr=False)
    intermediate_session_token_expires_at: datetime | None = None
    allowed_auth_methods: tuple[str, ...] = ()


class ProjectSessionGateway(SessionGateway, Protocol):
    """Sessions of one organization, for the project itself or the member who acts."""

    def prolong(self, terms: SessionTerms) -> SignedIn:
        """Return the acting member's session as the terms have it (Stytch: sessions.authenticate).

        Only what is asked for changes: without a duration, it ends when it would have. Raises Invalid, Unauthenticated.
        """
        ...

    def jwt(self, signed_in: SignedIn) -> str:
        """Return a JWT of the session that is good for five minutes, for the product to verify by itself."""
        ...

    def whole(self, signed_in: SignedIn) -> SignedIn:
        """Return a session with all that is told of its member and organization: what the identity provider says, too."""
        ...

    def of_member(self, member_id: str) -> tuple[MemberSession, ...]:
        """Return a member's live sessions, the newest first, MOST_TOLD at most (Stytch: sessions.get). Raises NotFound."""
        ...

    def revoke_session(self, member_session_id: str) -> None:
        """End one session, at once; one that has ended is no error. Needs no right but for a session of somebody else.

        Raises NotFound, Refused.
        """
        ...

    def revoke_for_member(self, member_id: str) -> None:
        """End all sessions of a member (Stytch: sessions.revoke with member_id).

        Needs `stytch.member:revoke-sessions`, or for oneself `stytch.self:revoke-sessions`. Raises NotFound.
        """
        ...

    def exchange(self, holder: SignedIn, terms: SessionTerms) -> Authentication:
        """Start a session in this organization for who holds one in another (Stytch: sessions.exchange).

        They must be a member here under the same, verified e-mail address. Where this organization asks for another way in
        than was used, the answer has no session. Raises Invalid, Refused, NotFound.
        """
        ...


def _claims(detail: str, error_type: str) -> Invalid:
    return Invalid(detail, field="session_custom_claims", error_type=error_type)


def _bytes(claims: Claims) -> int:
    try:
        return len(msgspec.json.encode(claims))
    except (UnicodeEncodeError, TypeError):
        raise _claims("The claims cannot be written as JSON.", "unable_to_represent_custom_claims_json") from None
