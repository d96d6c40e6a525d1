"""Differences between the organization and its identity provider, each with its fix."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.directory.errors import Conflict
from portal.directory.pages import Page
from portal.directory.permissions import Permission
from portal.directory.scim.drift import ScimDriftGateway
from portal.web import listing
from portal.web.availability import available
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from portal.web.rights import right_to
from scim_admin.attention import after_decision, attention_context
from scim_admin.forms.drift import DriftKind, DriftQuery, TakeForm
from scim_admin.sections import Section, render_list, render_section

_TEMPLATE = "scim_admin/drift.html"


def drift(request: PortalRequest) -> HttpResponse:
    """Show a page of the differences of one kind."""
    return _page(request, {})


def take(request: PortalRequest) -> HttpResponse:
    """Replace a member's values with those that the identity provider last sent."""
    gateway, form = available(request.directory.scim.drift, "drift"), TakeForm(request.POST)
    connection = request.directory.scim.connection.get()
    if not form.is_valid() or connection is None:
        return _page(request, {"problem": "Choose a person."}, status=422)
    user_id, version = form.cleaned_data["user_id"], form.cleaned_data["version"]
    try:
        gateway.take_idp_values(connection.connection_id, user_id, version=version)
    except Conflict as error:
        return _page(request, {"problem": error.detail}, status=error.status)
    messages.success(request, f"The member now matches {connection.identity_provider.in_text}.")
    return see_other(_url(request, after_decision(request, "drift")))


def _page(request: PortalRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    gateway, query = available(request.directory.scim.drift, "drift"), DriftQuery(request.GET)
    connection = request.directory.scim.connection.get()
    context |= {"query": query, "connection": connection}
    if request.htmx.target != "drift-more":
        context |= attention_context(request, connection, "drift")
    if not query.is_valid() or connection is None:
        status = 422 if query.errors else status
        return render_section(request, _TEMPLATE, context, fragments=["drift"], status=status)
    kind, limit = query.cleaned_data["kind"], query.size
    fetch = partial(_reader(gateway, kind), connection.connection_id, limit=limit)
    context |= {
        "drift": listing.load(request, lambda cursor: fetch(cursor=cursor), append_to="drift-more"),
        "kind": kind,
        "kinds": tuple(Section(one.label, f"{_url(request)}?kind={one}", one is kind) for one in DriftKind),
        "opens_members": request.allows(Permission.MEMBER_SEARCH),
        "may_decide": right_to(request, Permission.SCIM_UPDATE),
    }
    if "problem" in context:
        return render_section(request, _TEMPLATE, context, status=status)
    return render_list(request, _TEMPLATE, context, "drift")


def _reader(gateway: ScimDriftGateway, kind: DriftKind) -> Callable[..., Page[Any]]:
    readers: dict[DriftKind, Callable[..., Page[Any]]] = {
        DriftKind.CHANGED: gateway.changed_users,
        DriftKind.UNMANAGED: gateway.unmanaged_members,
        DriftKind.GROUP_ROLES: gateway.drifted_group_roles,
        DriftKind.UNMAPPED: gateway.unmapped_groups,
    }
    return readers[kind]


def _url(request: PortalRequest, name: str = "drift") -> str:
    return reverse(f"scim:{name}", args=[request.signed_in.organization.organization_slug])
