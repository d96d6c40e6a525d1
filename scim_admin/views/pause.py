"""Having the identity provider wait, and letting it go on."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.directory.errors import Conflict
from portal.directory.scim.features import ScimFeature
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from scim_admin.causes.words import words_of
from scim_admin.sections import render_section


def pause(request: PortalRequest) -> HttpResponse:
    """Say what a pause does, and pause."""
    scim = request.directory.scim
    connection = scim.connection.get()
    if request.method == "GET" or connection is None or ScimFeature.PAUSE not in scim.offers:
        return _page(request)
    try:
        scim.pause.pause(connection.connection_id)
    except Conflict as error:
        return _page(request, error.detail, status=error.status)
    messages.success(request, f"{connection.display_name} is paused.")
    return _overview(request)


def resume(request: PortalRequest) -> HttpResponse:
    """Let the identity provider go on."""
    scim = request.directory.scim
    connection = scim.connection.get()
    if connection is None or ScimFeature.PAUSE not in scim.offers:
        return _page(request)
    try:
        scim.pause.resume(connection.connection_id)
    except Conflict as error:
        return _page(request, error.detail, status=error.status)
    messages.success(request, f"{connection.display_name} goes on.")
    return _overview(request)


def _page(request: PortalRequest, problem: str = "", *, status: int = 200) -> HttpResponse:
    scim = request.directory.scim
    connection = scim.connection.get()
    context: dict[str, Any] = {
        "connection": connection,
        "not_offered": ScimFeature.PAUSE not in scim.offers,
        "words": words_of(connection.identity_provider) if connection else None,
        "problem": problem,
    }
    return render_section(request, "scim_admin/pause.html", context, status=status)


def _overview(request: PortalRequest) -> HttpResponse:
    return see_other(reverse("scim:connection", args=[request.signed_in.organization.organization_slug]))
