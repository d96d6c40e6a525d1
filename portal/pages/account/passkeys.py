"""The member's own passkeys: add, rename, remove."""

from django.contrib import messages
from django.http import HttpResponse

from portal.directory.errors import Conflict, Forbidden, Invalid, NotFound
from portal.directory.organizations import Organization
from portal.directory.passkeys import AddedPasskey, Passkey
from portal.directory.second_factors import PASSKEY, WrongCode
from portal.directory.sessions import Continuation
from portal.pages.account.paths import account_url
from portal.pages.account.removal import removal_page
from portal.web.authenticator_apps import new_recovery_codes
from portal.web.pages import render_page, see_other
from portal.web.passkeys import (
    NewPasskeyForm,
    PasskeyNameForm,
    add_error,
    asks_for_options,
    options,
    passkeys_of,
)
from portal.web.request import PortalRequest
from portal.web.session_cookie import keep_session
from portal.web.sms_codes import form_status
from portal.web.step_up import needs_step_up, step_up


def add(request: PortalRequest) -> HttpResponse:
    """Have the member create a passkey. With the first one, show their recovery codes, once."""
    signed_in, passkeys = request.signed_in, passkeys_of(request)
    _require_allowed(signed_in.organization)
    if not passkeys.are_supported:
        raise NotFound("Browsers don’t accept passkeys for an IP address. Open the portal by a host name.")
    # Someone at an open browser could keep the member out with a passkey of their own.
    if needs_step_up(request):
        return step_up(request, request.path)
    member_id, before = signed_in.member.member_id, Continuation(session=signed_in)
    if asks_for_options(request):
        return options(lambda: passkeys.creation_options(member_id, before=before))
    form = NewPasskeyForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            added = passkeys.add(member_id, form.cleaned_data["code"], name=form.cleaned_data["name"], before=before)
        except (WrongCode, Conflict) as error:
            add_error(form, error)
        except Invalid as error:
            form.add_error("name", error.detail)
        else:
            return _added(request, added)
    context = {"form": form, "account_url": account_url(request), "passkeys": passkeys.own()}
    return render_page(request, "account/add_passkey.html", context, status=form_status(form))


def rename(request: PortalRequest, passkey_id: str) -> HttpResponse:
    """Ask for another name."""
    passkey = _own(request, passkey_id)
    form = PasskeyNameForm(request.POST if request.method == "POST" else None, initial={"name": passkey.name})
    if form.is_valid():
        try:
            passkeys_of(request).rename(passkey_id, form.cleaned_data["name"])
        except Invalid as error:
            form.add_error("name", error.detail)
        else:
            messages.success(request, "The name was saved.")
            return see_other(account_url(request))
    context = {"form": form, "account_url": account_url(request), "passkey": passkey}
    return render_page(request, "account/rename_passkey.html", context, status=form_status(form))


def remove(request: PortalRequest, passkey_id: str) -> HttpResponse:
    """Say what removing the passkey means, and remove it if the member does it anyway."""
    passkey = _own(request, passkey_id)
    if needs_step_up(request):
        return step_up(request, request.path)
    if request.method == "POST":
        passkeys_of(request).remove(passkey_id)
        messages.success(request, f"The passkey {passkey.name} was removed.")
        return see_other(account_url(request))
    member = request.signed_in.member
    keeps_codes = member.passkeys > 1 or bool(member.totp_registration_id)
    return removal_page(request, "account/remove_passkey.html", PASSKEY, passkey=passkey, keeps_codes=keeps_codes)


def _added(request: PortalRequest, added: AddedPasskey) -> HttpResponse:
    messages.success(request, f"The passkey {added.passkey.name} was added.")
    response: HttpResponse = see_other(account_url(request))
    if added.recovery_codes:
        context = {
            "account_url": account_url(request),
            **new_recovery_codes(
                added.recovery_codes,
                email_address=added.signed_in.member.email_address,
                organization_name=added.signed_in.organization.organization_name,
            ),
        }
        response = render_page(request, "account/recovery_codes.html", context)
    if added.signed_in.session_token != request.signed_in.session_token:
        keep_session(response, added.signed_in)
    return response


def _own(request: PortalRequest, passkey_id: str) -> Passkey:
    found = [one for one in passkeys_of(request).own() if one.passkey_id == passkey_id]
    if not found:
        raise NotFound("You have no such passkey.")
    return found[0]


def _require_allowed(organization: Organization) -> None:
    if not organization.settings.allows_passkeys:
        raise Forbidden(f"{organization.organization_name} doesn’t allow passkeys.")
