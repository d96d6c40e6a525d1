"""The brake: whether it brakes, who waits, and the decision."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.access.permissions import Permission
from portal.directory.errors import Conflict
from portal.directory.scim_brake import ScimBrakeDecision
from portal.directory.types import ScimFeature
from portal.web import listing
from portal.web.pages import see_other
from portal.web.requests import PortalRequest
from portal.web.rights import right_to
from scim_admin.causes.words import words_of
from scim_admin.forms.brake import BrakeForm
from scim_admin.sections import render_list, render_section

_DONE = {
    ScimBrakeDecision.RELEASE: "Deactivations go on for 24 hours.",
    ScimBrakeDecision.KEEP: "Deactivations keep waiting.",
    ScimBrakeDecision.REARM: "The brake is off, and counts anew.",
}


def brake(request: PortalRequest) -> HttpResponse:
    """Show whether the brake brakes, and a page of those who wait."""
    return _page(request, {})


def decide(request: PortalRequest) -> HttpResponse:
    """Let it go on, keep it waiting, or count anew."""
    scim, form = request.directory.scim, BrakeForm(request.POST)
    connection = scim.connection()
    if not form.is_valid() or connection is None:
        return _page(request, {"problem": "Choose what shall happen."}, status=422)
    decision = form.cleaned_data["decision"]
    try:
        scim.decide_brake(connection.connection_id, decision, version=form.cleaned_data["version"])
    except Conflict as error:
        return _page(request, {"problem": error.detail}, status=409)
    messages.success(request, _DONE[decision])
    return see_other(reverse("scim:brake", args=[request.signed_in.organization.organization_slug]))


def _page(request: PortalRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    scim, query = request.directory.scim, listing.ListQuery(request.GET)
    connection = scim.connection()
    context |= {"query": query, "connection": connection, "not_offered": ScimFeature.BRAKE not in scim.offers}
    if connection is None or context["not_offered"]:
        return render_section(request, "scim_admin/brake.html", context)
    context |= {
        "brake": scim.brake(connection.connection_id),
        "may_decide": right_to(request, Permission.SCIM_UPDATE),
        "words": words_of(connection.identity_provider),
    }
    if not query.is_valid():
        return render_section(request, "scim_admin/brake.html", context, status=422)
    fetch = partial(scim.held_people, connection.connection_id, limit=query.cleaned_data["limit"])
    context["held"] = listing.load(request, lambda cursor: fetch(cursor=cursor), append_to="held-more")
    if "problem" in context:
        return render_section(request, "scim_admin/brake.html", context, status=status)
    return render_list(request, "scim_admin/brake.html", context, "held")
