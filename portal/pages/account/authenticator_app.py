"""The member's own authenticator app and recovery codes: set up, replace the codes, remove."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse

from portal.directory.errors import Forbidden, Invalid, NotFound, TooManyRequests
from portal.directory.second_factors import TOTP, Enrollment, MfaChoices, WrongCode
from portal.directory.sessions import Continuation, SignedIn
from portal.pages.account.forms import NewAppForm
from portal.pages.account.paths import account_url
from portal.pages.account.removal import removal_page
from portal.web.authenticator_apps import app_to_set_up, new_recovery_codes
from portal.web.pages import render_page, see_other
from portal.web.request import PortalRequest
from portal.web.session_cookie import keep_session
from portal.web.step_up import needs_step_up, step_up

_ENROLL = MfaChoices(enrollment=Enrollment.ENROLL, is_default=True)


def set_up(request: PortalRequest) -> HttpResponse:
    """Have the member set up an app. Then show their recovery codes, once."""
    signed_in = request.signed_in
    if signed_in.member.totp_registration_id:
        return _account(request)
    if TOTP not in signed_in.organization.settings.second_factors:
        raise Forbidden(f"{signed_in.organization.organization_name} doesn’t allow authenticator apps.")
    # Someone at an open browser could keep the member out with an app of their own.
    if needs_step_up(request):
        return step_up(request, request.path)
    form = NewAppForm(request.POST or None)
    return _finish(request, form) if form.shown_secret else _start(request)


def _start(request: PortalRequest) -> HttpResponse:
    signed_in = request.signed_in
    try:
        new = request.directory.totps.create(signed_in.member.member_id, before=Continuation(session=signed_in))
    except Invalid:  # set up in another tab
        return _account(request)
    return _set_up_page(request, NewAppForm(initial={"secret": new.secret}), new.secret)


def _finish(request: PortalRequest, form: NewAppForm) -> HttpResponse:
    signed_in = request.signed_in
    if form.is_valid():
        code = form.cleaned_data["code"]
        try:
            confirmed = request.directory.totps.authenticate(
                signed_in.member.member_id, code, before=Continuation(session=signed_in), choices=_ENROLL
            )
        except WrongCode as error:
            form.add_error("code", f"{error.detail} Check that your device’s clock is right.")
        except TooManyRequests as error:
            form.add_error(None, ValidationError(error.detail, code="too-many"))
        except NotFound:
            messages.warning(request, "Setting up the app took too long. Here is a new code to scan.")
            return see_other(request.path)
        else:
            messages.success(request, "Your authenticator app is set up.")
            return _recovery_codes(request, confirmed)
    return _set_up_page(request, form, form.shown_secret)


def remove(request: PortalRequest) -> HttpResponse:
    """Say what removing the app means, and remove it if the member does it anyway."""
    signed_in = request.signed_in
    if not signed_in.member.totp_registration_id:
        return _account(request)
    if needs_step_up(request):
        return step_up(request, request.path)
    if request.method == "POST":
        try:
            request.directory.account.delete_totp()
        except NotFound:  # removed in another tab
            return _account(request)
        codes = "" if signed_in.member.passkeys else " and your recovery codes"
        were = "was" if signed_in.member.passkeys else "were"
        messages.success(request, f"Your authenticator app{codes} {were} removed.")
        return _account(request)
    return removal_page(request, "account/remove_app.html", TOTP, keeps_codes=bool(signed_in.member.passkeys))


def create_recovery_codes(request: PortalRequest) -> HttpResponse:
    """Replace the recovery codes, and show the new ones once."""
    member = request.signed_in.member
    if not (member.totp_registration_id or member.passkeys):
        return _account(request)
    if needs_step_up(request):
        return step_up(request, account_url(request))
    return _recovery_codes(request, request.signed_in)


def choose_default(request: PortalRequest) -> HttpResponse:
    """Have a method asked for first."""
    back = account_url(request)
    if needs_step_up(request):
        return step_up(request, back)
    try:
        request.directory.account.change_default_method(request.POST.get("method", ""))
    except Invalid as error:
        messages.warning(request, error.detail)
    else:
        messages.success(request, "That is what you’re asked for first from now on.")
    return see_other(back)


def _recovery_codes(request: PortalRequest, signed_in: SignedIn) -> HttpResponse:
    member, codes = request.directory.acting_as(signed_in).recovery_codes.rotate(signed_in.member.member_id)
    context = {
        "account_url": account_url(request),
        **new_recovery_codes(
            codes,
            email_address=member.email_address,
            organization_name=signed_in.organization.organization_name,
        ),
    }
    response = render_page(request, "account/recovery_codes.html", context)
    if signed_in.session_token != request.signed_in.session_token:
        keep_session(response, signed_in)
    return response


def _set_up_page(request: PortalRequest, form: NewAppForm, secret: str) -> HttpResponse:
    signed_in = request.signed_in
    context: dict[str, Any] = {
        "form": form,
        "account_url": account_url(request),
        **app_to_set_up(
            secret,
            email_address=signed_in.member.email_address,
            organization_name=signed_in.organization.organization_name,
        ),
    }
    is_limited = form.is_bound and form.has_error("__all__", code="too-many")
    status = 429 if is_limited else 422 if form.is_bound and form.errors else 200
    return render_page(request, "account/set_up_app.html", context, status=status)


def _account(request: PortalRequest) -> HttpResponse:
    return see_other(account_url(request))
