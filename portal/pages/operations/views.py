"""Liveness, readiness and metrics of a process, for any Host header."""

import ipaddress

from django.conf import settings
from django.http import Http404, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest, multiprocess
from prometheus_client import REGISTRY as PROCESS_REGISTRY

from portal.access.client_address import is_direct
from portal.directories import readiness_faults
from portal.web.pages import private
from portal.web.request import PortalRequest


def healthz(_request: PortalRequest) -> HttpResponse:
    """Report that the process runs. Checks nothing else, so that a database outage doesn't restart it."""
    return private(JsonResponse({"status": "ok"}))


def readyz(_request: PortalRequest) -> HttpResponse:
    """Report whether the process can serve: 200, or 503 with the parts that fail. Responds within two seconds."""
    if faults := readiness_faults():
        return private(JsonResponse({"status": "unavailable", **faults}, status=503))
    return private(JsonResponse({"status": "ok", "database": "ok"}))


def metrics(request: PortalRequest) -> HttpResponse:
    """Return Prometheus metrics to peers in METRICS_ALLOWED_FROM. Raise 404 for others, and through a proxy."""
    if not _may_read_metrics(request):
        raise Http404
    registry = PROCESS_REGISTRY
    if settings.METRICS_DIRECTORY:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry, settings.METRICS_DIRECTORY)  # type: ignore[no-untyped-call]  # -- the library has no types here
    return private(HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST))


def _may_read_metrics(request: PortalRequest) -> bool:
    # A client can forge the headers of a proxy, but not its own connection, and can't hide a proxy in between.
    if not is_direct(request.META):
        return False
    # A peer on a Unix socket has no address; it runs on this machine.
    ip_address = ipaddress.ip_address(request.origin.ip_address or "127.0.0.1")
    return any(ip_address in network for network in settings.METRICS_ALLOWED_FROM)
