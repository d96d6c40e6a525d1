"""Ending the sessions of a member: one, or all."""

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.directory.errors import NotFound
from portal.pages.members.dialogs import is_own, member_url, name_of
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from portal.web.session_cookie import forget_session
from portal.web.step_up import needs_step_up, step_up


def end(request: PortalRequest, member_id: str) -> HttpResponse:
    """End the chosen session, or all of them."""
    url = member_url(request, member_id)
    if needs_step_up(request):
        return step_up(request, url)
    member = request.directory.members.details(member_id).listed.member
    chosen = request.POST.get("member_session_id", "")
    if not chosen:
        request.directory.sessions.revoke_for_member(member_id)
        if is_own(request, member_id):
            return _signed_out(request)
        messages.success(request, f"All sessions of {name_of(member)} have ended.")
        return see_other(url)
    try:
        request.directory.sessions.revoke_session(chosen, member_id=member_id)
    except NotFound:  # it ended in the meantime
        messages.info(request, "That session had ended already.")
        return see_other(url)
    if chosen == request.signed_in.session.member_session_id:
        return _signed_out(request)
    messages.success(request, "The session has ended.")
    return see_other(url)


def _signed_out(request: PortalRequest) -> HttpResponse:
    response = see_other(reverse("session:signed-out"))
    forget_session(response, request.signed_in.organization.organization_slug)
    return response
