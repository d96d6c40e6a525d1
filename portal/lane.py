"""The way of machines past everything that only browsers need."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, resolve

from portal.access.routing import machine_of

_PREFIXES = ("/v1/", "/sdk/v1/")


class MachineLane:
    """Answers calls of identity providers and SDKs without cookies, forms, content policies and HTMX.

    What does not check by itself who calls goes the usual way, where the gate decides.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the call, or pass the request on."""
        if not request.path_info.startswith(_PREFIXES):
            return self.get_response(request)
        try:
            match = resolve(request.path_info)
        except Resolver404:
            return self.get_response(request)
        if machine_of(match.func) is None:
            return self.get_response(request)
        request.resolver_match = match
        response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
        return response
