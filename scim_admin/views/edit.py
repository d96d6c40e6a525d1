"""Changing the connection's name and identity provider."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.directory.errors import Conflict, Invalid
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from scim_admin.forms.connection import EditConnectionForm
from scim_admin.sections import render_section

_TEMPLATE = "scim_admin/edit.html"


def edit(request: PortalRequest) -> HttpResponse:
    """Show the name and the identity provider, and save them."""
    scim, connection = request.directory.scim, request.directory.scim.connection.get()
    if connection is None:
        return render_section(request, _TEMPLATE, {"connection": None})
    shown = {"display_name": connection.display_name, "identity_provider": connection.identity_provider}
    form = EditConnectionForm(request.POST if request.method == "POST" else None, initial=shown)
    context: dict[str, Any] = {"connection": connection, "form": form}
    status = 200
    if form.is_bound and form.is_valid():
        try:
            scim.connection.update(connection.connection_id, **form.cleaned_data)
        except Invalid as error:
            form.add_error(error.field if error.field in form.fields else None, error.detail)
        except Conflict as error:
            context["problem"], status = error.detail, error.status
        else:
            messages.success(request, "The connection is saved.")
            return see_other(reverse("scim:connection", args=[request.signed_in.organization.organization_slug]))
    return render_section(request, _TEMPLATE, context, status=422 if form.errors else status)
