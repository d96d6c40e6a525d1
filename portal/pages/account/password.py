"""Changing one's own password: with the current one, or after a recent proof."""

from django.contrib import messages
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import HttpResponse

from portal.access.rate_limits import Attempt, admit, forgive
from portal.directory.errors import Conflict, Forbidden, Invalid, TooManyRequests, Unauthenticated
from portal.directory.organizations import PASSWORD
from portal.pages.account.forms import ChangePasswordForm
from portal.pages.account.paths import account_url
from portal.web.pages import render_page, see_other
from portal.web.request import PortalRequest
from portal.web.session_cookie import keep_session
from portal.web.step_up import needs_step_up, step_up

_TOO_MANY = "Too many attempts. Wait a few minutes, then try again."


def change(request: PortalRequest) -> HttpResponse:
    """Show the form, and change the password."""
    signed_in = request.signed_in
    back = account_url(request)
    asks_existing = needs_step_up(request)
    if asks_existing and request.directory.members.has_details and not signed_in.member.member_password_id:
        # There is no password to enter, so another proof is needed.
        return step_up(request, request.path)
    form = ChangePasswordForm(request.POST or None, asks_existing=asks_existing)
    if request.method == "POST" and form.is_valid() and _admitted(request, form):
        try:
            changed = request.directory.account.change_password(
                form.cleaned_data["new_password"], existing_password=form.cleaned_data.get("existing_password", "")
            )
        except Unauthenticated as error:
            form.add_error("existing_password" if asks_existing else None, error.detail)
        except (Conflict, Forbidden, Invalid, TooManyRequests) as error:
            form.add_error("new_password", error.detail)
        else:
            if asks_existing:
                forgive(_attempt(request))
            messages.success(request, "Your password was changed. Your other sessions have ended.")
            response = see_other(back)
            if changed.session_token != signed_in.session_token:
                keep_session(response, changed)
            return response
    is_limited = form.is_bound and form.has_error(NON_FIELD_ERRORS, code="too-many")
    context = {
        "form": form,
        "account_url": back,
        "is_allowed": signed_in.organization.settings.allows(PASSWORD),
        "is_first": request.directory.members.has_details and not signed_in.member.member_password_id,
    }
    status = 429 if is_limited else 422 if form.errors else 200
    return render_page(request, "account/password.html", context, status=status)


def _admitted(request: PortalRequest, form: ChangePasswordForm) -> bool:
    """Count an attempt with the current password, which could be guessed. Errors are added to the form."""
    if "existing_password" not in form.cleaned_data:
        return True
    admitted = admit(_attempt(request))
    if not admitted:
        form.add_error(None, ValidationError(_TOO_MANY, code="too-many"))
    return admitted


def _attempt(request: PortalRequest) -> Attempt:
    signed_in = request.signed_in
    slug, email_address = signed_in.organization.organization_slug, signed_in.member.email_address
    return Attempt(request.origin.ip_address, slug, email_address, is_confirmation=True)
