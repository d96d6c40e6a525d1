"""How members sign in: the allowed methods, with the consequences of a change, and second factors."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from portal.directory.errors import Conflict, Forbidden, Invalid
from portal.directory.organizations import (
    EMAIL_OTP,
    MAGIC_LINK,
    PASSWORD,
    Organization,
    OrganizationChanges,
    organization_version,
)
from portal.directory.permissions import Permission
from portal.directory.second_factors import PASSKEY, SMS_OTP
from portal.pages.settings.sign_in_forms import (
    FACTORS,
    OF_METHODS,
    SecondFactorForm,
    allowed_now,
    policy_text,
)
from portal.pages.settings.tabs import render_tab
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from portal.web.rights import right_to
from portal.web.sign_in_methods import OWN_METHODS
from portal.web.step_up import needs_step_up, step_up

_SENTENCES = {
    MAGIC_LINK: "A link that works once, for a limited time",
    EMAIL_OTP: "A code that works once, for 10 minutes",
}


def sign_in(request: PortalRequest) -> HttpResponse:
    """Show the settings, and save those of second factors."""
    organization = request.directory.organization.get()
    if request.method != "POST":
        return render_sign_in(request, organization, form=_kept_form(request, organization))
    form, status = _form(request, organization), 422
    if form.is_valid():
        if needs_step_up(request):
            typed = urlencode(
                [(name, value) for name in ("policy", "factors", "version") for value in request.POST.getlist(name)]
            )
            return step_up(request, f"{sign_in_url(request)}?{typed}#second-factors")
        try:
            if form.changes != OrganizationChanges() or form.cleaned_data["version"] != form.initial["version"]:
                request.directory.organization.update(form.changes, version=form.cleaned_data["version"] or "none")
        except (Conflict, Forbidden, Invalid) as error:
            status = error.status
            if error.field == "version":
                now = stored(request)
                said = f"{error.detail} A second factor is now {policy_text(now.settings)}. Save again to replace that."
                form.add_error(None, said)
                form = form.renewed(now)
            else:
                form.add_error("factors" if error.field == "allowed_mfa_methods" else None, error.detail)
        else:
            messages.success(request, "Multi-factor authentication saved.")
            return see_other(sign_in_url(request))
    return render_sign_in(request, organization, form=form, status=status)


def render_sign_in(
    request: PortalRequest, organization: Organization, *, status: int = 200, **more: Any
) -> HttpResponse:
    """Answer with the tab; `more` is a form that was sent, with its errors."""
    gateway, form = request.directory.sign_in_settings, more.pop("form", None) or _form(request, organization)
    numbers = gateway.numbers() if gateway and request.allows(Permission.MEMBER_SEARCH) else None
    chosen = more.pop("chosen_methods", allowed_now(organization.settings))
    policy, factors = form.shown
    context: dict[str, Any] = {
        "methods": [(name, label, _sentence(request, name), name in chosen) for name, label in OWN_METHODS.items()],
        "methods_version": organization_version(organization, *OF_METHODS),
        "may_change_methods": right_to(request, Permission.AUTH_METHODS),
        "numbers": numbers,
        "has_numbers": gateway is not None,
        "form": form,
        "policy": policy,
        "factors": [(name, label, name in factors, _users(numbers, name)) for name, label in FACTORS.items()],
        "has_passkeys": request.directory.passkeys is not None,
        "passkey": PASSKEY,
        "sms": SMS_OTP,
        "sends_sms": request.directory.sms_otps.are_sent,
        "may_change_policy": right_to(request, Permission.MFA_POLICY),
        "may_change_factors": right_to(request, Permission.MFA_METHODS),
        "has_limits": request.directory.session_limits is not None,
        "limits": request.directory.session_limits.bounds if request.directory.session_limits else None,
        "settings": organization.settings,
        **more,
    }
    return render_tab(request, "settings/sign_in.html", context, status=status)


def _form(request: PortalRequest, organization: Organization) -> SecondFactorForm:
    data = request.POST if request.method == "POST" else None
    return SecondFactorForm(data, organization=organization, has_own=request.directory.sign_in_settings is not None)


def _kept_form(request: PortalRequest, organization: Organization) -> SecondFactorForm | None:
    """Return the form that the member filled in before they confirmed that it's them, None for none."""
    if "version" not in request.GET:
        return None
    has_own = request.directory.sign_in_settings is not None
    form = SecondFactorForm(request.GET, organization=organization, has_own=has_own)
    form.is_kept = form.is_valid()
    return form


def _sentence(request: PortalRequest, method: str) -> str:
    if method == PASSWORD:
        return settings.PROJECT.passwords.hint if request.directory.sign_in_settings else "A password of their own"
    return _SENTENCES[method]


def _users(numbers: Any, factor: str) -> int:
    return numbers.by_factor[factor] if numbers else 0


def stored(request: PortalRequest) -> Organization:
    """Return the organization as it is now: the directory of a member knows it as it was when the request began."""
    slug = request.signed_in.organization.organization_slug
    return request.directories.open(slug, request.origin).organization.get()


def sign_in_url(request: PortalRequest) -> str:
    """Return the URL of the tab."""
    return reverse("settings:sign-in", args=[request.signed_in.organization.organization_slug])
