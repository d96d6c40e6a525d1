"""Stytch's email one-time codes: send a code, sign in with a code."""

import msgspec

from portal.access import rate_limits
from portal.api.caller import Caller
from portal.api.declaration import BrowserRoute, endpoint
from portal.api.email_sign_in import (
    AskedLocale,
    EmailSentResponse,
    count_attempt,
    count_email,
    email_sent,
    require_method,
)
from portal.api.wire.sessions import (
    ContinuationRequest,
    EmailAuthenticationResponse,
    continuation,
    email_authentication_response,
    session_terms,
)
from portal.directory.configuration import SdkMethod
from portal.directory.email_otps import CodeRequest

_METHOD: SdkMethod = "email_otp"


class LoginOrSignupByCodeRequest(msgspec.Struct, kw_only=True):
    """An email address, and how long the code works."""

    email_address: str
    login_expiration_minutes: int | None = None
    signup_expiration_minutes: int | None = None
    locale: AskedLocale = None
    login_template_id: str | None = None
    signup_template_id: str | None = None


class AuthenticateCodeRequest(ContinuationRequest, kw_only=True):
    """An email address and the code that was sent to it."""

    email_address: str
    code: str


@endpoint(
    "otps.email.login_or_signup",
    "POST otps/email/login_or_signup",
    browser=[BrowserRoute("POST", "b2b/otps/email/login_or_signup", needs_session=False)],
    rights=None,
)
def login_or_signup(caller: Caller, request: LoginOrSignupByCodeRequest) -> EmailSentResponse:
    """Email a code to a member, or to someone who may join by their email domain. Browsers don't learn which it was."""
    require_method(caller, _METHOD)
    wanted = CodeRequest(
        email_address=request.email_address,
        login_minutes=request.login_expiration_minutes,
        signup_minutes=request.signup_expiration_minutes,
        locale=request.locale or "",
        login_template_id=request.login_template_id,
        signup_template_id=request.signup_template_id,
    )
    count_email(caller, request.email_address)
    if caller.actor is None:
        caller.directory.email_otps.request(wanted)
        return EmailSentResponse()
    return email_sent(caller, *caller.directory.email_otps.login_or_signup(wanted))


@endpoint(
    "otps.email.authenticate",
    "POST otps/email/authenticate",
    browser=[BrowserRoute("POST", "b2b/otps/email/authenticate", needs_session=False)],
    rights=None,
)
def authenticate(caller: Caller, request: AuthenticateCodeRequest) -> EmailAuthenticationResponse:
    """Sign in with a code. It works once, and no longer after five wrong ones."""
    require_method(caller, _METHOD)
    slug = caller.directory.organization.get().organization_slug
    attempt = count_attempt(caller, request.email_address, slug)
    outcome = caller.directory.email_otps.authenticate(
        email_address=request.email_address,
        code=request.code,
        terms=session_terms(caller, request),
        before=continuation(caller, request),
    )
    rate_limits.forgive(attempt)
    return email_authentication_response(EmailAuthenticationResponse, caller.directory, outcome)
