"""The views of the API: authenticate each request, read and check it, run the endpoint, and respond in Stytch's format."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import cast

import msgspec
import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt

from portal.access.audiences import Audience
from portal.access.hosts import is_allowed_host
from portal.access.routing import edge_for
from portal.api import session_cookies
from portal.api.arguments import convert, read_arguments
from portal.api.credentials import authenticate, with_organization
from portal.api.declaration import BROWSER, BrowserRoute, Endpoint
from portal.api.errors.responses import ApiError, api_error, busy, error_body
from portal.api.origins import preflight, share
from portal.api.sdk_methods import missing_method_at
from portal.directory.errors import DirectoryError
from portal.outages import TEMPORARY, reason
from portal.serving.threads import is_admitted
from portal.web import errors
from portal.web.request import PortalRequest

log = structlog.get_logger("gatehouse.api")

_VERBS = "DELETE, GET, POST, PUT"
_UNKNOWN = "No API method has this URL."
_NOT_AVAILABLE = "This is not available here yet."

Verbs = Mapping[str, tuple[Endpoint, BrowserRoute | None]]
View = Callable[..., HttpResponse]


def api_view(audience: Audience, verbs: Verbs) -> View:
    """Return the view of a path, given its endpoints by HTTP method."""

    @csrf_exempt  # code sets the Basic credentials; a browser does not send them on its own
    def edge(request: HttpRequest, **path: str) -> HttpResponse:
        is_browser = audience is Audience.SDK
        if is_browser and request.method == "OPTIONS":
            return preflight(request, ", ".join(sorted(verbs)))
        response = _respond(cast("PortalRequest", request), verbs, path)
        return share(request, response) if is_browser else response

    return edge_for(audience)(edge)


def unknown_method(audience: Audience) -> View:
    """Return the view of all other paths. It says whether Stytch's SDKs have such a method that isn't available yet."""

    @csrf_exempt  # as above
    def edge(request: HttpRequest, **_: str) -> HttpResponse:
        is_browser = audience is Audience.SDK
        if is_browser and request.method == "OPTIONS":
            return preflight(request, _VERBS)
        error = _not_offered(request) or ApiError("route_not_found", _UNKNOWN)
        response = error_response(cast("PortalRequest", request), error)
        return share(request, response) if is_browser else response

    return edge_for(audience)(edge)


def not_offered_page(request: HttpRequest, **_: str) -> HttpResponse:
    """Say that the method isn't available yet: as a page for people whose product redirected them here, or as JSON."""
    if request.get_preferred_type(["application/json", "text/html"]) == "text/html":
        return errors.error_page(
            request,
            errors.Problem(
                HTTPStatus.NOT_IMPLEMENTED,
                "This isn't available here yet",
                "Go back to the page you came from, and choose another way to sign in.",
            ),
        )
    return error_response(cast("PortalRequest", request), ApiError("not_offered", _NOT_AVAILABLE))


def _not_offered(request: HttpRequest) -> ApiError | None:
    """Return the error for a method that isn't available yet, or None if Stytch has no such method either."""
    name = missing_method_at(str(request.method), request.path)
    if not name:
        return None
    # Stytch's UI components show the message to people who sign in and don't know method names.
    is_browser = request.path.startswith(f"/{BROWSER}")
    return ApiError("not_offered", _NOT_AVAILABLE if is_browser else f"{name} is not available here yet.")


def _respond(request: PortalRequest, verbs: Verbs, path: Mapping[str, str]) -> HttpResponse:
    try:
        return _run(request, verbs, path)
    except ApiError as error:
        return error_response(request, error)
    except DirectoryError as error:
        return error_response(request, api_error(error))
    except TEMPORARY as error:
        log.warning("api_unavailable", **reason(error))
        return error_response(
            request,
            ApiError("service_unavailable", "The service is temporarily unavailable. Try again.", Retry_After="5"),
        )
    except Exception:  # clients need an error in JSON, not a page
        log.exception("api_failed")
        return error_response(request, ApiError("internal_server_error", "The request failed on the server."))


def _run(request: PortalRequest, verbs: Verbs, path: Mapping[str, str]) -> HttpResponse:
    if settings.MAINTENANCE:
        raise ApiError(
            "service_unavailable", "The service is down for maintenance. Try again later.", Retry_After="120"
        )
    if not is_allowed_host(request):
        raise ApiError("bad_request", "The host in the URL is not one of this service.")
    if not is_admitted(request):
        raise busy()
    if settings.SECURE_SSL_REDIRECT and not request.is_secure():
        raise ApiError("use_https", "The request was sent over plain http. Use https.")
    verb = "GET" if request.method == "HEAD" else str(request.method)
    if verb not in verbs:
        # A path such as members/search also matches members/{member_id}.
        raise _not_offered(request) or ApiError(
            "method_not_allowed", f"{verb} is not allowed here.", Allow=", ".join(sorted(verbs))
        )
    endpoint, browser_route = verbs[verb]
    caller = authenticate(request, endpoint, browser_route)
    # Only after authentication: reading and parsing a body takes time and memory.
    arguments = {} if endpoint.ignores_body else read_arguments(request, path)
    if endpoint.of_organization:
        caller = with_organization(request, caller, browser_route, arguments)
    values = convert(arguments, endpoint.request, is_text=verb in {"GET", "DELETE"})
    if caller.signed_in and endpoint.rights:
        endpoint.rights.check(values, caller.signed_in, caller.directory.rbac.policy())
    result = endpoint.function(caller, values)
    return _for_browser(request, endpoint, result) if browser_route else _success(request, result)


def _for_browser(request: PortalRequest, endpoint: Endpoint, result: msgspec.Struct) -> HttpResponse:
    if not session_cookies.are_used():
        return _success(request, result, is_wrapped=True)
    response = _success(request, session_cookies.without_tokens(result), is_wrapped=True)
    session_cookies.update(response, endpoint, result)
    return response


def _success(request: PortalRequest, result: msgspec.Struct, *, is_wrapped: bool = False) -> HttpResponse:
    """Return the result after the two fields of every response; for browsers, all of it inside `data`."""
    head = msgspec.json.encode({"status_code": 200, "request_id": request.request_id})
    fields = msgspec.json.encode(result)
    body = head if fields == b"{}" else head[:-1] + b"," + fields[1:]
    return _json(b'{"data":' + body + b"}" if is_wrapped else body, 200)


def error_response(request: PortalRequest, error: ApiError) -> HttpResponse:
    """Return an error in Stytch's format; `error_url` is the page that explains it."""
    error_url = settings.PUBLIC_URL + reverse("api-docs:error-type", args=[error.error_type])
    response = _json(msgspec.json.encode(error_body(error, request.request_id, error_url)), error.status)
    response["Cache-Control"] = "no-store"
    for name, value in error.headers.items():
        response[name.replace("_", "-")] = value
    session_cookies.forget_ended(request, response, error.error_type)
    return response


def _json(content: bytes, status: int) -> HttpResponse:
    return HttpResponse(content, status=status, content_type="application/json", headers={"Cache-Control": "no-store"})
