"""The way in for SDKs: every call is read, admitted, checked, answered and wrapped here, and every refusal put in Stytch's form."""

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
from portal.api.arguments import convert, read_arguments
from portal.api.credentials import admit, with_organization
from portal.api.declaration import BROWSER, Endpoint, Twin
from portal.api.errors.responses import ApiError, api_error, busy, error_body
from portal.api.origins import preflight, share
from portal.api.sdk_methods import not_yet
from portal.directory.errors import DirectoryError
from portal.outages import TEMPORARY, reason
from portal.serving.threads import is_admitted
from portal.web import errors
from portal.web.request import PortalRequest

log = structlog.get_logger("gatehouse.api")

_VERBS = "DELETE, GET, POST, PUT"
_NOTHING = "There is no method at this address."
_NOT_HERE = "This isn't available here yet."

Verbs = Mapping[str, tuple[Endpoint, Twin | None]]
View = Callable[..., HttpResponse]


def api_view(audience: Audience, verbs: Verbs) -> View:
    """Return the view of an address: the endpoints that it has, by HTTP method."""

    @csrf_exempt  # Basic credentials are set by a program: a browser does not send them by itself
    def edge(request: HttpRequest, **path: str) -> HttpResponse:
        is_browser = audience is Audience.SDK
        if is_browser and request.method == "OPTIONS":
            return preflight(request, ", ".join(sorted(verbs)))
        response = _answer(cast("PortalRequest", request), verbs, path)
        return share(request, response) if is_browser else response

    return edge_for(audience)(edge)


def unknown_method(audience: Audience) -> View:
    """Return the view of every other address: it says whether the SDKs have such a method that is not here yet."""

    @csrf_exempt  # as above
    def edge(request: HttpRequest, rest: str) -> HttpResponse:  # noqa: ARG001 -- the address as a whole is looked at
        is_browser = audience is Audience.SDK
        if is_browser and request.method == "OPTIONS":
            return preflight(request, _VERBS)
        error = _not_offered(request) or ApiError("route_not_found", _NOTHING)
        response = refusal(cast("PortalRequest", request), error)
        return share(request, response) if is_browser else response

    return edge_for(audience)(edge)


def not_offered_page(request: HttpRequest, **_: str) -> HttpResponse:
    """Tell a person whose browser a product has sent to a method that isn't here yet, or a program in its own form."""
    if request.get_preferred_type(["application/json", "text/html"]) == "text/html":
        return errors.error_page(
            request,
            errors.Problem(
                HTTPStatus.NOT_IMPLEMENTED,
                "This isn't available here yet",
                "Go back to the page you came from, and choose another way to sign in.",
            ),
        )
    return refusal(cast("PortalRequest", request), ApiError("not_offered", _NOT_HERE))


def _not_offered(request: HttpRequest) -> ApiError | None:
    """Return the error for a method of Stytch's that isn't here yet; None where Stytch has none either."""
    name = not_yet(str(request.method), request.path)
    if not name:
        return None
    # Stytch's screens show the message to people who sign in and don't know method names.
    is_browser = request.path.startswith(f"/{BROWSER}")
    return ApiError("not_offered", _NOT_HERE if is_browser else f"{name} isn't available here yet.")


def _answer(request: PortalRequest, verbs: Verbs, path: Mapping[str, str]) -> HttpResponse:
    try:
        return _call(request, verbs, path)
    except ApiError as error:
        return refusal(request, error)
    except DirectoryError as error:
        return refusal(request, api_error(error))
    except TEMPORARY as error:
        log.warning("api_unavailable", **reason(error))
        return refusal(request, ApiError("service_unavailable", "The service is away. Try again.", Retry_After="5"))
    except Exception:  # a program must get an error that it can read, not a page
        log.exception("api_failed")
        return refusal(request, ApiError("internal_server_error", "The call failed on the server."))


def _call(request: PortalRequest, verbs: Verbs, path: Mapping[str, str]) -> HttpResponse:
    if settings.MAINTENANCE:
        raise ApiError("service_unavailable", "The service is being maintained. Try again later.", Retry_After="120")
    if not is_allowed_host(request):
        raise ApiError("bad_request", "The host in the address isn't one of this service.")
    if not is_admitted(request):
        raise busy()
    if settings.SECURE_SSL_REDIRECT and not request.is_secure():
        raise ApiError("use_https", "The call came over plain http.")
    verb = "GET" if request.method == "HEAD" else str(request.method)
    if verb not in verbs:
        # An address such as members/search also fits members/{member_id}.
        raise _not_offered(request) or ApiError(
            "method_not_allowed", f"{verb} is not offered here.", Allow=", ".join(sorted(verbs))
        )
    endpoint, twin = verbs[verb]
    call = admit(request, endpoint, twin)
    # Not before the credentials are known to be right: reading and parsing a body is work.
    arguments = {} if endpoint.ignores_body else read_arguments(request, path)
    if endpoint.of_organization:
        call = with_organization(request, call, twin, arguments)
    values = convert(arguments, endpoint.request, is_text=verb in {"GET", "DELETE"})
    if call.signed_in and endpoint.rights:
        endpoint.rights.check(values, call.signed_in, call.directory.rbac.policy())
    return _success(request, endpoint.call(call, values), is_wrapped=twin is not None)


def _success(request: PortalRequest, result: msgspec.Struct, *, is_wrapped: bool) -> HttpResponse:
    """Answer with the result behind the two fields that every answer has; for browsers all of it inside `data`."""
    head = msgspec.json.encode({"status_code": 200, "request_id": request.request_id})
    fields = msgspec.json.encode(result)
    body = head if fields == b"{}" else head[:-1] + b"," + fields[1:]
    return _json(b'{"data":' + body + b"}" if is_wrapped else body, 200)


def refusal(request: PortalRequest, error: ApiError) -> HttpResponse:
    """Answer with an error; `error_url` is the page that says what it means."""
    error_url = settings.PUBLIC_URL + reverse("api-docs:error-type", args=[error.error_type])
    response = _json(msgspec.json.encode(error_body(error, request.request_id, error_url)), error.status)
    response["Cache-Control"] = "no-store"
    for name, value in error.headers.items():
        response[name.replace("_", "-")] = value
    return response


def _json(content: bytes, status: int) -> HttpResponse:
    return HttpResponse(content, status=status, content_type="application/json", headers={"Cache-Control": "no-store"})
