"""What ends access for everyone: ending all sessions, and deleting the organization."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.directory.permissions import Permission
from portal.pages.settings.forms import DeleteOrganizationForm
from portal.pages.settings.tabs import render_tab
from portal.web.availability import available
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from portal.web.rights import Right, right_to
from portal.web.session_cookie import forget_session
from portal.web.step_up import needs_step_up, step_up


def danger_context(request: PortalRequest) -> dict[str, Any]:
    """Return what the danger zone of the General tab shows."""
    may_end, sessions = right_to(request, Permission.MEMBER_SESSIONS), request.directory.all_sessions
    return {
        "may_end_sessions": may_end,
        "may_delete": _may_delete(request),
        "has_all_sessions": sessions is not None,
        "other_sessions": sessions.count() if sessions and may_end.is_granted else None,
        "restorable_days": request.directory.organization.restorable_days,
    }


def sign_everyone_out(request: PortalRequest) -> HttpResponse:
    """Say how many sessions end, and end them."""
    sessions = available(request.directory.all_sessions, "all sessions")
    if needs_step_up(request):
        return step_up(request, request.path)
    if request.method == "POST":
        ended = sessions.revoke()
        messages.success(request, f"{ended:,} {'session' if ended == 1 else 'sessions'} ended.")
        return see_other(_general(request))
    context = {"other_sessions": sessions.count(), "general_url": _general(request)}
    return render_tab(request, "settings/sign_everyone_out.html", context)


def delete(request: PortalRequest) -> HttpResponse:
    """Say what is lost, and delete the organization once its name is typed."""
    if needs_step_up(request):
        return step_up(request, request.path)
    organization = request.directory.organization.get()
    form = DeleteOrganizationForm(request.POST or None, name=organization.organization_name)
    if request.method == "POST" and form.is_valid():
        request.directory.organization.delete()
        response = see_other(reverse("session:signed-out"))
        forget_session(response, organization.organization_slug)
        return response
    context = {"form": form, "losses": _losses(request), "general_url": _general(request)}
    context["restorable_days"] = request.directory.organization.restorable_days
    return render_tab(request, "settings/delete.html", context, status=422 if form.is_bound else 200)


def _losses(request: PortalRequest) -> dict[str, Any]:
    """Return the numbers that the directory knows and the member may see."""
    counts, sessions = request.directory.counts, request.directory.all_sessions
    may_end, may_see_scim = request.allows(Permission.MEMBER_SESSIONS), request.allows(Permission.SCIM_GET)
    return {
        "members": counts.members().members if counts and request.allows(Permission.MEMBER_SEARCH) else None,
        "sessions": sessions.count() + 1 if sessions and may_end else None,
        "connection": request.directory.scim.connection.get() if may_see_scim else None,
    }


def _may_delete(request: PortalRequest) -> Right:
    return right_to(request, Permission.ORGANIZATION_DELETE)


def _general(request: PortalRequest) -> str:
    return reverse("settings:general", args=[request.signed_in.organization.organization_slug])
