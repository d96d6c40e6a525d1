"""Stytch's methods for codes by text message: send one, and sign in with it."""

import msgspec

from portal.api import wire
from portal.api.caller import Caller
from portal.api.declaration import BrowserRoute, endpoint
from portal.api.email_sign_in import AskedLocale
from portal.api.mfa import CodeRequest, add_code, require_own
from portal.api.wire.sessions import ProofRequest, SessionResponse, continuation


class SendSmsOtpRequest(ProofRequest, kw_only=True):
    """A member, what they proved, their phone number if they have none, and the language of the message."""

    member_id: str
    mfa_phone_number: str | None = None
    locale: AskedLocale = None


class SendSmsOtpResponse(msgspec.Struct):
    """The member who gets the code."""

    member_id: str
    member: wire.Member
    organization: wire.Organization


@endpoint(
    "otps.sms.send",
    "POST otps/sms/send",
    browser=[BrowserRoute("POST", "b2b/otps/sms/send", needs_session=False, takes_session=True)],
    rights=None,
)
def send(caller: Caller, request: SendSmsOtpRequest) -> SendSmsOtpResponse:
    """Send a code to a member's phone. It works for two minutes, and replaces the one before."""
    require_own(caller, request.member_id)
    member = caller.directory.sms_otps.send(
        request.member_id,
        before=continuation(caller, request),
        phone_number=request.mfa_phone_number or "",
        locale=request.locale or "",
    )
    return SendSmsOtpResponse(
        member_id=member.member_id,
        member=wire.member(member),
        organization=wire.organization(caller.directory.organization.get_with_connection()),
    )


@endpoint(
    "otps.sms.authenticate",
    "POST otps/sms/authenticate",
    browser=[BrowserRoute("POST", "b2b/otps/sms/authenticate", needs_session=False, takes_session=True)],
    rights=None,
)
def authenticate(caller: Caller, request: CodeRequest) -> SessionResponse:
    """Add a code by text message to a session, or to a sign-in that waits for it. A code works once."""
    return add_code(caller, request, caller.directory.sms_otps)
