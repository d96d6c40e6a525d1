"""Step-up authentication: send members to the page where they confirm that it's them, and back."""

from django.http import HttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from portal.directory.step_up import proof_is_recent, takes_second_factor
from portal.web.frame_gate import at_top_level
from portal.web.pages import see_other
from portal.web.request import PortalRequest

# The token, and buttons: nothing is saved by coming back.
_OF_THIS_REQUEST = ("csrfmiddlewaretoken", "save", "back")


def step_up(request: PortalRequest, next_url: str) -> HttpResponse:
    """Redirect to the page that asks, and from there to `next_url`, a URL of this organization.

    In a frame, redirect to the page that leads to `next_url` at the portal itself.
    """
    if request.frame:
        return at_top_level(request, next_url)
    confirm = reverse("session:confirm", args=[request.signed_in.organization.organization_slug])
    return see_other(f"{confirm}?{urlencode({'next': next_url})}")


def step_up_with_form(request: PortalRequest) -> HttpResponse:
    """Redirect to the page that asks, and back to this page, whose query then has what was typed into its form."""
    typed = request.POST if request.method == "POST" else request.GET
    fields = [(name, value) for name in typed if name not in _OF_THIS_REQUEST for value in typed.getlist(name)]
    return step_up(request, f"{request.path}?{urlencode(fields)}" if fields else request.path)


def needs_step_up(request: PortalRequest) -> bool:
    """Return whether the member must prove again who they are. Check it before a form is filled in, not after."""
    signed_in = request.signed_in
    return not proof_is_recent(signed_in.session, takes_second_factor=takes_second_factor(signed_in))
