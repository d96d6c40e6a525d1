"""The overview of the SCIM connection."""

from typing import Any

from django.http import HttpResponse

from portal.directory.scim.connection import ScimConnection
from portal.web.request import PortalRequest
from portal.web.scim.health import health_context
from portal.web.scim.safeguard import safeguard_of
from portal.web.scim.token_expiry import token_expiry
from portal.web.scim.users_without_access import users_without_access
from scim_admin.guides import guide_for
from scim_admin.lifecycle import lifecycle
from scim_admin.sections import render_section


def connection(request: PortalRequest) -> HttpResponse:
    """Show the connection. A button loads its groups."""
    found = request.directory.scim.connection.get()
    context = {
        **connection_card(found),
        "safeguard": safeguard_of(request, found),
        "users_without_access": users_without_access(request, found),
        **health_context(request, found),
        **lifecycle(request, found),
    }
    return render_section(request, "scim_admin/connection.html", context)


def connection_card(connection: ScimConnection | None) -> dict[str, Any]:
    """Return the context of the connection's card."""
    if connection is None:
        return {"connection": None}
    return {
        "connection": connection,
        "guide": guide_for(connection.identity_provider),
        "token_expiry": token_expiry(connection),
    }
