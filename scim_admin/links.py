"""Ways from one page of the area to another that not every portal has."""

from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse

from portal.web.requests import PortalRequest


def log_of(request: PortalRequest, resource_type: str, resource_id: str) -> str:
    """Return the address of the log of one person ("User") or one group ("Group"), "" where there is no log."""
    try:
        url = reverse("scim:log", args=[request.signed_in.organization.organization_slug])
    except NoReverseMatch:
        return ""
    return f"{url}?{urlencode({'resource_type': resource_type, 'resource_id': resource_id})}"
