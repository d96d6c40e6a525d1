"""The way to the page that asks for the password, and back to the one that needs it."""

from django.http import HttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from portal.directory.step_up import password_is_recent
from portal.web.pages import see_other
from portal.web.request import PortalRequest


def step_up(request: PortalRequest, onward: str) -> HttpResponse:
    """Lead to where the password is entered, and from there to `onward`, an address of this organization."""
    confirm = reverse("session:confirm", args=[request.signed_in.organization.organization_slug])
    return see_other(f"{confirm}?{urlencode({'next': onward})}")


def needs_step_up(request: PortalRequest) -> bool:
    """Say whether the password must be entered first: better before anybody fills in a form than after."""
    return not password_is_recent(request.signed_in.session)
