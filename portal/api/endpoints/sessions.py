"""Stytch's session methods: authenticate, list, revoke and exchange, and the keys that verify session JWTs."""

from typing import Any

import msgspec

from portal.api import wire
from portal.api.caller import Caller
from portal.api.declaration import BrowserRoute, endpoint
from portal.api.errors.responses import ApiError, InvalidArgument
from portal.api.rights import Rights
from portal.api.wire.sessions import (
    ExchangeResponse,
    SessionRequest,
    SessionResponse,
    SessionTermsRequest,
    StartedSession,
    authentication_response,
    optional_session,
    primary_required,
    required_session,
    session_response,
    session_terms,
)
from portal.directory.project import ProjectDirectory
from portal.directory.sessions import Continuation
from portal.directory.trusted_tokens import TrustedToken


class AuthorizationCheck(msgspec.Struct):
    """The permission that the member must have."""

    organization_id: str
    resource_id: str
    action: str


class AuthenticateSessionRequest(SessionRequest, kw_only=True):
    """A session by token or JWT, with the permission to check and the terms to extend it."""

    authorization_check: AuthorizationCheck | None = None


class Verdict(msgspec.Struct):
    """Stytch's AuthorizationVerdict. A missing permission is an error instead."""

    granting_roles: list[str]
    authorized: bool = True


class AuthenticateSessionResponse(msgspec.Struct):
    """An active session and its member."""

    member_session: wire.MemberSession
    session_token: str
    session_jwt: str
    member: wire.Member
    organization: wire.Organization
    verdict: Verdict | None


class MemberSessionsRequest(msgspec.Struct):
    """A member of the organization."""

    member_id: str


class GetSessionsResponse(msgspec.Struct):
    """A member's active sessions, newest first."""

    member_sessions: list[wire.MemberSession]


class RevokeSessionRequest(msgspec.Struct):
    """Exactly one of: a session by ID, token or JWT; or a member, to revoke all their sessions."""

    member_session_id: str | None = None
    session_token: str | None = None
    session_jwt: str | None = None
    member_id: str | None = None


class ExchangeSessionRequest(SessionRequest, kw_only=True):
    """A session and the organization to exchange it for."""

    organization_id: str


class ExchangeAccessTokenRequest(SessionTermsRequest, kw_only=True):
    """An access token of a Connected App, and the terms of the session."""

    access_token: str


class AttestSessionRequest(SessionRequest, kw_only=True):
    """A trusted auth token of a profile, and the organization unless the token names it. A session is continued."""

    profile_id: str
    token: str
    organization_id: str | None = None


class MigrateSessionRequest(SessionTermsRequest, kw_only=True):
    """A token of the system that the product used before, and the organization of the person."""

    session_token: str
    organization_id: str


class JwksRequest(msgspec.Struct):
    """A project."""

    project_id: str


class JwksResponse(msgspec.Struct):
    """The public keys of session JWTs (RFC 7517)."""

    keys: list[dict[str, Any]]


@endpoint(
    "sessions.authenticate",
    "POST sessions/authenticate",
    browser=[BrowserRoute("POST", "b2b/sessions/authenticate")],
    rights=None,
    of_organization=False,
)
def authenticate(caller: Caller, request: AuthenticateSessionRequest) -> AuthenticateSessionResponse:
    """Authenticate a session, extend it if requested, and return it with a new JWT."""
    _, directory = required_session(caller, request)
    check = request.authorization_check
    verdict = None
    if check:
        granting = directory.rbac.authorize(check.organization_id, check.resource_id, check.action)
        verdict = Verdict(list(granting))
    signed_in = directory.sessions.with_details(directory.sessions.extend(session_terms(caller, request)))
    return AuthenticateSessionResponse(
        member_session=wire.member_session(signed_in.session),
        session_token=signed_in.session_token,
        session_jwt=directory.sessions.jwt(signed_in),
        member=wire.member(signed_in.member),
        organization=wire.organization(signed_in.organization),
        verdict=verdict,
    )


@endpoint("sessions.get", "GET sessions", rights=Rights("stytch.member", "search"))
def get(caller: Caller, request: MemberSessionsRequest) -> GetSessionsResponse:
    """Return up to 1,000 of a member's active sessions, newest first."""
    return GetSessionsResponse(
        [wire.member_session(one) for one in caller.directory.sessions.list_for_member(request.member_id)]
    )


@endpoint(
    "sessions.revoke",
    "POST sessions/revoke",
    browser=[BrowserRoute("POST", "b2b/sessions/revoke")],
    rights=None,
    of_organization=False,
)
def revoke(caller: Caller, request: RevokeSessionRequest) -> wire.Empty:
    """Revoke a session, or all sessions of a member. Browsers revoke the session that they use."""
    if caller.actor is None:
        if caller.signed_in:
            caller.directory.sessions.revoke_session(caller.signed_in.session.member_session_id)
        return wire.Empty()
    sent = [name for name in RevokeSessionRequest.__struct_fields__ if getattr(request, name)]
    if len(sent) != 1:
        name = "too_many_session_revoke_arguments" if sent else "no_session_revoke_arguments"
        raise ApiError(name, "Send exactly one of member_session_id, session_token, session_jwt and member_id.")
    if request.member_id:
        directory = caller.opened or caller.project.open_of_member(request.member_id, caller.actor)
        directory.sessions.revoke_for_member(request.member_id)
        return wire.Empty()
    session_id = request.member_session_id or _session_id(caller, request)
    directory = caller.opened or caller.project.open_of_session(session_id, caller.actor)
    directory.sessions.revoke_session(session_id)
    return wire.Empty()


@endpoint(
    "sessions.revoke_for_member",
    browser=[BrowserRoute("POST", "b2b/sessions/revoke/{member_id}")],
    rights=Rights("stytch.member", "revoke-sessions", or_self=True),
)
def revoke_for_member(caller: Caller, request: MemberSessionsRequest) -> wire.Empty:
    """Revoke all sessions of a member."""
    caller.directory.sessions.revoke_for_member(request.member_id)
    return wire.Empty()


@endpoint(
    "sessions.exchange",
    "POST sessions/exchange",
    browser=[BrowserRoute("POST", "b2b/sessions/exchange")],
    rights=None,
    of_organization=False,
)
def exchange(caller: Caller, request: ExchangeSessionRequest) -> ExchangeResponse:
    """Start a session in another organization where the same person is a member. The existing session stays valid."""
    holder, _ = required_session(caller, request)
    directory = caller.project.open(request.organization_id, caller.actor)
    outcome = directory.sessions.exchange(holder, session_terms(caller, request))
    return authentication_response(ExchangeResponse, directory, outcome, primary_required=primary_required(outcome))


@endpoint(
    "sessions.exchange_access_token",
    "POST sessions/exchange_access_token",
    browser=[BrowserRoute("POST", "b2b/sessions/exchange_access_token", needs_session=False)],
    rights=None,
    of_organization=False,
)
def exchange_access_token(caller: Caller, request: ExchangeAccessTokenRequest) -> SessionResponse:
    """Exchange an access token of a Connected App for a session. Gatehouse issues none yet, so each token is unknown."""
    session_terms(caller, request).check()
    raise ApiError("idp_access_token_not_found", "The access token is not one of this project.")


@endpoint(
    "sessions.attest",
    "POST sessions/attest",
    browser=[BrowserRoute("POST", "b2b/sessions/attest", needs_session=False, takes_session=True)],
    rights=None,
    of_organization=False,
)
def attest(caller: Caller, request: AttestSessionRequest) -> SessionResponse:
    """Exchange a JWT of a trusted issuer for a session, or add it to an existing one."""
    token = caller.project.trusted_token(request.profile_id, request.token)
    directory = _organization_of(caller, token, request.organization_id)
    held = optional_session(caller, request)
    before = Continuation(session=held[0] if held else None)
    signed_in = directory.sessions.attest(token, session_terms(caller, request), before)
    return session_response(SessionResponse, directory, signed_in)


@endpoint("sessions.migrate", "POST sessions/migrate", rights=None, of_organization=False)
def migrate(caller: Caller, request: MigrateSessionRequest) -> StartedSession:
    """Start a session for someone who has one in the system that the product used before, which its UserInfo endpoint names."""
    directory = caller.project.open(request.organization_id, caller.actor)
    address = caller.project.address_of_other_session(request.session_token)
    signed_in = directory.sessions.migrate(address, session_terms(caller, request))
    return session_response(StartedSession, directory, signed_in)


@endpoint("sessions.get_jwks", "GET sessions/jwks/{project_id}", rights=None, of_organization=False, is_open=True)
def get_jwks(caller: Caller, request: JwksRequest) -> JwksResponse:
    """Return the public keys that verify session JWTs. Needs no credentials."""
    return JwksResponse([dict(key) for key in caller.project.jwks(request.project_id)])


def _session_id(caller: Caller, request: RevokeSessionRequest) -> str:
    holder, _ = caller.project.open_session(request.session_token or request.session_jwt or "")
    return holder.session.member_session_id


def _organization_of(caller: Caller, token: TrustedToken, organization_id: str | None) -> ProjectDirectory:
    """Return the organization of a token or, if it names none, of the request. Raise InvalidArgument if they differ."""
    named = [one for one in (token.organization, organization_id) if one]
    if not named:
        raise InvalidArgument("organization_id is required: the token names no organization.", field="organization_id")
    opened = [caller.project.open(one, caller.actor) for one in named]
    if len({one.organization.get().organization_id for one in opened}) > 1:
        raise InvalidArgument("organization_id is not the organization that the token is for.", field="organization_id")
    return opened[0]
