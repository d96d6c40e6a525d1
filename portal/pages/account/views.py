"""The account of the member who is signed in: who they are here, what they may do, and how pages look to them."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.utils import timezone

from portal.directory.errors import Conflict, Forbidden, Invalid
from portal.directory.organizations import PASSWORD
from portal.directory.second_factors import SMS_OTP, TOTP
from portal.directory.step_up import own_methods, takes_second_factor
from portal.pages.account.forms import NameForm, PreferencesForm
from portal.pages.account.paths import account_url
from portal.web.availability import REASONS
from portal.web.member_roles import shown_roles
from portal.web.pages import render_page, see_other
from portal.web.preferences import preferences_of, store_preferences
from portal.web.request import PortalRequest
from portal.web.second_factors import is_required
from portal.web.times import browser_zone_name

_TEMPLATE = "account/account.html"


def account(request: PortalRequest) -> HttpResponse:
    """Show the account."""
    return _page(request, _preferences_form(request))


def change_name(request: PortalRequest) -> HttpResponse:
    """Change the member's name. On GET, show the account."""
    response = see_other(account_url(request))
    if request.method == "GET":
        return response
    form = NameForm(request.POST)
    if form.is_valid():
        try:
            request.directory.account.change_name(form.cleaned_data["name"])
        except (Conflict, Forbidden, Invalid) as error:
            form.add_error("name", error.detail)
        else:
            messages.success(request, "Your name was saved.")
            return response
    return _page(request, _preferences_form(request), name_form=form, status=422)


def preferences(request: PortalRequest) -> HttpResponse:
    """Save the preferences. On GET, show the account."""
    response = see_other(account_url(request))
    if request.method == "GET":
        return response
    chosen = request.POST.get("time_zone", "")
    form = PreferencesForm(
        request.POST, browser_zone=browser_zone_name(request), chosen=chosen, is_stored=_is_stored(request)
    )
    if form.is_valid():
        try:
            store_preferences(request, form.chosen, response)
        except Invalid as error:
            form.add_error("time_zone", error.detail)
        else:
            messages.success(request, "Preferences saved.")
            return response
    return _page(request, form, status=422)


def _preferences_form(request: PortalRequest) -> PreferencesForm:
    return PreferencesForm.of(
        preferences_of(request), browser_zone=browser_zone_name(request), is_stored=_is_stored(request)
    )


def _is_stored(request: PortalRequest) -> bool:
    return request.directory.preferences is not None


def _page(
    request: PortalRequest, form: PreferencesForm, *, name_form: NameForm | None = None, status: int = 200
) -> HttpResponse:
    member = request.signed_in.member
    details = request.directory.members.details(member.member_id)
    factors = request.signed_in.organization.settings.second_factors
    context: dict[str, Any] = {
        "member": member,
        "roles": shown_roles(request, details),
        "sessions": details.sessions,
        "own_session_id": request.signed_in.session.member_session_id,
        "form": form,
        "name_form": name_form or NameForm(initial={"name": member.name}),
        "now": timezone.now(),
        "is_stored": _is_stored(request),
        "manager": details.listed.manager,
        "pending": request.directory.account.pending_email_update(),
        "knows_password": request.directory.members.has_details,
        "allows_apps": TOTP in factors,
        "allows_sms": SMS_OTP in factors,
        "allows_passkeys": request.signed_in.organization.settings.allows_passkeys,
        "passkeys": request.directory.passkeys.own() if member.passkeys and request.directory.passkeys else (),
        "has_passkeys": request.directory.passkeys is not None,
        "supports_passkeys": request.directory.passkeys is not None and request.directory.passkeys.are_supported,
        "no_passkeys_because": REASONS["passkeys"],
        "devices": request.directory.remembered_devices.own() if request.directory.remembered_devices else (),
        "default_method": codes[0] if len(codes := own_methods(request.signed_in)) > 1 else "",
        "can_send_sms": request.directory.sms_otps.are_sent,
        "is_protected": takes_second_factor(request.signed_in),
        "requires_second_factor": is_required(request.signed_in),
        "allows_passwords": request.signed_in.organization.settings.allows(PASSWORD),
    }
    return render_page(request, _TEMPLATE, context, status=status)
