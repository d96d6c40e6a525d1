"""Where the organization is not as its identity provider says, each with its fix."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.access.permissions import Permission
from portal.directory.directory import ScimGateway
from portal.directory.errors import Conflict
from portal.directory.pages import Page
from portal.directory.scim.features import ScimFeature
from portal.web import listing
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from portal.web.rights import right_to
from scim_admin.forms.drift import DriftQuery, Kind, TakeForm
from scim_admin.sections import Section, render_list, render_section


def drift(request: PortalRequest) -> HttpResponse:
    """Show a page of one kind."""
    return _page(request, {})


def take(request: PortalRequest) -> HttpResponse:
    """Make a member as the identity provider says."""
    scim, form = request.directory.scim, TakeForm(request.POST)
    connection = scim.connection.get()
    if not form.is_valid() or connection is None:
        return _page(request, {"problem": "Choose whose values to take."}, status=422)
    try:
        scim.drift.take_idp_values(
            connection.connection_id, form.cleaned_data["user_id"], version=form.cleaned_data["version"]
        )
    except Conflict as error:
        return _page(request, {"problem": error.detail}, status=error.status)
    messages.success(request, "The member is as the identity provider says again.")
    return see_other(_url(request))


def _page(request: PortalRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    scim, query = request.directory.scim, DriftQuery(request.GET)
    connection = scim.connection.get()
    context |= {"query": query, "connection": connection, "not_offered": ScimFeature.DRIFT not in scim.offers}
    if not query.is_valid() or connection is None or context["not_offered"]:
        status = 422 if query.errors else status
        return render_section(request, "scim_admin/drift.html", context, fragments=["drift"], status=status)
    kind, limit = query.cleaned_data["kind"], query.cleaned_data["limit"]
    fetch = partial(_fetch, scim, kind, connection.connection_id, limit)
    context |= {
        "drift": listing.load(request, fetch, append_to="drift-more"),
        "kind": kind,
        "kinds": tuple(Section(one.label, f"{_url(request)}?kind={one}", one is kind) for one in Kind),
        "may_take": right_to(request, Permission.SCIM_UPDATE),
    }
    if "problem" in context:
        return render_section(request, "scim_admin/drift.html", context, status=status)
    return render_list(request, "scim_admin/drift.html", context, "drift")


def _fetch(scim: ScimGateway, kind: Kind, connection_id: str, limit: int, cursor: str) -> Page[Any]:
    calls: dict[Kind, Callable[..., Page[Any]]] = {
        Kind.CHANGED: scim.drift.changed_users,
        Kind.UNMANAGED: scim.drift.unmanaged_members,
        Kind.GROUP_ROLES: scim.drift.drifted_group_roles,
        Kind.UNMAPPED: scim.drift.unmapped_groups,
    }
    return calls[kind](connection_id, cursor=cursor, limit=limit)


def _url(request: PortalRequest) -> str:
    return reverse("scim:drift", args=[request.signed_in.organization.organization_slug])
