"""The addresses of the API's methods, one for each path; every other address below them is a method that there is not."""

import re
from collections.abc import Iterator

from django.urls import URLPattern

from portal.access.audiences import Audience
from portal.access.routing import route
from portal.api.declaration import BACKEND, BROWSER, by_address
from portal.api.dispatch import api_view, not_offered_page, unknown_method
from portal.api.endpoints.declared import ENDPOINTS
from portal.api.sdk_methods import redirects

app_name = "api"

_ALL = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def _routes() -> Iterator[URLPattern]:
    # A word before a parameter that would take it for a value.
    for path, verbs in sorted(by_address(ENDPOINTS.values()).items(), key=lambda item: _order(item[0])):
        audience = Audience.PROJECT if path.startswith(BACKEND) else Audience.SDK
        name = _name(path)
        methods = [*sorted(verbs), *(["OPTIONS"] if audience is Audience.SDK else [])]
        view = api_view(audience, verbs)
        yield route(_with_parameters(path), view, name=name, allow=audience, methods=methods)


def _others() -> Iterator[URLPattern]:
    for one in redirects():
        path = one.path.removeprefix("/")
        yield route(_with_parameters(path), not_offered_page, name=_name(path), allow=Audience.ANYONE)
    for prefix, audience in ((BACKEND, Audience.PROJECT), (BROWSER, Audience.SDK), ("v1/", Audience.PROJECT)):
        view = unknown_method(audience)
        yield route(f"{prefix}<path:rest>", view, name=f"{_name(prefix)}none", allow=audience, methods=_ALL)


def _with_parameters(path: str) -> str:
    return re.sub(r"{(\w+)}", r"<str:\1>", path)


def _order(path: str) -> list[tuple[bool, str]]:
    return [(segment.startswith("{"), segment) for segment in path.split("/")]


def _name(path: str) -> str:
    """Return a path as one word: the metrics count by it."""
    return re.sub(r"[^a-z0-9]+", "-", path.lower().replace("_", "-")).rstrip("-") + ("-" if path.endswith("/") else "")


urlpatterns = [*_routes(), *_others()]
