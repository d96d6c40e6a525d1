"""Codes by email. Stytch sends them and checks them."""

from contextlib import suppress

from django.conf import settings

from portal.directory.email_otps import CodeRequest
from portal.directory.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from portal.directory.sessions import SignedIn
from portal.stytch.errors import Meaning, Meanings
from portal.stytch.http import path_of
from portal.stytch.scope import Scope
from portal.stytch.sessions import StytchSessions, signed_in

_WRONG: Meaning = (Unauthenticated, "The code is wrong, was already used, or has expired. Ask for a new one.")
# Errors of a code. The sentence doesn't tell whether there is such a member.
CODE_MEANINGS: Meanings = dict.fromkeys(
    (
        "unauthorized_credentials",
        "otp_code_not_found",
        "unable_to_auth_otp_code",
        "member_not_found",
        "member_does_not_exist_in_organization",
        "email_not_found",
        "invalid_email",
        "invalid_argument",
        "bad_request",
    ),
    _WRONG,
)


class StytchEmailOtps:
    """Implements portal.directory.email_otps.EmailOtpGateway."""

    # Stytch has a mail server of its own.
    are_emailed = True

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def request(self, request: CodeRequest) -> None:
        """Have Stytch email a code (POST /v1/b2b/otps/email/login_or_signup). Raise TooManyRequests, Unavailable."""
        body = {"organization_id": self._scope.organization, "email_address": request.email_address}
        # Stytch says why someone gets no email, which nobody may learn here.
        with suppress(NotFound, Forbidden, Invalid, Conflict, Unauthenticated):
            self._scope.api.post(path_of("otps", "email", "login_or_signup"), body)

    def sign_in(self, *, email_address: str, code: str) -> SignedIn:
        """Start a session with a code (POST /v1/b2b/otps/email/authenticate). Raise Unauthenticated."""
        body = {
            "organization_id": self._scope.organization,
            "email_address": email_address,
            "code": code,
            "session_duration_minutes": settings.SESSION_DURATION_MINUTES,
        }
        answer = self._scope.api.post(path_of("otps", "email", "authenticate"), body, meanings=CODE_MEANINGS)
        return StytchSessions(self._scope).of_this_organization(signed_in(answer))

    def confirm(self, code: str) -> SignedIn:
        """Renew the session's code factor (POST /v1/b2b/otps/email/authenticate). Raise Unauthenticated.

        Without a duration in the request, the session's end stays the same.
        """
        caller = self._scope.signed_in
        if caller is None:
            raise Unauthenticated("The session has ended.")
        body = {
            "organization_id": caller.organization.organization_id,
            "email_address": caller.member.email_address,
            "code": code,
            "session_token": caller.session_token,
        }
        answer = self._scope.api.post(path_of("otps", "email", "authenticate"), body, meanings=CODE_MEANINGS)
        confirmed = StytchSessions(self._scope).of_this_organization(signed_in(answer))
        if confirmed.member.member_id != caller.member.member_id:
            raise Unauthenticated("The session has ended.")
        return confirmed
