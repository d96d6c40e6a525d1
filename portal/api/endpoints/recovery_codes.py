"""Stytch's methods for recovery codes: use one, read them, replace them."""

import msgspec

from portal.api import wire
from portal.api.caller import Caller
from portal.api.declaration import BrowserRoute, endpoint
from portal.api.mfa import require_own
from portal.api.wire.sessions import (
    ContinuationRequest,
    SessionResponse,
    continuation,
    session_response,
    session_terms,
)
from portal.directory.members import Member


class RecoverRequest(ContinuationRequest, kw_only=True):
    """A member, what they proved, and a recovery code."""

    member_id: str
    recovery_code: str


class RecoverResponse(SessionResponse, kw_only=True):
    """The session, and how many codes are left."""

    recovery_codes_remaining: int


class RecoveryCodesRequest(msgspec.Struct):
    """A member; in browsers the signed-in member."""

    member_id: str = ""


class RecoveryCodesResponse(msgspec.Struct):
    """A member's recovery codes that weren't used."""

    member_id: str
    member: wire.Member
    organization: wire.Organization
    recovery_codes: list[str]


@endpoint(
    "recovery_codes.recover",
    "POST recovery_codes/recover",
    browser=[BrowserRoute("POST", "b2b/recovery_codes/recover", needs_session=False, takes_session=True)],
    rights=None,
)
def recover(caller: Caller, request: RecoverRequest) -> RecoverResponse:
    """Use up a recovery code in place of a second factor."""
    require_own(caller, request.member_id)
    signed_in, remaining = caller.directory.recovery_codes.recover(
        request.member_id,
        request.recovery_code,
        before=continuation(caller, request),
        terms=session_terms(caller, request),
    )
    return session_response(RecoverResponse, caller.directory, signed_in, recovery_codes_remaining=remaining)


@endpoint(
    "recovery_codes.get",
    "GET recovery_codes/{organization_id}/{member_id}",
    browser=[BrowserRoute("GET", "b2b/recovery_codes")],
    rights=None,
)
def get(caller: Caller, request: RecoveryCodesRequest) -> RecoveryCodesResponse:
    """Return the recovery codes that weren't used. A member's session needs a second factor for it."""
    return _response(caller, *caller.directory.recovery_codes.get(_member_id(caller, request)))


@endpoint(
    "recovery_codes.rotate",
    "POST recovery_codes/rotate",
    browser=[BrowserRoute("POST", "b2b/recovery_codes/rotate")],
    rights=None,
)
def rotate(caller: Caller, request: RecoveryCodesRequest) -> RecoveryCodesResponse:
    """Replace all recovery codes. A member's session needs a second factor for it."""
    return _response(caller, *caller.directory.recovery_codes.rotate(_member_id(caller, request)))


def _member_id(caller: Caller, request: RecoveryCodesRequest) -> str:
    if caller.actor is None and caller.signed_in:
        return caller.signed_in.member.member_id
    return request.member_id


def _response(caller: Caller, member: Member, codes: tuple[str, ...]) -> RecoveryCodesResponse:
    organization = caller.directory.organization.get_with_connection()
    return RecoveryCodesResponse(member.member_id, wire.member(member), wire.organization(organization), list(codes))
