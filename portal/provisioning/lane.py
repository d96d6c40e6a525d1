"""The way of identity providers past everything that only browsers need."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, resolve

from portal.access.routing import authenticates_scim_client

_PREFIX = "/v1/b2b/scim/"


class ScimLane:
    """Answers calls of identity providers without cookies, forms, content policies and HTMX, of which they know nothing.

    What does not check the bearer token by itself goes the usual way, where the gate decides.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the call, or pass the request on."""
        if not request.path_info.startswith(_PREFIX):
            return self.get_response(request)
        try:
            match = resolve(request.path_info)
        except Resolver404:
            return self.get_response(request)
        if not authenticates_scim_client(match.func):
            return self.get_response(request)
        request.resolver_match = match
        response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
        return response
