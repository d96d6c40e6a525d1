"""Remembering the browser that a member signs in with, so that it isn't asked for the second factor for a while."""

from django.http import HttpResponse

from portal.directory.errors import Forbidden, Unauthenticated
from portal.directory.sessions import SignedIn
from portal.pages.session.forms import RememberDeviceForm
from portal.web.device_cookie import keep_device
from portal.web.request import PortalRequest
from portal.web.second_factors import RECOVERY


def remember_form(request: PortalRequest, factor: str) -> RememberDeviceForm | None:
    """Return the form that offers it beside a second factor; None where it isn't possible."""
    devices = request.directory.remembered_devices
    if devices is None or not devices.days or factor == RECOVERY:
        return None
    return RememberDeviceForm(request.POST if "code" in request.POST else None, days=devices.days)


def remember_device(request: PortalRequest, response: HttpResponse, signed_in: SignedIn, factor: str) -> None:
    """Remember the browser if the member asked for it. They are signed in, whether or not it's possible by now."""
    form, devices = remember_form(request, factor), request.directory.acting_as(signed_in).remembered_devices
    if form is None or devices is None or not form.is_valid() or not form.cleaned_data["remember_device"]:
        return
    try:
        device = devices.remember()
    except (Forbidden, Unauthenticated):
        # An admin has forbidden it since the page was shown.
        return
    keep_device(request, response, signed_in.organization.organization_id, device)
