"""What every method that makes or checks a session takes and answers."""

from datetime import datetime
from typing import Any, TypeVar

import msgspec

from portal.api import wire
from portal.api.caller import Call
from portal.api.errors.responses import ApiError
from portal.directory.project import ProjectDirectory
from portal.directory.sessions import Authentication, SessionTerms, SignedIn
from portal.directory.sessions import MemberSession as MemberSessionValue


class Terms(msgspec.Struct, kw_only=True):
    """How long the session shall last from now, in minutes, and what the product wants in it."""

    session_duration_minutes: int | None = None
    session_custom_claims: dict[str, Any] | None = None


class WithSession(Terms, kw_only=True):
    """A request about a session that is there, named by its token or by its JWT; in browsers it is the call's own."""

    session_token: str | None = None
    session_jwt: str | None = None


class AuthenticationFactor(msgspec.Struct):
    """Stytch's AuthenticationFactor."""

    type: str
    delivery_method: str
    last_authenticated_at: datetime
    created_at: datetime
    updated_at: datetime
    sequence_order: str = "PRIMARY"


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
    """The ways in of which the organization asks for one."""

    allowed_auth_methods: list[str]


class Authenticated(msgspec.Struct, kw_only=True):
    """How signing in ended."""

    member_id: str
    member: wire.Member
    organization: wire.Organization
    member_authenticated: bool
    session_token: str
    session_jwt: str
    member_session: MemberSession | None
    intermediate_session_token: str
    intermediate_session_token_expires_at: datetime | None
    mfa_required: None = None
    member_device: None = None


class AuthenticatedOrNot(Authenticated, kw_only=True):
    """How signing in ended; without a session, `primary_required` says what is missing."""

    primary_required: PrimaryRequired | None = None


class AuthenticatedIn(AuthenticatedOrNot, kw_only=True):
    """How signing in to an organization ended."""

    organization_id: str


def terms(call: Call, request: Terms) -> SessionTerms:
    """Return what is asked of the session; claims only of a backend: products trust what stands in them."""
    claims = request.session_custom_claims if call.caller else None
    return SessionTerms(request.session_duration_minutes, claims)


def session_of(call: Call, request: WithSession) -> tuple[SignedIn, ProjectDirectory]:
    """Return the session that a request is about, and its organization's directory, acting as its member.

    Raises ApiError unless it names exactly one, Unauthenticated where that has ended.
    """
    found = session_if_any(call, request)
    if found is None:
        raise ApiError("no_session_arguments", "session_token or session_jwt is required.")
    return found


def session_if_any(call: Call, request: WithSession) -> tuple[SignedIn, ProjectDirectory] | None:
    """Return what session_of does; None where the request names no session."""
    if call.caller is None:
        return (call.signed_in, call.directory) if call.signed_in else None
    named = [one for one in (request.session_token, request.session_jwt) if one]
    if len(named) > 1:
        raise ApiError("too_many_session_arguments", "Give session_token or session_jwt, not both.")
    return call.project.open_session(named[0]) if named else None


Answer = TypeVar("Answer", bound=Authenticated)


def authenticated(answer: type[Answer], directory: ProjectDirectory, outcome: Authentication, **more: Any) -> Answer:
    """Return how signing in ended, as the SDKs read it, with what a method says more."""
    held = outcome.signed_in and directory.sessions.with_details(outcome.signed_in)
    member, organization = (held.member, held.organization) if held else (outcome.member, outcome.organization)
    return answer(
        member_id=member.member_id,
        member=wire.member(member),
        organization=wire.organization(organization),
        member_authenticated=held is not None,
        session_token=held.session_token if held else "",
        session_jwt=directory.sessions.jwt(held) if held else "",
        member_session=member_session(held.session) if held else None,
        intermediate_session_token=outcome.intermediate_session_token,
        intermediate_session_token_expires_at=outcome.intermediate_session_token_expires_at,
        **more,
    )


def primary_required(outcome: Authentication) -> PrimaryRequired | None:
    """Return which ways in the organization asks for one of, where there is no session for that."""
    return None if outcome.signed_in else PrimaryRequired(list(outcome.allowed_auth_methods))


def member_session(value: MemberSessionValue) -> MemberSession:
    """Return a session as the SDKs read it."""
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
            )
            for one in value.authentication_factors
        ],
        roles=sorted(value.roles),
        custom_claims=dict(value.custom_claims),
    )
