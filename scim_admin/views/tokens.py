"""The tokens of the connection, which of them the identity provider uses, and their rotation."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.directory.errors import Conflict
from portal.directory.permissions import Permission
from portal.directory.scim.connection import NewScimConnection, ScimConnection
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from portal.web.rights import right_to
from scim_admin.forms.connection import TokensVersionForm
from scim_admin.sections import render_section
from scim_admin.step_up import needs_step_up, step_up
from scim_admin.views.connection import connection_card

_TEMPLATE = "scim_admin/tokens.html"


def token(request: PortalRequest) -> HttpResponse:
    """Show the valid tokens and, during a rotation, whether it is safe to finish."""
    return _page(request)


def rotate(request: PortalRequest) -> HttpResponse:
    """Create the next token. A reload says that it isn't shown again."""
    scim, connection = request.directory.scim, request.directory.scim.connection.get()
    if connection is None or scim.tokens.get(connection.connection_id).following is not None:
        return _page(request, was_shown=True)
    if needs_step_up(request):
        return step_up(request, reverse("scim:rotate", args=[request.signed_in.organization.organization_slug]))
    if request.method == "POST":
        return _start(request, connection)
    return render_section(request, "scim_admin/rotate.html", connection_card(connection))


def _start(request: PortalRequest, connection: ScimConnection) -> HttpResponse:
    try:
        created = request.directory.scim.tokens.rotate_start(connection.connection_id)
    except Conflict:
        # Someone else was faster, or the button was pressed twice.
        return _page(request, was_shown=True)
    return render_new_token(request, created)


def rotate_complete(request: PortalRequest) -> HttpResponse:
    """Revoke the current token."""
    done = "The old token is revoked. Only the new token works now."
    return _end(request, request.directory.scim.tokens.rotate_complete, done)


def rotate_cancel(request: PortalRequest) -> HttpResponse:
    """Revoke the next token."""
    return _end(
        request, request.directory.scim.tokens.rotate_cancel, "The new token is discarded. The old token stays valid."
    )


def render_new_token(request: PortalRequest, created: NewScimConnection) -> HttpResponse:
    """Show a new token. It has no URL of its own, and no cache stores it."""
    context = {**connection_card(created.connection), "bearer_token": created.bearer_token}
    context["is_first"] = request.resolver_match is not None and request.resolver_match.url_name == "create"
    return render_section(request, "scim_admin/new_token.html", context)


def _end(request: PortalRequest, end: Callable[..., ScimConnection], done: str) -> HttpResponse:
    connection, form = request.directory.scim.connection.get(), TokensVersionForm(request.POST)
    if connection is None or not form.is_valid():
        return _page(request, problem="The form was incomplete. Check the tokens, then try again.", status=422)
    try:
        end(connection.connection_id, version=form.cleaned_data["version"])
    except Conflict as error:
        return _page(request, problem=error.detail, status=409)
    messages.success(request, done)
    return see_other(reverse("scim:token", args=[request.signed_in.organization.organization_slug]))


def _page(request: PortalRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    scim = request.directory.scim
    connection = scim.connection.get()
    if connection is None:
        return render_section(request, _TEMPLATE, {"connection": None}, status=status)
    context = {
        **connection_card(connection),
        **more,
        "tokens": scim.tokens.get(connection.connection_id),
        "may_rotate": right_to(request, Permission.SCIM_UPDATE),
    }
    return render_section(request, _TEMPLATE, context, status=status)
