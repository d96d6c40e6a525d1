"""What every page that shows the connection says of how it is (scim_admin/_health.html)."""

from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from portal.directory.errors import NotOffered
from portal.directory.scim.connection import ScimConnection
from portal.directory.scim.health import WINDOW
from portal.directory.scim.log import ScimOutcome
from portal.web.request import PortalRequest


def health_of(request: PortalRequest, connection: ScimConnection | None) -> dict[str, Any]:
    """Return how the connection is and where its refused calls are, or why the directory does not tell."""
    if connection is None:
        return {}
    try:
        health = request.directory.scim.health.get(connection)
    except NotOffered as error:
        return {"health_not_offered": error.detail}
    url = reverse("scim:log", args=[request.signed_in.organization.organization_slug])
    since = f"{timezone.now() - WINDOW:%Y-%m-%dT%H:%M}"
    return {"health": health, "refused_url": f"{url}?{urlencode({'outcome': ScimOutcome.REFUSED, 'since': since})}"}
