"""Restoring a deleted connection."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone

from portal.directory.errors import Conflict
from portal.web import listing
from portal.web.availability import available
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from portal.web.step_up import needs_step_up, step_up
from scim_admin.forms.restoration import RestoreForm
from scim_admin.sections import render_list, render_section

_LIST = "scim_admin/deleted_connections.html"
_TEMPLATE = "scim_admin/restoration.html"


def deleted_connections(request: PortalRequest) -> HttpResponse:
    """Show a page of the connections that can be restored."""
    restoration, query = available(request.directory.scim.restoration, "restoration"), listing.ListQuery(request.GET)
    context: dict[str, Any] = {"query": query}
    if not query.is_valid():
        return render_section(request, _LIST, context, status=422)
    fetch = partial(restoration.page, limit=query.size)
    context["deleted"] = listing.load(request, lambda cursor: fetch(cursor=cursor), append_to="deleted-more")
    return render_list(request, _LIST, context, "deleted")


def restore(request: PortalRequest, connection_id: str) -> HttpResponse:
    """Show what a restored connection brings back, and restore it."""
    gateway = available(request.directory.scim.restoration, "restoration")
    restoration, problem, status = gateway.preview(connection_id), "", 200
    form = RestoreForm(request.POST if request.method == "POST" else None, initial=request.GET.dict())
    if needs_step_up(request) and not restoration.obstacle:
        # The tokens are valid again. The choice is kept.
        chosen = "?reactivate=on" if "reactivate" in (request.POST or request.GET) else ""
        return step_up(request, request.path + chosen)
    if request.method == "POST" and form.is_valid():
        try:
            reactivated = gateway.restore(connection_id, reactivate=form.cleaned_data["reactivate"])
        except Conflict as error:
            problem, status = error.detail, error.status
        else:
            people = "person is" if reactivated == 1 else "people are"
            suffix = f" {reactivated:,} {people} active again." if reactivated else ""
            messages.success(request, f"{restoration.connection.display_name} is restored.{suffix}")
            return see_other(reverse("scim:connection", args=[request.signed_in.organization.organization_slug]))
    context = {
        "restoration": restoration,
        "deactivated": restoration.may_return + restoration.taken,
        "token_has_expired": restoration.token_expires_at <= timezone.now(),
        "form": form,
        "problem": problem,
    }
    return render_section(request, _TEMPLATE, context, status=status)
