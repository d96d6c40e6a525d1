"""Health of the connection, for every page that shows it (scim_admin/_health.html)."""

from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from portal.directory.scim.connection import ScimConnection
from portal.directory.scim.health import WINDOW
from portal.directory.scim.log import ScimOutcome
from portal.web.request import PortalRequest


def health_context(request: PortalRequest, connection: ScimConnection | None) -> dict[str, Any]:
    """Return the health of the connection and the URL of its failed requests, or that the directory lacks it."""
    gateway = request.directory.scim.health
    if connection is None:
        return {}
    if gateway is None:
        return {"lacks_health": True}
    url = reverse("scim:log", args=[request.signed_in.organization.organization_slug])
    # The filter of the log is in the zone of the reader.
    since = f"{timezone.localtime() - WINDOW:%Y-%m-%dT%H:%M}"
    return {
        "health": gateway.get(connection),
        "failed_requests_url": f"{url}?{urlencode({'outcome': ScimOutcome.FAILED, 'since': since})}",
    }
