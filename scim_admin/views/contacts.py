"""Whom to tell by e-mail what the connection needs."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.directory.errors import Conflict, Invalid
from portal.directory.scim.features import ScimFeature
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from scim_admin.forms.contacts import ContactsForm
from scim_admin.sections import render_section

_TEMPLATE = "scim_admin/contacts.html"


def contacts(request: PortalRequest) -> HttpResponse:
    """Show the contacts, and save them."""
    scim, connection = request.directory.scim, request.directory.scim.connection.get()
    context: dict[str, Any] = {"connection": connection, "not_offered": ScimFeature.CONTACTS not in scim.offers}
    if connection is None or context["not_offered"]:
        return render_section(request, _TEMPLATE, context)
    found, status = scim.contacts.get(connection.connection_id), 200
    shown = {"addresses": "\n".join(found.addresses), "version": found.version}
    form = ContactsForm(request.POST if request.method == "POST" else None, initial=shown)
    if form.is_bound and form.is_valid():
        try:
            scim.contacts.change(connection.connection_id, form.chosen, version=form.cleaned_data["version"])
        except Invalid as error:
            form.add_error("addresses", error.detail)
        except Conflict as error:
            context["problem"], status = error.detail, error.status
        else:
            messages.success(request, "The contacts are saved.")
            return see_other(reverse("scim:connection", args=[request.signed_in.organization.organization_slug]))
    context |= {"form": form, "contacts": found}
    return render_section(request, _TEMPLATE, context, status=422 if form.errors else status)
