"""How the organization is shown: its name, its address and its IDs."""

import json
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.directory.errors import Conflict, Forbidden, Invalid
from portal.directory.organizations import Organization
from portal.directory.permissions import Permission
from portal.pages.settings.danger import danger_context
from portal.pages.settings.forms import LogoForm, OrganizationForm
from portal.pages.settings.history import last_change
from portal.pages.settings.tabs import render_tab
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from portal.web.rights import Right, right_to
from portal.web.session_cookie import forget_session, keep_session

_TEMPLATE = "settings/general.html"
_PERMISSIONS = {
    "organization_name": Permission.ORGANIZATION_NAME,
    "organization_slug": Permission.ORGANIZATION_SLUG,
}


def general(request: PortalRequest) -> HttpResponse:
    """Show the organization, and save its name and slug."""
    if request.method != "POST":
        return render_general(request)
    rights = _rights(request)
    slug = request.signed_in.organization.organization_slug
    form = OrganizationForm(request.POST, organization=request.signed_in.organization, rights=rights)
    status = 422
    if form.is_valid():
        try:
            changed = request.directory.organization.update(
                form.changes, version=form.cleaned_data["version"] or "none"
            )
        except (Conflict, Forbidden, Invalid) as error:
            status = error.status
            if error.field == "version":
                now = _stored(request)
                text = f"{error.detail} The name is now {now.organization_name}, the slug {now.organization_slug}."
                form.add_error(None, f"{text} Save again to replace that.")
                form = form.renewed(now)
            else:
                form.add_error(error.field if error.field in form.fields else None, error.detail)
        else:
            messages.success(request, "Organization saved.")
            response = see_other(reverse("settings:general", args=[changed.organization_slug]))
            if changed.organization_slug != slug:
                # The cookie's name contains the slug.
                keep_session(response, replace(request.signed_in, organization=changed))
                forget_session(response, slug)
            return response
    return render_general(request, form=form, status=status)


def render_general(request: PortalRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    """Answer with the tab; `more` is a form that was sent, with its errors."""
    organization, rights = request.directory.organization.get(), _rights(request)
    context: dict[str, Any] = {
        "organization": organization,
        "form": OrganizationForm(organization=organization, rights=rights),
        "rights": rights,
        "may_save": any(right.is_granted for right in rights.values()),
        "last_change": last_change(request),
        "metadata": json.dumps(organization.trusted_metadata, ensure_ascii=False, indent=2)
        if organization.trusted_metadata
        else "",
        "has_logo": request.directory.logo is not None,
        "logo_form": LogoForm(),
        "may_change_logo": right_to(request, Permission.ORGANIZATION_LOGO),
        **danger_context(request),
        **more,
    }
    return render_tab(request, _TEMPLATE, context, status=status)


def _stored(request: PortalRequest) -> Organization:
    """Return the organization as it is now: the directory of a member knows it as it was when the request began."""
    slug = request.signed_in.organization.organization_slug
    return request.directories.open(slug, request.origin).organization.get()


def _rights(request: PortalRequest) -> dict[str, Right]:
    return {name: right_to(request, permission) for name, permission in _PERMISSIONS.items()}
