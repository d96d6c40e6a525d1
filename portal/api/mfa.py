"""What the methods have in common that add a second factor."""

from portal.api.caller import Caller
from portal.api.errors.responses import ApiError
from portal.directory.second_factors import Enrollment, MfaChoices


def require_own(caller: Caller, member_id: str) -> None:
    """Raise ApiError if a backend acts on behalf of a member, and for another one: nobody adds a factor for someone else."""
    member = caller.signed_in.member if caller.signed_in and caller.actor else None
    if member and member_id not in {member.member_id, member.external_id}:
        raise ApiError("session_authorization_error", "Members reach only their own second factors.")


def choices(set_mfa_enrollment: str | None, *, is_default: bool | None) -> MfaChoices:
    """Return what a request changes for the member. Raise ApiError for an unknown enrollment."""
    if set_mfa_enrollment and set_mfa_enrollment not in set(Enrollment):
        raise ApiError("invalid_set_mfa_enrollment", "set_mfa_enrollment must be enroll or unenroll.")
    enrollment = Enrollment(set_mfa_enrollment) if set_mfa_enrollment else None
    return MfaChoices(enrollment=enrollment, is_default=bool(is_default))
