"""Member sessions, of the portal and of products (Stytch: sessions)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from portal.directory.errors import Invalid, Unauthenticated
from portal.directory.frames import Embedding
from portal.directory.members import Member
from portal.directory.organizations import Organization
from portal.directory.phone_numbers import shown_ending
from portal.directory.second_factors import (
    FACTOR_TYPES,
    PASSKEY,
    SMS_OTP,
    TOTP,
    MfaRequired,
    PendingSignIn,
    SecondFactorRequired,
)
from portal.directory.trusted_tokens import TrustedToken


@dataclass(frozen=True, slots=True)
class EmailFactor:
    """The address that a link or code was sent to."""

    email_id: str
    email_address: str


@dataclass(frozen=True, slots=True)
class PhoneNumberFactor:
    """The phone number that a code was sent to."""

    phone_id: str
    phone_number: str


@dataclass(frozen=True, slots=True)
class AuthenticatorAppFactor:
    """The authenticator app that showed a code."""

    totp_id: str


@dataclass(frozen=True, slots=True)
class RecoveryCodeFactor:
    """The recovery codes of which one was used."""

    totp_recovery_code_id: str


@dataclass(frozen=True, slots=True)
class WebauthnFactor:
    """The passkey that confirmed, on which domain and in which browser."""

    webauthn_registration_id: str
    domain: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class TrustedAuthTokenFactor:
    """The JWT of another issuer that was exchanged for a session."""

    token_id: str


@dataclass(frozen=True, slots=True)
class AuthenticationFactor:
    """How a member proved who they are in a session, in Stytch's terms."""

    type: str
    delivery_method: str
    created_at: datetime
    last_authenticated_at: datetime
    email_factor: EmailFactor | None = None
    phone_number_factor: PhoneNumberFactor | None = None
    authenticator_app_factor: AuthenticatorAppFactor | None = None
    recovery_code_factor: RecoveryCodeFactor | None = None
    trusted_auth_token_factor: TrustedAuthTokenFactor | None = None
    webauthn_factor: WebauthnFactor | None = None

    @property
    def is_second(self) -> bool:
        """Whether it is a second factor, which never signs anyone in alone."""
        return self.type in FACTOR_TYPES

    @property
    def sequence_order(self) -> str:
        """Stytch's name for the same."""
        return "SECONDARY" if self.is_second else "PRIMARY"


@dataclass(frozen=True, slots=True)
class MemberSession:
    """A member who is signed in in one browser, until `expires_at` or until the session is revoked.

    Only the embedded directory returns the fields after `other_factors`.
    """

    member_session_id: str
    member_id: str
    organization_id: str
    organization_slug: str
    roles: frozenset[str]
    started_at: datetime
    last_accessed_at: datetime
    expires_at: datetime
    # When the password was last entered in this session; None if it never was.
    password_entered_at: datetime | None = None
    # The factors other than this organization's password, also those of a session that was exchanged for this one.
    other_factors: tuple[AuthenticationFactor, ...] = ()
    # What the product stores in the session and its JWT.
    custom_claims: Mapping[str, Any] = field(default_factory=dict)
    # Where it was started.
    ip_address: str = ""
    user_agent: str = ""
    # Set if the session is one of a frame in a product's page, which then allows only this.
    embedding: Embedding | None = None

    @property
    def authentication_factors(self) -> tuple[AuthenticationFactor, ...]:
        """How the member proved who they are, in this session or in one that was exchanged for it."""
        entered_at = self.password_entered_at
        if entered_at is None:
            return self.other_factors
        own = AuthenticationFactor("password", "knowledge", min(entered_at, self.started_at), entered_at)
        return (*self.other_factors, own)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A live session with its member, its organization and its token."""

    session: MemberSession
    member: Member
    organization: Organization
    session_token: str = field(repr=False)


class SessionEndCause(StrEnum):
    """Why a session ended."""

    IDLE = "idle"
    # The longest that a session lasts.
    DURATION = "duration"
    # Revoked by the member, by an admin, or because the password was changed.
    MEMBER = "member"
    ADMIN = "admin"
    PASSWORD = "password"  # noqa: S105 -- a cause
    # How the member signed in isn't enough since their address or the organization's sign-in methods were changed.
    ADDRESS = "address"
    METHODS = "methods"
    # The organization wants a second factor, which the session doesn't have.
    MFA = "mfa"
    # The organization's limits of sessions were changed.
    LIMITS = "limits"


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """When and why a session ended. `minutes` is the limit that ended it, 0 if it was revoked."""

    at: datetime
    cause: SessionEndCause
    minutes: int = 0


class SessionEnded(Unauthenticated):
    """A session token isn't valid. `end` says why, to no one but the holder of the token; None if that isn't known."""

    def __init__(self, end: SessionEnd | None = None, *, parent_origin: str = "") -> None:
        super().__init__("The session has ended.")
        self.end = end
        # Of the page around the frame, if the session was one of a frame.
        self.parent_origin = parent_origin


class SessionGateway(Protocol):
    """Member sessions of one organization. Revoking one ends it immediately, everywhere."""

    def authenticate(self, session_token: str) -> SignedIn:
        """Return the session of a token, and record its use so that it doesn't time out. Raise Unauthenticated if it isn't live.

        SessionEnded, if the directory knows that it was.
        """
        ...

    def sign_in(self, *, email_address: str, password: str) -> SignedIn:
        """Start a session by password. Raise Unauthenticated, taking the same time for every cause; SecondFactorRequired."""
        ...

    def confirm_password(self, password: str) -> SignedIn:
        """Record that the acting member entered their password again (portal.directory.step_up).

        Raise Unauthenticated for a wrong password, which doesn't end the session, and if the session has ended.
        """
        ...

    def revoke(self, session_token: str) -> None:
        """End the session of a token. An unknown token isn't an error."""
        ...

    def revoke_session(self, member_session_id: str, *, member_id: str = "") -> None:
        """End one session. It isn't an error if it has ended already. `member_id` names whose it must be.

        Another member's session needs `stytch.member:revoke-sessions`, and on pages a recent proof. Raise NotFound,
        Forbidden.
        """
        ...

    def revoke_for_member(self, member_id: str) -> None:
        """End all sessions of a member (Stytch: sessions.revoke with member_id).

        Needs `stytch.member:revoke-sessions`, or `stytch.self:revoke-sessions` for the acting member's own sessions.
        Pages need a recent proof. Raise NotFound, Forbidden.
        """
        ...


class AllSessionsGateway(Protocol):
    """The sessions of all members. Needs `stytch.member:revoke-sessions`."""

    def count(self) -> int:
        """Return how many are live besides the acting member's own, up to MAX_COUNTED (portal.directory.pages)."""
        ...

    def revoke(self) -> int:
        """End all except the acting member's own, and return how many. Raise Forbidden, StepUpRequired."""
        ...


SESSION_CLAIM = "https://stytch.com/session"
ORGANIZATION_CLAIM = "https://stytch.com/organization"
DEFAULT_MINUTES = 60  # Stytch: the duration of a session if the product gives none
MIN_MINUTES, MAX_MINUTES = 5, 527_040
MAX_CLAIM_BYTES = 4096
MAX_LISTED = 1000  # sessions of one member
_RESERVED = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti"})
_OURS = "https://stytch.com/"
Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SessionTerms:
    """What a product asks for: a duration from now, and claims. None changes nothing."""

    duration_minutes: int | None = None
    custom_claims: Claims | None = None

    def check(self) -> None:
        """Raise Invalid for a duration that Stytch doesn't accept, or for a reserved claim."""
        minutes = self.duration_minutes
        if minutes is not None and not MIN_MINUTES <= minutes <= MAX_MINUTES:
            raise Invalid(
                f"session_duration_minutes must be from {MIN_MINUTES} to {MAX_MINUTES}.",
                field="session_duration_minutes",
                error_type="invalid_session_duration_minutes",
            )
        for name in self.custom_claims or ():
            if name in _RESERVED:
                raise _claims(f'The claim "{name}" is reserved for the JWT itself.', "reserved_claims_in_custom_claims")
            if name.startswith(_OURS):
                raise _claims(f'Claims that begin with "{_OURS}" are reserved.', "stytch_claims_in_custom_claims")

    def claims_after(self, before: Claims) -> Claims:
        """Return the claims after the change: null removes a claim. Raise Invalid for more than 4 KB."""
        merged = {**before, **(self.custom_claims or {})}
        after = {name: value for name, value in merged.items() if value is not None}
        if self.custom_claims and _bytes(after) > MAX_CLAIM_BYTES:
            raise _claims(f"The claims are larger than {MAX_CLAIM_BYTES} bytes.", "custom_claims_too_large")
        return after


@dataclass(frozen=True, slots=True)
class Authentication:
    """The outcome of signing in: a session, or None if something is missing.

    In that case the intermediate session holds the proof so far. `mfa_required` has the second factors to use;
    without it, the member has to sign in by another method: `allowed_auth_methods` lists those.
    """

    member: Member
    organization: Organization
    signed_in: SignedIn | None
    intermediate_session_token: str = field(default="", repr=False)
    intermediate_session_token_expires_at: datetime | None = None
    allowed_auth_methods: tuple[str, ...] = ()
    mfa_required: MfaRequired | None = None
    # The ID of the email address that a link or code was sent to (Stytch: method_id).
    method_id: str = ""


def second_factor_required(outcome: Authentication, required: MfaRequired) -> SecondFactorRequired:
    """Return the error with which a sign-in to the portal waits for a second factor."""
    member, settings = outcome.member, outcome.organization.settings
    methods = [TOTP] * bool(required.totp_registration_id) + [SMS_OTP] * bool(required.phone_number)
    methods.sort(key=lambda one: one != member.default_mfa_method)
    if required.has_passkey:
        methods.insert(0 if required.used_passkey_last else len(methods), PASSKEY)
    return SecondFactorRequired(
        PendingSignIn(
            organization_slug=outcome.organization.organization_slug,
            member_id=member.member_id,
            email_address=member.email_address,
            intermediate_session_token=outcome.intermediate_session_token,
            methods=tuple(methods),
            allowed_methods=(*settings.second_factors, *([PASSKEY] if settings.allows_passkeys else [])),
            phone_ending=shown_ending(required.phone_number),
            initiated=required.initiated,
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """What a person proved before, to which signing in adds: a session, or the token of an intermediate session."""

    session: SignedIn | None = None
    intermediate_session_token: str = ""


NOTHING_BEFORE = Continuation()


class ProjectSessionGateway(SessionGateway, Protocol):
    """Member sessions as the JSON API uses them, for the project or for the acting member."""

    def extend(self, terms: SessionTerms) -> SignedIn:
        """Apply the terms to the acting member's session, and return it (Stytch: sessions.authenticate).

        Without a duration, its end stays the same. Raise Invalid for terms that aren't allowed, Unauthenticated if the
        session has ended.
        """
        ...

    def jwt(self, signed_in: SignedIn) -> str:
        """Return a JWT of the session, valid for five minutes, which the product can verify itself."""
        ...

    def with_details(self, signed_in: SignedIn) -> SignedIn:
        """Return a session with its organization's SCIM connection and its member's SCIM registration."""
        ...

    def list_for_member(self, member_id: str) -> tuple[MemberSession, ...]:
        """Return a member's live sessions, newest first, at most MAX_LISTED (Stytch: sessions.get). Raise NotFound."""
        ...

    def exchange(self, holder: SignedIn, terms: SessionTerms) -> Authentication:
        """Start a session in this organization for the holder of one in another (Stytch: sessions.exchange).

        If this organization requires another sign-in method than was used, the result has no session. Raise Forbidden if
        their email address isn't verified, NotFound if it isn't a member's here, Invalid for terms that aren't allowed.
        """
        ...

    def attest(self, token: TrustedToken, terms: SessionTerms, before: Continuation = NOTHING_BEFORE) -> SignedIn:
        """Start a session of the member that a verified token names, or add the token to one `before`.

        (Stytch: sessions.attest.) Raise NotFound if there is no such active member, Forbidden if the organization wants
        another method or a second factor, Invalid if the session is another member's.
        """
        ...

    def migrate(self, email_address: str, terms: SessionTerms) -> SignedIn:
        """Start a session of the member with this address, who has one in another system (Stytch: sessions.migrate).

        Raise what `attest` raises.
        """
        ...

    def exchange_intermediate_session(self, intermediate_session_token: str, terms: SessionTerms) -> Authentication:
        """Sign a person in to this organization, which they chose, joining it if they may.

        (Stytch: discovery.intermediate_sessions.exchange.) The token works once; if something is still missing, the result
        has another. Raise Unauthenticated, NotFound if they aren't a member and may not join.
        """
        ...


def _claims(detail: str, error_type: str) -> Invalid:
    return Invalid(detail, field="session_custom_claims", error_type=error_type)


def _bytes(claims: Claims) -> int:
    try:
        return len(msgspec.json.encode(claims))
    except (UnicodeEncodeError, TypeError):
        raise _claims("The claims can't be represented as JSON.", "unable_to_represent_custom_claims_json") from None
