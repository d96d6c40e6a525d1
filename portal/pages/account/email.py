"""Changing one's own email address: a code to the new address proves it."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import HttpResponse
from django.urls import reverse

from portal.access.rate_limits import Attempt, admit, admit_email, forgive
from portal.directory.errors import Conflict, Forbidden, Invalid, Unauthenticated
from portal.pages.account.forms import NewEmailForm
from portal.pages.account.paths import account_url
from portal.web.code_form import CodeForm, rejected
from portal.web.pages import render_page, see_other
from portal.web.request import PortalRequest
from portal.web.session_cookie import keep_session
from portal.web.step_up import needs_step_up, step_up

_TOO_MANY = "Too many attempts. Wait a few minutes, then try again."
_TOO_MANY_EMAILS = "Too many emails. Try again in 15 minutes."


def change(request: PortalRequest) -> HttpResponse:
    """Ask for a new address, and email a code to it. Every address gets the same page."""
    pending = request.directory.account.pending_email_update()
    manager = _managing(request)
    can_be_emailed = request.directory.email_otps.are_emailed
    if can_be_emailed and not manager and not pending and needs_step_up(request):
        return step_up(request, request.path)
    form = NewEmailForm(request.POST or None)
    if request.method != "POST" or not form.is_valid() or manager or not can_be_emailed:
        context: dict[str, Any] = {
            "form": form,
            "pending": pending,
            "manager": manager,
            "can_be_emailed": can_be_emailed,
        }
        if pending:
            context |= {"code_form": CodeForm(), "email_address": pending.email_address}
        return _page(request, "account/email.html", context, form)
    if needs_step_up(request):
        return step_up(request, request.path)
    email_address = form.cleaned_data["email_address"]
    attempt = Attempt(request.origin.ip_address, _slug(request), email_address)
    if not admit_email(attempt):
        return _code_page(request, rejected(_TOO_MANY_EMAILS, "too-many", CodeForm), email_address)
    try:
        request.directory.account.start_email_update(email_address)
    except (Conflict, Forbidden, Invalid) as error:
        form.add_error("email_address", error.detail)
        context = {"form": form, "pending": pending, "manager": manager, "can_be_emailed": can_be_emailed}
        return _page(request, "account/email.html", context, form)
    return _code_page(request, CodeForm(), email_address)


def enter_code(request: PortalRequest) -> HttpResponse:
    """Change the address with the code that was sent to the new one."""
    address, form = NewEmailForm(request.POST), CodeForm(request.POST)
    back = account_url(request)
    if not address.is_valid():
        return see_other(reverse("account:email", args=[_slug(request)]))
    email_address = address.cleaned_data["email_address"]
    # By the member's own address: attempts for the new one must not pause its owner.
    own = request.signed_in.member.email_address
    attempt = Attempt(request.origin.ip_address, _slug(request), own, is_confirmation=True)
    if not form.is_valid():
        return _code_page(request, form, email_address)
    if not admit(attempt):
        form.add_error(None, ValidationError(_TOO_MANY, code="too-many"))
        return _code_page(request, form, email_address)
    try:
        changed = request.directory.account.finish_email_update(
            email_address=email_address, code=form.cleaned_data["code"]
        )
    except (Unauthenticated, Conflict) as error:
        form.add_error("code", error.detail)
        return _code_page(request, form, email_address)
    forgive(attempt)
    messages.success(request, f"Your email address is now {changed.member.email_address}.")
    response = see_other(back)
    if changed.session_token != request.signed_in.session_token:
        keep_session(response, changed)
    return response


def cancel(request: PortalRequest) -> HttpResponse:
    """End the change that waits for its code."""
    request.directory.account.cancel_email_update()
    messages.success(request, "Your email address stays the same.")
    return see_other(account_url(request))


def _managing(request: PortalRequest) -> str:
    """Return the identity provider that manages the member's address, "" if none does."""
    manager = request.directory.members.details(request.signed_in.member.member_id).listed.manager
    return manager.identity_provider.in_text if manager else ""


def _slug(request: PortalRequest) -> str:
    return request.signed_in.organization.organization_slug


def _code_page(request: PortalRequest, form: CodeForm, email_address: str) -> HttpResponse:
    context = {"form": form, "email_address": email_address}
    return _page(request, "account/email_code.html", context, form)


def _page(request: PortalRequest, template: str, context: dict[str, Any], form: Form) -> HttpResponse:
    context |= {"account_url": account_url(request)}
    is_limited = form.is_bound and form.has_error("__all__", code="too-many")
    status = 429 if is_limited else 422 if form.is_bound and form.errors else 200
    return render_page(request, template, context, status=status)
