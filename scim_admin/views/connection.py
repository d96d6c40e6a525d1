"""The overview of the SCIM connection."""

from typing import Any

from django.http import HttpResponse

from portal.directory.permissions import Permission
from portal.directory.scim.connection import ScimConnection
from portal.web.request import PortalRequest
from portal.web.rights import right_to
from portal.web.scim.health import health_context
from portal.web.scim.safeguard import safeguard_of
from portal.web.scim.token_expiry import token_expiry
from portal.web.scim.traffic import traffic
from portal.web.scim.users_without_access import users_without_access
from scim_admin.guides import guide_for
from scim_admin.sections import render_section


def connection(request: PortalRequest) -> HttpResponse:
    """Show the connection. A button loads its groups."""
    found = request.directory.scim.connection.get()
    counts, contacts = request.directory.counts, request.directory.scim.contacts
    context = {
        **connection_card(found),
        "scim_counts": counts.scim(found.connection_id) if found and counts else None,
        "traffic": traffic(request, found),
        "contacts": contacts.get(found.connection_id) if found and contacts else None,
        "safeguard": safeguard_of(request, found),
        "users_without_access": users_without_access(request, found),
        **health_context(request, found),
        **creation(request),
    }
    return render_section(request, "scim_admin/connection.html", context)


def creation(request: PortalRequest) -> dict[str, Any]:
    """Return what a page without a connection offers (scim_admin/_no_connection.html)."""
    return {
        "may_create": right_to(request, Permission.SCIM_CREATE),
        "can_restore": request.directory.scim.restoration is not None,
    }


def connection_card(connection: ScimConnection | None) -> dict[str, Any]:
    """Return the context of the connection's card."""
    if connection is None:
        return {"connection": None}
    return {
        "connection": connection,
        "guide": guide_for(connection.identity_provider),
        "token_expiry": token_expiry(connection),
    }
