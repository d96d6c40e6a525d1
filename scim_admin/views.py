"""The SCIM connection, the groups that came through it, and who is in them."""

from datetime import timedelta
from functools import partial
from typing import Any

from django.http import HttpResponse
from django.utils import timezone

from portal.directory.errors import NotOffered
from portal.directory.types import ScimConnection, ScimFeature
from portal.web import listing
from portal.web.pages import render_page
from portal.web.requests import PortalRequest
from scim_admin.forms import GroupsQuery
from scim_admin.guides import guide_for

_WARN_BEFORE = timedelta(days=30)


def connection(request: PortalRequest) -> HttpResponse:
    """Show the connection; its groups are fetched by a button."""
    return render_page(request, "scim_admin/connection.html", _card(request.directory.scim.connection()))


def groups(request: PortalRequest) -> HttpResponse:
    """Show the connection with a page of its groups."""
    scim = request.directory.scim
    query = GroupsQuery(request.GET, searchable=ScimFeature.GROUP_SEARCH in scim.offers)
    context = {"query": query, "opens": ScimFeature.GROUP_MEMBERS in scim.offers, **_card(scim.connection())}
    if not query.is_valid():
        return render_page(request, "scim_admin/groups.html", context, fragments=["groups"], status=422)
    if context["connection"] is None:
        return render_page(request, "scim_admin/groups.html", context, fragments=["groups"])
    limit, prefix = query.cleaned_data["limit"], query.name_prefix
    fetch = partial(scim.groups, context["connection"].connection_id, limit=limit, name_prefix=prefix)
    context |= {
        "groups": listing.load(request, lambda cursor: fetch(cursor=cursor), append_to="groups-more"),
        "limit": limit,
        "prefix": prefix,
    }
    return _list_page(request, "scim_admin/groups.html", context, "groups")


def group(request: PortalRequest, group_id: str) -> HttpResponse:
    """Show a group with a page of the people in it."""
    scim = request.directory.scim
    query = listing.ListQuery(request.GET)
    try:
        context: dict[str, Any] = {"query": query, "group": scim.group(group_id)}
        if not query.is_valid():
            return render_page(request, "scim_admin/group.html", context, fragments=["members"], status=422)
        limit = query.cleaned_data["limit"]
        fetch = partial(scim.group_members, group_id, limit=limit)
        members = listing.load(request, lambda cursor: fetch(cursor=cursor), append_to="members-more")
    except NotOffered as error:
        return render_page(request, "scim_admin/group.html", {"not_offered": error.detail})
    return _list_page(request, "scim_admin/group.html", context | {"members": members, "limit": limit}, "members")


def _card(connection: ScimConnection | None) -> dict[str, Any]:
    """Return what the connection's card shows."""
    if connection is None:
        return {"connection": None}
    expires_at, now = connection.bearer_token_expires_at, timezone.now()
    return {
        "connection": connection,
        "guide": guide_for(connection.identity_provider),
        "token_has_expired": expires_at is not None and expires_at < now,
        "token_expires_soon": expires_at is not None and now <= expires_at < now + _WARN_BEFORE,
    }


def _list_page(request: PortalRequest, template: str, context: dict[str, Any], fragment: str) -> HttpResponse:
    """Answer with the list, with a page to append to it, or, where the cursor was not good, with the list anew."""
    more = f"{fragment}-more"
    if context[fragment].has_restarted and request.htmx.target == more:
        return listing.start_again(render_page(request, template, context), fragment)
    return render_page(request, template, context, fragments=[fragment, more])
