"""The way of machines past everything that only browsers need: SDKs, identity providers, and what watches this process."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, resolve

from portal.access.routing import access_of, machine_of
from portal.serving.guard import PROBES
from portal.web import errors

_PREFIXES = ("/v1/", "/sdk/v1/")


class ProbeLane:
    """Answers health checks and metrics on any host and over plain http.

    A load balancer asks a process by its address, without TLS, and often without a Host header.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the probe, or pass the request on."""
        if request.path_info not in PROBES:
            return self.get_response(request)
        request.resolver_match = match = resolve(request.path_info)
        access = access_of(match.func)
        if access is None or request.method not in access.methods:
            return errors.method_not_allowed(request, access.methods if access else frozenset())
        response: HttpResponseBase = match.func(request)
        return response


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
