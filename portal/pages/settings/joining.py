"""How people become members: by an invitation, or without one."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.directory.errors import Conflict, Forbidden, Invalid
from portal.directory.organizations import Organization, OrganizationChanges
from portal.directory.permissions import Permission
from portal.pages.settings.joining_forms import INVITES, InvitesForm, JoinForm, SettingsForm
from portal.pages.settings.tabs import render_tab
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from portal.web.rights import right_to

_ONE_WAY = (
    "Leave at least one way to join turned on: invitations, an email domain, or an account at GitHub, Slack or HubSpot."
)
_JOINING = frozenset(
    {"email_invites", "email_jit_provisioning", "sso_jit_provisioning", "oauth_tenant_jit_provisioning"}
)


def joining(request: PortalRequest) -> HttpResponse:
    """Show how people join."""
    return _render(request)


def invites(request: PortalRequest) -> HttpResponse:
    """Save who can be invited."""
    return _save(request, InvitesForm, "invites_form", "Invitations saved.")


def join(request: PortalRequest) -> HttpResponse:
    """Save who can join without an invitation."""
    return _save(request, JoinForm, "join_form", "Joining saved.")


def _save(request: PortalRequest, kind: type[SettingsForm], name: str, said: str) -> HttpResponse:
    if request.method != "POST":
        return see_other(_url(request))
    form, status = kind(request.POST, organization=request.directory.organization.get()), 422
    if form.is_valid():
        version, changes = form.cleaned_data["version"] or "none", form.changes
        try:
            if changes != OrganizationChanges() or version != form.initial["version"]:
                request.directory.organization.update(changes, version=version)
        except (Conflict, Forbidden, Invalid) as error:
            status = error.status
            if error.field == "version":
                form.add_error(None, f"{error.detail} Save again to replace that.")
                form = form.renewed(_stored(request))
            else:
                form.add_error(None, _ONE_WAY if _is_last_way(error) else error.detail)
        else:
            messages.success(request, said)
            return see_other(_url(request))
    return _render(request, status=status, **{name: form})


def _is_last_way(error: Conflict | Forbidden | Invalid) -> bool:
    return isinstance(error, Invalid) and error.field in _JOINING


def _render(request: PortalRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    organization = request.directory.organization.get()
    invites_form = more.pop("invites_form", None) or InvitesForm(organization=organization)
    join_form = more.pop("join_form", None) or JoinForm(organization=organization)
    rights = {
        "may_change_domains": right_to(request, Permission.EMAIL_JIT),
        "may_change_oauth": right_to(request, Permission.OAUTH_JIT),
        "may_change_tenants": right_to(request, Permission.OAUTH_TENANTS),
    }
    granted = [one for one in rights.values() if one.is_granted]
    context = {
        **rights,
        "may_save_join": granted[0] if granted else rights["may_change_domains"],
        "invites": [(name, label, name == invites_form.chosen) for name, label in INVITES.items()],
        "invites_form": invites_form,
        "join_form": join_form,
        "by_domain": join_form.is_on("email_jit_provisioning"),
        "by_tenant": join_form.is_on("oauth_tenant_jit_provisioning"),
        "domains": organization.email_allowed_domains,
        "may_change_invites": right_to(request, Permission.EMAIL_INVITES),
    }
    return render_tab(request, "settings/joining.html", context, status=status)


def _stored(request: PortalRequest) -> Organization:
    """Return the organization as it is now: the directory of a member knows it as it was when the request began."""
    slug = request.signed_in.organization.organization_slug
    return request.directories.open(slug, request.origin).organization.get()


def _url(request: PortalRequest) -> str:
    return reverse("settings:joining", args=[request.signed_in.organization.organization_slug])
