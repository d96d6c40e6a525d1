"""Authenticate callers with HTTP Basic (RFC 7617): backends by a project secret, browsers by the public token."""

import base64
import binascii
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from django.conf import settings
from django.http import HttpRequest

from portal.access import rate_limits
from portal.access.client_address import network_of
from portal.api import session_cookies
from portal.api.arguments import Arguments
from portal.api.caller import Caller
from portal.api.declaration import BrowserRoute, Endpoint
from portal.api.errors.responses import ApiError, InvalidArgument
from portal.api.origins import is_registered, origin_of
from portal.directories import project
from portal.directory.errors import Unauthenticated
from portal.directory.project import Project, ProjectDirectory
from portal.directory.sessions import SignedIn
from portal.serving.threads import RETRY_SECONDS, Share, claim
from portal.web.request import PortalRequest

_PUBLIC_PREFIX = "public-token-"


def authenticate(request: PortalRequest, endpoint: Endpoint, browser_route: BrowserRoute | None) -> Caller:
    """Verify the credentials of a request without reading its body. Raise ApiError or DirectoryError if they are wrong.

    Requests with missing or wrong credentials count against a limit for their IP address.
    """
    if endpoint.is_open:
        _limit(rate_limits.wait_of_browser(request.origin.ip_address), "your IP address")
        return Caller(project(request.origin), request.origin)
    return _browser(request, browser_route) if browser_route else _backend(request)


def with_organization(
    request: PortalRequest, caller: Caller, browser_route: BrowserRoute | None, arguments: Arguments
) -> Caller:
    """Open the organization that the request is about. Raise ApiError or DirectoryError if the caller can't.

    Removes `organization_id` from the arguments. Browsers with a session don't send one.
    """
    if browser_route:
        opened = (
            caller.opened if browser_route.needs_session else caller.project.open(_organization_id(arguments), None)
        )
    else:
        opened = _organization(request, caller, arguments)
    return replace(caller, opened=opened)


def _backend(request: PortalRequest) -> Caller:
    if origin_of(request):
        raise ApiError("secret_used_in_browser", "Pages in a browser cannot use the API for backends.")
    opened = project(request.origin)
    with _failures_counted(request):
        project_id, secret = _basic(request)
        _check_project_id(project_id)
        actor = opened.authenticate_secret(project_id, secret)
    _limit(rate_limits.wait_of_project(project_id), "the project")
    signed_in, directory = _member_session(request, opened)
    return Caller(opened, request.origin, actor=actor, signed_in=signed_in, opened=directory)


def _browser(request: PortalRequest, browser_route: BrowserRoute) -> Caller:
    if origin_of(request) and not is_registered(origin_of(request)):
        raise ApiError("bad_domain_for_stytch_sdk", "The origin of this page is not registered.")
    _limit(rate_limits.wait_of_browser(request.origin.ip_address), "your IP address")
    _claim(request, Share.VISITOR, network_of(request.origin.ip_address), "your IP address")
    opened = project(request.origin)
    with _failures_counted(request):
        public_token, session_token = _basic(request)
        if not public_token.startswith(_PUBLIC_PREFIX):
            raise ApiError(
                "public_token_required", "Browsers must send the public token of the project, never a secret."
            )
        opened.authenticate_public_token(public_token)
    if session_token in {"", public_token}:
        session_token = session_cookies.token_of(request)
    has_session = bool(session_token)
    if not browser_route.needs_session and not (browser_route.takes_session and has_session):
        return Caller(opened, request.origin)
    if not has_session:
        raise ApiError("user_unauthenticated", "No member is signed in.")
    signed_in, directory = opened.open_session(session_token)
    _count(request, signed_in.organization.organization_id)
    return Caller(opened, request.origin, signed_in=signed_in, opened=directory)


@contextmanager
def _failures_counted(request: PortalRequest) -> Iterator[None]:
    """Count missing or wrong credentials. Raise ApiError if there were too many from the IP address."""
    try:
        yield
    except (Unauthenticated, ApiError):
        _limit(rate_limits.wait_after_wrong_credentials(request.origin.ip_address), "your IP address")
        raise


def _member_session(request: HttpRequest, opened: Project) -> tuple[SignedIn | None, ProjectDirectory | None]:
    """Return the member on whose behalf a backend sends a request, or None if it sent no session."""
    token = request.headers.get("X-Stytch-Member-Session") or request.headers.get("X-Stytch-Member-SessionJWT", "")
    return opened.open_session(token) if token else (None, None)


def _organization(request: PortalRequest, caller: Caller, arguments: Arguments) -> ProjectDirectory:
    directory = caller.project.open(_organization_id(arguments), caller.actor)
    organization_id = directory.organization.get().organization_id
    _count(request, organization_id)
    if caller.signed_in is None or caller.opened is None:
        return directory
    if caller.signed_in.organization.organization_id != organization_id:
        raise ApiError("session_authorization_tenancy_error", "The member's session belongs to another organization.")
    return caller.opened


def _organization_id(arguments: Arguments) -> str:
    organization_id = arguments.pop("organization_id", "")
    if not isinstance(organization_id, str) or not organization_id:
        raise InvalidArgument(
            "organization_id is required. Send an ID, a slug or an external ID.", field="organization_id"
        )
    return organization_id


def _check_project_id(project_id: str) -> None:
    if project_id.startswith(_PUBLIC_PREFIX):
        raise ApiError("secret_required", "Backends must send the project ID and a secret, not the public token.")
    other = "test" if settings.PROJECT_ENVIRONMENT == "live" else "live"
    if project_id.startswith(f"project-{other}-"):
        here = settings.PROJECT_ENVIRONMENT
        raise ApiError(
            f"wrong_stack_{here}", f"These are credentials of a {other} project, but this is a {here} project."
        )


def _count(request: PortalRequest, organization_id: str) -> None:
    _limit(rate_limits.wait_of_organization(organization_id), "the organization")
    _claim(request, Share.ORGANIZATION, organization_id, "the organization")


def _claim(request: PortalRequest, share: Share, key: str, sender: str) -> None:
    if not claim(request, share, key):
        message = f"Too many requests from {sender} are in progress."
        raise ApiError("too_many_requests", message, Retry_After=RETRY_SECONDS)


def _limit(seconds: int, sender: str) -> None:
    if seconds:
        message = f"Too many requests from {sender}. Try again in {seconds} seconds."
        raise ApiError("too_many_requests", message, Retry_After=str(seconds))


def _basic(request: HttpRequest) -> tuple[str, str]:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        user, colon, password = "", "", ""
    if scheme.lower() != "basic" or not colon:
        raise ApiError(
            "invalid_authorization_header",
            "Send the credentials as HTTP Basic authentication.",
            WWW_Authenticate="Basic",
        )
    return user, password
