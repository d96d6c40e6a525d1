"""The groups that came through the connection, and who is in them."""

from functools import partial
from typing import Any

from django.http import HttpResponse

from portal.directory.errors import NotOffered
from portal.directory.permissions import Permission
from portal.directory.scim.features import ScimFeature
from portal.web import listing
from portal.web.request import PortalRequest
from portal.web.rights import right_to
from scim_admin.forms.groups import GroupsQuery
from scim_admin.lifecycle import lifecycle
from scim_admin.links import resource_log_url
from scim_admin.sections import render_list, render_section
from scim_admin.views.connection import connection_card

_NESTED = "scim_admin/nested_groups.html"
_MOST_NAMED = 10


def groups(request: PortalRequest) -> HttpResponse:
    """Show the connection with a page of its groups."""
    scim = request.directory.scim
    query = GroupsQuery(request.GET, searchable=ScimFeature.GROUP_SEARCH in scim.offers)
    context = {
        "query": query,
        "opens": ScimFeature.GROUP_MEMBERS in scim.offers,
        **connection_card(scim.connection.get()),
    }
    if context["connection"] is None:
        return render_section(
            request, "scim_admin/groups.html", context | lifecycle(request, None), fragments=["groups"]
        )
    if not query.is_valid():
        return render_section(request, "scim_admin/groups.html", context, fragments=["groups"], status=422)
    limit, search = query.cleaned_data["limit"], query.search
    fetch = partial(scim.groups.page, context["connection"].connection_id, limit=limit, search=search)
    context |= {
        "groups": listing.load(request, lambda cursor: fetch(cursor=cursor), append_to="groups-more"),
        "limit": limit,
        "search": search,
    }
    return render_list(request, "scim_admin/groups.html", context, "groups")


def group(request: PortalRequest, group_id: str) -> HttpResponse:
    """Show a group with a page of the people in it."""
    scim = request.directory.scim
    query = listing.ListQuery(request.GET)
    try:
        context: dict[str, Any] = {"query": query, "group": scim.groups.get(group_id)}
        if not query.is_valid():
            return render_section(request, "scim_admin/group.html", context, fragments=["members"], status=422)
        limit = query.cleaned_data["limit"]
        fetch = partial(scim.groups.members, group_id, limit=limit)
        members = listing.load(request, lambda cursor: fetch(cursor=cursor), append_to="members-more")
    except NotOffered as error:
        return render_section(request, "scim_admin/group.html", {"not_offered": error.detail})
    context |= {
        "members": members,
        "nested": scim.groups.nested(group_id, limit=_MOST_NAMED),
        "parents": scim.groups.parents(group_id, limit=_MOST_NAMED),
        "log_url": resource_log_url(request, "Group", group_id),
        "may_change": right_to(request, Permission.SCIM_UPDATE, Permission.IMPLICIT_ROLES),
    }
    return render_list(request, "scim_admin/group.html", context, "members")


def nested_groups(request: PortalRequest, group_id: str) -> HttpResponse:
    """Show a page of the groups that are in a group."""
    scim = request.directory.scim
    query = listing.ListQuery(request.GET)
    try:
        context: dict[str, Any] = {"query": query, "group": scim.groups.get(group_id)}
    except NotOffered as error:
        return render_section(request, _NESTED, {"not_offered": error.detail})
    if not query.is_valid():
        return render_section(request, _NESTED, context, fragments=["nested"], status=422)
    fetch = partial(scim.groups.nested, group_id, limit=query.cleaned_data["limit"])
    context["nested"] = listing.load(request, lambda cursor: fetch(cursor=cursor), append_to="nested-more")
    return render_list(request, _NESTED, context, "nested")
