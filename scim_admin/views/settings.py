"""The settings of the connection: name, token, safeguard, contacts, and how it ends. Each form has a view of its own."""

from typing import Any

from django.forms import BaseForm
from django.http import HttpResponse
from django.urls import reverse

from portal.directory.permissions import Permission
from portal.directory.scim.connection import ScimConnection
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from portal.web.rights import right_to
from scim_admin.forms.connection import EditConnectionForm
from scim_admin.forms.contacts import ContactsForm
from scim_admin.forms.safeguard import SafeguardLimitsForm
from scim_admin.sections import render_section
from scim_admin.views.connection import connection_card

_TEMPLATE = "scim_admin/settings.html"


def settings(request: PortalRequest) -> HttpResponse:
    """Show the settings of the connection."""
    return render_settings(request)


def token(request: PortalRequest) -> HttpResponse:
    """Redirect to the token within the settings."""
    return see_settings(request, "token")


def render_settings(request: PortalRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    """Answer with the settings; `more` is the form that was sent, with its errors, or the `problem` with it.

    A form that is corrected keeps its version (`version_of()`): the page doesn't show what someone else changed in the meantime.
    """
    connection = request.directory.scim.connection.get()
    if connection is None:
        return render_section(request, _TEMPLATE, {"connection": None}, status=status)
    context = {**_context(request, connection), **more}
    return render_section(request, _TEMPLATE, context, status=status)


def version_of(form: BaseForm, name: str) -> dict[str, str]:
    """Return the version that the form was sent with, as the context's `name`; nothing if it wasn't sent with one."""
    version = form.cleaned_data.get("version")
    return {name: version} if version else {}


def see_settings(request: PortalRequest, section: str = "") -> HttpResponse:
    """Redirect to the settings, or to a section of them."""
    url = reverse("scim:settings", args=[request.signed_in.organization.organization_slug])
    return see_other(f"{url}#{section}" if section else url)


def _context(request: PortalRequest, connection: ScimConnection) -> dict[str, Any]:
    scim, connection_id = request.directory.scim, connection.connection_id
    contacts = scim.contacts.get(connection_id) if scim.contacts else None
    safeguard = scim.safeguard.get(connection_id) if scim.safeguard else None
    return {
        **connection_card(connection),
        "tokens": scim.tokens.get(connection_id),
        "safeguard": safeguard,
        "limits_form": SafeguardLimitsForm(safeguard.limits, kept=request.GET) if safeguard else None,
        "limits_version": safeguard.limits.version if safeguard else "",
        "contacts": contacts,
        "edit_form": EditConnectionForm.of(connection),
        "edit_version": connection.version,
        "contacts_form": ContactsForm.of(contacts) if contacts else None,
        "contacts_version": contacts.version if contacts else "",
        "can_pause": scim.pause is not None,
        "can_restore": scim.restoration is not None,
        "may_update": right_to(request, Permission.SCIM_UPDATE),
        "may_delete": right_to(request, Permission.SCIM_DELETE),
    }
