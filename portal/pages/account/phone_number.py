"""The member's own phone number for codes by text message: add, remove."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import HttpResponse

from portal.directory.errors import Forbidden, NotFound, TooManyRequests
from portal.directory.second_factors import SMS_OTP, Enrollment, MfaChoices, WrongCode
from portal.directory.sessions import Continuation
from portal.pages.account.paths import account_url
from portal.pages.account.removal import removal_page
from portal.web.pages import render_page, see_other
from portal.web.request import PortalRequest
from portal.web.session_cookie import keep_session
from portal.web.sms_codes import PhoneNumberForm, SmsCodeForm, form_status, send_code
from portal.web.step_up import needs_step_up, step_up

_NUMBER, _CODE = "account/phone_number.html", "account/phone_code.html"


def add(request: PortalRequest) -> HttpResponse:
    """Ask for a number, send a code to it, and ask for the code. The number counts from then on."""
    signed_in = request.signed_in
    organization, member = signed_in.organization, signed_in.member
    if member.has_phone:
        return see_other(account_url(request))
    if SMS_OTP not in organization.settings.second_factors:
        raise Forbidden(f"{organization.organization_name} doesn’t allow codes by text message.")
    if not request.directory.sms_otps.are_sent:
        raise NotFound("This server doesn’t send text messages.")
    # Someone who adds a factor could keep the member out with it.
    if needs_step_up(request):
        return step_up(request, request.path)
    if "code" in request.POST and member.mfa_phone_number:
        return _enter_code(request)
    if request.method == "POST":
        form, ending = send_code(request, member.member_id, Continuation(session=signed_in))
        template = _NUMBER if isinstance(form, PhoneNumberForm) else _CODE
        return _page(request, template, form, ending or member.phone_ending)
    return _page(request, _NUMBER, PhoneNumberForm(), "")


def _enter_code(request: PortalRequest) -> HttpResponse:
    signed_in, form = request.signed_in, SmsCodeForm(request.POST)
    if form.is_valid():
        # An app stays what they are asked for first.
        choices = MfaChoices(enrollment=Enrollment.ENROLL, is_default=not signed_in.member.totp_registration_id)
        try:
            confirmed = request.directory.sms_otps.authenticate(
                signed_in.member.member_id,
                form.cleaned_data["code"],
                before=Continuation(session=signed_in),
                choices=choices,
            )
        except WrongCode as error:
            form.add_error("code", error.detail)
        except TooManyRequests as error:
            form.add_error(None, ValidationError(error.detail, code="too-many"))
        else:
            messages.success(request, "Your phone number is confirmed.")
            response = see_other(account_url(request))
            if confirmed.session_token != signed_in.session_token:
                keep_session(response, confirmed)
            return response
    return _page(request, _CODE, form, signed_in.member.phone_ending)


def remove(request: PortalRequest) -> HttpResponse:
    """Say what removing the number means, and remove it if the member does it anyway."""
    signed_in = request.signed_in
    if not signed_in.member.has_phone:
        return see_other(account_url(request))
    if needs_step_up(request):
        return step_up(request, request.path)
    if request.method == "POST":
        try:
            request.directory.account.delete_phone_number()
        except NotFound:  # removed in another tab
            return see_other(account_url(request))
        messages.success(request, "Your phone number was removed.")
        return see_other(account_url(request))
    return removal_page(request, "account/remove_phone.html", SMS_OTP, phone_ending=signed_in.member.phone_ending)


def _page(request: PortalRequest, template: str, form: Form, phone_ending: str) -> HttpResponse:
    context: dict[str, Any] = {"form": form, "account_url": account_url(request), "phone_ending": phone_ending}
    return render_page(request, template, context, status=form_status(form))
