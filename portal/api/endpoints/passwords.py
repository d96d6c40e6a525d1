"""Stytch's password methods: authenticate, migrate, check the strength, and reset."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from portal.access import rate_limits
from portal.access.rate_limits import Attempt
from portal.api import wire
from portal.api.caller import Caller
from portal.api.declaration import BrowserRoute, endpoint
from portal.api.email_sign_in import AskedLocale, count_attempt, count_email, require_method, require_pkce
from portal.api.errors.responses import ApiError
from portal.api.wire.sessions import (
    AuthenticationResponse,
    ContinuationRequest,
    ExchangeResponse,
    PasswordAuthenticationResponse,
    SessionRequest,
    authentication_response,
    continuation,
    optional_session,
    primary_required,
    required_session,
    session_terms,
)
from portal.directory.password_resets import ResetRequest
from portal.directory.passwords import MigratedMember, PasswordHash
from portal.directory.project import ProjectDirectory
from portal.directory.sessions import Continuation, SignedIn


class AuthenticatePasswordRequest(ContinuationRequest, kw_only=True):
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


class StartResetRequest(msgspec.Struct, kw_only=True):
    """An email address, where the link leads, and how long it works. `login_redirect_url` isn't used."""

    email_address: str
    reset_password_redirect_url: str | None = None
    login_redirect_url: str | None = None
    reset_password_expiration_minutes: int | None = None
    code_challenge: str | None = None
    locale: AskedLocale = None
    reset_password_template_id: str | None = None
    verify_email_template_id: str | None = None


class StartResetResponse(msgspec.Struct):
    """The member who gets the email. Browsers aren't told: they could look for members."""

    member_id: str | UnsetType = UNSET
    member_email_id: str | UnsetType = UNSET
    member: wire.Member | UnsetType = UNSET


class ResetByEmailRequest(ContinuationRequest, kw_only=True):
    """The token of a link, the new password, and the verifier if the link was requested with PKCE."""

    password_reset_token: str
    password: str
    code_verifier: str | None = None


class ResetByEmailResponse(PasswordAuthenticationResponse, kw_only=True):
    """The outcome of signing in with the new password."""

    member_email_id: str


class RequireResetRequest(msgspec.Struct, kw_only=True):
    """An email address, in one organization or in all, and its member if you know them."""

    email_address: str
    organization_id: str | None = None
    member_id: str | None = None


class RequireResetResponse(msgspec.Struct):
    """The member, if the request named an organization."""

    member_id: str | None = None
    member: wire.Member | None = None
    organization: wire.Organization | None = None


class StrengthCheckRequest(msgspec.Struct):
    """A password and the email address it will belong to."""

    password: str
    email_address: str | None = None


class ZxcvbnFeedback(msgspec.Struct):
    """How to make the password stronger."""

    warning: str
    suggestions: list[str]


class LudsFeedback(msgspec.Struct):
    """Which kinds of characters the password has, and how many kinds and characters it lacks."""

    has_lower_case: bool
    has_upper_case: bool
    has_digit: bool
    has_symbol: bool
    missing_complexity: int
    missing_characters: int


class StrengthCheckResponse(msgspec.Struct):
    """How strong a password is. Only the feedback of the project's policy is there."""

    valid_password: bool
    score: int
    breached_password: bool
    strength_policy: str
    breach_detection_on_create: bool
    luds_feedback: LudsFeedback | None
    zxcvbn_feedback: ZxcvbnFeedback | None


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
    attempt = _count(caller, request.email_address)
    outcome = caller.directory.passwords.authenticate(
        email_address=request.email_address,
        password=request.password,
        terms=session_terms(caller, request),
        before=continuation(caller, request),
    )
    rate_limits.forgive(attempt)
    return authentication_response(
        PasswordAuthenticationResponse,
        caller.directory,
        outcome,
        organization_id=outcome.organization.organization_id,
        primary_required=primary_required(outcome),
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
    luds, rules = strength.luds, caller.project.configuration.passwords
    return StrengthCheckResponse(
        strength.valid_password,
        strength.score,
        strength.breached_password,
        strength_policy=rules.strength,
        breach_detection_on_create="create" in rules.breach_detection,
        luds_feedback=msgspec.convert(luds, LudsFeedback, from_attributes=True) if luds else None,
        zxcvbn_feedback=None if luds else ZxcvbnFeedback(strength.warning, list(strength.suggestions)),
    )


@endpoint(
    "passwords.email.reset_start",
    "POST passwords/email/reset/start",
    browser=[BrowserRoute("POST", "b2b/passwords/email/reset/start", needs_session=False)],
    rights=None,
)
def start_reset(caller: Caller, request: StartResetRequest) -> StartResetResponse:
    """Email a link to choose a password. Their password works until then. Browsers don't learn whether there is a member."""
    require_method(caller, "passwords")
    require_pkce(caller, "password_resets", request.code_challenge)
    wanted = ResetRequest(
        email_address=request.email_address,
        redirect_url=request.reset_password_redirect_url,
        minutes=request.reset_password_expiration_minutes,
        code_challenge=request.code_challenge,
        locale=request.locale or "",
        template_id=request.reset_password_template_id,
        first_template_id=request.verify_email_template_id,
    )
    count_email(caller, request.email_address)
    if caller.actor is None:
        caller.directory.password_resets.request(wanted)
        return StartResetResponse()
    member, email_id = caller.directory.password_resets.start(wanted)
    return StartResetResponse(member.member_id, email_id, wire.member(member))


@endpoint(
    "passwords.email.reset",
    "POST passwords/email/reset",
    browser=[BrowserRoute("POST", "b2b/passwords/email/reset", needs_session=False)],
    rights=None,
    of_organization=False,
)
def reset_by_email(caller: Caller, request: ResetByEmailRequest) -> ResetByEmailResponse:
    """Set the password of a link's member and sign them in. Revokes all their sessions except the one in the request."""
    require_method(caller, "passwords")
    directory = caller.project.open_of_email_token(request.password_reset_token, caller.actor)
    outcome = directory.password_resets.reset(
        request.password_reset_token,
        password=request.password,
        code_verifier=request.code_verifier or "",
        terms=session_terms(caller, request),
        before=continuation(caller, request),
    )
    return authentication_response(
        ResetByEmailResponse,
        directory,
        outcome,
        organization_id=outcome.organization.organization_id,
        member_email_id=outcome.method_id,
        primary_required=primary_required(outcome),
    )


@endpoint("passwords.email.require_reset", "POST passwords/email/require_reset", rights=None, of_organization=False)
def require_reset(caller: Caller, request: RequireResetRequest) -> RequireResetResponse:
    """Let passwords of an email address no longer sign in until they are reset by email. Sessions continue."""
    if request.organization_id is None and caller.signed_in is None and not request.member_id:
        caller.project.discovery(caller.actor).require_password_reset(request.email_address)
        return RequireResetResponse()
    directory = _directory_of(caller, request)
    member = directory.password_resets.require(email_address=request.email_address, member_id=request.member_id or "")
    organization = directory.organization.get_with_connection()
    return RequireResetResponse(member.member_id, wire.member(member), wire.organization(organization))


@endpoint(
    "passwords.existing_password.reset",
    "POST passwords/existing_password/reset",
    browser=[BrowserRoute("POST", "b2b/passwords/existing_password/reset", needs_session=False)],
    rights=None,
)
def reset_by_existing_password(caller: Caller, request: ResetByExistingPasswordRequest) -> ExchangeResponse:
    """Replace a password, given the current one. Revokes all sessions of the member except the one in the request."""
    attempt = _count(caller, request.email_address)
    outcome = caller.directory.passwords.reset_by_existing_password(
        email_address=request.email_address,
        existing_password=request.existing_password,
        new_password=request.new_password,
        terms=session_terms(caller, request),
        before=Continuation(session=_current(caller, request)),
    )
    rate_limits.forgive(attempt)
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


def _directory_of(caller: Caller, request: RequireResetRequest) -> ProjectDirectory:
    """Return the directory of the organization that a request names; for a member, only their own."""
    if caller.actor is None:
        raise ApiError("unauthorized_credentials", "Only a backend can require this.")
    if caller.signed_in is None:
        if request.organization_id is None:
            return caller.project.open_of_member(request.member_id or "", caller.actor)
        return caller.project.open(request.organization_id, caller.actor)
    if request.organization_id is not None:
        named = caller.project.open(request.organization_id, caller.actor).organization.get()
        if named.organization_id != caller.signed_in.organization.organization_id:
            raise ApiError("session_authorization_tenancy_error", "The session belongs to another organization.")
    return caller.directory


def _current(caller: Caller, request: SessionRequest) -> SignedIn | None:
    found = optional_session(caller, request)
    return found[0] if found else None


def _config(request: MigratePasswordRequest) -> Mapping[str, Any]:
    name = "argon_2" if request.hash_type.startswith("argon_2") else request.hash_type
    return getattr(request, f"{name}_config", None) or {}


def _count(caller: Caller, email_address: str) -> Attempt:
    return count_attempt(caller, email_address, caller.directory.organization.get().organization_slug)
