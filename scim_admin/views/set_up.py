"""Setup of the identity provider: its guide, next to the live check of what has arrived."""

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from portal.directory.scim.connection import NewScimConnection, ScimConnection
from portal.web.pages import private
from portal.web.request import PortalRequest
from scim_admin.forms.set_up import GuideQuery
from scim_admin.guides import Guide, guide_for, guides_for
from scim_admin.live_check import LiveCheck, live_check
from scim_admin.sections import render_section

_FRAGMENT = "live-check"


def set_up(request: PortalRequest) -> HttpResponse:
    """Show the guide and the live check. A poll whose `seen` fingerprint is still current gets 204."""
    connection = request.directory.scim.connection.get()
    if connection is None:
        return render_section(request, "scim_admin/set_up.html")
    query = GuideQuery(request.GET, guides_for(connection.identity_provider))
    check = _check(request, connection, query.chosen)
    if request.htmx.target == _FRAGMENT and request.GET.get("seen") == check.get("fingerprint"):
        return private(HttpResponse(status=204))
    context = {"connection": connection, "query": query, "guide": query.chosen, **check}
    status = 200 if query.is_valid() else 422
    return render_section(request, "scim_admin/set_up.html", context, fragments=[_FRAGMENT], status=status)


def render_first_token(request: PortalRequest, created: NewScimConnection, guide_key: str) -> HttpResponse:
    """Show the guide of a new connection with its token in the step that needs it. No cache stores it."""
    connection, guide = created.connection, guide_for(created.connection.identity_provider, guide_key)
    context = {
        "connection": connection,
        "guide": guide,
        "bearer_token": created.bearer_token,
        **_check(request, connection, guide),
    }
    return render_section(request, "scim_admin/set_up.html", context)


def _check(request: PortalRequest, connection: ScimConnection, guide: Guide) -> dict[str, Any]:
    """Return the context of the live check, including the URLs to reload and to poll it; only that of the guide without a log."""
    gateway = request.directory.scim.health
    url = reverse("scim:set-up", args=[request.signed_in.organization.organization_slug])
    chosen = {"guide": guide.key} if len(guides_for(connection.identity_provider)) > 1 else {}
    again_url = f"{url}?{urlencode(chosen)}" if chosen else url
    if gateway is None:
        return {"again_url": again_url}
    progress = gateway.progress(connection.connection_id)
    check = live_check(progress, connection.identity_provider, guide)
    return {
        "check": check,
        "finished_steps": check.finished_steps(guide),
        "progress": progress,
        "fingerprint": check.fingerprint,
        "announcement": _announcement(check),
        "again_url": again_url,
        "poll_url": f"{url}?{urlencode({**chosen, 'seen': check.fingerprint})}",
    }


def _announcement(check: LiveCheck) -> str:
    """Return the announcement for screen readers when the check has changed."""
    problems = [item.problem.title for item in check.problems if item.problem]
    progress = "Complete" if check.is_finished else f"{check.done_count} of {len(check.items)} done"
    return ". ".join([f"Live check: {progress}", *(f"Problem: {title}" for title in problems)])
