"""Liveness, readiness and metrics of a process, and how a request arrives."""

import ipaddress

from django.conf import settings
from django.http import Http404, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST

from portal.access.arrival import HEADER, is_proven
from portal.access.client_address import is_direct
from portal.pages.operations.exposition import exposition
from portal.pages.operations.health import health
from portal.version import version
from portal.web.pages import private
from portal.web.request import PortalRequest


def healthz(_request: PortalRequest) -> HttpResponse:
    """Report that the process runs. Checks nothing else, so that a database outage doesn't restart it."""
    return private(JsonResponse({"status": "ok"}))


def readyz(_request: PortalRequest) -> HttpResponse:
    """Report whether the process can serve: 200, or 503 with the parts that fail. Responds within a second.

    Redis is only reported: without it, processes serve as before and count rates on their own.
    """
    now = health()
    redis = {} if now.has_redis is None else {"redis": "ok" if now.has_redis else "doesn't respond"}
    if now.faults:
        return private(JsonResponse({"status": "unavailable", **now.faults, **redis}, status=503))
    return private(JsonResponse({"status": "ok", "database": "ok", **redis}))


def metrics(request: PortalRequest) -> HttpResponse:
    """Return Prometheus metrics to peers in METRICS_ALLOWED_FROM. Raise 404 for others, and through a proxy."""
    if not _may_read_metrics(request):
        raise Http404
    return private(HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST))


def arrival(request: PortalRequest) -> HttpResponse:
    """Tell `manage.py doctor` how its request arrived through the proxies. Raise 404 for others."""
    if not is_proven(request.headers.get(HEADER, "")):
        raise Http404
    hops = [hop.strip() for hop in request.headers.get(settings.CLIENT_ADDRESS_HEADER, "").split(",") if hop.strip()]
    arrived = {"client_address": request.origin.ip_address, "is_secure": request.is_secure(), "hops": hops}
    return private(JsonResponse({**arrived, "version": version()}))


def _may_read_metrics(request: PortalRequest) -> bool:
    # A client can forge the headers of a proxy, but not its own connection, and can't hide a proxy in between.
    if not is_direct(request.META):
        return False
    # A peer on a Unix socket has no address; it runs on this machine.
    ip_address = ipaddress.ip_address(request.origin.ip_address or "127.0.0.1")
    return any(ip_address in network for network in settings.METRICS_ALLOWED_FROM)
