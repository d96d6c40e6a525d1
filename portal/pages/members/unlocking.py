"""Unlocking a member, after too many wrong passwords or codes."""

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.access import rate_limits
from portal.web.availability import available
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from portal.web.step_up import needs_step_up, step_up


def unlock(request: PortalRequest, member_id: str) -> HttpResponse:
    """Unlock a member, who can then try again in this organization."""
    slug = request.signed_in.organization.organization_slug
    member_url = reverse("members:member", args=[slug, member_id])
    member_locks = available(request.directory.member_locks, "unlocking")
    if needs_step_up(request):
        return step_up(request, member_url)
    email_address = member_locks.unlock(member_id)
    rate_limits.unlock(slug, email_address)
    messages.success(request, f"{email_address} can try again.")
    return see_other(member_url)
