"""The contacts of the connection, who are emailed when it needs attention."""

from django.contrib import messages
from django.http import HttpResponse

from portal.directory.errors import Conflict, Invalid
from portal.web.availability import available
from portal.web.request import PortalRequest
from scim_admin.forms.contacts import ContactsForm
from scim_admin.views.settings import render_settings, see_settings, version_of


def contacts(request: PortalRequest) -> HttpResponse:
    """Save the contacts. On GET, show the settings."""
    gateway = available(request.directory.scim.contacts, "contacts")
    connection = request.directory.scim.connection.get()
    if request.method == "GET" or connection is None:
        return see_settings(request, "contacts")
    form = ContactsForm(request.POST)
    if form.is_valid():
        try:
            gateway.change(connection.connection_id, form.chosen, version=form.cleaned_data["version"])
        except Invalid as error:
            form.add_error("addresses", error.detail)
        except Conflict as error:
            now = ", ".join(gateway.get(connection.connection_id).addresses) or "none"
            form.add_error(None, f"{error.detail} The contacts are now: {now}.")
            return render_settings(request, contacts_form=form, status=error.status)
        else:
            messages.success(request, "Contacts saved.")
            return see_settings(request, "contacts")
    return render_settings(request, contacts_form=form, status=422, **version_of(form, "contacts_version"))
