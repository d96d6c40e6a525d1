"""Authenticator apps. Stytch keeps their secrets and checks their codes."""

from typing import Any

from django.conf import settings

from portal.directory.errors import Invalid, NotFound, TooManyRequests, Unauthenticated
from portal.directory.members import Member
from portal.directory.second_factors import NO_CHOICES, MfaChoices, WrongCode
from portal.directory.sessions import Continuation, SessionTerms, SignedIn
from portal.directory.step_up import require_recent_proof
from portal.directory.totps import NewTotp, app_url
from portal.stytch.errors import Meaning, Meanings
from portal.stytch.http import path_of
from portal.stytch.scope import Scope
from portal.stytch.sessions import StytchSessions
from portal.stytch.values import member_value, signed_in_value

_WRONG: Meaning = (WrongCode, "The code is wrong or too old.")
_NO_APP: Meaning = (NotFound, "The member has no authenticator app.")
_TOO_LONG: Meaning = (Unauthenticated, "Signing in took too long. Sign in again.")
# What every method of second factors has in common.
SECOND_FACTOR_MEANINGS: Meanings = {
    "intermediate_session_not_found": _TOO_LONG,
    "invalid_intermediate_session_token_for_organization": _TOO_LONG,
    "member_session_member_id_mismatch": _TOO_LONG,
    "too_many_requests": (TooManyRequests, "There were too many wrong codes. Wait a few minutes, then try again."),
    "insufficient_factors": (Unauthenticated, "Confirm with your second factor first."),
}
_MEANINGS: Meanings = {
    **SECOND_FACTOR_MEANINGS,
    **dict.fromkeys(
        (
            "unable_to_authenticate_totp",
            "invalid_totp_code",
            "recovery_code_used_as_totp_code",
            "unauthorized_credentials",
            "invalid_argument",
            "bad_request",
        ),
        _WRONG,
    ),
    "totp_code_already_authenticated": (WrongCode, "This code was used already. Wait for the next one."),
    "active_totp_exists": (Invalid, "You already have an authenticator app."),
    "totp_not_found": (NotFound, "Setting up the app took too long. Start again."),
    "expired_totp": (NotFound, "Setting up the app took too long. Start again."),
}


class StytchTotps:
    """Implements portal.directory.totps.TotpGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def create(self, member_id: str, *, before: Continuation, minutes: int | None = None) -> NewTotp:
        """Start to set up an app (POST /v1/b2b/totp). Raise Unauthenticated, Invalid, Forbidden."""
        body = continued(self._scope, member_id, before) | ({"expiration_minutes": minutes} if minutes else {})
        answer = self._scope.api.post(path_of("totp"), body, meanings=_MEANINGS)
        member = member_value(answer.part("member"))
        return NewTotp(
            member,
            answer.text("totp_registration_id"),
            answer.text("secret"),
            app_url(
                answer.text("secret"),
                email_address=member.email_address,
                organization_name=answer.part("organization").text("organization_name"),
            ),
            tuple(answer.texts("recovery_codes")),
        )

    def authenticate(
        self,
        member_id: str,
        code: str,
        *,
        before: Continuation,
        terms: SessionTerms | None = None,  # noqa: ARG002 -- only the JSON API has terms
        choices: MfaChoices = NO_CHOICES,
    ) -> SignedIn:
        """Add the app's code to `before` (POST /v1/b2b/totp/authenticate). Raise WrongCode, Unauthenticated, NotFound."""
        body = {**continued(self._scope, member_id, before), **duration(before), "code": code}
        if choices.enrollment:
            body["set_mfa_enrollment"] = choices.enrollment
        if choices.is_default:
            body["set_default_mfa"] = True
        answer = self._scope.api.post(path_of("totp", "authenticate"), body, meanings=_MEANINGS)
        return same_member(self._scope, signed_in_value(answer), member_id)

    def delete(self, member_id: str) -> Member:
        """Delete an app (DELETE /v1/b2b/organizations/{organization_id}/members/{member_id}/totp).

        Raise NotFound, Forbidden, StepUpRequired.
        """
        require_recent_proof(self._scope.signed_in)
        caller = self._scope.signed_in
        path = path_of("organizations", self._scope.organization, "members", member_id, "totp")
        token = caller.session_token if caller else ""
        answer = self._scope.api.delete(path, session_token=token, meanings={"totp_not_found": _NO_APP})
        return member_value(answer.part("member"))


def continued(scope: Scope, member_id: str, before: Continuation) -> dict[str, Any]:
    """Return the fields that name a member and what they proved before."""
    named = {"organization_id": scope.organization, "member_id": member_id}
    if before.session is not None:
        return named | {"session_token": before.session.session_token}
    return named | {"intermediate_session_token": before.intermediate_session_token}


def duration(before: Continuation) -> dict[str, Any]:
    """Return the field for how long a new session lasts. The end of one that continues stays the same."""
    return {} if before.session is not None else {"session_duration_minutes": settings.SESSION_DURATION_MINUTES}


def same_member(scope: Scope, signed_in: SignedIn, member_id: str) -> SignedIn:
    """Return a session. Raise Unauthenticated if it is another member's or of another organization."""
    if signed_in.member.member_id != member_id:
        raise Unauthenticated("The session has ended.")
    return StytchSessions(scope).of_this_organization(signed_in)
