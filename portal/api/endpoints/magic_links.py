"""Stytch's email magic links: send a link, invite a member, sign in with a link."""

from typing import Any

import msgspec

from portal.api import wire
from portal.api.caller import Caller
from portal.api.declaration import BrowserRoute, endpoint
from portal.api.email_sign_in import (
    AskedLocale,
    EmailSentResponse,
    count_email,
    email_sent,
    require_method,
    require_pkce,
)
from portal.api.rights import Rights
from portal.api.wire.sessions import (
    ContinuationRequest,
    MagicLinkAuthenticationResponse,
    continuation,
    email_authentication_response,
    session_terms,
)
from portal.directory.configuration import SdkMethod
from portal.directory.magic_links import Invitation, MagicLinkRequest

_METHOD: SdkMethod = "email_magic_links"


class LoginOrSignupRequest(msgspec.Struct, kw_only=True):
    """An email address, where the link leads, and how long it works."""

    email_address: str
    login_redirect_url: str | None = None
    signup_redirect_url: str | None = None
    pkce_code_challenge: str | None = None
    login_expiration_minutes: int | None = None
    signup_expiration_minutes: int | None = None
    locale: AskedLocale = None
    login_template_id: str | None = None
    signup_template_id: str | None = None


class InviteRequest(msgspec.Struct, kw_only=True):
    """The person to invite, with what their member gets."""

    email_address: str
    invite_redirect_url: str | None = None
    invited_by_member_id: str | None = None
    name: str | None = None
    roles: list[str] | None = None
    trusted_metadata: dict[str, Any] | None = None
    untrusted_metadata: dict[str, Any] | None = None
    invite_expiration_minutes: int | None = None
    locale: AskedLocale = None
    invite_template_id: str | None = None


class InviteResponse(msgspec.Struct):
    """The invited member."""

    member_id: str
    member: wire.Member
    organization: wire.Organization


class AuthenticateMagicLinkRequest(ContinuationRequest, kw_only=True):
    """The token of a link, and the verifier if it was requested with PKCE."""

    magic_links_token: str
    pkce_code_verifier: str | None = None


@endpoint(
    "magic_links.email.login_or_signup",
    "POST magic_links/email/login_or_signup",
    browser=[BrowserRoute("POST", "b2b/magic_links/email/login_or_signup", needs_session=False)],
    rights=None,
)
def login_or_signup(caller: Caller, request: LoginOrSignupRequest) -> EmailSentResponse:
    """Email a link to a member, or to someone who may join by their email domain. Browsers don't learn which it was."""
    require_method(caller, _METHOD)
    require_pkce(caller, "email_magic_links", request.pkce_code_challenge)
    wanted = MagicLinkRequest(
        email_address=request.email_address,
        login_redirect_url=request.login_redirect_url,
        signup_redirect_url=request.signup_redirect_url,
        login_minutes=request.login_expiration_minutes,
        signup_minutes=request.signup_expiration_minutes,
        code_challenge=request.pkce_code_challenge,
        locale=request.locale or "",
        login_template_id=request.login_template_id,
        signup_template_id=request.signup_template_id,
    )
    count_email(caller, request.email_address)
    if caller.actor is None:
        caller.directory.magic_links.request(wanted)
        return EmailSentResponse()
    return email_sent(caller, *caller.directory.magic_links.login_or_signup(wanted))


@endpoint(
    "magic_links.email.invite",
    "POST magic_links/email/invite",
    browser=[BrowserRoute("POST", "b2b/magic_links/email/invite")],
    rights=Rights("stytch.member", "create", never=("trusted_metadata", "invited_by_member_id")),
)
def invite(caller: Caller, request: InviteRequest) -> InviteResponse:
    """Create an invited member and email them a link. Someone who was invited before gets another email."""
    count_email(caller, request.email_address)
    member = caller.directory.magic_links.invite(
        Invitation(
            email_address=request.email_address,
            redirect_url=request.invite_redirect_url,
            minutes=request.invite_expiration_minutes,
            invited_by=request.invited_by_member_id,
            name=request.name,
            roles=request.roles,
            trusted_metadata=request.trusted_metadata,
            untrusted_metadata=request.untrusted_metadata,
            locale=request.locale or "",
            template_id=request.invite_template_id,
        )
    )
    organization = caller.directory.organization.get_with_connection()
    return InviteResponse(member.member_id, wire.member(member), wire.organization(organization))


@endpoint(
    "magic_links.authenticate",
    "POST magic_links/authenticate",
    browser=[BrowserRoute("POST", "b2b/magic_links/authenticate", needs_session=False)],
    rights=None,
    of_organization=False,
)
def authenticate(caller: Caller, request: AuthenticateMagicLinkRequest) -> MagicLinkAuthenticationResponse:
    """Sign in with a link. It works once."""
    require_method(caller, _METHOD)
    directory = caller.project.open_of_email_token(request.magic_links_token, caller.actor)
    outcome = directory.magic_links.authenticate(
        request.magic_links_token,
        code_verifier=request.pkce_code_verifier or "",
        terms=session_terms(caller, request),
        before=continuation(caller, request),
    )
    return email_authentication_response(MagicLinkAuthenticationResponse, directory, outcome)
