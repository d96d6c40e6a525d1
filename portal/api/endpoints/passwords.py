"""Stytch's methods of passwords: authenticate, bring along, judge and replace them."""

from collections.abc import Mapping
from typing import Any

import msgspec

from portal.access import rate_limits
from portal.api import wire
from portal.api.caller import Call
from portal.api.declaration import Twin, endpoint
from portal.api.endpoints.session_responses import (
    Authenticated,
    AuthenticatedIn,
    AuthenticatedOrNot,
    WithSession,
    authenticated,
    session_if_any,
    session_of,
    terms,
)
from portal.api.errors.responses import ApiError
from portal.directory.passwords import MigratedMember, PasswordHash
from portal.directory.sessions import SignedIn

_WAIT = "60"  # seconds: the shortest window in which attempts are counted by default
_PAUSE = "3600"  # the same of the total


class PasswordToAuthenticate(WithSession, kw_only=True):
    """An e-mail address with a password; a session of the same member goes on."""

    email_address: str
    password: str


class PasswordToReplace(WithSession, kw_only=True):
    """An e-mail address with its password, and the one that shall take its place."""

    email_address: str
    existing_password: str
    new_password: str


class NewPassword(WithSession, kw_only=True):
    """The password that shall take the place of the session's member's."""

    password: str


class PasswordToJudge(msgspec.Struct):
    """A password, and whose it shall be."""

    password: str
    email_address: str | None = None


class ZxcvbnFeedback(msgspec.Struct):
    """What would make the password better."""

    warning: str
    suggestions: list[str]


class Strength(msgspec.Struct):
    """What a password is worth."""

    valid_password: bool
    score: int
    zxcvbn_feedback: ZxcvbnFeedback
    breached_password: bool = False
    strength_policy: str = "zxcvbn"
    breach_detection_on_create: bool = False
    luds_feedback: None = None


class PasswordToMigrate(msgspec.Struct, kw_only=True):
    """A member, and the hash of their password from elsewhere, with what its type needs beside it."""

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


class Migrated(msgspec.Struct):
    """The member who has the password now."""

    member_id: str
    member_created: bool
    member: wire.Member
    organization: wire.Organization


@endpoint(
    "passwords.authenticate",
    "POST passwords/authenticate",
    sdk=[Twin("POST", "b2b/passwords/authenticate", needs_session=False)],
    rights=None,
)
def authenticate(call: Call, request: PasswordToAuthenticate) -> AuthenticatedIn:
    """Start a session by e-mail address and password."""
    _count(call, request.email_address)
    outcome = call.directory.passwords.authenticate(
        email_address=request.email_address,
        password=request.password,
        terms=terms(call, request),
        current=_current(call, request),
    )
    organization_id = outcome.organization.organization_id
    return authenticated(AuthenticatedIn, call.directory, outcome, organization_id=organization_id)


@endpoint("passwords.migrate", "POST passwords/migrate", rights=None)
def migrate(call: Call, request: PasswordToMigrate) -> Migrated:
    """Give a member a password by its hash from elsewhere; the member is made where there is none."""
    member, is_new = call.directory.passwords.migrate(
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
    organization = call.directory.organization.get_with_connection()
    return Migrated(member.member_id, is_new, wire.member(member), wire.organization(organization))


@endpoint(
    "passwords.strength_check",
    "POST passwords/strength_check",
    sdk=[Twin("POST", "b2b/passwords/strength_check", needs_session=False)],
    rights=None,
    of_organization=False,
)
def strength_check(call: Call, request: PasswordToJudge) -> Strength:
    """Say whether a new password would be taken, and what would make it better."""
    seconds = 0 if call.caller else rate_limits.wait_for_strength(call.origin.ip_address)
    if seconds:
        message = f"Your address checks passwords more often than it may. Try again in {seconds} seconds."
        raise ApiError("too_many_requests", message, Retry_After=str(seconds))
    judged = call.project.password_strength(request.password, email_address=request.email_address or "")
    feedback = ZxcvbnFeedback(judged.warning, list(judged.suggestions))
    return Strength(judged.valid_password, judged.score, feedback)


@endpoint(
    "passwords.existing_password.reset",
    "POST passwords/existing_password/reset",
    sdk=[Twin("POST", "b2b/passwords/existing_password/reset", needs_session=False)],
    rights=None,
)
def reset_by_existing_password(call: Call, request: PasswordToReplace) -> AuthenticatedOrNot:
    """Replace a password by a new one; all sessions of the member end but the one that is named."""
    _count(call, request.email_address)
    outcome = call.directory.passwords.reset_by_existing_password(
        email_address=request.email_address,
        existing_password=request.existing_password,
        new_password=request.new_password,
        terms=terms(call, request),
        current=_current(call, request),
    )
    return authenticated(AuthenticatedOrNot, call.directory, outcome)


@endpoint(
    "passwords.sessions.reset",
    "POST passwords/session/reset",
    sdk=[Twin("POST", "b2b/passwords/session/reset")],
    rights=None,
)
def reset_by_session(call: Call, request: NewPassword) -> Authenticated:
    """Replace the password of who holds a session in which it was entered lately; their other sessions end."""
    holder, directory = session_of(call, request)
    if holder.organization.organization_id != call.directory.organization.get().organization_id:
        raise ApiError("session_authorization_tenancy_error", "The session belongs to another organization.")
    outcome = directory.passwords.reset_by_session(password=request.password, terms=terms(call, request))
    return authenticated(Authenticated, directory, outcome)


def _current(call: Call, request: WithSession) -> SignedIn | None:
    found = session_if_any(call, request)
    return found[0] if found else None


def _config(request: PasswordToMigrate) -> Mapping[str, Any]:
    name = "argon_2" if request.hash_type.startswith("argon_2") else request.hash_type
    return getattr(request, f"{name}_config", None) or {}


def _count(call: Call, email_address: str) -> None:
    """Count an attempt to sign in; a backend's own address says nothing of who tries."""
    slug = call.directory.organization.get().organization_slug
    attempt = rate_limits.Attempt("" if call.caller else call.origin.ip_address, slug, email_address)
    if rate_limits.admit(attempt):
        return
    if rate_limits.is_paused(attempt):
        message = "Too many wrong passwords for this email address: passwords are paused for up to an hour. A sign-in link works."
        raise ApiError("too_many_requests", message, Retry_After=_PAUSE)
    message = "There were too many attempts. Wait a few minutes, then try again."
    raise ApiError("too_many_requests", message, Retry_After=_WAIT)
