"""Removing the authenticator app, the passkeys or the phone number of a member who no longer has it."""

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.web.pages import see_other
from portal.web.passkeys import passkeys_of
from portal.web.request import PortalRequest
from portal.web.step_up import needs_step_up, step_up


def remove(request: PortalRequest, member_id: str) -> HttpResponse:
    """Remove a member's app and recovery codes. They set up another one if they need it."""
    slug = request.signed_in.organization.organization_slug
    member_url = reverse("members:member", args=[slug, member_id])
    if needs_step_up(request):
        return step_up(request, member_url)
    member = request.directory.totps.delete(member_id)
    messages.success(request, f"{member.email_address} no longer has an authenticator app.")
    return see_other(member_url)


def remove_passkeys(request: PortalRequest, member_id: str) -> HttpResponse:
    """Remove a member's passkeys. They add others if they need them."""
    slug = request.signed_in.organization.organization_slug
    member_url = reverse("members:member", args=[slug, member_id])
    passkeys = passkeys_of(request)
    if needs_step_up(request):
        return step_up(request, member_url)
    member = passkeys.remove_all(member_id)
    messages.success(request, f"{member.email_address} no longer has passkeys.")
    return see_other(member_url)


def remove_phone_number(request: PortalRequest, member_id: str) -> HttpResponse:
    """Remove a member's phone number. They add another one if they need it."""
    slug = request.signed_in.organization.organization_slug
    member_url = reverse("members:member", args=[slug, member_id])
    if needs_step_up(request):
        return step_up(request, member_url)
    member = request.directory.sms_otps.delete(member_id)
    messages.success(request, f"{member.email_address} no longer has a phone number for codes.")
    return see_other(member_url)
