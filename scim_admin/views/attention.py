"""Needs attention: everything that waits for a decision in one place, what was decided, and the addresses from before."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpResponse, HttpResponsePermanentRedirect
from django.urls import reverse

from portal.directory.activity import ActivityEntry, ActivityFilter, ActivityKind
from portal.directory.pages import MAX_LIMIT, Page
from portal.directory.permissions import Permission
from portal.directory.scim.conflicts import ScimConflictState
from portal.directory.scim.connection import ScimConnection
from portal.web import listing
from portal.web.activity.sentences import Sentence, sentence
from portal.web.availability import available
from portal.web.pages import private
from portal.web.request import PortalRequest
from portal.web.rights import right_to
from portal.web.scim.safeguard import safeguard_of
from scim_admin.attention import SHOWN, Attention, attention_context
from scim_admin.causes.words import words_for
from scim_admin.sections import render_list, render_section

_RESOLVED = "scim_admin/attention_resolved.html"
_DECISIONS = frozenset(
    {
        "member.approve_scim_link",
        "member.dismiss_scim_link",
        "scim_connection.safeguard_keep",
        "scim_connection.safeguard_rearm",
        "scim_connection.safeguard_release",
    }
)
# How many entries of the activity log a page of decisions reads.
_READ = 100
# How many people and groups on hold are shown, and how many members that no identity provider manages are counted.
_HELD_SHOWN, _COUNTED = 25, 100


def attention(request: PortalRequest) -> HttpResponse:
    """Show the first items of each kind, in the order in which they matter."""
    connection = _connection(request)
    found = Attention(request, connection, "attention")
    context: dict[str, Any] = {"connection": connection, "attention": found, "attention_count": found.number}
    if connection is not None:
        context |= {
            **_hold(request, connection),
            **_existing_members(request, connection),
            **_differences(request, connection, found),
            "opens_members": request.allows(Permission.MEMBER_SEARCH),
            "may_decide": right_to(request, Permission.SCIM_UPDATE),
        }
    return render_section(request, "scim_admin/attention.html", context)


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision with its author and time, and the page of its entry in the activity log."""

    sentence: Sentence
    at: datetime
    url: str


def resolved(request: PortalRequest) -> HttpResponse:
    """Show who decided what, the decisions about existing members that can be changed, and until when an approval lasts."""
    connection, scim = _connection(request), request.directory.scim
    context: dict[str, Any] = {"connection": connection}
    if connection is not None:
        context |= _decisions(request)
    if request.htmx.target == "decisions-more":
        return render_list(request, _RESOLVED, context, "decisions")
    context |= attention_context(request, connection, "attention-resolved")
    if connection is not None:
        gateway, connection_id = scim.conflicts, connection.connection_id
        states = (ScimConflictState.APPROVED, ScimConflictState.DISMISSED) if gateway else ()
        context["decided"] = tuple(
            (state, gateway.page(connection_id, state=state, limit=SHOWN)) for state in states if gateway
        )
        context["opens_members"] = request.allows(Permission.MEMBER_SEARCH)
        context["words"] = words_for(connection.identity_provider)
    return render_section(request, _RESOLVED, context)


def moved_to(name: str) -> Callable[[PortalRequest], HttpResponse]:
    """Return a view that redirects permanently to the page `name`, with the query."""

    def moved(request: PortalRequest) -> HttpResponse:
        url = reverse(f"scim:{name}", args=[request.signed_in.organization.organization_slug])
        query = request.META.get("QUERY_STRING", "")
        return private(HttpResponsePermanentRedirect(f"{url}?{query}" if query else url))

    return moved


def _connection(request: PortalRequest) -> ScimConnection | None:
    scim = request.directory.scim
    available(scim.safeguard or scim.conflicts or scim.drift, "attention")
    return scim.connection.get()


def _decisions(request: PortalRequest) -> dict[str, Any]:
    """Return a page of decisions, or the permission that reading them needs. Nothing if the directory keeps no log."""
    gateway, right = request.directory.activity, right_to(request, Permission.ACTIVITY_GET)
    if gateway is None:
        return {}
    if not right.is_granted:
        return {"may_read": right}

    # After a reload, enough for all that was shown: only some entries are decisions.
    limit = MAX_LIMIT if request.GET.get("through") and not request.GET.get("cursor") else _READ

    def fetch(cursor: str) -> Page[Decision]:
        page = gateway.page(ActivityFilter(kind=ActivityKind.SCIM), cursor=cursor, limit=limit)
        return Page(
            tuple(_decision(request, entry) for entry in page.items if entry.action in _DECISIONS),
            page.next_cursor,
            page.searched_to,
        )

    return {"may_read": right, "decisions": listing.load(request, fetch, append_to="decisions-more")}


def _decision(request: PortalRequest, entry: ActivityEntry) -> Decision:
    slug = request.signed_in.organization.organization_slug
    return Decision(sentence(entry), entry.at, reverse("activity:entry", args=[slug, entry.activity_id]))


def _hold(request: PortalRequest, connection: ScimConnection) -> dict[str, Any]:
    safeguard, gateway = safeguard_of(request, connection), request.directory.scim.safeguard
    if safeguard is None or gateway is None:
        return {}
    context: dict[str, Any] = {"safeguard": safeguard}
    if safeguard.held_user_count:
        context["held"] = gateway.held_users(connection.connection_id, limit=_HELD_SHOWN)
    if safeguard.held_group_count:
        context["held_groups"] = gateway.held_groups(connection.connection_id, limit=_HELD_SHOWN)
    return context


def _existing_members(request: PortalRequest, connection: ScimConnection) -> dict[str, Any]:
    gateway = request.directory.scim.conflicts
    if gateway is None or not connection.waiting_conflicts:
        return {}
    return {
        "conflicts": gateway.page(connection.connection_id, state=ScimConflictState.WAITING, limit=SHOWN),
        "may_allow": right_to(request, Permission.ALLOWED_DOMAINS, Permission.SCIM_UPDATE),
    }


def _differences(request: PortalRequest, connection: ScimConnection, found: Attention) -> dict[str, Any]:
    gateway = request.directory.scim.drift
    if gateway is None:
        return {}
    return {
        "changed_users": found.changed_users.items[:SHOWN],
        "changed_groups": found.changed_groups.items[:SHOWN],
        "shows_some_differences": found.has_more_differences
        or len(found.changed_users.items) > SHOWN
        or len(found.changed_groups.items) > SHOWN,
        "unmanaged": gateway.unmanaged_members(connection.connection_id, limit=_COUNTED),
        "can_keep": request.directory.scim.group_role_review is not None,
        "may_assign": right_to(request, Permission.SCIM_UPDATE, Permission.IMPLICIT_ROLES),
    }
