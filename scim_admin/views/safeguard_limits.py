"""The limits of the deactivation safeguard, in the settings."""

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from portal.directory.errors import Conflict, Invalid
from portal.web.availability import available
from portal.web.request import PortalRequest
from portal.web.step_up import needs_step_up, step_up
from scim_admin.forms.safeguard import SafeguardLimitsForm
from scim_admin.views.settings import render_settings, see_settings, version_of


def limits(request: PortalRequest) -> HttpResponse:
    """Save the limits. On GET, show the settings."""
    gateway = available(request.directory.scim.safeguard, "safeguard")
    connection = request.directory.scim.connection.get()
    if request.method == "GET" or connection is None:
        return see_settings(request, "safeguard")
    form = SafeguardLimitsForm(gateway.get(connection.connection_id).limits, request.POST)
    if form.is_valid():
        if needs_step_up(request):
            return _ask_for_password(request, form)
        try:
            gateway.change_limits(connection.connection_id, **form.cleaned_data)
        except Invalid as error:
            form.add_error(error.field if error.field in form.fields else None, error.detail)
        except Conflict as error:
            now = gateway.get(connection.connection_id).limits
            said = f"{error.detail} They are now {now.share.value}% and {now.minimum.value:,} people. Save again to replace them."
            form.add_error(None, said)
            return render_settings(request, limits_form=form, status=error.status)
        else:
            messages.success(request, "Safeguard limits saved.")
            return see_settings(request, "safeguard")
    return render_settings(request, limits_form=form, status=422, **version_of(form, "limits_version"))


def _ask_for_password(request: PortalRequest, form: SafeguardLimitsForm) -> HttpResponse:
    """Ask for the password, then show the form with what was typed. It isn't saved until it is sent again."""
    settings = reverse("scim:settings", args=[request.signed_in.organization.organization_slug])
    typed = urlencode({name: form.cleaned_data[name] for name in ("share", "minimum")})
    return step_up(request, f"{settings}?{typed}#safeguard")
