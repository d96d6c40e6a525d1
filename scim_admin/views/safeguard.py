"""The deactivation safeguard: whether deactivations are on hold, which people, and the decision."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.directory.errors import Conflict
from portal.directory.permissions import Permission
from portal.directory.scim.connection import ScimConnection
from portal.directory.scim.safeguard import ScimSafeguardDecision, ScimSafeguardGateway
from portal.web import listing
from portal.web.availability import available
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from portal.web.rights import right_to
from scim_admin.attention import after_decision, attention_context
from scim_admin.causes.words import words_for
from scim_admin.forms.safeguard import ApproveForm, SafeguardForm
from scim_admin.sections import render_list, render_section

_APPROVE = "scim_admin/safeguard_approve.html"
_SHOWN, _GROUPS_SHOWN = 25, 100
_DONE = {
    ScimSafeguardDecision.KEEP: "Deactivations stay on hold.",
    ScimSafeguardDecision.REARM: "Hold cleared. The count starts again.",
}


def safeguard(request: PortalRequest) -> HttpResponse:
    """Show the state of the safeguard, and a page of the people on hold."""
    return _page(request, {})


def decide(request: PortalRequest) -> HttpResponse:
    """Keep or clear the hold, or go to the page that shows who an approval affects."""
    gateway, form = available(request.directory.scim.safeguard, "safeguard"), SafeguardForm(request.POST)
    connection = request.directory.scim.connection.get()
    if not form.is_valid() or connection is None:
        return _page(request, {"problem": "Choose what happened."}, status=422)
    decision = form.cleaned_data["decision"]
    if decision is ScimSafeguardDecision.RELEASE:
        return see_other(_url(request, "safeguard-approve"))
    try:
        gateway.decide(connection.connection_id, decision, version=form.cleaned_data["version"])
    except Conflict as error:
        return _page(request, {"problem": error.detail}, status=409)
    messages.success(request, _DONE[decision])
    return see_other(_url(request, after_decision(request, "safeguard")))


def approve(request: PortalRequest) -> HttpResponse:
    """Show who loses access, and approve exactly these deactivations once their number is typed."""
    gateway = available(request.directory.scim.safeguard, "safeguard")
    connection = request.directory.scim.connection.get()
    if connection is None or connection.hold_started_at is None:
        return see_other(_url(request))
    form = ApproveForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _approve_page(request, gateway, connection, form)
    version, number = form.cleaned_data["version"], form.cleaned_data["number"]
    try:
        gateway.decide(connection.connection_id, ScimSafeguardDecision.RELEASE, version=version, count=number)
    except Conflict as error:
        return _approve_page(request, gateway, connection, ApproveForm(), error)
    messages.success(request, f"Approved for {number:,} {'person' if number == 1 else 'people'}.")
    return see_other(_url(request))


def _approve_page(
    request: PortalRequest,
    gateway: ScimSafeguardGateway,
    connection: ScimConnection,
    form: ApproveForm,
    error: Conflict | None = None,
) -> HttpResponse:
    context = {
        "connection": connection,
        "form": form,
        "problem": error.detail if error else "",
        "safeguard": gateway.get(connection.connection_id),
        "number": gateway.held_count(connection.connection_id),
        "held": gateway.held_users(connection.connection_id, limit=_SHOWN),
        "held_groups": gateway.held_groups(connection.connection_id, limit=_GROUPS_SHOWN),
        "words": words_for(connection.identity_provider),
    }
    status = 422 if form.is_bound else 200
    return render_section(request, _APPROVE, context, status=error.status if error else status)


def _url(request: PortalRequest, name: str = "safeguard") -> str:
    return reverse(f"scim:{name}", args=[request.signed_in.organization.organization_slug])


def _page(request: PortalRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    gateway, query = available(request.directory.scim.safeguard, "safeguard"), listing.ListQuery(request.GET)
    connection = request.directory.scim.connection.get()
    context |= {"query": query, "connection": connection}
    if request.htmx.target != "held-more":
        context |= attention_context(request, connection, "safeguard")
    if connection is None:
        return render_section(request, "scim_admin/safeguard.html", context)
    context |= {
        "safeguard": gateway.get(connection.connection_id),
        "may_decide": right_to(request, Permission.SCIM_UPDATE),
        "words": words_for(connection.identity_provider),
    }
    if context["safeguard"].held_group_count:
        context["held_groups"] = gateway.held_groups(connection.connection_id, limit=_GROUPS_SHOWN)
    if not query.is_valid():
        return render_section(request, "scim_admin/safeguard.html", context, status=422)
    fetch = partial(gateway.held_users, connection.connection_id, limit=query.size)
    context["held"] = listing.load(request, lambda cursor: fetch(cursor=cursor), append_to="held-more")
    if "problem" in context:
        return render_section(request, "scim_admin/safeguard.html", context, status=status)
    return render_list(request, "scim_admin/safeguard.html", context, "held")
