"""Codes by text message. Stytch sends and checks them, to the countries that its project allows."""

from portal.directory.errors import Forbidden, Invalid, NotFound
from portal.directory.members import Member
from portal.directory.second_factors import NO_CHOICES, MfaChoices, WrongCode
from portal.directory.sessions import Continuation, SessionTerms, SignedIn
from portal.directory.step_up import require_recent_proof
from portal.stytch.errors import Meaning, Meanings
from portal.stytch.http import path_of
from portal.stytch.scope import Scope
from portal.stytch.totps import SECOND_FACTOR_MEANINGS, continued, duration, same_member
from portal.stytch.values import member_value, signed_in_value

_WRONG: Meaning = (WrongCode, "The code is wrong, was already used, or has expired. Ask for a new one.")
_NO_NUMBER: Meaning = (NotFound, "The member has no phone number.")
_NOT_A_NUMBER: Meaning = (
    Invalid,
    "Enter a mobile phone number with its country code, such as +1 202 555 0123.",
)
_SEND_MEANINGS: Meanings = {
    **SECOND_FACTOR_MEANINGS,
    **dict.fromkeys(("invalid_phone_number", "invalid_argument", "bad_request"), _NOT_A_NUMBER),
    "invalid_phone_number_country_code": (Forbidden, "Text messages aren't sent to the country of this number."),
    "duplicate_member_phone_number_for_member": (
        Invalid,
        "The member already has a phone number. Delete it first.",
    ),
    "member_phone_number_not_found": _NO_NUMBER,
}
_AUTHENTICATE_MEANINGS: Meanings = {
    **SECOND_FACTOR_MEANINGS,
    **dict.fromkeys(
        (
            "otp_code_not_found",
            "unable_to_auth_otp_code",
            "unauthorized_credentials",
            "invalid_argument",
            "bad_request",
        ),
        _WRONG,
    ),
}


class StytchSmsOtps:
    """Implements portal.directory.sms_otps.SmsOtpGateway."""

    are_sent = True

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def send(self, member_id: str, *, before: Continuation, phone_number: str = "", locale: str = "") -> Member:
        """Have Stytch send a code (POST /v1/b2b/otps/sms/send). Raise Unauthenticated, Invalid, Forbidden, NotFound."""
        body = continued(self._scope, member_id, before) | ({"locale": locale} if locale else {})
        if phone_number:
            number = "".join(one for one in phone_number if one.isdigit() or one == "+")
            self._forget_unverified(member_id, number)
            body["mfa_phone_number"] = number
        answer = self._scope.api.post(path_of("otps", "sms", "send"), body, meanings=_SEND_MEANINGS)
        return member_value(answer.part("member"))

    def authenticate(
        self,
        member_id: str,
        code: str,
        *,
        before: Continuation,
        terms: SessionTerms | None = None,  # noqa: ARG002 -- only the JSON API has terms
        choices: MfaChoices = NO_CHOICES,
    ) -> SignedIn:
        """Add the code to `before` (POST /v1/b2b/otps/sms/authenticate). Raise WrongCode, Unauthenticated."""
        digits = "".join(one for one in code if one.isascii() and one.isdigit())
        body = {**continued(self._scope, member_id, before), **duration(before), "code": digits}
        if choices.enrollment:
            body["set_mfa_enrollment"] = choices.enrollment
        if choices.is_default:
            body["set_default_mfa"] = True
        path = path_of("otps", "sms", "authenticate")
        answer = self._scope.api.post(path, body, meanings=_AUTHENTICATE_MEANINGS)
        return same_member(self._scope, signed_in_value(answer), member_id)

    def delete(self, member_id: str) -> Member:
        """Delete a number (DELETE /v1/b2b/organizations/{organization_id}/members/mfa_phone_numbers/{member_id}).

        Raise NotFound, Forbidden, StepUpRequired.
        """
        caller = self._scope.signed_in
        require_recent_proof(caller)
        return self._delete(member_id, session_token=caller.session_token if caller else "")

    def _forget_unverified(self, member_id: str, number: str) -> None:
        """Delete another number that was never confirmed: Stytch keeps it, and would take no other one."""
        path = path_of("organizations", self._scope.organization, "member")
        answer = self._scope.api.get(path, {"member_id": member_id})
        member = member_value(answer.part("member"))
        if member.mfa_phone_number not in {"", number} and not member.mfa_phone_number_verified:
            self._delete(member_id, session_token="")

    def _delete(self, member_id: str, *, session_token: str) -> Member:
        path = path_of("organizations", self._scope.organization, "members", "mfa_phone_numbers", member_id)
        meanings = {"member_phone_number_not_found": _NO_NUMBER}
        answer = self._scope.api.delete(path, session_token=session_token, meanings=meanings)
        return member_value(answer.part("member"))
