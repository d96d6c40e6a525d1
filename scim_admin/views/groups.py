"""The groups that the identity provider pushed, and the page of each."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.http import HttpResponse, HttpResponseBase

from portal.directory.activity import ExportedList
from portal.directory.errors import Invalid, NotFound
from portal.directory.pages import Page
from portal.directory.permissions import Permission
from portal.directory.scim.group_roles import MAX_GROUPS_AT_ONCE
from portal.directory.scim.groups import ScimGroup
from portal.web import listing
from portal.web.availability import available
from portal.web.exports import FileFormat, every_item, export_response, record_export, reserve_export
from portal.web.request import PortalRequest
from portal.web.rights import right_to
from scim_admin.forms.groups import GroupMembersQuery, GroupsQuery
from scim_admin.group_export import COLUMNS, record
from scim_admin.guides import guide_for
from scim_admin.links import resource_log_url
from scim_admin.role_grants import role_grants
from scim_admin.sections import render_list, render_section
from scim_admin.views.connection import creation

_LIST = "scim_admin/groups.html"
_GROUP = "scim_admin/group.html"
_NESTED = "scim_admin/nested_groups.html"
_MAX_NAMED = 10


def groups(request: PortalRequest) -> HttpResponse:
    """Show a page of the groups. The overview's button fetches it as a fragment."""
    scim = request.directory.scim
    details, query = scim.group_details, GroupsQuery(request.GET, searchable=scim.group_details is not None)
    connection = scim.connection.get()
    context: dict[str, Any] = {
        "connection": connection,
        "query": query,
        "opens": details is not None,
        "may_change": right_to(request, Permission.SCIM_UPDATE, Permission.IMPLICIT_ROLES),
        "max_chosen": MAX_GROUPS_AT_ONCE,
    }
    if connection is None:
        return render_section(request, _LIST, context | creation(request), fragments=["groups"])
    if not query.is_valid():
        return render_section(request, _LIST, context, fragments=["groups"], status=422)
    fetch, size = _fetch(request, connection.connection_id, query), query.size
    found = listing.load(request, lambda cursor: fetch(cursor=cursor, limit=size), append_to="groups-more")
    shown = {group.group_id for group in found.items}
    context |= {
        "groups": found,
        "limit": query.cleaned_data["limit"],
        "search": query.search,
        "guide": guide_for(connection.identity_provider),
        # Those that are chosen on other pages.
        "chosen_elsewhere": [one for one in query.chosen if one not in shown],
    }
    return render_list(request, _LIST, context, "groups")


def export_groups(request: PortalRequest) -> HttpResponseBase:
    """Download the groups of the list as CSV, up to MAX_EXPORTED, read page by page while the file is sent."""
    scim = request.directory.scim
    query, connection = GroupsQuery(request.POST, searchable=scim.group_details is not None), scim.connection.get()
    if not query.is_valid():
        raise Invalid("Choose a filter that the list of groups offers.")
    if connection is None:
        raise NotFound("No identity provider is connected, so there are no groups to export.")
    reserve_export(request)
    of = (connection.connection_id, connection.display_name)
    record_export(request, ExportedList.GROUPS, query.given, of=of)
    found = every_item(_fetch(request, connection.connection_id, query))
    return export_response(request, "scim-groups", FileFormat.CSV, COLUMNS, map(record, found))


def _fetch(request: PortalRequest, connection_id: str, query: GroupsQuery) -> Callable[..., Page[ScimGroup]]:
    """Return the function that returns a page of the list, given its cursor and its limit."""
    scim = request.directory.scim
    if scim.group_details is None:
        return partial(scim.groups.page, connection_id)
    return partial(
        scim.group_details.search, connection_id, query.search, grants_roles=query.grants_roles, order=query.order
    )


def group(request: PortalRequest, group_id: str) -> HttpResponse:
    """Show a group with a page of the people in it."""
    details, query = available(request.directory.scim.group_details, "group members"), GroupMembersQuery(request.GET)
    context: dict[str, Any] = {
        "query": query,
        "group": details.get(group_id),
        "connection": request.directory.scim.connection.get(),
    }
    if not query.is_valid():
        return render_section(request, _GROUP, context, fragments=["members"], status=422)
    fetch = partial(details.members, group_id, search=query.search, limit=query.size)
    nested = details.nested(group_id, limit=_MAX_NAMED)
    context |= {
        "search": query.search,
        "grants": role_grants(request, context["group"]),
        "members": listing.load(request, lambda cursor: fetch(cursor=cursor), append_to="members-more"),
        "nested": nested,
        "nested_members": details.count_nested_members(group_id) if nested.items else None,
        "parents": details.parents(group_id, limit=_MAX_NAMED),
        "log_url": resource_log_url(request, "Group", group_id),
        "may_change": right_to(request, Permission.SCIM_UPDATE, Permission.IMPLICIT_ROLES),
    }
    return render_list(request, _GROUP, context, "members")


def nested_groups(request: PortalRequest, group_id: str) -> HttpResponse:
    """Show a page of the groups that are in a group."""
    details, query = available(request.directory.scim.group_details, "group members"), listing.ListQuery(request.GET)
    context: dict[str, Any] = {"query": query, "group": details.get(group_id)}
    if not query.is_valid():
        return render_section(request, _NESTED, context, fragments=["nested"], status=422)
    fetch = partial(details.nested, group_id, limit=query.size)
    context["nested"] = listing.load(request, lambda cursor: fetch(cursor=cursor), append_to="nested-more")
    return render_list(request, _NESTED, context, "nested")
