"""Ways from one page of the area to another."""

from urllib.parse import urlencode

from django.urls import reverse

from portal.web.request import PortalRequest


def log_of(request: PortalRequest, resource_type: str, resource_id: str) -> str:
    """Return the address of the log of one person ("User") or one group ("Group")."""
    url = reverse("scim:log", args=[request.signed_in.organization.organization_slug])
    return f"{url}?{urlencode({'resource_type': resource_type, 'resource_id': resource_id})}"
