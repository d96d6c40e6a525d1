"""The tokens of the connection, which of them the identity provider uses, and their rotation."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.directory.errors import Conflict
from portal.directory.scim.connection import NewScimConnection, ScimConnection
from portal.directory.scim.tokens import ScimTokens
from portal.web.request import PortalRequest
from portal.web.step_up import needs_step_up, step_up
from scim_admin.forms.connection import TokensVersionForm
from scim_admin.sections import render_section
from scim_admin.views.connection import connection_card
from scim_admin.views.settings import render_settings, see_settings


def rotate(request: PortalRequest) -> HttpResponse:
    """Create the next token. Once there is one, show whether it's used; HTMX asks again for that."""
    scim, connection = request.directory.scim, request.directory.scim.connection.get()
    if connection is None:
        return render_settings(request)
    tokens = scim.tokens.get(connection.connection_id)
    if tokens.following is not None:
        return _rotation(request, connection, tokens)
    if needs_step_up(request):
        return step_up(request, reverse("scim:rotate", args=[request.signed_in.organization.organization_slug]))
    if request.method == "POST":
        return _start(request, connection)
    return render_section(request, "scim_admin/rotate.html", {**_flow(connection), "tokens": tokens})


def _start(request: PortalRequest, connection: ScimConnection) -> HttpResponse:
    gateway = request.directory.scim.tokens
    try:
        created = gateway.rotate_start(connection.connection_id)
    except Conflict:
        # Someone else was faster, or the button was pressed twice.
        return _rotation(request, connection, gateway.get(connection.connection_id))
    return render_new_token(request, created)


def _rotation(request: PortalRequest, connection: ScimConnection, tokens: ScimTokens) -> HttpResponse:
    context = {**_flow(connection), "tokens": tokens}
    return render_section(request, "scim_admin/rotation.html", context, fragments=["rotation"])


def _flow(connection: ScimConnection) -> dict[str, Any]:
    """Return the context of each step."""
    card = connection_card(connection)
    guide = card["guide"]
    product = "your identity provider" if guide.subject else guide.name
    return {**card, "product": product, "enter_label": f"Enter it in {product}"}


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
    """Show the next token, and where to enter it. It has no URL of its own, and no cache stores it."""
    context = {**_flow(created.connection), "bearer_token": created.bearer_token}
    return render_section(request, "scim_admin/new_token.html", context)


def _end(request: PortalRequest, end: Callable[..., ScimConnection], done: str) -> HttpResponse:
    connection, form = request.directory.scim.connection.get(), TokensVersionForm(request.POST)
    if connection is None or not form.is_valid():
        return render_settings(
            request, problem="The form was incomplete. Check the tokens, then try again.", status=422
        )
    try:
        end(connection.connection_id, version=form.cleaned_data["version"])
    except Conflict as error:
        return render_settings(request, problem=error.detail, status=409)
    messages.success(request, done)
    return see_settings(request, "token")
