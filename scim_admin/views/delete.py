"""Deleting the connection: what that takes away, and from whom."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.directory.errors import Conflict
from portal.directory.scim.deletion import ScimDeletion, ScimUserChoice
from portal.directory.scim.features import ScimFeature
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from scim_admin.forms.delete import DeleteForm
from scim_admin.sections import render_section

_TEMPLATE = "scim_admin/delete.html"


def delete(request: PortalRequest) -> HttpResponse:
    """Show what deleting takes away, and delete."""
    scim = request.directory.scim
    connection = scim.connection.get()
    if connection is None:
        return render_section(request, _TEMPLATE, {"connection": None})
    offers_choice = ScimFeature.PEOPLE_CHOICE in scim.offers
    deletion, problem, status = scim.deletion.preview(connection.connection_id), "", 200
    form = DeleteForm(deletion, request.POST or None, offers_choice=offers_choice)
    if request.method == "POST" and form.is_valid():
        try:
            done = scim.deletion.delete(
                connection.connection_id, people=form.chosen, version=form.cleaned_data["version"]
            )
        except Conflict as error:
            problem, status = error.detail, error.status
        else:
            messages.success(request, _said(done, form.chosen))
            return see_other(_onward(request, done))
    elif form.is_bound:
        status = 422
    context: dict[str, Any] = {
        "connection": connection,
        "deletion": deletion,
        "form": form,
        "offers_choice": offers_choice,
        "can_restore": ScimFeature.RESTORE in scim.offers,
        "loses_own": [one.role_id for one in deletion.role_losses if one.includes_caller],
        "problem": problem,
    }
    return render_section(request, _TEMPLATE, context, status=status)


def _said(done: ScimDeletion, people: ScimUserChoice) -> str:
    """Return in words what happened, also to whom it did not."""
    said = f"{done.display_name} is deleted."
    if people is ScimUserChoice.KEEP:
        return f"{said} Its people stay members." if done.people else said
    number = f"{done.deactivated:,} {'person was' if done.deactivated == 1 else 'people were'} deactivated."
    kept = f" Not deactivated: {', '.join(done.staying)}." if done.staying else ""
    return f"{said} {number}{kept}"


def _onward(request: PortalRequest, done: ScimDeletion) -> str:
    """Return where to go on: who may not see this area any more, goes home."""
    name = "home:home" if any(one.includes_caller for one in done.role_losses) else "scim:connection"
    return reverse(name, args=[request.signed_in.organization.organization_slug])
