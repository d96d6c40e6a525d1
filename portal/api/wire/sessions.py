"""Stytch's session objects, and the fields of all methods that create or check a session."""

from datetime import datetime
from typing import Any, TypeVar

import msgspec

from portal.api.caller import Caller
from portal.api.errors.responses import ApiError
from portal.api.wire.members import Member, member
from portal.api.wire.organizations import Organization, organization
from portal.directory import second_factors, sessions
from portal.directory.project import ProjectDirectory
from portal.directory.sessions import Authentication, Continuation, SessionTerms, SignedIn


class SessionTermsRequest(msgspec.Struct, kw_only=True):
    """The duration of the session from now, in minutes, and the custom claims that the product adds."""

    session_duration_minutes: int | None = None
    session_custom_claims: dict[str, Any] | None = None


class SessionRequest(SessionTermsRequest, kw_only=True):
    """A request that names an existing session by token or JWT. In browsers, it's the session of the request."""

    session_token: str | None = None
    session_jwt: str | None = None


class ContinuationRequest(SessionRequest, kw_only=True):
    """A request that adds to what a person proved before: in a session, or in an intermediate session."""

    intermediate_session_token: str | None = None


class ProofRequest(msgspec.Struct, kw_only=True):
    """A request that names what a person proved before, and starts no session."""

    session_token: str | None = None
    session_jwt: str | None = None
    intermediate_session_token: str | None = None


class EmailFactor(msgspec.Struct):
    """Stytch's EmailFactor."""

    email_id: str
    email_address: str


class PhoneNumberFactor(msgspec.Struct):
    """Stytch's PhoneNumberFactor."""

    phone_id: str
    phone_number: str


class AuthenticatorAppFactor(msgspec.Struct):
    """Stytch's AuthenticatorAppFactor."""

    totp_id: str


class RecoveryCodeFactor(msgspec.Struct):
    """Stytch's RecoveryCodeFactor."""

    totp_recovery_code_id: str


class WebAuthnFactor(msgspec.Struct):
    """Stytch's WebAuthnFactor."""

    webauthn_registration_id: str
    domain: str
    user_agent: str


class TrustedAuthTokenFactor(msgspec.Struct):
    """Stytch's TrustedAuthTokenFactor."""

    token_id: str


class AuthenticationFactor(msgspec.Struct):
    """Stytch's AuthenticationFactor."""

    type: str
    delivery_method: str
    last_authenticated_at: datetime
    created_at: datetime
    updated_at: datetime
    sequence_order: str = "PRIMARY"
    email_factor: EmailFactor | None = None
    phone_number_factor: PhoneNumberFactor | None = None
    authenticator_app_factor: AuthenticatorAppFactor | None = None
    recovery_code_factor: RecoveryCodeFactor | None = None
    trusted_auth_token_factor: TrustedAuthTokenFactor | None = None
    webauthn_factor: WebAuthnFactor | None = None


class MemberSession(msgspec.Struct):
    """Stytch's MemberSession."""

    member_session_id: str
    member_id: str
    organization_id: str
    organization_slug: str
    started_at: datetime
    last_accessed_at: datetime
    expires_at: datetime
    authentication_factors: list[AuthenticationFactor]
    roles: list[str]
    custom_claims: dict[str, Any]


class PrimaryRequired(msgspec.Struct):
    """The primary sign-in methods that the organization accepts."""

    allowed_auth_methods: list[str]


class MemberOptions(msgspec.Struct):
    """The second factors that the member has: "" for those that they don't have."""

    mfa_phone_number: str
    totp_registration_id: str


class MfaRequired(msgspec.Struct):
    """The second factor that is missing. Without `member_options`, the member has to set one up."""

    member_options: MemberOptions | None
    secondary_auth_initiated: str | None


class AuthenticationResponse(msgspec.Struct, kw_only=True):
    """The outcome of signing in."""

    member_id: str
    member: Member
    organization: Organization
    member_authenticated: bool
    session_token: str
    session_jwt: str
    member_session: MemberSession | None
    intermediate_session_token: str
    intermediate_session_token_expires_at: datetime | None
    mfa_required: MfaRequired | None = None
    member_device: None = None


class ExchangeResponse(AuthenticationResponse, kw_only=True):
    """The outcome of signing in. Without a session, `primary_required` says what is missing."""

    primary_required: PrimaryRequired | None = None


class PasswordAuthenticationResponse(ExchangeResponse, kw_only=True):
    """The outcome of signing in with a password."""

    organization_id: str


class EmailAuthenticationResponse(PasswordAuthenticationResponse, kw_only=True):
    """The outcome of signing in with a link or code. `method_id` is the ID of the email address."""

    method_id: str


class MagicLinkAuthenticationResponse(EmailAuthenticationResponse, kw_only=True):
    """The outcome of signing in with a link."""

    reset_sessions: bool = False


def session_terms(caller: Caller, request: SessionTermsRequest) -> SessionTerms:
    """Return the terms of the session. Only backends can set custom claims, because products trust them.

    Raise ApiError for a longer session than the project allows.
    """
    limit = caller.project.configuration.sessions.max_duration_minutes
    if (request.session_duration_minutes or 0) > limit:
        message = f"The project limits session_duration_minutes to {limit}."
        raise ApiError("invalid_session_duration_minutes", message)
    claims = request.session_custom_claims if caller.actor else None
    return SessionTerms(request.session_duration_minutes, claims)


def required_session(caller: Caller, request: SessionRequest) -> tuple[SignedIn, ProjectDirectory]:
    """Return the session that a request names, and its organization's directory, acting as its member.

    Raise ApiError unless it names exactly one, Unauthenticated if that session has ended.
    """
    found = optional_session(caller, request)
    if found is None:
        raise ApiError("no_session_arguments", "session_token or session_jwt is required.")
    return found


def optional_session(
    caller: Caller, request: SessionRequest | ProofRequest
) -> tuple[SignedIn, ProjectDirectory] | None:
    """Return the same as `required_session`, or None if the request names no session."""
    if caller.actor is None:
        return (caller.signed_in, caller.directory) if caller.signed_in else None
    named = [one for one in (request.session_token, request.session_jwt) if one]
    if len(named) > 1:
        raise ApiError("too_many_session_arguments", "Send session_token or session_jwt, not both.")
    return caller.project.open_session(named[0]) if named else None


def continuation(caller: Caller, request: ContinuationRequest | ProofRequest) -> Continuation:
    """Return what the person proved before. Raise ApiError if the request names a session twice."""
    found = optional_session(caller, request)
    if found and request.intermediate_session_token:
        raise ApiError("too_many_session_arguments", "Send a session or an intermediate session, not both.")
    return Continuation(
        session=found[0] if found else None, intermediate_session_token=request.intermediate_session_token or ""
    )


Response = TypeVar("Response", bound=AuthenticationResponse)


def authentication_response(
    response: type[Response], directory: ProjectDirectory, outcome: Authentication, **more: Any
) -> Response:
    """Return the outcome of signing in as a response of this type, with the additional fields of the method."""
    signed_in = outcome.signed_in and directory.sessions.with_details(outcome.signed_in)
    result = signed_in or outcome
    return response(
        member_id=result.member.member_id,
        member=member(result.member),
        organization=organization(result.organization),
        member_authenticated=signed_in is not None,
        session_token=signed_in.session_token if signed_in else "",
        session_jwt=directory.sessions.jwt(signed_in) if signed_in else "",
        member_session=member_session(signed_in.session) if signed_in else None,
        intermediate_session_token=outcome.intermediate_session_token,
        intermediate_session_token_expires_at=outcome.intermediate_session_token_expires_at,
        mfa_required=mfa_required(outcome.mfa_required),
        **more,
    )


def email_authentication_response(
    response: type[Response], directory: ProjectDirectory, outcome: Authentication
) -> Response:
    """Return the outcome of signing in with a link or code as a response of this type."""
    return authentication_response(
        response,
        directory,
        outcome,
        organization_id=outcome.organization.organization_id,
        method_id=outcome.method_id,
        primary_required=primary_required(outcome),
    )


def primary_required(outcome: Authentication) -> PrimaryRequired | None:
    """Return the sign-in methods that the organization accepts if one of them is missing, else None."""
    return None if outcome.signed_in or outcome.mfa_required else PrimaryRequired(list(outcome.allowed_auth_methods))


def mfa_required(value: second_factors.MfaRequired | None) -> MfaRequired | None:
    """Return the second factors that a member can add as Stytch's object."""
    if value is None:
        return None
    has_one = value.phone_number or value.totp_registration_id
    return MfaRequired(
        MemberOptions(value.phone_number, value.totp_registration_id) if has_one else None, value.initiated or None
    )


class StartedSession(msgspec.Struct, kw_only=True):
    """A session that a backend started."""

    member_id: str
    member: Member
    organization: Organization
    session_token: str
    session_jwt: str
    member_session: MemberSession


class SessionResponse(StartedSession, kw_only=True):
    """A session that was started, or that has a further factor now."""

    member_device: None = None


Session = TypeVar("Session", bound=StartedSession)


def session_response(response: type[Session], directory: ProjectDirectory, signed_in: SignedIn, **more: Any) -> Session:
    """Return the session as a response of this type, with the additional fields of the method."""
    detailed = directory.sessions.with_details(signed_in)
    return response(
        member_id=detailed.member.member_id,
        member=member(detailed.member),
        organization=organization(detailed.organization),
        session_token=detailed.session_token,
        session_jwt=directory.sessions.jwt(detailed),
        member_session=member_session(detailed.session),
        **more,
    )


def member_session(value: sessions.MemberSession) -> MemberSession:
    """Return a session as Stytch's object."""
    return MemberSession(
        member_session_id=value.member_session_id,
        member_id=value.member_id,
        organization_id=value.organization_id,
        organization_slug=value.organization_slug,
        started_at=value.started_at,
        last_accessed_at=value.last_accessed_at,
        expires_at=value.expires_at,
        authentication_factors=[
            AuthenticationFactor(
                type=one.type,
                delivery_method=one.delivery_method,
                last_authenticated_at=one.last_authenticated_at,
                created_at=one.created_at,
                updated_at=one.last_authenticated_at,
                sequence_order=one.sequence_order,
                email_factor=_as(EmailFactor, one.email_factor),
                phone_number_factor=_as(PhoneNumberFactor, one.phone_number_factor),
                authenticator_app_factor=_as(AuthenticatorAppFactor, one.authenticator_app_factor),
                recovery_code_factor=_as(RecoveryCodeFactor, one.recovery_code_factor),
                trusted_auth_token_factor=_as(TrustedAuthTokenFactor, one.trusted_auth_token_factor),
                webauthn_factor=_as(WebAuthnFactor, one.webauthn_factor),
            )
            for one in value.authentication_factors
        ],
        roles=sorted(value.roles),
        custom_claims=dict(value.custom_claims),
    )


Detail = TypeVar("Detail", bound=msgspec.Struct)


def _as(kind: type[Detail], value: object | None) -> Detail | None:
    """Return what a factor was proved with as Stytch's object, whose fields have the same names."""
    return msgspec.convert(value, kind, from_attributes=True) if value else None
