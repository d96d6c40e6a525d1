"""Where the portal is embedded: the origins of pages that can show it in a frame, and the tickets of these frames."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.directory.embed_origins import MAX_ORIGINS
from portal.directory.embedding import EmbeddingGateway, TicketStatus
from portal.directory.errors import Conflict, Invalid, NotFound
from portal.directory.permissions import Permission
from portal.pages.settings.tabs import render_tab
from portal.web import listing
from portal.web.availability import available
from portal.web.frames import AREA_LABELS
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from portal.web.rights import right_to
from portal.web.step_up import needs_step_up, step_up_with_form

_TEMPLATE, _LIST, _MORE = "settings/embedding.html", "tickets", "tickets-more"
# Their frames work, or could still be opened.
_REVOCABLE = (TicketStatus.OPEN, TicketStatus.USED)


class OriginForm(forms.Form):
    """An origin."""

    origin = forms.CharField(
        label="Origin",
        help_text="The beginning of the page’s address, without a path, such as https://app.example.com.",
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "none",
                "autofocus": True,
                "inputmode": "url",
                "spellcheck": "false",
            }
        ),
    )


def embedding(request: PortalRequest) -> HttpResponse:
    """List the origins, and the tickets of the last day."""
    gateway = _gateway(request)
    query, origins = listing.ListQuery(request.GET), gateway.origins()
    context: dict[str, Any] = {
        "is_configured": bool(settings.EMBED_URL),
        "origins": origins,
        "can_add": len(origins.own) < MAX_ORIGINS,
        "max_origins": MAX_ORIGINS,
        "may_change": right_to(request, Permission.EMBEDDING_UPDATE),
        "may_see_members": request.allows(Permission.MEMBER_SEARCH),
        "query": query,
        "list_url": _url(request, "embedding"),
        "revocable": _REVOCABLE,
        "area_labels": AREA_LABELS,
        "slug": _slug(request),
    }
    if not query.is_valid():
        return render_tab(request, _TEMPLATE, context, fragments=[_LIST], status=422)
    found = listing.load(request, lambda cursor: gateway.tickets(cursor=cursor, limit=query.size), append_to=_MORE)
    context["tickets"] = found
    if found.has_restarted and request.htmx.target == _MORE:
        return listing.start_again(render_tab(request, _TEMPLATE, context), _LIST)
    return render_tab(request, _TEMPLATE, context, fragments=[_LIST, _MORE])


def add_origin(request: PortalRequest) -> HttpResponse:
    """Ask for an origin and register it."""
    gateway = _gateway(request)
    if needs_step_up(request):
        return step_up_with_form(request)
    typed = {"origin": request.GET.get("origin", "")}
    form = OriginForm(request.POST if request.method == "POST" else None, initial=typed)
    if form.is_valid():
        origin = form.cleaned_data["origin"]
        try:
            gateway.add_origin(origin)
        except (Invalid, Conflict) as error:
            form.add_error("origin", error.detail)
        else:
            messages.success(request, f"Pages of {origin} can embed the portal now.")
            return see_other(_url(request, "embedding"))
    context = {"form": form, "embedding_url": _url(request, "embedding")}
    return render_tab(request, "settings/add_origin.html", context, status=422 if form.errors else 200)


def remove_origin(request: PortalRequest) -> HttpResponse:
    """Say what removing an origin means, and remove it if the member does it anyway."""
    gateway = _gateway(request)
    origin = (request.POST or request.GET).get("origin", "")
    if origin not in gateway.origins().own:
        raise NotFound("This origin isn’t one of your organization’s.")
    if needs_step_up(request):
        return step_up_with_form(request)
    if request.method == "POST":
        gateway.remove_origin(origin)
        messages.success(request, f"Pages of {origin} can no longer embed the portal.")
        return see_other(_url(request, "embedding"))
    context = {"origin": origin, "embedding_url": _url(request, "embedding")}
    return render_tab(request, "settings/remove_origin.html", context)


def revoke_ticket(request: PortalRequest, ticket_id: str) -> HttpResponse:
    """Revoke a ticket, and end the session of its frame."""
    gateway = _gateway(request)
    gateway.revoke_ticket(ticket_id)
    messages.success(request, "Ticket revoked. Its frame no longer works.")
    return see_other(_url(request, "embedding"))


def _gateway(request: PortalRequest) -> EmbeddingGateway:
    return available(request.directory.embedding, "embedding")


def _slug(request: PortalRequest) -> str:
    return request.signed_in.organization.organization_slug


def _url(request: PortalRequest, name: str) -> str:
    return reverse(f"settings:{name}", args=[_slug(request)])
