"""Members whom provisioning would take over: who they are, who wants them, and the decision."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from portal.directory.errors import Conflict, Invalid
from portal.directory.permissions import Permission
from portal.directory.scim.conflicts import ScimConflictState
from portal.directory.scim.features import ScimFeature
from portal.web import listing
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from portal.web.rights import right_to
from scim_admin.causes.words import words_for
from scim_admin.forms.conflicts import ConflictsQuery, DecideForm, DomainForm
from scim_admin.sections import Section, render_section

_LABELS = {
    ScimConflictState.WAITING: "Waiting",
    ScimConflictState.APPROVED: "Approved",
    ScimConflictState.DISMISSED: "Dismissed",
}


def conflicts(request: PortalRequest) -> HttpResponse:
    """Show a page of those who wait, or of those of whom was decided."""
    return _list_page(request, {})


def decide(request: PortalRequest) -> HttpResponse:
    """Approve or dismiss who was chosen, all or none; the address keeps the place in the list."""
    form, status = DecideForm(request.POST), 422
    connection = request.directory.scim.connection.get()
    if connection and form.is_valid():
        try:
            number = request.directory.scim.conflicts.decide(
                connection.connection_id, form.chosen, approve=form.approves
            )
        except (Conflict, Invalid) as error:
            form.add_error(None, error.detail)
            status = error.status
        else:
            what = "approved" if form.approves else "dismissed"
            messages.success(request, f"{number:,} {'person is' if number == 1 else 'people are'} {what}.")
            state = request.GET.get("state", "")
            return see_other(_url(request, "scim:conflicts") + (f"?{urlencode({'state': state})}" if state else ""))
    return _list_page(request, {"decision": form, "chosen": frozenset(form.chosen)}, status=status)


def domain(request: PortalRequest) -> HttpResponse:
    """Say what it means to link everybody of a domain, and do it."""
    scim, connection = request.directory.scim, request.directory.scim.connection.get()
    context: dict[str, Any] = {"connection": connection, "not_offered": ScimFeature.CONFLICTS not in scim.offers}
    if connection is None or context["not_offered"]:
        return render_section(request, "scim_admin/conflicts_domain.html", context)
    data = request.POST if request.method == "POST" else request.GET
    form = DomainForm(data if data.get("domain") is not None else None)
    context |= {"form": form, "may_update": right_to(request, Permission.SCIM_UPDATE)}
    context["rule"] = scim.conflicts.linking_rule(connection.connection_id)
    if form.is_valid():
        try:
            if request.method == "POST":
                allowed = scim.conflicts.always_link(connection.connection_id, domain=form.cleaned_data["domain"])
                messages.success(request, f"Members with an address at {allowed} are linked from now on.")
                return see_other(_url(request, "scim:conflicts"))
            context["rule"] = scim.conflicts.linking_rule(connection.connection_id, domain=form.cleaned_data["domain"])
        except Invalid as error:
            form.add_error("domain", error.detail)
    return render_section(request, "scim_admin/conflicts_domain.html", context, status=422 if form.errors else 200)


def stop_linking(request: PortalRequest) -> HttpResponse:
    """Take back that a domain is linked always."""
    connection, form = request.directory.scim.connection.get(), DomainForm(request.POST)
    if connection and form.is_valid():
        domain = request.directory.scim.conflicts.stop_linking(
            connection.connection_id, domain=form.cleaned_data["domain"]
        )
        messages.success(request, f"Members with an address at {domain} wait for a decision from now on.")
    return see_other(_url(request, "scim:conflicts-domain"))


def _list_page(request: PortalRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    scim, query = request.directory.scim, ConflictsQuery(request.GET)
    connection = scim.connection.get()
    render = partial(render_section, request, "scim_admin/conflicts.html")
    context |= {"query": query, "connection": connection, "not_offered": ScimFeature.CONFLICTS not in scim.offers}
    if not query.is_valid() or connection is None or context["not_offered"]:
        return render(context, fragments=["conflicts"], status=422 if query.errors else 200)
    state, limit = query.cleaned_data["state"], query.cleaned_data["limit"]
    fetch = partial(scim.conflicts.page, connection.connection_id, state=state, limit=limit)
    found = listing.load(request, lambda cursor: fetch(cursor=cursor), append_to="conflicts-more")
    context |= {
        "conflicts": found,
        "on_page": " ".join(f"{one.conflict_id}:{one.version}" for one in found.items),
        "state": state,
        "states": _states(request, state),
        "may_decide": right_to(request, Permission.SCIM_UPDATE),
        "may_allow": right_to(request, Permission.ALLOWED_DOMAINS, Permission.SCIM_UPDATE),
        "words": words_for(connection.identity_provider),
    }
    if found.has_restarted and request.htmx.target == "conflicts-more":
        return listing.start_again(render(context), "conflicts")
    return render(context, fragments=["conflicts", "conflicts-more"], status=status)


def _states(request: PortalRequest, current: ScimConflictState) -> tuple[Section, ...]:
    url = _url(request, "scim:conflicts")
    return tuple(Section(label, f"{url}?state={state}", state is current) for state, label in _LABELS.items())


def _url(request: PortalRequest, name: str) -> str:
    return reverse(name, args=[request.signed_in.organization.organization_slug])
