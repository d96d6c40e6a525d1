"""Where the pages of the account lead back to."""

from django.urls import reverse

from portal.web.request import PortalRequest


def account_url(request: PortalRequest) -> str:
    """Return the path of the account of the member who is signed in."""
    return reverse("account:account", args=[request.signed_in.organization.organization_slug])
