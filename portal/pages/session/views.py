"""Signing in by password or link, choosing an organization, confirming the password, and signing out."""

from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.forms import Form
from django.http import HttpResponse
from django.urls import reverse

from portal.access.rate_limits import Attempt, admit, admit_requested_link, forgive
from portal.directory.discovery import Discovered
from portal.directory.errors import Forbidden, Invalid, InvalidLink, NotFound, TooManyRequests, Unauthenticated
from portal.directory.members import MemberStatus
from portal.directory.organizations import EMAIL_OTP, Organization
from portal.directory.second_factors import SecondFactorRequired
from portal.directory.sessions import SignedIn
from portal.directory.step_up import takes_second_factor
from portal.metrics import FAILED_SIGN_INS
from portal.pages.session.choice import Proof, keep_choice, without_choice
from portal.pages.session.forms import (
    ChoosePasswordForm,
    ConfirmPasswordForm,
    EmailForm,
    SignInForm,
)
from portal.pages.session.pauses import record_pause
from portal.web.availability import available
from portal.web.kept_form import KeptForm, kept_form
from portal.web.pages import render_page, see_other
from portal.web.pending_sign_in import waiting_for
from portal.web.request import PortalRequest
from portal.web.session_cookie import forget_session, is_page_of, keep_session, open_organizations

_TOO_MANY = "Too many attempts. Wait a few minutes, then try again."
_PAUSED = "There were too many wrong passwords for this email address. You can use your password again within an hour."


def start(request: PortalRequest) -> HttpResponse:
    """Redirect to the organization that is open in this browser, to a choice of several, or to sign-in."""
    slugs = open_organizations(request)
    match slugs:
        case []:
            return see_other(reverse("session:discover"))
        case [slug]:
            return see_other(reverse("home:home", args=[slug]))
        case _:
            return see_other(reverse("session:organizations"))


def discover(request: PortalRequest) -> HttpResponse:
    """Sign in without naming an organization. Offer a choice if the password is right in several."""
    form = SignInForm(request.POST or None)
    if _is_admitted_sign_in(request, form, ""):
        try:
            discovered = request.directories.discovery(request.origin).authenticate(
                email_address=form.cleaned_data["email_address"], password=form.cleaned_data["password"]
            )
        except Unauthenticated as error:
            form.add_error("password", error.detail)
        else:
            return _after_discovery(request, discovered)
    context: dict[str, object] = {"action": reverse("session:discover")}
    if request.directories.email_discovery(request.origin).are_emailed:
        context["email_code_url"] = reverse("session:discovery-send-code")
        context["email_magic_link_url"] = reverse("session:discovery-send-link")
    return _sign_in_page(request, form, context, email_link_url=reverse("session:email-link"))


def sign_in(request: PortalRequest) -> HttpResponse:
    """Sign in to the organization of the URL."""
    organization = request.directory.organization.get()
    onward = request.POST.get("next") or request.GET.get("next", "")
    kept = kept_form(request, organization.organization_slug)
    # The page about an ended session posts here, with the fields of the form that was sent to it.
    form = SignInForm(None if kept and "email_address" not in request.POST else request.POST or None)
    if _is_admitted_sign_in(request, form, organization.organization_slug):
        try:
            signed_in = request.directory.sessions.sign_in(
                email_address=form.cleaned_data["email_address"], password=form.cleaned_data["password"]
            )
        except (Unauthenticated, Forbidden) as error:
            form.add_error("password", error.detail)
        except SecondFactorRequired as error:
            if not kept:
                raise
            # The page keeps what was typed, which a redirect would lose.
            from portal.pages.session import mfa  # noqa: PLC0415 -- it continues what this module begins

            return mfa.answer(request, organization, waiting_for(error.pending, onward), is_new=True)
        else:
            forgive(_attempt(request, form, organization.organization_slug))
            return send_again(request, signed_in, kept, onward) if kept else enter(signed_in, onward)
    context: dict[str, object] = {
        "organization": organization,
        "kept": kept,
        "next": onward if is_page_of(onward, organization.organization_slug) else "",
        "action": reverse("session:sign-in", args=[organization.organization_slug]),
        "discover_url": reverse("session:discover"),
    }
    if _has_codes(request, organization) and not kept:
        context["email_code_url"] = reverse("session:email-code", args=[organization.organization_slug])
    email_link_url = reverse("session:email-organization-link", args=[organization.organization_slug])
    return _sign_in_page(request, form, context, email_link_url=email_link_url)


def email_link(request: PortalRequest) -> HttpResponse:
    """Email links to someone who forgot their password, or whose password is paused, for every organization of theirs."""
    return _email_link(request, "", reverse("session:discover"))


def email_organization_link(request: PortalRequest) -> HttpResponse:
    """Email a link to a member of this organization who forgot their password, or whose password is paused."""
    slug = request.directory.organization.get().organization_slug
    return _email_link(request, slug, reverse("session:sign-in", args=[slug]))


def _email_link(request: PortalRequest, organization_slug: str, sign_in_url: str) -> HttpResponse:
    link_emails = request.directories.discovery(request.origin).link_emails
    if link_emails is None:
        raise NotFound("Sign-in links can't be emailed.")
    form = EmailForm(request.POST or None)
    if not form.is_valid():
        context = {"form": form, "action": request.path, "sign_in_url": sign_in_url}
        return render_page(request, "session/forgot_password.html", context, status=_form_status(form))
    email_address = form.cleaned_data["email_address"]
    admitted = admit_requested_link(Attempt(request.origin.ip_address, organization_slug, email_address))
    if admitted:
        link_emails.send(email_address, organization_slug=organization_slug)
    context = {
        "is_sent": admitted,
        "email_address": email_address,
        "sign_in_url": sign_in_url,
        "send_url": request.path,
    }
    return render_page(request, "session/link_sent.html", context, status=200 if admitted else 429)


def link(request: PortalRequest) -> HttpResponse:
    """Set a password with a one-time link. Opening the link doesn't use it."""
    sign_in_links = available(request.directory.sign_in_links, "sign-in links")
    token = request.POST.get("token") or request.GET.get("token", "")
    form = ChoosePasswordForm(request.POST or None)
    try:
        member = sign_in_links.member(token)
        if request.method == "POST" and form.is_valid():
            signed_in = sign_in_links.redeem(token, password=form.cleaned_data["password"])
            return enter(signed_in, "")
    except Invalid as error:
        form.add_error(error.field or None, error.detail)
    except TooManyRequests as error:
        form.add_error(None, ValidationError(error.detail, code="too-many"))
    except InvalidLink as error:
        return _link_ended(request, error)
    context = {
        "form": form,
        "member": member,
        "token": token,
        "organization": request.directory.organization.get(),
        "is_new": member.status != MemberStatus.ACTIVE,
    }
    return render_page(request, "session/link.html", context, status=_form_status(form))


def _link_ended(request: PortalRequest, error: InvalidLink) -> HttpResponse:
    FAILED_SIGN_INS.labels("link_ended").inc()
    organization = request.directory.organization.get()
    context = {
        "detail": error.detail,
        "organization": organization,
        "sign_in_url": reverse("session:sign-in", args=[organization.organization_slug]),
    }
    return render_page(request, "session/link_ended.html", context, status=error.status)


def confirm(request: PortalRequest) -> HttpResponse:
    """Ask for the member's password again, and return to the page that needs it."""
    signed_in = request.signed_in
    slug = signed_in.organization.organization_slug
    onward = request.POST.get("next") or request.GET.get("next", "")
    onward = onward if is_page_of(onward, slug) else ""
    form = ConfirmPasswordForm(request.POST or None)
    if takes_second_factor(signed_in):
        query = f"?{urlencode({'next': onward})}" if onward else ""
        return see_other(reverse("session:confirm-second-factor", args=[slug]) + query)
    attempt = Attempt(request.origin.ip_address, slug, signed_in.member.email_address, is_confirmation=True)
    if request.method == "POST" and form.is_valid() and _admitted(request, form, attempt):
        try:
            confirmed = request.directory.sessions.confirm_password(form.cleaned_data["password"])
        except Unauthenticated as error:
            form.add_error("password", error.detail)
        else:
            forgive(attempt)
            messages.success(request, "Your password is confirmed for five minutes.")
            response = see_other(onward or reverse("home:home", args=[slug]))
            if confirmed.session_token != signed_in.session_token:
                keep_session(response, confirmed)
            return response
    context = {"form": form, "next": onward, "has_codes": _has_codes(request, signed_in.organization)}
    return render_page(request, "session/confirm.html", context, status=_form_status(form))


def sign_out(request: PortalRequest) -> HttpResponse:
    """Revoke the session and delete its cookie."""
    request.directory.sessions.revoke(request.signed_in.session_token)
    response = see_other(reverse("session:signed-out"))
    forget_session(response, request.signed_in.organization.organization_slug)
    return without_choice(response)


def signed_out(request: PortalRequest) -> HttpResponse:
    """Say that the session has ended."""
    return render_page(request, "session/signed_out.html", {"sign_in_url": reverse("session:discover")})


def _is_admitted_sign_in(request: PortalRequest, form: SignInForm, organization_slug: str) -> bool:
    """Validate a submitted form and count the attempt. Errors are added to the form."""
    if request.method != "POST" or not form.is_valid():
        return False
    return _admitted(request, form, _attempt(request, form, organization_slug))


def _attempt(request: PortalRequest, form: SignInForm, organization_slug: str) -> Attempt:
    return Attempt(request.origin.ip_address, organization_slug, form.cleaned_data["email_address"])


def _admitted(request: PortalRequest, form: Form, attempt: Attempt) -> bool:
    admitted = admit(attempt)
    if not admitted and record_pause(request, attempt):
        form.add_error(None, ValidationError(_PAUSED, code="paused"))
    elif not admitted:
        form.add_error(None, ValidationError(_TOO_MANY, code="too-many"))
    return admitted


def _sign_in_page(
    request: PortalRequest, form: Form, context: dict[str, object], *, email_link_url: str
) -> HttpResponse:
    emails_links = request.directories.discovery(request.origin).link_emails is not None
    context |= {
        "form": form,
        "is_paused": form.is_bound and form.has_error(NON_FIELD_ERRORS, code="paused"),
        "email_link_url": email_link_url if emails_links else "",
    }
    return render_page(request, "session/sign_in.html", context, status=_form_status(form))


def _form_status(form: Form) -> int:
    if form.is_bound and any(form.has_error(NON_FIELD_ERRORS, code=code) for code in ("too-many", "paused")):
        return 429
    return 422 if form.is_bound and form.errors else 200


def _after_discovery(request: PortalRequest, discovered: Discovered) -> HttpResponse:
    match discovered.organizations:
        case []:
            raise Unauthenticated("You aren't a member of an organization here.")
        case [organization]:
            discovery = request.directories.discovery(request.origin)
            token = discovered.intermediate_session_token
            return enter(discovery.exchange(token, organization_id=organization.organization_id), "")
        case _:
            return keep_choice(discovered.intermediate_session_token, Proof.PASSWORD)


def _has_codes(request: PortalRequest, organization: Organization) -> bool:
    """Say whether codes can be emailed, and whether the organization lets members sign in with them."""
    return request.directory.email_otps.are_emailed and organization.settings.allows(EMAIL_OTP)


def enter(signed_in: SignedIn, onward: str) -> HttpResponse:
    """Return the response that opens a session in this browser: on a page of its organization, Home by default."""
    slug = signed_in.organization.organization_slug
    response = see_other(onward if is_page_of(onward, slug) else reverse("home:home", args=[slug]))
    keep_session(response, signed_in)
    return response


def send_again(request: PortalRequest, signed_in: SignedIn, kept: KeptForm, onward: str) -> HttpResponse:
    """Ask whether to send a form again that was submitted after the session had ended."""
    slug = signed_in.organization.organization_slug
    discard_url = onward if is_page_of(onward, slug) else reverse("home:home", args=[slug])
    response = render_page(request, "session/send_again.html", {"kept": kept, "discard_url": discard_url})
    keep_session(response, signed_in)
    return response
