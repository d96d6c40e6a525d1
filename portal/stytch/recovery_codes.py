"""Recovery codes. Stytch keeps them and checks them."""

from portal.directory.errors import NotFound
from portal.directory.members import Member
from portal.directory.second_factors import WrongCode
from portal.directory.sessions import Continuation, SessionTerms, SignedIn
from portal.stytch.documents import misread
from portal.stytch.errors import Meaning, Meanings
from portal.stytch.http import path_of
from portal.stytch.scope import Scope
from portal.stytch.totps import SECOND_FACTOR_MEANINGS, continued, duration, same_member
from portal.stytch.values import member_value, signed_in_value

_WRONG: Meaning = (WrongCode, "The recovery code is wrong or was used.")
_MEANINGS: Meanings = {
    **SECOND_FACTOR_MEANINGS,
    **dict.fromkeys(
        (
            "unable_to_authenticate_recovery_code",
            "invalid_recovery_code",
            "totp_code_used_as_recovery_code",
            "unauthorized_credentials",
            "invalid_argument",
            "bad_request",
        ),
        _WRONG,
    ),
    "recovery_codes_not_found": (NotFound, "You have no recovery codes."),
}


class StytchRecoveryCodes:
    """Implements portal.directory.recovery_codes.RecoveryCodeGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def rotate(self, member_id: str) -> tuple[Member, tuple[str, ...]]:
        """Replace all codes (POST /v1/b2b/recovery_codes/rotate). Raise NotFound."""
        body = {"organization_id": self._scope.organization, "member_id": member_id}
        answer = self._scope.api.post(path_of("recovery_codes", "rotate"), body, meanings=_MEANINGS)
        return member_value(answer.part("member")), tuple(answer.texts("recovery_codes"))

    def recover(
        self,
        member_id: str,
        recovery_code: str,
        *,
        before: Continuation,
        terms: SessionTerms | None = None,  # noqa: ARG002 -- only the JSON API has terms
    ) -> tuple[SignedIn, int]:
        """Use up a code (POST /v1/b2b/recovery_codes/recover). Raise WrongCode, Unauthenticated, NotFound."""
        body = {**continued(self._scope, member_id, before), **duration(before), "recovery_code": recovery_code}
        answer = self._scope.api.post(path_of("recovery_codes", "recover"), body, meanings=_MEANINGS)
        remaining = answer.fields.get("recovery_codes_remaining")
        if not isinstance(remaining, int):
            raise misread("recovery_codes_remaining", answer.request_id)
        return same_member(self._scope, signed_in_value(answer), member_id), remaining
