"""What the methods have in common that add a second factor."""

from typing import Protocol

from portal.api.caller import Caller
from portal.api.errors.responses import ApiError
from portal.api.wire.sessions import (
    ContinuationRequest,
    SessionResponse,
    continuation,
    session_response,
    session_terms,
)
from portal.directory.second_factors import Enrollment, MfaChoices
from portal.directory.sessions import Continuation, SessionTerms, SignedIn


class CodeRequest(ContinuationRequest, kw_only=True):
    """A member, what they proved, and the code of their second factor."""

    member_id: str
    code: str
    set_mfa_enrollment: str | None = None
    set_default_mfa: bool | None = None


class CodeGateway(Protocol):
    """A second factor with codes."""

    def authenticate(
        self, member_id: str, code: str, *, before: Continuation, terms: SessionTerms | None, choices: MfaChoices
    ) -> SignedIn:
        """Add a code to what was proved before."""
        ...


def add_code(caller: Caller, request: CodeRequest, codes: CodeGateway) -> SessionResponse:
    """Add a code to what the member proved before. Raise ApiError, and what the directory raises."""
    require_own(caller, request.member_id)
    signed_in = codes.authenticate(
        request.member_id,
        request.code,
        before=continuation(caller, request),
        terms=session_terms(caller, request),
        choices=_choices(request),
    )
    return session_response(SessionResponse, caller.directory, signed_in)


def require_own(caller: Caller, member_id: str) -> None:
    """Raise ApiError if a backend acts on behalf of a member, and for another one: nobody adds a factor for someone else."""
    member = caller.signed_in.member if caller.signed_in and caller.actor else None
    if member and member_id not in {member.member_id, member.external_id}:
        raise ApiError("session_authorization_error", "Members reach only their own second factors.")


def _choices(request: CodeRequest) -> MfaChoices:
    """Return what a request changes for the member. Raise ApiError for an unknown enrollment."""
    wanted = request.set_mfa_enrollment
    if wanted and wanted not in set(Enrollment):
        raise ApiError("invalid_set_mfa_enrollment", "set_mfa_enrollment must be enroll or unenroll.")
    return MfaChoices(enrollment=Enrollment(wanted) if wanted else None, is_default=bool(request.set_default_mfa))
