"""Adding a phone number during sign-in, where an organization requires a second factor and allows codes by text message."""

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import HttpResponse
from django.urls import reverse

from portal.directory.errors import Forbidden, TooManyRequests
from portal.directory.organizations import Organization
from portal.directory.second_factors import Enrollment, MfaChoices, WrongCode
from portal.pages.session.views import enter
from portal.web.pages import render_page
from portal.web.pending_sign_in import WaitingSignIn, forget_waiting, keep_waiting, with_code_sent
from portal.web.request import PortalRequest
from portal.web.second_factors import Way
from portal.web.sms_codes import PhoneNumberForm, SmsCodeForm, form_status, send_code

_NUMBER, _CODE = "session/mfa_phone_number.html", "session/mfa_phone_code.html"
_ENROLL = MfaChoices(enrollment=Enrollment.ENROLL, is_default=True)


def set_up(
    request: PortalRequest, organization: Organization, waiting: WaitingSignIn, *, others: Sequence[Way]
) -> HttpResponse:
    """Ask for a number, send a code to it, and ask for the code. Raise Unauthenticated, Invalid if the sign-in has ended."""
    context = {"organization": organization, "others": others}
    if waiting.sent_to and "code" in request.POST:
        return _enter_code(request, waiting, context)
    if "phone_number" in request.POST or "send" in request.POST:
        return _send(request, waiting, context)
    if waiting.sent_to and "change" not in request.GET:
        return _page(request, _CODE, waiting, SmsCodeForm(), context)
    return _page(request, _NUMBER, waiting, PhoneNumberForm(), context)


def _send(request: PortalRequest, waiting: WaitingSignIn, context: dict[str, object]) -> HttpResponse:
    """Send a code to a number, or another one to the number that was entered before."""
    form, ending = send_code(request, waiting.pending.member_id, waiting.before)
    if isinstance(form, PhoneNumberForm):
        return _page(request, _NUMBER, waiting, form, context)
    return _page(request, _CODE, with_code_sent(waiting, ending) if ending else waiting, form, context)


def _enter_code(request: PortalRequest, waiting: WaitingSignIn, context: dict[str, object]) -> HttpResponse:
    form = SmsCodeForm(request.POST)
    if form.is_valid():
        try:
            signed_in = request.directory.sms_otps.authenticate(
                waiting.pending.member_id, form.cleaned_data["code"], before=waiting.before, choices=_ENROLL
            )
        except (WrongCode, Forbidden) as error:
            form.add_error("code", error.detail)
        except TooManyRequests as error:
            form.add_error(None, ValidationError(error.detail, code="too-many"))
        else:
            response = enter(signed_in, waiting.onward)
            forget_waiting(response)
            return response
    return _page(request, _CODE, waiting, form, context)


def _page(
    request: PortalRequest, template: str, waiting: WaitingSignIn, form: Form, context: dict[str, object]
) -> HttpResponse:
    slug = waiting.pending.organization_slug
    context |= {
        "form": form,
        "email_address": waiting.pending.email_address,
        "phone_ending": waiting.sent_to,
        "sign_in_url": reverse("session:sign-in", args=[slug]),
    }
    response = render_page(request, template, context, status=form_status(form))
    keep_waiting(response, waiting)
    return response
