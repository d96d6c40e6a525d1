"""The groups that came through the connection, and who is in them."""

from functools import partial
from typing import Any

from django.http import HttpResponse

from portal.directory.errors import NotOffered
from portal.directory.types import ScimFeature
from portal.web import listing
from portal.web.requests import PortalRequest
from scim_admin.forms.groups import GroupsQuery
from scim_admin.sections import render_section
from scim_admin.views.connection import connection_card


def groups(request: PortalRequest) -> HttpResponse:
    """Show the connection with a page of its groups."""
    scim = request.directory.scim
    query = GroupsQuery(request.GET, searchable=ScimFeature.GROUP_SEARCH in scim.offers)
    context = {"query": query, "opens": ScimFeature.GROUP_MEMBERS in scim.offers, **connection_card(scim.connection())}
    if not query.is_valid():
        return render_section(request, "scim_admin/groups.html", context, fragments=["groups"], status=422)
    if context["connection"] is None:
        return render_section(request, "scim_admin/groups.html", context, fragments=["groups"])
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
            return render_section(request, "scim_admin/group.html", context, fragments=["members"], status=422)
        limit = query.cleaned_data["limit"]
        fetch = partial(scim.group_members, group_id, limit=limit)
        members = listing.load(request, lambda cursor: fetch(cursor=cursor), append_to="members-more")
    except NotOffered as error:
        return render_section(request, "scim_admin/group.html", {"not_offered": error.detail})
    return _list_page(request, "scim_admin/group.html", context | {"members": members, "limit": limit}, "members")


def _list_page(request: PortalRequest, template: str, context: dict[str, Any], fragment: str) -> HttpResponse:
    """Answer with the list, with a page to append to it, or, where the cursor was not good, with the list anew."""
    more = f"{fragment}-more"
    if context[fragment].has_restarted and request.htmx.target == more:
        return listing.start_again(render_section(request, template, context), fragment)
    return render_section(request, template, context, fragments=[fragment, more])
