"""Signing in with a code by email, and confirming with one that it's still the same person."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.urls import reverse

from portal.access.rate_limits import Attempt, admit, admit_email, forgive
from portal.directory.email_otps import CodeRequest
from portal.directory.errors import NotFound, Unauthenticated
from portal.pages.session.forms import EmailForm
from portal.pages.session.pauses import record_pause
from portal.pages.session.views import enter
from portal.web.code_form import CodeForm, rejected
from portal.web.pages import render_page, see_other
from portal.web.request import PortalRequest
from portal.web.session_cookie import is_page_of, keep_session

_TOO_MANY = "Too many attempts. Wait a few minutes, then try again."
_TOO_MANY_EMAILS = "Too many emails. Try again in 15 minutes."


def send(request: PortalRequest) -> HttpResponse:
    """Email a code to someone who wants to sign in, and ask for it. Every address gets the same page."""
    organization = request.directory.organization.get()
    slug = organization.organization_slug
    address = EmailForm(request.POST)
    if not address.is_valid():
        return see_other(reverse("session:sign-in", args=[slug]))
    email_address = address.cleaned_data["email_address"]
    form = CodeForm()
    if not _request(request, slug, email_address):
        form = rejected(_TOO_MANY_EMAILS, "too-many", CodeForm)
    return _code_page(request, form, email_address)


def enter_code(request: PortalRequest) -> HttpResponse:
    """Sign in with a code."""
    slug = request.directory.organization.get().organization_slug
    address, form = EmailForm(request.POST), CodeForm(request.POST)
    if not address.is_valid():
        return see_other(reverse("session:sign-in", args=[slug]))
    email_address = address.cleaned_data["email_address"]
    attempt = Attempt(request.origin.ip_address, slug, email_address)
    if form.is_valid() and _admitted(request, form, attempt):
        try:
            signed_in = request.directory.email_otps.sign_in(
                email_address=email_address, code=form.cleaned_data["code"]
            )
        except Unauthenticated as error:
            form.add_error("code", error.detail)
        else:
            forgive(attempt)
            return enter(signed_in, request.POST.get("next", ""))
    return _code_page(request, form, email_address)


def confirm(request: PortalRequest) -> HttpResponse:
    """Email a code to the signed-in member, or check the one that they entered, and return to the page that needs it."""
    signed_in = request.signed_in
    slug, email_address = signed_in.organization.organization_slug, signed_in.member.email_address
    onward = request.POST.get("next", "")
    onward = onward if is_page_of(onward, slug) else ""
    form = CodeForm(request.POST) if "code" in request.POST else CodeForm()
    attempt = Attempt(request.origin.ip_address, slug, email_address, is_confirmation=True)
    if not form.is_bound:
        if not _request(request, slug, email_address):
            form = rejected(_TOO_MANY_EMAILS, "too-many", CodeForm)
    elif form.is_valid() and _admitted(request, form, attempt):
        try:
            confirmed = request.directory.email_otps.confirm(form.cleaned_data["code"])
        except Unauthenticated as error:
            form.add_error("code", error.detail)
        else:
            forgive(attempt)
            messages.success(request, "You confirmed that it’s you. That counts for five minutes.")
            response = see_other(onward or reverse("home:home", args=[slug]))
            if confirmed.session_token != signed_in.session_token:
                keep_session(response, confirmed)
            return response
    context = {"form": form, "next": onward}
    return render_page(request, "session/confirm_code.html", context, status=_status(form))


def _request(request: PortalRequest, slug: str, email_address: str) -> bool:
    """Have a code emailed, and return whether the limits allow it."""
    email_otps = request.directory.email_otps
    if not email_otps.are_emailed:
        raise NotFound("Codes can't be emailed.")
    admitted = admit_email(Attempt(request.origin.ip_address, slug, email_address))
    if admitted:
        email_otps.request(CodeRequest(email_address=email_address))
    return admitted


def _admitted(request: PortalRequest, form: CodeForm, attempt: Attempt) -> bool:
    admitted = admit(attempt)
    if not admitted:
        record_pause(request, attempt)
        form.add_error(None, ValidationError(_TOO_MANY, code="too-many"))
    return admitted


def _code_page(request: PortalRequest, form: CodeForm, email_address: str) -> HttpResponse:
    organization = request.directory.organization.get()
    slug = organization.organization_slug
    onward = request.POST.get("next", "")
    context = {
        "form": form,
        "organization": organization,
        "email_address": email_address,
        "next": onward if is_page_of(onward, slug) else "",
        "sign_in_url": reverse("session:sign-in", args=[slug]),
    }
    return render_page(request, "session/code_entry.html", context, status=_status(form))


def _status(form: CodeForm) -> int:
    if not (form.is_bound and form.errors):
        return 200
    return 429 if form.has_error("__all__", code="too-many") else 422
