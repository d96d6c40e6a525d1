"""The page that says what removing a second factor means."""

from django.http import HttpResponse

from portal.directory.second_factors import PASSKEY, SMS_OTP, TOTP
from portal.web.pages import render_page
from portal.web.request import PortalRequest
from portal.web.second_factors import is_required, own_methods

_NAMES = {TOTP: "your authenticator app", SMS_OTP: "a code by text message", PASSKEY: "a passkey"}


def removal_page(request: PortalRequest, template: str, method: str, **more: object) -> HttpResponse:
    """Return a page that extends `account/layout_removal.html`: it asks before the member's last factor of a method goes."""
    signed_in = request.signed_in
    is_last = method != PASSKEY or signed_in.member.passkeys == 1
    remaining = [one for one in own_methods(signed_in) if one != method or not is_last]
    context = {
        "remaining": _NAMES[remaining[0]] if remaining else "",
        "is_required": is_required(signed_in),
        **more,
    }
    return render_page(request, template, context)
