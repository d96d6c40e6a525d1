"""The people that the identity provider pushed, and the page of each."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.http import HttpResponse, HttpResponseBase, QueryDict

from portal.directory.activity import ExportedList
from portal.directory.errors import Invalid, NotFound
from portal.directory.pages import DEFAULT_LIMIT, Page
from portal.directory.permissions import Permission
from portal.directory.policy import MEMBER_ROLE
from portal.directory.scim.connection import ScimConnection
from portal.directory.scim.users import ScimListedUser, ScimUserGateway, ScimUserState
from portal.web import listing
from portal.web.activity.recent import recent_changes
from portal.web.availability import available
from portal.web.exports import FileFormat, every_item, export_response, record_export, reserve_export
from portal.web.request import PortalRequest
from portal.web.rights import right_to
from scim_admin.forms.users import Choices, PeopleQuery
from scim_admin.guides import guide_for
from scim_admin.links import resource_log_url
from scim_admin.sections import render_list, render_section
from scim_admin.user_export import COLUMNS, record

# Entries of the activity log that a person's page shows.
_RECENT = 3
_LIST = "scim_admin/users.html"
_PERSON = "scim_admin/user.html"
_NO_ONE = {
    ScimUserState.ACTIVE: "No one is active",
    ScimUserState.DEACTIVATED: "No one is deactivated",
    ScimUserState.CANNOT_SIGN_IN: "Every active person can sign in",
}
_STATES = {
    ScimUserState.ACTIVE: "are active",
    ScimUserState.DEACTIVATED: "are deactivated",
    ScimUserState.CANNOT_SIGN_IN: "can’t sign in",
}


def people(request: PortalRequest) -> HttpResponse:
    """Show a page of the provisioned people."""
    users = available(request.directory.scim.users, "users")
    connection = request.directory.scim.connection.get()
    query = _query(request, request.GET, connection)
    context: dict[str, Any] = {"connection": connection, "query": query}
    if connection is None:
        return render_section(request, _LIST, context, fragments=["people"])
    if not query.is_valid():
        return render_section(request, _LIST, context, fragments=["people"], status=422)
    fetch, size = _fetch(users, connection, query), query.size
    found = listing.load(request, lambda cursor: fetch(cursor=cursor, limit=size), append_to="people-more")
    context |= {"people": found, "none_found": _none_found(query)}
    return render_list(request, _LIST, context | {"guide": guide_for(connection.identity_provider)}, "people")


def export_people(request: PortalRequest) -> HttpResponseBase:
    """Download the people of the list as CSV, up to MAX_EXPORTED, read page by page while the file is sent."""
    users = available(request.directory.scim.users, "users")
    connection = request.directory.scim.connection.get()
    query = _query(request, request.POST, connection)
    if connection is None:
        raise NotFound("No identity provider is connected, so there are no people to export.")
    if not query.is_valid():
        raise Invalid("Choose filters that the list of people offers.")
    reserve_export(request)
    of = (connection.connection_id, connection.display_name)
    record_export(request, ExportedList.USERS, query.given, of=of)
    found = every_item(_fetch(users, connection, query))
    return export_response(request, "scim-people", FileFormat.CSV, COLUMNS, map(record, found))


def _query(request: PortalRequest, given: QueryDict, connection: ScimConnection | None) -> PeopleQuery:
    chosen = given.get("group", "")
    return PeopleQuery(given, group_choices=lambda: _group_choices(request, connection, chosen))


def _group_choices(request: PortalRequest, connection: ScimConnection | None, chosen: str) -> Choices:
    """Return the choices of the filter by group: the first groups by name, and the chosen one."""
    any_group = ("", "Any group")
    if connection is None:
        return [any_group]
    page = request.directory.scim.groups.page(connection.connection_id, limit=DEFAULT_LIMIT)
    first = [(group.group_id, group.group_name) for group in page.items]
    if page.next_cursor is None:
        return [any_group, *first]
    others = [] if chosen in dict(first) else _named_group(request, chosen)
    return [any_group, *others, (f"The first {len(first)} by name", first)]


def _named_group(request: PortalRequest, group_id: str) -> list[tuple[str, str]]:
    details = request.directory.scim.group_details
    if details is None or not group_id:
        return []
    try:
        return [(group_id, details.get(group_id).group_name)]
    except NotFound:
        return []


def _fetch(
    users: ScimUserGateway, connection: ScimConnection, query: PeopleQuery
) -> Callable[..., Page[ScimListedUser]]:
    """Return the function that returns a page of the list, given its cursor and its limit."""
    return partial(
        users.page,
        connection.connection_id,
        search=query.search,
        state=query.chosen_state,
        group_id=query.group_id,
    )


def _none_found(query: PeopleQuery) -> dict[str, str]:
    """Return what the page says if no one matches."""
    search, state = query.search, query.chosen_state
    if not search:
        title = _NO_ONE[state] if state and not query.group_id else "No matching people"
        return {"title": title, "text": ""}
    limits = (["in the chosen group"] if query.group_id else []) + ([f"who {_STATES[state]}"] if state else [])
    searched = f" We searched only people {' '.join(limits)}." if limits else ""
    return {
        "title": "No matching people",
        "text": f"No one’s name, userName or email address contains “{search}”.{searched}",
    }


def person(request: PortalRequest, user_id: str) -> HttpResponse:
    """Show a person, where their roles come from, and a page of their groups."""
    users = available(request.directory.scim.users, "users")
    query, connection = listing.ListQuery(request.GET), request.directory.scim.connection.get()
    context: dict[str, Any] = {"query": query, "connection": connection, "details": users.get(user_id)}
    if not query.is_valid():
        return render_section(request, _PERSON, context, fragments=["groups"], status=422)
    fetch = partial(users.groups, user_id, limit=query.size)
    context |= {
        "groups": listing.load(request, lambda cursor: fetch(cursor=cursor), append_to="groups-more"),
        "roles": users.roles(user_id),
        "member_role": MEMBER_ROLE,
        "may_send_link": right_to(request, Permission.MEMBER_PASSWORD),
        "may_see_member": right_to(request, Permission.MEMBER_SEARCH),
        "recent": recent_changes(request, limit=_RECENT, target_id=user_id),
        "log_url": resource_log_url(request, "User", user_id),
    }
    return render_list(request, _PERSON, context, "groups")
