"""Stytch's discovery: prove an email address, then choose an organization or create one."""

from typing import Any

import msgspec

from portal.api import wire
from portal.api.caller import Caller
from portal.api.declaration import BrowserRoute, endpoint
from portal.api.email_sign_in import AskedLocale, count_attempt, count_email, require_method, require_pkce
from portal.api.endpoints.organizations import OrganizationFields, organization_changes
from portal.api.errors.responses import ApiError
from portal.api.wire.discovery import (
    DiscoveredOrganization,
    DiscoveryResponse,
    discovered_organizations,
    discovery_response,
)
from portal.api.wire.sessions import (
    ExchangeResponse,
    SessionRequest,
    SessionTermsRequest,
    authentication_response,
    optional_session,
    primary_required,
    session_terms,
)
from portal.directory.discovery import DiscoveryEmailRequest
from portal.directory.organizations import PROJECT_ONLY


class SendDiscoveryLinkRequest(msgspec.Struct, kw_only=True):
    """An email address, where the link leads, and how long it works."""

    email_address: str
    discovery_redirect_url: str | None = None
    pkce_code_challenge: str | None = None
    discovery_expiration_minutes: int | None = None
    locale: AskedLocale = None
    login_template_id: str | None = None


class AuthenticateDiscoveryLinkRequest(msgspec.Struct, kw_only=True):
    """The token of a link, and the verifier if it was requested with PKCE."""

    discovery_magic_links_token: str
    pkce_code_verifier: str | None = None


class SendDiscoveryCodeRequest(msgspec.Struct, kw_only=True):
    """An email address, and how long the code works."""

    email_address: str
    discovery_expiration_minutes: int | None = None
    locale: AskedLocale = None
    login_template_id: str | None = None


class AuthenticateDiscoveryCodeRequest(msgspec.Struct, kw_only=True):
    """An email address and the code that was sent to it."""

    email_address: str
    code: str


class AuthenticateDiscoveryPasswordRequest(msgspec.Struct, kw_only=True):
    """An email address and its password."""

    email_address: str
    password: str


class StartDiscoveryResetRequest(msgspec.Struct, kw_only=True):
    """An email address, where the link leads, and how long it works. `discovery_redirect_url` isn't used."""

    email_address: str
    reset_password_redirect_url: str | None = None
    discovery_redirect_url: str | None = None
    reset_password_expiration_minutes: int | None = None
    pkce_code_challenge: str | None = None
    locale: AskedLocale = None
    reset_password_template_id: str | None = None
    verify_email_template_id: str | None = None


class DiscoveryResetRequest(msgspec.Struct, kw_only=True):
    """The token of a link, the new password, and the verifier if the link was requested with PKCE."""

    password_reset_token: str
    password: str
    pkce_code_verifier: str | None = None


class ListDiscoveredRequest(msgspec.Struct, kw_only=True):
    """An intermediate session or a session."""

    intermediate_session_token: str | None = None
    session_token: str | None = None
    session_jwt: str | None = None


class ListDiscoveredResponse(msgspec.Struct):
    """The organizations that a person can choose from."""

    email_address: str
    discovered_organizations: list[DiscoveredOrganization]
    organization_id_hint: None = None


class ExchangeIntermediateSessionRequest(SessionTermsRequest, kw_only=True):
    """The intermediate session of the person who chose the organization."""

    intermediate_session_token: str


class CreateDiscoveredRequest(OrganizationFields, kw_only=True):
    """The intermediate session of the person who creates an organization, and what it is like."""

    intermediate_session_token: str
    session_duration_minutes: int | None = None
    session_custom_claims: dict[str, Any] | None = None


@endpoint(
    "magic_links.email.discovery.send",
    "POST magic_links/email/discovery/send",
    browser=[BrowserRoute("POST", "b2b/magic_links/email/discovery/send", needs_session=False)],
    rights=None,
    of_organization=False,
)
def send_link(caller: Caller, request: SendDiscoveryLinkRequest) -> wire.Empty:
    """Email a link to any address, a member's or not."""
    require_method(caller, "email_magic_links")
    require_pkce(caller, "email_magic_links", request.pkce_code_challenge)
    count_email(caller, request.email_address)
    caller.project.discovery(caller.actor).request_magic_link(
        DiscoveryEmailRequest(
            email_address=request.email_address,
            redirect_url=request.discovery_redirect_url,
            minutes=request.discovery_expiration_minutes,
            code_challenge=request.pkce_code_challenge,
            locale=request.locale or "",
            template_id=request.login_template_id,
        )
    )
    return wire.Empty()


@endpoint(
    "magic_links.discovery.authenticate",
    "POST magic_links/discovery/authenticate",
    browser=[BrowserRoute("POST", "b2b/magic_links/discovery/authenticate", needs_session=False)],
    rights=None,
    of_organization=False,
)
def authenticate_link(caller: Caller, request: AuthenticateDiscoveryLinkRequest) -> DiscoveryResponse:
    """Return the organizations that the reader of a link can choose from. The link works once."""
    require_method(caller, "email_magic_links")
    discovery = caller.project.discovery(caller.actor)
    verifier = request.pkce_code_verifier or ""
    return discovery_response(
        discovery.authenticate_magic_link(request.discovery_magic_links_token, code_verifier=verifier)
    )


@endpoint(
    "otps.email.discovery.send",
    "POST otps/email/discovery/send",
    browser=[BrowserRoute("POST", "b2b/otps/email/discovery/send", needs_session=False)],
    rights=None,
    of_organization=False,
)
def send_code(caller: Caller, request: SendDiscoveryCodeRequest) -> wire.Empty:
    """Email a code to any address, a member's or not."""
    require_method(caller, "email_otp")
    count_email(caller, request.email_address)
    caller.project.discovery(caller.actor).request_code(
        DiscoveryEmailRequest(
            email_address=request.email_address,
            minutes=request.discovery_expiration_minutes,
            locale=request.locale or "",
            template_id=request.login_template_id,
        )
    )
    return wire.Empty()


@endpoint(
    "otps.email.discovery.authenticate",
    "POST otps/email/discovery/authenticate",
    browser=[BrowserRoute("POST", "b2b/otps/email/discovery/authenticate", needs_session=False)],
    rights=None,
    of_organization=False,
)
def authenticate_code(caller: Caller, request: AuthenticateDiscoveryCodeRequest) -> DiscoveryResponse:
    """Return the organizations that the reader of a code can choose from. The code works once."""
    require_method(caller, "email_otp")
    _count(caller, request.email_address)
    discovery = caller.project.discovery(caller.actor)
    return discovery_response(discovery.authenticate_code(email_address=request.email_address, code=request.code))


@endpoint(
    "passwords.discovery.authenticate",
    "POST passwords/discovery/authenticate",
    browser=[BrowserRoute("POST", "b2b/passwords/discovery/authenticate", needs_session=False)],
    rights=None,
    of_organization=False,
)
def authenticate_password(caller: Caller, request: AuthenticateDiscoveryPasswordRequest) -> DiscoveryResponse:
    """Return the organizations where this password is right."""
    require_method(caller, "passwords")
    _count(caller, request.email_address)
    discovery = caller.project.discovery(caller.actor)
    return discovery_response(
        discovery.authenticate_password(email_address=request.email_address, password=request.password)
    )


@endpoint(
    "passwords.discovery.email.reset_start",
    "POST passwords/discovery/email/reset/start",
    browser=[BrowserRoute("POST", "b2b/passwords/discovery/reset/start", needs_session=False)],
    rights=None,
    of_organization=False,
)
def start_reset(caller: Caller, request: StartDiscoveryResetRequest) -> wire.Empty:
    """Email a link to choose a password, if the address is a member's anywhere."""
    require_method(caller, "passwords")
    require_pkce(caller, "password_resets", request.pkce_code_challenge)
    count_email(caller, request.email_address)
    caller.project.discovery(caller.actor).request_password_reset(
        DiscoveryEmailRequest(
            email_address=request.email_address,
            redirect_url=request.reset_password_redirect_url,
            minutes=request.reset_password_expiration_minutes,
            code_challenge=request.pkce_code_challenge,
            locale=request.locale or "",
            template_id=request.reset_password_template_id,
            first_template_id=request.verify_email_template_id,
        )
    )
    return wire.Empty()


@endpoint(
    "passwords.discovery.email.reset",
    "POST passwords/discovery/email/reset",
    browser=[BrowserRoute("POST", "b2b/passwords/discovery/reset", needs_session=False)],
    rights=None,
    of_organization=False,
)
def reset(caller: Caller, request: DiscoveryResetRequest) -> DiscoveryResponse:
    """Set a password in every organization of a link's address, and return those that can be chosen."""
    require_method(caller, "passwords")
    discovery = caller.project.discovery(caller.actor)
    return discovery_response(
        discovery.reset_password(
            request.password_reset_token, password=request.password, code_verifier=request.pkce_code_verifier or ""
        )
    )


@endpoint(
    "discovery.organizations.list",
    "POST discovery/organizations",
    browser=[BrowserRoute("POST", "b2b/discovery/organizations", needs_session=False, takes_session=True)],
    rights=None,
    of_organization=False,
)
def list_organizations(caller: Caller, request: ListDiscoveredRequest) -> ListDiscoveredResponse:
    """Return the organizations that a person can choose from. Nothing is used up."""
    discovery = caller.project.discovery(caller.actor)
    named = SessionRequest(session_token=request.session_token, session_jwt=request.session_jwt)
    if request.intermediate_session_token:
        found = discovery.organizations(request.intermediate_session_token)
    elif session := optional_session(caller, named):
        found = discovery.organizations_of(session[0])
    else:
        raise ApiError("no_session_arguments", "Send intermediate_session_token, session_token or session_jwt.")
    return ListDiscoveredResponse(found.email_address, discovered_organizations(found))


@endpoint(
    "discovery.intermediate_sessions.exchange",
    "POST discovery/intermediate_sessions/exchange",
    browser=[BrowserRoute("POST", "b2b/discovery/intermediate_sessions/exchange", needs_session=False)],
    rights=None,
)
def exchange(caller: Caller, request: ExchangeIntermediateSessionRequest) -> ExchangeResponse:
    """Sign a person in to the organization that they chose, joining it if they may."""
    outcome = caller.directory.sessions.exchange_intermediate_session(
        request.intermediate_session_token, session_terms(caller, request)
    )
    return authentication_response(
        ExchangeResponse, caller.directory, outcome, primary_required=primary_required(outcome)
    )


@endpoint(
    "discovery.organizations.create",
    "POST discovery/organizations/create",
    browser=[BrowserRoute("POST", "b2b/discovery/organizations/create", needs_session=False)],
    rights=None,
    of_organization=False,
)
def create_organization(caller: Caller, request: CreateDiscoveredRequest) -> ExchangeResponse:
    """Create an organization with the person as its admin, and sign them in."""
    if caller.actor is None and not caller.project.configuration.sdk.create_organizations:
        raise ApiError("endpoint_not_authorized_for_sdk", "Browsers may not create organizations in this project.")
    for name in PROJECT_ONLY if caller.actor is None else ():
        if getattr(request, name, None) is not None:
            raise ApiError("session_authorization_error", f"{name} can only be set by a backend.")
    terms = SessionTermsRequest(
        session_duration_minutes=request.session_duration_minutes, session_custom_claims=request.session_custom_claims
    )
    outcome = caller.project.discovery(caller.actor).create_organization(
        request.intermediate_session_token, organization_changes(request), session_terms(caller, terms)
    )
    directory = caller.project.open(outcome.organization.organization_id, caller.actor)
    return authentication_response(ExchangeResponse, directory, outcome, primary_required=primary_required(outcome))


def _count(caller: Caller, email_address: str) -> None:
    count_attempt(caller, email_address)
