"""How the organization is shown: its name, its address and its IDs."""

from django.http import HttpResponse

from portal.pages.settings.tabs import render_tab
from portal.web.request import PortalRequest


def general(request: PortalRequest) -> HttpResponse:
    """Show name, slug and IDs."""
    return render_tab(request, "settings/general.html", {"organization": request.directory.organization.get()})
