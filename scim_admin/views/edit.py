"""Changing the connection's name and identity provider."""

from django.contrib import messages
from django.http import HttpResponse

from portal.directory.errors import Conflict, Invalid
from portal.web.request import PortalRequest
from scim_admin.forms.connection import EditConnectionForm
from scim_admin.views.settings import render_settings, see_settings, version_of


def edit(request: PortalRequest) -> HttpResponse:
    """Save the name and the identity provider. On GET, show the settings."""
    scim, connection = request.directory.scim, request.directory.scim.connection.get()
    if request.method == "GET" or connection is None:
        return see_settings(request)
    form = EditConnectionForm(request.POST)
    if form.is_valid():
        try:
            scim.connection.update(connection.connection_id, **form.cleaned_data)
        except Invalid as error:
            form.add_error(error.field if error.field in form.fields else None, error.detail)
        except Conflict as error:
            now = scim.connection.get() or connection
            form.add_error(None, f"{error.detail} It is now called {now.display_name}. Save again to replace that.")
            return render_settings(request, edit_form=form, status=error.status)
        else:
            messages.success(request, "Connection saved.")
            return see_settings(request)
    return render_settings(request, edit_form=form, status=422, **version_of(form, "edit_version"))
