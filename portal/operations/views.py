"""Liveness, readiness and metrics."""

import ipaddress

from django.conf import settings
from django.http import Http404, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest, multiprocess
from prometheus_client import REGISTRY as PROCESS_REGISTRY

from portal.directories import readiness_faults
from portal.web.pages import private
from portal.web.requests import PortalRequest


def healthz(request: PortalRequest) -> HttpResponse:  # noqa: ARG001 -- Django's signature
    """Say that the process lives; asks nothing else, so that a lost database does not restart it."""
    return private(JsonResponse({"status": "ok"}))


def readyz(request: PortalRequest) -> HttpResponse:  # noqa: ARG001 -- Django's signature
    """Say whether this process can serve: 200, or 503 with the parts that keep it from serving. Answers within two seconds."""
    if faults := readiness_faults():
        return private(JsonResponse({"status": "unavailable", **faults}, status=503))
    return private(JsonResponse({"status": "ok", "database": "ok"}))


def metrics(request: PortalRequest) -> HttpResponse:
    """Return Prometheus metrics to the addresses of METRICS_ALLOWED_FROM; for all others there is no such page."""
    if not _may_read_metrics(request.origin.ip_address):
        raise Http404
    registry = PROCESS_REGISTRY
    if settings.METRICS_DIRECTORY:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry, settings.METRICS_DIRECTORY)  # type: ignore[no-untyped-call]  # -- the library has no types here
    return private(HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST))


def _may_read_metrics(address: str) -> bool:
    try:
        ip_address = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(ip_address in network for network in settings.METRICS_ALLOWED_FROM)
