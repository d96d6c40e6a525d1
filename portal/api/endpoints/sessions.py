"""Stytch's methods of sessions: authenticate, list, revoke, exchange, and the keys that JWTs are verified with."""

from typing import Any

import msgspec

from portal.api import wire
from portal.api.caller import Call
from portal.api.declaration import Twin, endpoint
from portal.api.endpoints.session_responses import (
    AuthenticatedOrNot,
    MemberSession,
    WithSession,
    authenticated,
    member_session,
    primary_required,
    session_of,
    terms,
)
from portal.api.errors.responses import ApiError
from portal.api.rights import Rights
from portal.api.wire import Nothing


class AuthorizationCheck(msgspec.Struct):
    """What the member shall be allowed to do."""

    organization_id: str
    resource_id: str
    action: str


class SessionToAuthenticate(WithSession, kw_only=True):
    """A session, by its token or its JWT, and what is asked of it."""

    authorization_check: AuthorizationCheck | None = None


class Verdict(msgspec.Struct):
    """Stytch's AuthorizationVerdict; a refusal is an error."""

    granting_roles: list[str]
    authorized: bool = True


class AuthenticatedSession(msgspec.Struct):
    """A live session, with who holds it."""

    member_session: MemberSession
    session_token: str
    session_jwt: str
    member: wire.Member
    organization: wire.Organization
    verdict: Verdict | None


class MemberWithSessions(msgspec.Struct):
    """A member of the organization."""

    member_id: str


class MemberSessions(msgspec.Struct):
    """A member's live sessions, the newest first."""

    member_sessions: list[MemberSession]


class SessionToRevoke(msgspec.Struct):
    """One of them: a session, by id, token or JWT, or a member, all of whose sessions end."""

    member_session_id: str | None = None
    session_token: str | None = None
    session_jwt: str | None = None
    member_id: str | None = None


class SessionToExchange(WithSession, kw_only=True):
    """A session, and the organization to go to."""

    organization_id: str


class NamedProject(msgspec.Struct):
    """A project."""

    project_id: str


class Keys(msgspec.Struct):
    """The public keys of session JWTs (RFC 7517)."""

    keys: list[dict[str, Any]]


@endpoint(
    "sessions.authenticate",
    "POST sessions/authenticate",
    sdk=[Twin("POST", "b2b/sessions/authenticate")],
    rights=None,
    of_organization=False,
)
def authenticate(call: Call, request: SessionToAuthenticate) -> AuthenticatedSession:
    """Check a session, prolong it where that is asked for, and return it with a new JWT."""
    _, directory = session_of(call, request)
    check = request.authorization_check
    verdict = None
    if check:
        granting = directory.rbac.authorize(check.organization_id, check.resource_id, check.action)
        verdict = Verdict(list(granting))
    held = directory.sessions.with_details(directory.sessions.extend(terms(call, request)))
    return AuthenticatedSession(
        member_session=member_session(held.session),
        session_token=held.session_token,
        session_jwt=directory.sessions.jwt(held),
        member=wire.member(held.member),
        organization=wire.organization(held.organization),
        verdict=verdict,
    )


@endpoint("sessions.get", "GET sessions", rights=Rights("stytch.member", "search"))
def get(call: Call, request: MemberWithSessions) -> MemberSessions:
    """Return a member's live sessions, the newest first, a thousand at most."""
    return MemberSessions([member_session(one) for one in call.directory.sessions.list_for_member(request.member_id)])


@endpoint(
    "sessions.revoke",
    "POST sessions/revoke",
    sdk=[Twin("POST", "b2b/sessions/revoke")],
    rights=None,
    of_organization=False,
)
def revoke(call: Call, request: SessionToRevoke) -> Nothing:
    """End a session, or all of a member's; in browsers the one that calls."""
    if call.caller is None:
        if call.signed_in:
            call.directory.sessions.revoke_session(call.signed_in.session.member_session_id)
        return Nothing()
    given = {name: value for name in SessionToRevoke.__struct_fields__ if (value := getattr(request, name))}
    if len(given) != 1:
        name = "too_many_session_revoke_arguments" if given else "no_session_revoke_arguments"
        raise ApiError(name, "Give exactly one of member_session_id, session_token, session_jwt and member_id.")
    if request.member_id:
        directory = call.opened or call.project.open_of_member(request.member_id, call.caller)
        directory.sessions.revoke_for_member(request.member_id)
        return Nothing()
    session_id = request.member_session_id or _session_id(call, request)
    directory = call.opened or call.project.open_of_session(session_id, call.caller)
    directory.sessions.revoke_session(session_id)
    return Nothing()


@endpoint(
    "sessions.revoke_for_member",
    sdk=[Twin("POST", "b2b/sessions/revoke/{member_id}")],
    rights=Rights("stytch.member", "revoke-sessions", or_self=True),
)
def revoke_for_member(call: Call, request: MemberWithSessions) -> Nothing:
    """End all sessions of a member."""
    call.directory.sessions.revoke_for_member(request.member_id)
    return Nothing()


@endpoint(
    "sessions.exchange",
    "POST sessions/exchange",
    sdk=[Twin("POST", "b2b/sessions/exchange")],
    rights=None,
    of_organization=False,
)
def exchange(call: Call, request: SessionToExchange) -> AuthenticatedOrNot:
    """Start a session in another organization in which the same person is a member; the one that is there stays."""
    holder, _ = session_of(call, request)
    directory = call.project.open(request.organization_id, call.caller)
    outcome = directory.sessions.exchange(holder, terms(call, request))
    return authenticated(AuthenticatedOrNot, directory, outcome, primary_required=primary_required(outcome))


@endpoint("sessions.get_jwks", "GET sessions/jwks/{project_id}", rights=None, of_organization=False, is_open=True)
def get_jwks(call: Call, request: NamedProject) -> Keys:
    """Return the keys that session JWTs are verified with; whoever asks may have them."""
    return Keys([dict(key) for key in call.project.jwks(request.project_id)])


def _session_id(call: Call, request: SessionToRevoke) -> str:
    holder, _ = call.project.open_session(request.session_token or request.session_jwt or "")
    return holder.session.member_session_id
