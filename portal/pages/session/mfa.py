"""The second factor at sign-in: a code of an app or by text message, a passkey, a recovery code, setting one up; and confirming."""

from collections.abc import Callable, Mapping

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import HttpResponse
from django.urls import reverse

from portal.directory.errors import DirectoryError, Forbidden, Invalid, NotFound, TooManyRequests, Unauthenticated
from portal.directory.organizations import Organization
from portal.directory.second_factors import PASSKEY as PASSKEY_METHOD
from portal.directory.second_factors import SMS_OTP, Enrollment, MfaChoices, WrongCode
from portal.directory.sessions import Continuation, SignedIn
from portal.pages.session import passkey, phone_number
from portal.pages.session.device import remember_device, remember_form
from portal.pages.session.forms import RecoveryCodeForm
from portal.pages.session.views import enter, send_again
from portal.web.authenticator_apps import AppCodeForm, FirstCodeForm, app_to_set_up, new_recovery_codes
from portal.web.code_form import rejected
from portal.web.kept_form import kept_form
from portal.web.pages import render_page, see_other
from portal.web.passkeys import PasskeyForm, asks_for_options, options, passkeys_of
from portal.web.pending_sign_in import (
    WaitingSignIn,
    forget_waiting,
    keep_waiting,
    took_too_long,
    waiting_sign_in,
    with_code_sent,
    with_secret,
)
from portal.web.request import PortalRequest
from portal.web.second_factors import (
    APP,
    PASSKEY,
    RECOVERY,
    SMS,
    Way,
    chosen,
    offered,
    other_ways,
    own_methods,
    ways_to_set_up,
)
from portal.web.session_cookie import is_page_of, keep_session
from portal.web.sms_codes import SmsCodeForm, form_status

_ENROLL = MfaChoices(enrollment=Enrollment.ENROLL, is_default=True)
_FORMS: dict[str, type[Form]] = {APP: AppCodeForm, SMS: SmsCodeForm, PASSKEY: PasskeyForm, RECOVERY: RecoveryCodeForm}


def challenge(request: PortalRequest) -> HttpResponse:
    """Ask for a code of the member's app or by text message, or for a recovery code, and open the portal with it."""
    organization = request.directory.organization.get()
    waiting = waiting_sign_in(request, organization.organization_slug)
    if waiting is None:
        return took_too_long(request, organization.organization_slug)
    if asks_for_options(request):
        passkeys, member_id = passkeys_of(request), waiting.pending.member_id
        return options(lambda: passkeys.request_options(member_id, before=waiting.before))
    return answer(request, organization, waiting)


def answer(
    request: PortalRequest, organization: Organization, waiting: WaitingSignIn, *, is_new: bool = False
) -> HttpResponse:
    """Return the page that asks, or the response to a submitted code. With `is_new`, the form was another page's."""
    slug = organization.organization_slug
    if not waiting.pending.methods:
        response = see_other(reverse("session:set-up-second-factor", args=[slug]))
        keep_waiting(response, waiting)
        return response
    factors = offered(waiting.pending.methods)
    factor = chosen(_asked(request), factors)
    form = _FORMS[factor](request.POST if "code" in request.POST and not is_new else None)
    try:
        if factor == SMS and "send" in request.POST and not is_new:
            form, is_sent = _send(request, waiting.pending.member_id, waiting.before)
            waiting = with_code_sent(waiting, waiting.pending.phone_ending) if is_sent else waiting
        elif form.is_valid():
            return _opened(request, waiting, form.cleaned_data["code"], factor=factor)
    except (WrongCode, TooManyRequests, NotFound, Forbidden) as error:
        _add_error(form, error)
    except (Unauthenticated, Invalid):
        return took_too_long(request, slug)
    return _challenge_page(request, organization, waiting, form, factor=factor)


def _opened(request: PortalRequest, waiting: WaitingSignIn, code: str, *, factor: str) -> HttpResponse:
    """Check a code and open the portal. Raise what the factor raises."""
    signed_in = _confirmed(request, waiting.pending.member_id, code, waiting.before, factor=factor)
    kept = kept_form(request, signed_in.organization.organization_slug)
    response = send_again(request, signed_in, kept, waiting.onward) if kept else enter(signed_in, waiting.onward)
    remember_device(request, response, signed_in, factor)
    forget_waiting(response)
    return response


def _challenge_page(
    request: PortalRequest, organization: Organization, waiting: WaitingSignIn, form: Form, *, factor: str
) -> HttpResponse:
    slug = organization.organization_slug
    context: dict[str, object] = {
        "kept": kept_form(request, slug),
        "form": form,
        "organization": organization,
        "email_address": waiting.pending.email_address,
        "phone_ending": waiting.pending.phone_ending,
        "is_sent": bool(waiting.sent_to),
        "action": reverse("session:second-factor", args=[slug]),
        "sign_in_url": reverse("session:sign-in", args=[slug]),
        "remember_form": remember_form(request, factor),
        **_factor_context(request, factor, offered(waiting.pending.methods)),
    }
    response = render_page(request, "session/mfa_challenge.html", context, status=form_status(form))
    keep_waiting(response, waiting)
    return response


def set_up(request: PortalRequest) -> HttpResponse:
    """Have the member set up an app, and show their recovery codes once, or confirm a phone number."""
    organization = request.directory.organization.get()
    slug = organization.organization_slug
    waiting = waiting_sign_in(request, slug)
    if waiting is None:
        return took_too_long(request, slug)
    if waiting.pending.methods:
        return see_other(reverse("session:second-factor", args=[slug]))
    factors = offered([one for one in waiting.pending.allowed_methods if _can_set_up(request, one)])
    factor = chosen(_asked(request), factors)
    others = ways_to_set_up(factor, factors)
    if factor not in factors:
        raise Forbidden(_nothing_to_set_up(organization, waiting.pending.allowed_methods))
    try:
        return _SET_UP[factor](request, organization, waiting, others=others)
    except NotFound:
        # It wasn't set up in time: show another one.
        response = see_other(request.path)
        keep_waiting(response, with_secret(waiting, ""))
        return response
    except (Unauthenticated, Invalid):
        return took_too_long(request, slug)


def _set_up(
    request: PortalRequest, organization: Organization, waiting: WaitingSignIn, *, others: tuple[Way, ...]
) -> HttpResponse:
    member_id = waiting.pending.member_id
    form = FirstCodeForm(request.POST if waiting.secret and "code" in request.POST else None)
    if not waiting.secret:
        # In the cookie, so that reloading the page shows the same app.
        waiting = with_secret(waiting, request.directory.totps.create(member_id, before=waiting.before).secret)
    if form.is_valid():
        code = form.cleaned_data["code"]
        try:
            signed_in = request.directory.totps.authenticate(member_id, code, before=waiting.before, choices=_ENROLL)
        except WrongCode as error:
            form.add_error("code", f"{error.detail} Check that your device’s clock is right.")
        except TooManyRequests as error:
            _add_error(form, error)
        else:
            return _recovery_codes(request, signed_in, waiting.onward)
    response = _set_up_page(request, organization, waiting, form, others=others)
    keep_waiting(response, waiting)
    return response


_SET_UP: Mapping[str, Callable[..., HttpResponse]] = {
    APP: _set_up,
    PASSKEY: passkey.set_up,
    SMS: phone_number.set_up,
}


def done(request: PortalRequest) -> HttpResponse:
    """Open the page that the member wanted, after they saved their recovery codes."""
    slug, onward = request.signed_in.organization.organization_slug, request.POST.get("next", "")
    return see_other(onward if is_page_of(onward, slug) else reverse("home:home", args=[slug]))


def confirm(request: PortalRequest) -> HttpResponse:
    """Ask the signed-in member for a code of their app or by text message, or a recovery code, and return to the page before."""
    signed_in = request.signed_in
    slug, before = signed_in.organization.organization_slug, Continuation(session=signed_in)
    onward = request.POST.get("next") or request.GET.get("next", "")
    onward = onward if is_page_of(onward, slug) else ""
    factors = offered(own_methods(signed_in))
    factor = chosen(_asked(request), factors)
    if factor == PASSKEY and asks_for_options(request):
        passkeys = passkeys_of(request)
        return options(lambda: passkeys.request_options(signed_in.member.member_id, before=before))
    form, is_sent = _FORMS[factor](request.POST if "code" in request.POST else None), "code" in request.POST
    if factor == SMS and "send" in request.POST:
        form, is_sent = _send(request, signed_in.member.member_id, before)
    elif form.is_valid():
        try:
            confirmed = _confirmed(
                request, signed_in.member.member_id, form.cleaned_data["code"], before, factor=factor
            )
        except (WrongCode, TooManyRequests, NotFound, Forbidden) as error:
            _add_error(form, error)
        else:
            messages.success(request, "You confirmed that it’s you. That counts for five minutes.")
            response = see_other(onward or reverse("home:home", args=[slug]))
            if confirmed.session_token and confirmed.session_token != signed_in.session_token:
                keep_session(response, confirmed)
            return response
    context: dict[str, object] = {
        "form": form,
        "next": onward,
        "here": request.path,
        "phone_ending": signed_in.member.phone_ending,
        "is_sent": is_sent,
        **_factor_context(request, factor, factors),
    }
    return render_page(request, "session/mfa_confirm.html", context, status=form_status(form))


def _send(request: PortalRequest, member_id: str, before: Continuation) -> tuple[Form, bool]:
    """Have a code sent. Return the form to enter it, and whether it is on its way."""
    try:
        request.directory.sms_otps.send(member_id, before=before)
    except (TooManyRequests, NotFound, Forbidden) as error:
        code = "too-many" if isinstance(error, TooManyRequests) else "not-sent"
        return rejected(error.detail, code, SmsCodeForm), False
    return SmsCodeForm(), True


def _confirmed(request: PortalRequest, member_id: str, code: str, before: Continuation, *, factor: str) -> SignedIn:
    if factor == APP:
        return request.directory.totps.authenticate(member_id, code, before=before)
    if factor == SMS:
        return request.directory.sms_otps.authenticate(member_id, code, before=before)
    if factor == PASSKEY:
        return passkeys_of(request).authenticate(member_id, code, before=before)
    signed_in, remaining = request.directory.recovery_codes.recover(member_id, code, before=before)
    left = "1 recovery code is" if remaining == 1 else f"{remaining} recovery codes are"
    messages.warning(request, f"You used a recovery code. {left} left.")
    return signed_in


def _recovery_codes(request: PortalRequest, signed_in: SignedIn, onward: str) -> HttpResponse:
    """Return the page with new recovery codes. This is the only time that they are shown."""
    directory = request.directory.acting_as(signed_in)
    _, codes = directory.recovery_codes.rotate(signed_in.member.member_id)
    organization = signed_in.organization
    context = {
        "organization": organization,
        "next": onward,
        "first_step": "Authenticator app",
        **new_recovery_codes(
            codes,
            email_address=signed_in.member.email_address,
            organization_name=organization.organization_name,
        ),
    }
    response = render_page(request, "session/mfa_recovery_codes.html", context)
    keep_session(response, signed_in)
    forget_waiting(response)
    return response


def _set_up_page(
    request: PortalRequest, organization: Organization, waiting: WaitingSignIn, form: Form, *, others: tuple[Way, ...]
) -> HttpResponse:
    context = {
        "form": form,
        "others": others,
        "organization": organization,
        **app_to_set_up(
            waiting.secret,
            email_address=waiting.pending.email_address,
            organization_name=organization.organization_name,
        ),
        "sign_in_url": reverse("session:sign-in", args=[organization.organization_slug]),
    }
    return render_page(request, "session/mfa_set_up.html", context, status=form_status(form))


def _factor_context(request: PortalRequest, factor: str, factors: tuple[str, ...]) -> dict[str, object]:
    return {
        "factor": factor,
        "others": other_ways(factor, factors),
        "can_send": factor != SMS or _sends(request),
    }


def _can_set_up(request: PortalRequest, method: str) -> bool:
    if method == PASSKEY_METHOD:
        return request.directory.passkeys is not None and request.directory.passkeys.are_supported
    return method != SMS_OTP or _sends(request)


def _sends(request: PortalRequest) -> bool:
    return request.directory.sms_otps.are_sent


def _asked(request: PortalRequest) -> str:
    return request.POST.get("factor") or request.GET.get("factor", "")


def _nothing_to_set_up(organization: Organization, allowed_methods: tuple[str, ...]) -> str:
    name = organization.organization_name
    if SMS_OTP in allowed_methods:
        return (
            f"{name} requires a code by text message, but this server doesn’t send text messages. Ask one of the admins of "
            f"{name} to allow authenticator apps."
        )
    return f"{name} requires a second factor that can’t be set up here. Ask one of its admins."


def _add_error(form: Form, error: DirectoryError) -> None:
    if isinstance(error, TooManyRequests):
        form.add_error(None, ValidationError(error.detail, code="too-many"))
    elif isinstance(form, PasskeyForm):
        form.add_error(None, ValidationError(error.detail))
    else:
        form.add_error("code", error.detail)
