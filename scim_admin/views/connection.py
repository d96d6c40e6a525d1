"""The overview of the SCIM connection."""

from functools import partial
from typing import Any

from django.http import HttpResponse

from portal.directory.pages import DEFAULT_LIMIT
from portal.directory.permissions import Permission
from portal.directory.scim.connection import ScimConnection
from portal.web import listing
from portal.web.pages import private
from portal.web.request import PortalRequest
from portal.web.rights import right_to
from portal.web.scim.health import health_context
from portal.web.scim.safeguard import safeguard_of
from portal.web.scim.token_expiry import token_expiry
from portal.web.scim.traffic import traffic
from portal.web.scim.users_without_access import users_without_access
from scim_admin.guides import guide_for
from scim_admin.sections import render_list, render_section

_TEMPLATE = "scim_admin/connection.html"
_FRAGMENTS = ("groups", "groups-more")


def connection(request: PortalRequest) -> HttpResponse:
    """Show the connection. A button loads its groups below it, page by page."""
    found = request.directory.scim.connection.get()
    groups = _groups(request, found)
    if request.htmx.target in _FRAGMENTS and not groups:  # The connection was deleted in the meantime.
        return private(HttpResponse(headers={"HX-Refresh": "true"}))
    # A list that starts again comes with the whole page.
    has_restarted = bool(groups) and groups["groups"].has_restarted
    if request.htmx.target in _FRAGMENTS and not has_restarted:
        return render_list(request, _TEMPLATE, {"connection": found, **groups}, "groups")
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
        **groups,
    }
    if groups:
        return render_list(request, _TEMPLATE, context, "groups")
    return render_section(request, _TEMPLATE, context)


def _groups(request: PortalRequest, connection: ScimConnection | None) -> dict[str, Any]:
    """Return a page of the groups, once the button was pressed, which the address says."""
    if connection is None or "groups" not in request.GET:
        return {}
    query, scim = listing.ListQuery(request.GET), request.directory.scim
    fetch = partial(scim.groups.page, connection.connection_id, limit=query.size if query.is_valid() else DEFAULT_LIMIT)
    return {
        "groups": listing.load(request, lambda cursor: fetch(cursor=cursor), append_to="groups-more"),
        "opens": scim.group_details is not None,
        "may_change": right_to(request, Permission.SCIM_UPDATE, Permission.IMPLICIT_ROLES),
    }


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
