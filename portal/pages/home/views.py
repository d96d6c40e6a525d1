"""The home page of an organization: numbers, what needs attention, connections, recent activity and next steps."""

from typing import Any

from django.http import HttpResponse

from portal.directory.domains import Domain
from portal.directory.permissions import Permission
from portal.directory.scim.connection import ScimConnection
from portal.pages.home.attention import attention_context
from portal.pages.home.sign_in import sign_in_attention
from portal.pages.home.steps import first_steps, next_steps
from portal.web.activity.recent import recent_changes
from portal.web.pages import render_page
from portal.web.request import PortalRequest
from portal.web.rights import helpers_of, right_to
from portal.web.scim.health import health_context
from portal.web.scim.traffic import traffic

# Entries of the activity log, and members of a new organization, that are shown.
_RECENT, _MEMBERS = 5, 3
_DOMAINS = 3
# What needs attention without a connection, too.
_OWN_ITEMS = ("sign_in", "domains", "expiring_invitations")


def home(request: PortalRequest) -> HttpResponse:
    """Show what the member may see of the organization, and what to do next."""
    right = right_to(request, Permission.SCIM_GET)
    connection = request.directory.scim.connection.get() if right.is_granted else None
    context: dict[str, Any] = {
        "may_see_scim": right,
        "connection": connection,
        "recent": recent_changes(request, limit=_RECENT),
        **sign_in_attention(request),
        "domains": _domains(request),
    }
    if connection is not None:
        context |= _connected(request, connection)
    elif right.is_granted:
        context |= _new(request)
    else:
        context["helpers"] = helpers_of(request, right.who_can_help)
    counts = request.directory.counts
    if "steps" in context and connection is None:
        # A new organization's few members are listed.
        counts = None
    if request.allows(Permission.MEMBER_SEARCH):
        expiring = request.directory.invitations.expiring()
        context["expiring_invitations"] = expiring if expiring and (expiring.expired or expiring.expiring) else None
        if counts is not None:
            context["member_counts"] = counts.members()
    context["has_own_items"] = any(context.get(name) for name in _OWN_ITEMS)
    return render_page(request, "home/home.html", context)


def _domains(request: PortalRequest) -> tuple[Domain, ...]:
    """Return the domains that need attention, for those who can do something about it."""
    gateway = request.directory.domains
    if gateway is None or not request.allows(Permission.ALLOWED_DOMAINS):
        return ()
    return tuple(one for one in gateway.all() if one.needs_attention)[:_DOMAINS]


def _connected(request: PortalRequest, connection: ScimConnection) -> dict[str, Any]:
    health, counts = health_context(request, connection), request.directory.counts
    scim_counts = counts.scim(connection.connection_id) if counts else None
    return {
        **health,
        **attention_context(request, connection, health),
        "scim_counts": scim_counts,
        "unmanaged": counts.unmanaged_members(connection.connection_id) if counts else None,
        "traffic": traffic(request, connection),
        "steps": next_steps(request, connection, scim_counts),
        "may_resume": right_to(request, Permission.SCIM_UPDATE),
    }


def _new(request: PortalRequest) -> dict[str, Any]:
    may_list = request.allows(Permission.MEMBER_SEARCH)
    return {
        "steps": first_steps(request),
        "may_create": right_to(request, Permission.SCIM_CREATE),
        "members": request.directory.members.page(limit=_MEMBERS) if may_list else None,
        "own_id": request.signed_in.member.member_id,
    }
