"""Stytch's password methods: authenticate, migrate, check the strength, and reset."""

from collections.abc import Mapping
from typing import Any

import msgspec

from portal.access import rate_limits
from portal.api import wire
from portal.api.caller import Caller
from portal.api.declaration import BrowserRoute, endpoint
from portal.api.errors.responses import ApiError
from portal.api.wire.sessions import (
    AuthenticationResponse,
    ExchangeResponse,
    PasswordAuthenticationResponse,
    SessionRequest,
    authentication_response,
    optional_session,
    required_session,
    session_terms,
)
from portal.directory.passwords import MigratedMember, PasswordHash
from portal.directory.sessions import SignedIn

# Seconds: the shortest default windows of the limit per member, and of the total.
_WAIT = "60"
_PAUSE = "3600"


class AuthenticatePasswordRequest(SessionRequest, kw_only=True):
    """An email address and password. A session of the same member is continued."""

    email_address: str
    password: str


class ResetByExistingPasswordRequest(SessionRequest, kw_only=True):
    """An email address, its current password and the new one."""

    email_address: str
    existing_password: str
    new_password: str


class ResetBySessionRequest(SessionRequest, kw_only=True):
    """The new password of the session's member."""

    password: str


class StrengthCheckRequest(msgspec.Struct):
    """A password and the email address it will belong to."""

    password: str
    email_address: str | None = None


class ZxcvbnFeedback(msgspec.Struct):
    """How to make the password stronger."""

    warning: str
    suggestions: list[str]


class StrengthCheckResponse(msgspec.Struct):
    """How strong a password is."""

    valid_password: bool
    score: int
    zxcvbn_feedback: ZxcvbnFeedback
    breached_password: bool = False
    strength_policy: str = "zxcvbn"
    breach_detection_on_create: bool = False
    luds_feedback: None = None


class MigratePasswordRequest(msgspec.Struct, kw_only=True):
    """A member and a password hash from another system, with the parameters of its type."""

    email_address: str
    hash: str
    hash_type: str
    argon_2_config: dict[str, Any] | None = None
    md_5_config: dict[str, Any] | None = None
    pbkdf_2_config: dict[str, Any] | None = None
    scrypt_config: dict[str, Any] | None = None
    sha_1_config: dict[str, Any] | None = None
    sha_512_config: dict[str, Any] | None = None
    name: str | None = None
    roles: list[str] | None = None
    external_id: str | None = None
    trusted_metadata: dict[str, Any] | None = None
    untrusted_metadata: dict[str, Any] | None = None


class MigratePasswordResponse(msgspec.Struct):
    """The member who has the password now."""

    member_id: str
    member_created: bool
    member: wire.Member
    organization: wire.Organization


@endpoint(
    "passwords.authenticate",
    "POST passwords/authenticate",
    browser=[BrowserRoute("POST", "b2b/passwords/authenticate", needs_session=False)],
    rights=None,
)
def authenticate(caller: Caller, request: AuthenticatePasswordRequest) -> PasswordAuthenticationResponse:
    """Start a session with an email address and password."""
    _count(caller, request.email_address)
    outcome = caller.directory.passwords.authenticate(
        email_address=request.email_address,
        password=request.password,
        terms=session_terms(caller, request),
        current=_current(caller, request),
    )
    organization_id = outcome.organization.organization_id
    return authentication_response(
        PasswordAuthenticationResponse, caller.directory, outcome, organization_id=organization_id
    )


@endpoint("passwords.migrate", "POST passwords/migrate", rights=None)
def migrate(caller: Caller, request: MigratePasswordRequest) -> MigratePasswordResponse:
    """Set a member's password from a hash of another system. Creates the member if needed."""
    member, is_new = caller.directory.passwords.migrate(
        MigratedMember(
            request.email_address,
            name=request.name,
            roles=request.roles,
            external_id=request.external_id,
            trusted_metadata=request.trusted_metadata,
            untrusted_metadata=request.untrusted_metadata,
        ),
        PasswordHash(request.hash_type, request.hash, _config(request)),
    )
    organization = caller.directory.organization.get_with_connection()
    return MigratePasswordResponse(member.member_id, is_new, wire.member(member), wire.organization(organization))


@endpoint(
    "passwords.strength_check",
    "POST passwords/strength_check",
    browser=[BrowserRoute("POST", "b2b/passwords/strength_check", needs_session=False)],
    rights=None,
    of_organization=False,
)
def strength_check(caller: Caller, request: StrengthCheckRequest) -> StrengthCheckResponse:
    """Check whether a new password would be accepted, and how to make it stronger."""
    seconds = 0 if caller.actor else rate_limits.wait_for_strength(caller.origin.ip_address)
    if seconds:
        message = f"Too many password checks from your IP address. Try again in {seconds} seconds."
        raise ApiError("too_many_requests", message, Retry_After=str(seconds))
    strength = caller.project.password_strength(request.password, email_address=request.email_address or "")
    feedback = ZxcvbnFeedback(strength.warning, list(strength.suggestions))
    return StrengthCheckResponse(strength.valid_password, strength.score, feedback)


@endpoint(
    "passwords.existing_password.reset",
    "POST passwords/existing_password/reset",
    browser=[BrowserRoute("POST", "b2b/passwords/existing_password/reset", needs_session=False)],
    rights=None,
)
def reset_by_existing_password(caller: Caller, request: ResetByExistingPasswordRequest) -> ExchangeResponse:
    """Replace a password, given the current one. Revokes all sessions of the member except the one in the request."""
    _count(caller, request.email_address)
    outcome = caller.directory.passwords.reset_by_existing_password(
        email_address=request.email_address,
        existing_password=request.existing_password,
        new_password=request.new_password,
        terms=session_terms(caller, request),
        current=_current(caller, request),
    )
    return authentication_response(ExchangeResponse, caller.directory, outcome)


@endpoint(
    "passwords.sessions.reset",
    "POST passwords/session/reset",
    browser=[BrowserRoute("POST", "b2b/passwords/session/reset")],
    rights=None,
)
def reset_by_session(caller: Caller, request: ResetBySessionRequest) -> AuthenticationResponse:
    """Replace the password of a member who entered it recently in this session. Revokes their other sessions."""
    holder, directory = required_session(caller, request)
    if holder.organization.organization_id != caller.directory.organization.get().organization_id:
        raise ApiError("session_authorization_tenancy_error", "The session belongs to another organization.")
    outcome = directory.passwords.reset_by_session(password=request.password, terms=session_terms(caller, request))
    return authentication_response(AuthenticationResponse, directory, outcome)


def _current(caller: Caller, request: SessionRequest) -> SignedIn | None:
    found = optional_session(caller, request)
    return found[0] if found else None


def _config(request: MigratePasswordRequest) -> Mapping[str, Any]:
    name = "argon_2" if request.hash_type.startswith("argon_2") else request.hash_type
    return getattr(request, f"{name}_config", None) or {}


def _count(caller: Caller, email_address: str) -> None:
    """Count a sign-in attempt. The IP address of a backend doesn't count: it isn't the member's."""
    slug = caller.directory.organization.get().organization_slug
    attempt = rate_limits.Attempt("" if caller.actor else caller.origin.ip_address, slug, email_address)
    if rate_limits.admit(attempt):
        return
    if rate_limits.is_paused(attempt):
        message = (
            "Too many wrong passwords for this email address. Passwords are paused for up to an hour. "
            "A sign-in link still works."
        )
        raise ApiError("too_many_requests", message, Retry_After=_PAUSE)
    message = "Too many attempts. Wait a few minutes, then try again."
    raise ApiError("too_many_requests", message, Retry_After=_WAIT)
