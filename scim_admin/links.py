"""Links between the pages of the SCIM area."""

from urllib.parse import urlencode

from django.urls import reverse

from portal.web.request import PortalRequest


def resource_log_url(request: PortalRequest, resource_type: str, resource_id: str) -> str:
    """Return the URL of the log filtered by one user ("User") or one group ("Group")."""
    url = reverse("scim:log", args=[request.signed_in.organization.organization_slug])
    return f"{url}?{urlencode({'resource_type': resource_type, 'resource_id': resource_id})}"
