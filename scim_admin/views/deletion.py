"""Deleting the connection."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.template.defaultfilters import date
from django.urls import reverse
from django.utils import timezone

from portal.directory.errors import Conflict
from portal.directory.scim.connection import ScimConnection
from portal.directory.scim.deletion import ScimDeletion
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from scim_admin.forms.deletion import DeleteForm
from scim_admin.sections import render_section

_TEMPLATE = "scim_admin/deletion.html"


def delete(request: PortalRequest) -> HttpResponse:
    """Show what deleting the connection ends, and delete it."""
    scim = request.directory.scim
    connection = scim.connection.get()
    if connection is None:
        return render_section(request, _TEMPLATE, {"connection": None})
    deactivation = scim.deletion.deactivation
    deletion, problem, status = scim.deletion.preview(connection.connection_id), "", 200
    form = DeleteForm(deletion, request.POST or None, can_deactivate=deactivation is not None)
    if request.method == "POST" and form.is_valid():
        gateway = deactivation if deactivation and form.deactivates else scim.deletion
        try:
            done = gateway.delete(connection.connection_id, version=form.cleaned_data["version"])
        except Conflict as error:
            problem, status = error.detail, error.status
        else:
            messages.success(request, _message(done, deactivates=gateway is deactivation))
            return see_other(_next_url(request, done))
    elif form.is_bound:
        status = 422
    context: dict[str, Any] = {
        "connection": connection,
        "deletion": deletion,
        "form": form,
        "can_deactivate": deactivation is not None,
        "about": _about(connection, deletion, can_restore=scim.restoration is not None),
        "loses_own": [one.role_id for one in deletion.role_losses if one.includes_caller],
        "problem": problem,
    }
    return render_section(request, _TEMPLATE, context, status=status)


def _about(connection: ScimConnection, deletion: ScimDeletion, *, can_restore: bool) -> str:
    """Return what the deletion does, and until when it can be undone."""
    provider = connection.identity_provider.in_text
    ends = f"{provider[:1].upper()}{provider[1:]} can no longer connect, and its token stops working."
    if not can_restore or deletion.restorable_until is None:
        return f"{ends} This can’t be undone."
    until = date(timezone.localtime(deletion.restorable_until), "j M Y")
    return f"{ends} You can restore the connection until {until}, with the same token."


def _message(done: ScimDeletion, *, deactivates: bool) -> str:
    """Return what happened to the connection and its people, and who was not deactivated."""
    deleted = f"{done.display_name} is deleted."
    if not deactivates:
        return f"{deleted} Its people stay members." if done.users else deleted
    people = "person was" if done.deactivated_count == 1 else "people were"
    exempt = f" Not deactivated: {', '.join(done.exempt)}." if done.exempt else ""
    return f"{deleted} {done.deactivated_count:,} {people} deactivated.{exempt}"


def _next_url(request: PortalRequest, done: ScimDeletion) -> str:
    """Return the next page: the home page for a member who may no longer see this area."""
    name = "home:home" if any(one.includes_caller for one in done.role_losses) else "scim:connection"
    return reverse(name, args=[request.signed_in.organization.organization_slug])
