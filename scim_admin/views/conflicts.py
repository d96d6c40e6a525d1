"""Conflicts: existing members that the identity provider also sends, and the decision about them."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from portal.directory.errors import Conflict, Invalid
from portal.directory.permissions import Permission
from portal.directory.scim.conflicts import ScimConflictState
from portal.directory.scim.connection import ScimConnection
from portal.web import listing
from portal.web.availability import available
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from portal.web.rights import right_to
from portal.web.step_up import needs_step_up, step_up
from scim_admin.attention import after_decision, attention_context
from scim_admin.causes.words import words_for
from scim_admin.forms.conflicts import ConflictsQuery, DecideForm, DomainForm
from scim_admin.sections import Section, render_section

_LABELS = {
    ScimConflictState.WAITING: "Waiting",
    ScimConflictState.APPROVED: "Approved",
    ScimConflictState.DISMISSED: "Kept separate",
}


def conflicts(request: PortalRequest) -> HttpResponse:
    """Show a page of the conflicts in a state."""
    return _list_page(request, {})


def decide(request: PortalRequest) -> HttpResponse:
    """Approve or dismiss the chosen conflicts, all or none. The URL keeps the page of the list."""
    gateway, form, status = available(request.directory.scim.conflicts, "conflicts"), DecideForm(request.POST), 422
    connection = request.directory.scim.connection.get()
    if connection and form.is_valid():
        try:
            number = gateway.decide(connection.connection_id, form.chosen, approve=form.approves)
        except (Conflict, Invalid) as error:
            form.add_error(None, error.detail)
            status = error.status
        else:
            messages.success(request, _decided(number, connection, approves=form.approves))
            state = request.GET.get("state", "")
            url = _url(request, f"scim:{after_decision(request, 'conflicts')}")
            return see_other(f"{url}?{urlencode({'state': state})}" if state else url)
    return _list_page(request, {"decision": form, "chosen": frozenset(form.chosen)}, status=status)


def domain(request: PortalRequest) -> HttpResponse:
    """Show what always linking a domain means, and do it."""
    gateway = available(request.directory.scim.conflicts, "conflicts")
    connection = request.directory.scim.connection.get()
    context: dict[str, Any] = {"connection": connection}
    if connection is None:
        return render_section(request, "scim_admin/conflicts_domain.html", context)
    data = request.POST if request.method == "POST" else request.GET
    form = DomainForm(data if data.get("domain") is not None else None)
    context |= {"form": form, "may_update": right_to(request, Permission.SCIM_UPDATE)}
    context["rule"] = gateway.linking_rule(connection.connection_id)
    if form.is_valid():
        try:
            if request.method == "POST":
                if needs_step_up(request):
                    return step_up(request, f"{request.path}?{urlencode({'domain': form.cleaned_data['domain']})}")
                allowed = gateway.always_link(connection.connection_id, domain=form.cleaned_data["domain"])
                messages.success(request, f"Members with an address at {allowed} are now linked automatically.")
                return see_other(_url(request, "scim:conflicts"))
            context["rule"] = gateway.linking_rule(connection.connection_id, domain=form.cleaned_data["domain"])
        except Invalid as error:
            form.add_error("domain", error.detail)
    return render_section(request, "scim_admin/conflicts_domain.html", context, status=422 if form.errors else 200)


def stop_linking(request: PortalRequest) -> HttpResponse:
    """Stop linking a domain automatically."""
    gateway, form = available(request.directory.scim.conflicts, "conflicts"), DomainForm(request.POST)
    connection = request.directory.scim.connection.get()
    if needs_step_up(request):
        return step_up(request, _url(request, "scim:conflicts-domain"))
    if connection and form.is_valid():
        domain = gateway.stop_linking(connection.connection_id, domain=form.cleaned_data["domain"])
        messages.success(request, f"Members with an address at {domain} now wait for your decision.")
    return see_other(_url(request, "scim:conflicts-domain"))


def _list_page(request: PortalRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    gateway, query = available(request.directory.scim.conflicts, "conflicts"), ConflictsQuery(request.GET)
    connection = request.directory.scim.connection.get()
    render = partial(render_section, request, "scim_admin/conflicts.html")
    context |= {"query": query, "connection": connection}
    if request.htmx.target != "conflicts-more":
        context |= attention_context(request, connection, "conflicts")
    if not query.is_valid() or connection is None:
        return render(context, fragments=["conflicts"], status=422 if query.errors else 200)
    state, limit = query.cleaned_data["state"], query.size
    fetch = partial(gateway.page, connection.connection_id, state=state, limit=limit)
    found = listing.load(request, lambda cursor: fetch(cursor=cursor), append_to="conflicts-more")
    context |= {
        "conflicts": found,
        "on_page": " ".join(f"{one.conflict_id}:{one.version}" for one in found.items),
        "state": state,
        "is_decided": state is not ScimConflictState.WAITING,
        "states": _states(request, state),
        "opens_members": request.allows(Permission.MEMBER_SEARCH),
        "may_decide": right_to(request, Permission.SCIM_UPDATE),
        "may_allow": right_to(request, Permission.ALLOWED_DOMAINS, Permission.SCIM_UPDATE),
        "words": words_for(connection.identity_provider),
    }
    if found.has_restarted and request.htmx.target == "conflicts-more":
        return listing.start_again(render(context), "conflicts")
    return render(context, fragments=["conflicts", "conflicts-more"], status=status)


def _decided(number: int, connection: ScimConnection, *, approves: bool) -> str:
    provider, members = connection.identity_provider.in_text, f"{number:,} {'member' if number == 1 else 'members'}"
    if approves:
        return f"{provider[:1].upper()}{provider[1:]} can now manage {members}."
    return f"{members} {'stays' if number == 1 else 'stay'} separate from {provider}."


def _states(request: PortalRequest, current: ScimConflictState) -> tuple[Section, ...]:
    url = _url(request, "scim:conflicts")
    return tuple(Section(label, f"{url}?state={state}", state is current) for state, label in _LABELS.items())


def _url(request: PortalRequest, name: str) -> str:
    return reverse(name, args=[request.signed_in.organization.organization_slug])
