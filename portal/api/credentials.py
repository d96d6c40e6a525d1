"""Who calls: a backend with a secret of the project, or a browser with the public token; both by HTTP Basic (RFC 7617)."""

import base64
import binascii
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from django.conf import settings
from django.http import HttpRequest

from portal.access import rate_limits
from portal.access.client_address import network_of
from portal.api.arguments import Arguments
from portal.api.caller import Call
from portal.api.declaration import Endpoint, Twin
from portal.api.errors.responses import ApiError, InvalidArgument
from portal.api.origins import is_registered, origin_of
from portal.directories import project
from portal.directory.errors import Unauthenticated
from portal.directory.project import Project, ProjectDirectory
from portal.directory.sessions import SignedIn
from portal.serving.threads import RETRY_SECONDS, Share, claim
from portal.web.request import PortalRequest

_PUBLIC_TOKEN = "public-token-"  # noqa: S105 -- how one begins


def admit(request: PortalRequest, endpoint: Endpoint, twin: Twin | None) -> Call:
    """Return a call whose credentials are right; nothing of its body is read. Raises ApiError, DirectoryError.

    Requests with missing or wrong credentials count against a limit of their address.
    """
    if endpoint.is_open:
        _slow_down(rate_limits.wait_of_browser(request.origin.ip_address), "Your address")
        return Call(project(request.origin), request.origin)
    return _browser_call(request, twin) if twin else _backend_call(request)


def with_organization(request: PortalRequest, call: Call, twin: Twin | None, arguments: Arguments) -> Call:
    """Open the organization of an endpoint that has one. Raises ApiError, DirectoryError.

    Takes `organization_id` out of the arguments; a browser with a session names none.
    """
    if twin:
        opened = call.opened if twin.needs_session else call.project.open(_organization_id(arguments), None)
    else:
        opened = _organization(request, call, arguments)
    return replace(call, opened=opened)


def _backend_call(request: PortalRequest) -> Call:
    if origin_of(request):
        raise ApiError("secret_used_in_browser", "A page in a browser may not use the API for backends.")
    known = project(request.origin)
    with _counted_if_wrong(request):
        project_id, secret = _basic(request)
        _check_project_id(project_id)
        caller = known.authenticate_secret(project_id, secret)
    _slow_down(rate_limits.wait_of_project(project_id), "The project")
    signed_in, directory = _member_session(request, known)
    return Call(known, request.origin, caller=caller, signed_in=signed_in, opened=directory)


def _browser_call(request: PortalRequest, twin: Twin) -> Call:
    if origin_of(request) and not is_registered(origin_of(request)):
        raise ApiError("bad_domain_for_stytch_sdk", "Pages of this origin may not call: it is not registered.")
    _slow_down(rate_limits.wait_of_browser(request.origin.ip_address), "Your address")
    _claim(request, Share.VISITOR, network_of(request.origin.ip_address), "Your address")
    known = project(request.origin)
    with _counted_if_wrong(request):
        public_token, session_token = _basic(request)
        if not public_token.startswith(_PUBLIC_TOKEN):
            raise ApiError(
                "public_token_required", "Browsers call with the project's public token, and never with a secret."
            )
        known.authenticate_public_token(public_token)
    if not twin.needs_session:
        return Call(known, request.origin)
    if session_token in {"", public_token}:
        raise ApiError("user_unauthenticated", "Nobody is signed in.")
    signed_in, directory = known.open_session(session_token)
    _count(request, signed_in.organization.organization_id)
    return Call(known, request.origin, signed_in=signed_in, opened=directory)


@contextmanager
def _counted_if_wrong(request: PortalRequest) -> Iterator[None]:
    """Count credentials that are missing or wrong. Raises ApiError where there were too many from the address."""
    try:
        yield
    except (Unauthenticated, ApiError):
        _slow_down(rate_limits.wait_after_wrong_credentials(request.origin.ip_address), "Your address")
        raise


def _member_session(request: HttpRequest, known: Project) -> tuple[SignedIn | None, ProjectDirectory | None]:
    """Return on whose behalf a backend calls; nobody's, where it names no session."""
    token = request.headers.get("X-Stytch-Member-Session") or request.headers.get("X-Stytch-Member-SessionJWT", "")
    return known.open_session(token) if token else (None, None)


def _organization(request: PortalRequest, call: Call, arguments: Arguments) -> ProjectDirectory:
    directory = call.project.open(_organization_id(arguments), call.caller)
    organization_id = directory.organization.get().organization_id
    _count(request, organization_id)
    if call.signed_in is None or call.opened is None:
        return directory
    if call.signed_in.organization.organization_id != organization_id:
        raise ApiError("session_authorization_tenancy_error", "The member's session belongs to another organization.")
    return call.opened


def _organization_id(arguments: Arguments) -> str:
    organization_id = arguments.pop("organization_id", "")
    if not isinstance(organization_id, str) or not organization_id:
        raise InvalidArgument("organization_id is required: an id, a slug or an external id.", field="organization_id")
    return organization_id


def _check_project_id(project_id: str) -> None:
    if project_id.startswith(_PUBLIC_TOKEN):
        raise ApiError("secret_required", "Backends call with the project id and a secret, not with the public token.")
    other = "test" if settings.PROJECT_ENVIRONMENT == "live" else "live"
    if project_id.startswith(f"project-{other}-"):
        here = settings.PROJECT_ENVIRONMENT
        raise ApiError(f"wrong_stack_{here}", f"This is a {here} project, and the credentials are of a {other} one.")


def _count(request: PortalRequest, organization_id: str) -> None:
    _slow_down(rate_limits.wait_of_organization(organization_id), "The organization")
    _claim(request, Share.ORGANIZATION, organization_id, "The organization")


def _claim(request: PortalRequest, share: Share, key: str, who: str) -> None:
    if not claim(request, share, key):
        raise ApiError("too_many_requests", f"{who} has too many calls under way.", Retry_After=RETRY_SECONDS)


def _slow_down(seconds: int, who: str) -> None:
    if seconds:
        message = f"{who} calls more often than it may. Try again in {seconds} seconds."
        raise ApiError("too_many_requests", message, Retry_After=str(seconds))


def _basic(request: HttpRequest) -> tuple[str, str]:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        user, colon, password = "", "", ""
    if scheme.lower() != "basic" or not colon:
        raise ApiError("invalid_authorization_header", "Send the credentials by HTTP Basic.", WWW_Authenticate="Basic")
    return user, password
