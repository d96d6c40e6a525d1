"""Which pages may call the API for browsers: those of registered origins, and nobody else's (Fetch, 3.2: CORS)."""

from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

_HEADERS: Final = "Authorization, Content-Type, X-SDK-Client, X-SDK-Parent-Host"
_SECONDS: Final = "7200"  # for which browsers remember the answer; Chromium's most


def origin_of(request: HttpRequest) -> str:
    """Return the origin of the page that calls, "" for what is no page."""
    return request.headers.get("Origin", "").lower()


def is_registered(origin: str) -> bool:
    """Say whether pages of an origin may call; the portal's own may."""
    return origin in settings.SDK_ALLOWED_ORIGINS or origin == settings.PUBLIC_URL


def preflight(request: HttpRequest, verbs: str) -> HttpResponse:
    """Answer a browser that asks beforehand what it may send."""
    response = HttpResponse(status=204)
    if is_registered(origin_of(request)):
        response["Access-Control-Allow-Methods"] = verbs
        response["Access-Control-Allow-Headers"] = _HEADERS
        response["Access-Control-Max-Age"] = _SECONDS
    return share(request, response)


def share(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Let the page read the answer, if its origin is registered; errors too, else the SDK can show none."""
    origin = origin_of(request)
    if is_registered(origin):
        response["Access-Control-Allow-Origin"] = origin
        response["Access-Control-Allow-Credentials"] = "true"
        response["Access-Control-Expose-Headers"] = "X-Request-ID, Retry-After"
    patch_vary_headers(response, ("Origin",))
    return response
