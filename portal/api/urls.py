"""The URLs of the API: one per path, and a catch-all for methods that don't exist."""

import re
from collections.abc import Iterator

from django.urls import URLPattern

from portal.access.audiences import Audience
from portal.access.routing import route
from portal.api.declaration import BACKEND, BROWSER, by_path
from portal.api.dispatch import api_view, not_offered_page, unknown_method
from portal.api.endpoints import ENDPOINTS
from portal.api.sdk_methods import redirects

app_name = "api"

# Stytch's SDK for browsers forgets the slash after v1 in the URL of this method.
_WITHOUT_SLASH = "sdk/v1/b2b/organizations/members/{member_id}/connected_apps"
_ALL = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def _routes() -> Iterator[URLPattern]:
    # Fixed segments before parameters, which would match them too.
    for path, verbs in sorted(by_path(ENDPOINTS.values()).items(), key=lambda item: _order(item[0])):
        audience = Audience.PROJECT if path.startswith(BACKEND) else Audience.SDK
        name = _name(path)
        methods = [*sorted(verbs), *(["OPTIONS"] if audience is Audience.SDK else [])]
        view = api_view(audience, verbs)
        yield route(_with_parameters(path), view, name=name, allow=audience, methods=methods)
        if path == _WITHOUT_SLASH:
            misspelled = path.replace("v1/", "v1")
            yield route(_with_parameters(misspelled), view, name=_name(misspelled), allow=audience, methods=methods)


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
    """Return a route name, which metrics use as a label."""
    return re.sub(r"[^a-z0-9]+", "-", path.lower().replace("_", "-")).rstrip("-") + ("-" if path.endswith("/") else "")


urlpatterns = [*_routes(), *_others()]
