"""Ending one's own sessions, one or all others, and remembered devices."""

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.pages.account.paths import account_url
from portal.web.availability import available
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from portal.web.session_cookie import forget_session
from portal.web.step_up import needs_step_up, step_up


def end(request: PortalRequest) -> HttpResponse:
    """End the chosen session, or all sessions except this one."""
    signed_in = request.signed_in
    slug = signed_in.organization.organization_slug
    back = account_url(request)
    if needs_step_up(request):
        return step_up(request, back)
    chosen = request.POST.get("member_session_id", "")
    if not chosen:
        request.directory.account.revoke_other_sessions()
        messages.success(request, "You’re signed out everywhere else.")
        return see_other(back)
    request.directory.account.revoke_session(chosen)
    if chosen == signed_in.session.member_session_id:
        response = see_other(reverse("session:signed-out"))
        forget_session(response, slug)
        return response
    messages.success(request, "The session has ended.")
    return see_other(back)


def end_device(request: PortalRequest) -> HttpResponse:
    """Have the chosen device asked for the second factor again."""
    back = account_url(request)
    if needs_step_up(request):
        return step_up(request, back)
    devices = available(request.directory.remembered_devices, "remembered devices")
    devices.forget(request.POST.get("device_id", ""))
    messages.success(request, "That device is asked for your second factor again.")
    return see_other(back)
