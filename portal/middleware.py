"""The middleware of the portal: request log and metrics, endpoints for machines, limits, and the access gate."""

import time
from collections.abc import Callable
from http import HTTPMethod
from typing import Any, cast

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import Resolver404, resolve
from django.utils import timezone

from portal.access.audiences import MACHINES, Audience
from portal.access.client_address import client_address, forwarded_proto, network_of
from portal.access.routing import Access, access_of, machine_of
from portal.directories import directories
from portal.directory.actor import Origin
from portal.directory.authority import Authority
from portal.directory.errors import DirectoryError, NotFound, StepUpRequired, Unauthenticated
from portal.directory.ids import new_request_id
from portal.directory.permissions import Permission
from portal.directory.second_factors import SecondFactorRequired
from portal.metrics import REQUEST_DATABASE_SECONDS, REQUEST_SECONDS, REQUESTS, database_time
from portal.outages import UNAVAILABLE, reason
from portal.serving.bodies import body_problem
from portal.serving.guard import PROBES
from portal.serving.threads import Share, claim, is_admitted
from portal.web import errors
from portal.web.device_cookie import device_tokens
from portal.web.former_slugs import redirect_if_moved
from portal.web.frame_gate import admit_frame, at_top_level, is_served_here, leave_frame
from portal.web.frames import is_frame_host
from portal.web.pending_sign_in import ask_for_second_factor
from portal.web.preferences import activate_time_zone
from portal.web.request import PortalRequest
from portal.web.session_cookie import SLUG, cookie_name, open_organizations, session_token, sign_in_url
from portal.web.times import browser_zone

log = structlog.get_logger("gatehouse.request")
_METHODS = frozenset(HTTPMethod)
# Without the slash: see portal.api.urls.
_MACHINE_PREFIXES = ("/v1/", "/sdk/v1")


class RequestLog:
    """Give each request an ID, and record it in the log and the metrics.

    The request ID is in the response, in the log and on error pages.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Handle the request and record it."""
        started = time.perf_counter()
        database_time.take()
        request_id = new_request_id()
        portal_request = cast("PortalRequest", request)
        portal_request.request_id = request_id
        # Until `FrameHost` and the gate know better.
        portal_request.place = portal_request.frame = None
        portal_request.frame_origins = ()
        portal_request.origin = Origin(
            client_address(request.META),
            str(request.META.get("HTTP_USER_AGENT", ""))[:256],
            request_id,
            device_tokens(request),
        )
        if settings.TRUSTED_PROXIES and "HTTP_X_FORWARDED_PROTO" in request.META:
            # Django trusts the first entry, which the client sends if proxies append theirs.
            request.META["HTTP_X_FORWARDED_PROTO"] = forwarded_proto(request.META)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            response = self.get_response(request)
            self._record(request, response, time.perf_counter() - started)
        finally:
            structlog.contextvars.clear_contextvars()
        response["X-Request-ID"] = request_id
        return response

    @staticmethod
    def _record(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
        match = request.resolver_match
        route = match.view_name if match else "none"
        # A client can send any method name, and each one would become a metric of its own.
        method = request.method if request.method in _METHODS else "other"
        REQUESTS.labels(route, method, response.status_code).inc()
        REQUEST_SECONDS.labels(route).observe(seconds)
        REQUEST_DATABASE_SECONDS.labels(route.partition(":")[0]).observe(database_time.take())
        # SCIM requests are already in the request log of their connection, in more detail.
        write = log.debug if getattr(response, "is_in_request_log", False) else log.info
        # Without the query string, which contains the token of a sign-in link.
        write(
            "request",
            method=request.method,
            path=request.path,
            route=route,
            status=response.status_code,
            milliseconds=round(seconds * 1000, 1),
        )


class ProbeEndpoints:
    """Respond to health checks and metrics requests on any host and over plain http.

    Load balancers address a process by IP address, without TLS, and often without a Host header.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Respond to a probe, or pass the request on."""
        if request.path_info not in PROBES:
            return self.get_response(request)
        request.resolver_match = match = resolve(request.path_info)
        access = access_of(match.func)
        if access is None or request.method not in access.methods:
            return errors.method_not_allowed(request, access.methods if access else frozenset())
        response: HttpResponseBase = match.func(request)
        return response


class MachineEndpoints:
    """Respond to identity providers and SDKs without the middleware for cookies, forms, CSP and HTMX.

    Views that don't authenticate requests themselves take the usual path, where the gate decides.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Respond to a request of a machine, or pass the request on."""
        if not request.path_info.startswith(_MACHINE_PREFIXES) or is_frame_host(request):
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


class Admission:
    """Reject requests during maintenance, with a method that isn't allowed, or too many at once, by their headers alone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on; `process_view` decides once the URL is known."""
        return self.get_response(request)

    @staticmethod
    def process_view(
        request: PortalRequest, view: Callable[..., Any], _args: list[Any], _kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """Return None to run the view, or a response to send instead."""
        access = access_of(view)
        if access is None or access.allow in MACHINES:
            return None
        if settings.MAINTENANCE:
            return errors.maintenance(request)
        if request.method not in access.methods:
            return errors.method_not_allowed(request, access.methods)
        if _declared_length(request) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            # Django limits fields, but writes files of any size to the disk.
            return errors.too_large(request)
        return Admission._claim_place(request)

    @staticmethod
    def _claim_place(request: PortalRequest) -> HttpResponse | None:
        if not is_admitted(request):
            return errors.busy(request)
        if not claim(request, Share.VISITOR, network_of(request.origin.ip_address)):
            return errors.too_many_at_once(request)
        return None


def _declared_length(request: HttpRequest) -> int:
    """Return the length that a body has by its header. Django reads no further than that, and nothing without it."""
    declared = str(request.META.get("CONTENT_LENGTH", ""))
    return int(declared[:20]) if declared.isascii() and declared.isdigit() else 0


class ReaderTimeZone:
    """Show times in the browser's zone, and in the member's once the gate knows them, until the request ends."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Handle the request. What it activates ends with it, for the next request of the same thread."""
        with timezone.override(browser_zone(request)):
            return self.get_response(request)


class AccessGate:
    """Decide whether a request may reach its view, by what `route()` declares for the URL."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on; `process_view` decides once the URL is known."""
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], _args: list[Any], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """Return None to run the view, or a response to send instead."""
        access = access_of(view)
        if access is None:
            log.error("undeclared_url", path=request.path)
            return errors.server_error(request)
        if not is_served_here(request, access):
            return errors.not_found(request)
        if access.allow in MACHINES:
            # Their dispatcher authenticates, and returns errors in its own format.
            return None if machine_of(view) is access.allow else errors.server_error(request)
        try:
            return self._admit(cast("PortalRequest", request), access, kwargs)
        except UNAVAILABLE as error:
            return self.process_exception(request, error)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the error page for an exception of a directory or of the database."""
        if isinstance(exception, NotFound) and (moved := redirect_if_moved(request)):
            return moved
        if isinstance(exception, SecondFactorRequired):
            return ask_for_second_factor(exception.pending, onward=request.POST.get("next", ""))
        if isinstance(exception, DirectoryError):
            return self._explain(cast("PortalRequest", request), exception)
        if problem := body_problem(request):
            return errors.body_not_read(request, problem)
        if isinstance(exception, UNAVAILABLE):
            log.warning("database_unavailable", **reason(exception))
            return errors.unavailable(request)
        log.error("unexpected_error", exc_info=exception)
        return None

    @staticmethod
    def _explain(request: PortalRequest, error: DirectoryError) -> HttpResponse:
        if isinstance(error, StepUpRequired) and request.frame:
            return at_top_level(request, request.path)
        log.info("directory_error", error=type(error).__name__, directory_request_id=error.request_id)
        return errors.directory_error_page(request, error)

    def _admit(self, request: PortalRequest, access: Access, kwargs: dict[str, Any]) -> HttpResponse | None:
        request.directories = directories()
        slug = kwargs.pop("organization_slug", None)
        if slug is not None and not SLUG.fullmatch(slug):
            return errors.not_found(request)
        if slug is not None:
            request.directory = request.directories.open(slug, request.origin)
        if access.allow is Audience.ANYONE:
            return None
        try:
            return self._authenticate(request, slug) or self._authorize(request, access) or leave_frame(request, access)
        except DirectoryError as error:
            return errors.directory_error_page(request, error)

    @staticmethod
    def _authenticate(request: PortalRequest, slug: str) -> HttpResponse | None:
        stopped = admit_frame(request) if is_frame_host(request) else AccessGate._sign_in(request, slug)
        if stopped is not None:
            return stopped
        request.directory = request.directory.acting_as(request.signed_in)
        request.policy = request.directory.rbac.policy()
        request.authority = Authority.of(request.policy, request.signed_in.session)
        request.allows = request.authority.allows
        activate_time_zone(request)
        # Last: the error page has the frame, which needs the above.
        if not claim(request, Share.ORGANIZATION, request.signed_in.organization.organization_id):
            return errors.too_many_at_once(request)
        return None

    @staticmethod
    def _sign_in(request: PortalRequest, slug: str) -> HttpResponse | None:
        token = session_token(request, slug)
        if not token and open_organizations(request):
            # Signed in to another organization: this one doesn't exist for them.
            return redirect_if_moved(request) or errors.other_organization(request, sign_in_url(request, slug))
        try:
            request.signed_in = request.directory.sessions.authenticate(token)
        except Unauthenticated as error:
            if moved := redirect_if_moved(request):
                return moved
            if cookie_name(slug) not in request.COOKIES:
                return errors.sign_in_first(request, slug)
            organization = request.directory.organization.get()
            return errors.session_ended(request, organization, getattr(error, "end", None))
        return None

    @staticmethod
    def _authorize(request: PortalRequest, access: Access) -> HttpResponse | None:
        if not isinstance(access.allow, Permission) or request.allows(access.allow):
            return None
        granting = tuple(role.role_id for role in request.policy.roles_granting(access.allow))
        return errors.no_right(request, access.allow, granting)
