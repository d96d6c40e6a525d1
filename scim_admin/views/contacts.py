"""The contacts of the connection, who are emailed when it needs attention."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.directory.errors import Conflict, Invalid
from portal.web.availability import available
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from scim_admin.forms.contacts import ContactsForm
from scim_admin.sections import render_section

_TEMPLATE = "scim_admin/contacts.html"


def contacts(request: PortalRequest) -> HttpResponse:
    """Show and save the contacts."""
    gateway = available(request.directory.scim.contacts, "contacts")
    connection = request.directory.scim.connection.get()
    context: dict[str, Any] = {"connection": connection}
    if connection is None:
        return render_section(request, _TEMPLATE, context)
    found, status = gateway.get(connection.connection_id), 200
    shown = {"addresses": "\n".join(found.addresses), "version": found.version}
    form = ContactsForm(request.POST if request.method == "POST" else None, initial=shown)
    if form.is_bound and form.is_valid():
        try:
            gateway.change(connection.connection_id, form.chosen, version=form.cleaned_data["version"])
        except Invalid as error:
            form.add_error("addresses", error.detail)
        except Conflict as error:
            context["problem"], status = error.detail, error.status
        else:
            messages.success(request, "Contacts saved.")
            return see_other(reverse("scim:connection", args=[request.signed_in.organization.organization_slug]))
    context |= {"form": form, "contacts": found}
    return render_section(request, _TEMPLATE, context, status=422 if form.errors else status)
