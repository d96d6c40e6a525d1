"""Cross-origin requests (CORS; Fetch, section 3.2): only pages of registered origins can use the browser API."""

from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

_HEADERS: Final = "Authorization, Content-Type, X-SDK-Client, X-SDK-Parent-Host"
_SECONDS: Final = "7200"  # for which browsers may cache the response; Chromium's maximum


def origin_of(request: HttpRequest) -> str:
    """Return the origin of the page that sent a request, or "" if it wasn't a page."""
    return request.headers.get("Origin", "").lower()


def is_registered(origin: str) -> bool:
    """Say whether pages of an origin can use the API; the portal's own can."""
    return origin in settings.SDK_ALLOWED_ORIGINS or origin == settings.PUBLIC_URL


def preflight(request: HttpRequest, verbs: str) -> HttpResponse:
    """Respond to a preflight request."""
    response = HttpResponse(status=204)
    if is_registered(origin_of(request)):
        response["Access-Control-Allow-Methods"] = verbs
        response["Access-Control-Allow-Headers"] = _HEADERS
        response["Access-Control-Max-Age"] = _SECONDS
    return share(request, response)


def share(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Let a page of a registered origin read the response, including errors, so that the SDK can show them."""
    origin = origin_of(request)
    if is_registered(origin):
        response["Access-Control-Allow-Origin"] = origin
        response["Access-Control-Allow-Credentials"] = "true"
        response["Access-Control-Expose-Headers"] = "X-Request-ID, Retry-After"
    patch_vary_headers(response, ("Origin",))
    return response
