"""Who calls: a backend with a secret of the project, or a browser with the public token; both by HTTP Basic (RFC 7617)."""

import base64
import binascii

from django.conf import settings
from django.http import HttpRequest

from portal.access import rates
from portal.api.arguments import Arguments
from portal.api.calls import Call
from portal.api.endpoints import Endpoint, Twin
from portal.api.errors import ApiError, InvalidArgument
from portal.api.origins import is_registered, origin_of
from portal.directories import project
from portal.directory.errors import Unauthenticated
from portal.directory.project import Project, ProjectDirectory
from portal.directory.types import Actor, Origin, SignedIn

_PUBLIC_TOKEN = "public-token-"  # noqa: S105 -- how one begins


def open_call(origin: Origin) -> Call:
    """Return a call of whoever asks, for what is open to all."""
    return Call(project(origin), origin)


def backend_call(request: HttpRequest, endpoint: Endpoint, arguments: Arguments, origin: Origin) -> Call:
    """Return a backend's call. Raises ApiError, DirectoryError; takes `organization_id` out of the arguments."""
    if origin_of(request):
        raise ApiError("secret_used_in_browser", "A page in a browser may not use the API for backends.")
    project_id, secret = _basic(request)
    _check_project_id(project_id)
    known = project(origin)
    caller = _admit(known, project_id, secret, origin)
    _slow_down(rates.wait_of_project(project_id), "The project")
    signed_in, directory = _member_session(request, known)
    if endpoint.of_organization:
        directory = _organization(known, caller, arguments, signed_in, directory)
    return Call(known, origin, caller=caller, signed_in=signed_in, opened=directory)


def browser_call(request: HttpRequest, endpoint: Endpoint, twin: Twin, arguments: Arguments, origin: Origin) -> Call:
    """Return a browser's call. Raises ApiError, DirectoryError; takes `organization_id` out of the arguments."""
    if origin_of(request) and not is_registered(origin_of(request)):
        raise ApiError("bad_domain_for_stytch_sdk", "Pages of this origin may not call: it is not registered.")
    _slow_down(rates.wait_of_browser(origin.ip_address), "Your address")
    public_token, session_token = _basic(request)
    if not public_token.startswith(_PUBLIC_TOKEN):
        raise ApiError(
            "public_token_required", "Browsers call with the project's public token, and never with a secret."
        )
    known = project(origin)
    known.admit_browser(public_token)
    if twin.needs_session:
        if session_token in {"", public_token}:
            raise ApiError("user_unauthenticated", "Nobody is signed in.")
        signed_in, directory = known.open_session(session_token)
        _count(signed_in.organization.organization_id)
        return Call(known, origin, signed_in=signed_in, opened=directory)
    opened = known.open(_organization_id(arguments), None) if endpoint.of_organization else None
    return Call(known, origin, opened=opened)


def _admit(known: Project, project_id: str, secret: str, origin: Origin) -> Actor:
    try:
        return known.admit(project_id, secret)
    except Unauthenticated:
        _slow_down(rates.wait_after_wrong_credentials(origin.ip_address), "Your address")
        raise


def _member_session(request: HttpRequest, known: Project) -> tuple[SignedIn | None, ProjectDirectory | None]:
    """Return on whose behalf a backend calls; nobody's, where it names no session."""
    token = request.headers.get("X-Stytch-Member-Session") or request.headers.get("X-Stytch-Member-SessionJWT", "")
    return known.open_session(token) if token else (None, None)


def _organization(
    known: Project, caller: Actor, arguments: Arguments, signed_in: SignedIn | None, acting: ProjectDirectory | None
) -> ProjectDirectory:
    directory = known.open(_organization_id(arguments), caller)
    organization_id = directory.organization.get().organization_id
    _count(organization_id)
    if signed_in is None or acting is None:
        return directory
    if signed_in.organization.organization_id != organization_id:
        raise ApiError("session_authorization_tenancy_error", "The member's session belongs to another organization.")
    return acting


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


def _count(organization_id: str) -> None:
    _slow_down(rates.wait_of_organization(organization_id), "The organization")


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
