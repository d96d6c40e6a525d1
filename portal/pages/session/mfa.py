"""The second factor at sign-in: a code of an app or a recovery code, setting an app up, and confirming with it."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import HttpResponse
from django.urls import reverse

from portal.directory.errors import DirectoryError, Forbidden, Invalid, NotFound, TooManyRequests, Unauthenticated
from portal.directory.organizations import Organization
from portal.directory.second_factors import TOTP, Enrollment, MfaChoices, PendingSignIn, WrongCode
from portal.directory.sessions import Continuation, SignedIn
from portal.pages.session.forms import RecoveryCodeForm
from portal.pages.session.views import enter, send_again
from portal.web.authenticator_apps import AppCodeForm, FirstCodeForm, app_to_set_up, new_recovery_codes
from portal.web.kept_form import kept_form
from portal.web.pages import render_page, see_other
from portal.web.pending_sign_in import (
    WaitingSignIn,
    forget_waiting,
    keep_waiting,
    waiting_sign_in,
    with_secret,
)
from portal.web.request import PortalRequest
from portal.web.session_cookie import is_page_of, keep_session

_RECOVERY = "recovery"
_ENROLL = MfaChoices(enrollment=Enrollment.ENROLL, is_default=True)


def challenge(request: PortalRequest) -> HttpResponse:
    """Ask for a code of the member's app, or for a recovery code, and open the portal with it."""
    organization = request.directory.organization.get()
    waiting = waiting_sign_in(request, organization.organization_slug)
    if waiting is None:
        return _took_too_long(request, organization)
    return answer(request, organization, waiting)


def answer(
    request: PortalRequest, organization: Organization, waiting: WaitingSignIn, *, is_new: bool = False
) -> HttpResponse:
    """Return the page that asks, or the response to a submitted code. With `is_new`, the form was another page's."""
    slug = organization.organization_slug
    kept = kept_form(request, slug)
    if not waiting.pending.methods:
        response = see_other(reverse("session:set-up-second-factor", args=[slug]))
        keep_waiting(response, waiting)
        return response
    is_recovery = _is_recovery(request)
    form = (RecoveryCodeForm if is_recovery else AppCodeForm)(None if is_new else request.POST or None)
    if form.is_valid():
        try:
            signed_in = _confirmed(
                request, waiting.pending.member_id, form.cleaned_data["code"], waiting.before, is_recovery=is_recovery
            )
        except (WrongCode, TooManyRequests, NotFound, Forbidden) as error:
            _add_error(form, error)
        except (Unauthenticated, Invalid):
            return _took_too_long(request, organization)
        else:
            response = (
                send_again(request, signed_in, kept, waiting.onward) if kept else enter(signed_in, waiting.onward)
            )
            forget_waiting(response)
            return response
    context: dict[str, object] = {"kept": kept, "is_recovery": is_recovery}
    response = _challenge_page(request, organization, waiting.pending, form, context)
    keep_waiting(response, waiting)
    return response


def set_up(request: PortalRequest) -> HttpResponse:
    """Have the member set up an app, and show their recovery codes once."""
    organization = request.directory.organization.get()
    slug = organization.organization_slug
    waiting = waiting_sign_in(request, slug)
    if waiting is None:
        return _took_too_long(request, organization)
    if waiting.pending.methods:
        return see_other(reverse("session:second-factor", args=[slug]))
    if TOTP not in waiting.pending.allowed_methods:
        raise Forbidden(
            f"{organization.organization_name} requires a second factor that can’t be set up here. Ask one of its admins."
        )
    try:
        return _set_up(request, organization, waiting)
    except NotFound:
        # It wasn't set up in time: show another one.
        response = see_other(request.path)
        keep_waiting(response, with_secret(waiting, ""))
        return response
    except (Unauthenticated, Invalid):
        return _took_too_long(request, organization)


def _set_up(request: PortalRequest, organization: Organization, waiting: WaitingSignIn) -> HttpResponse:
    member_id = waiting.pending.member_id
    form = FirstCodeForm(request.POST if waiting.secret and request.POST else None)
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
    response = _set_up_page(request, organization, waiting, form)
    keep_waiting(response, waiting)
    return response


def done(request: PortalRequest) -> HttpResponse:
    """Open the page that the member wanted, after they saved their recovery codes."""
    slug, onward = request.signed_in.organization.organization_slug, request.POST.get("next", "")
    return see_other(onward if is_page_of(onward, slug) else reverse("home:home", args=[slug]))


def confirm(request: PortalRequest) -> HttpResponse:
    """Ask the signed-in member for a code of their app, or a recovery code, and return to the page that needs it."""
    signed_in = request.signed_in
    slug = signed_in.organization.organization_slug
    onward = request.POST.get("next") or request.GET.get("next", "")
    onward = onward if is_page_of(onward, slug) else ""
    is_recovery = _is_recovery(request)
    form = (RecoveryCodeForm if is_recovery else AppCodeForm)(request.POST or None)
    if form.is_valid():
        before, code = Continuation(session=signed_in), form.cleaned_data["code"]
        try:
            confirmed = _confirmed(request, signed_in.member.member_id, code, before, is_recovery=is_recovery)
        except (WrongCode, TooManyRequests, NotFound, Forbidden) as error:
            _add_error(form, error)
        else:
            messages.success(request, "You confirmed that it’s you. That counts for five minutes.")
            response = see_other(onward or reverse("home:home", args=[slug]))
            if confirmed.session_token and confirmed.session_token != signed_in.session_token:
                keep_session(response, confirmed)
            return response
    context = {"form": form, "next": onward, "is_recovery": is_recovery, "here": request.path}
    return render_page(request, "session/mfa_confirm.html", context, status=_status(form))


def _confirmed(
    request: PortalRequest, member_id: str, code: str, before: Continuation, *, is_recovery: bool
) -> SignedIn:
    if not is_recovery:
        return request.directory.totps.authenticate(member_id, code, before=before)
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


def _challenge_page(
    request: PortalRequest,
    organization: Organization,
    pending: PendingSignIn,
    form: Form,
    context: dict[str, object],
) -> HttpResponse:
    slug = organization.organization_slug
    context |= {
        "form": form,
        "organization": organization,
        "email_address": pending.email_address,
        "action": reverse("session:second-factor", args=[slug]),
        "sign_in_url": reverse("session:sign-in", args=[slug]),
    }
    return render_page(request, "session/mfa_challenge.html", context, status=_status(form))


def _set_up_page(
    request: PortalRequest, organization: Organization, waiting: WaitingSignIn, form: Form
) -> HttpResponse:
    context = {
        "form": form,
        "organization": organization,
        **app_to_set_up(
            waiting.secret,
            email_address=waiting.pending.email_address,
            organization_name=organization.organization_name,
        ),
        "sign_in_url": reverse("session:sign-in", args=[organization.organization_slug]),
    }
    return render_page(request, "session/mfa_set_up.html", context, status=_status(form))


def _took_too_long(request: PortalRequest, organization: Organization) -> HttpResponse:
    messages.warning(request, "Signing in took too long. Sign in again.")
    response = see_other(reverse("session:sign-in", args=[organization.organization_slug]))
    forget_waiting(response)
    return response


def _is_recovery(request: PortalRequest) -> bool:
    return (request.POST.get("factor") or request.GET.get("factor", "")) == _RECOVERY


def _add_error(form: Form, error: DirectoryError) -> None:
    if isinstance(error, TooManyRequests):
        form.add_error(None, ValidationError(error.detail, code="too-many"))
    else:
        form.add_error("code", error.detail)


def _status(form: Form) -> int:
    if not (form.is_bound and form.errors):
        return 200
    return 429 if form.has_error("__all__", code="too-many") else 422
