"""Pause and resume provisioning."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.directory.errors import Conflict
from portal.web.availability import available
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from scim_admin.causes.words import words_for
from scim_admin.sections import render_section


def pause(request: PortalRequest) -> HttpResponse:
    """Explain what a pause does, and pause."""
    gateway = available(request.directory.scim.pause, "pause")
    connection = request.directory.scim.connection.get()
    if request.method == "GET" or connection is None:
        return _page(request)
    try:
        gateway.pause(connection.connection_id)
    except Conflict as error:
        return _page(request, error.detail, status=error.status)
    messages.success(request, f"{connection.display_name} is paused.")
    return _overview(request)


def resume(request: PortalRequest) -> HttpResponse:
    """Resume provisioning."""
    gateway = available(request.directory.scim.pause, "pause")
    connection = request.directory.scim.connection.get()
    if connection is None:
        return _page(request)
    try:
        gateway.resume(connection.connection_id)
    except Conflict as error:
        return _page(request, error.detail, status=error.status)
    messages.success(request, "Provisioning resumed.")
    return _overview(request)


def _page(request: PortalRequest, problem: str = "", *, status: int = 200) -> HttpResponse:
    connection = request.directory.scim.connection.get()
    context: dict[str, Any] = {
        "connection": connection,
        "words": words_for(connection.identity_provider) if connection else None,
        "problem": problem,
    }
    return render_section(request, "scim_admin/pause.html", context, status=status)


def _overview(request: PortalRequest) -> HttpResponse:
    return see_other(reverse("scim:connection", args=[request.signed_in.organization.organization_slug]))
