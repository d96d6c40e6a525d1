"""The people that the identity provider pushed, and the page of each."""

from functools import partial
from typing import Any

from django.http import HttpResponse

from portal.directory.permissions import Permission
from portal.directory.policy import MEMBER_ROLE
from portal.directory.scim.users import ScimUserState
from portal.web import listing
from portal.web.activity.recent import recent_changes
from portal.web.availability import available
from portal.web.request import PortalRequest
from portal.web.rights import right_to
from scim_admin.forms.users import PeopleQuery
from scim_admin.guides import guide_for
from scim_admin.links import resource_log_url
from scim_admin.sections import render_list, render_section

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
    connection, query = request.directory.scim.connection.get(), PeopleQuery(request.GET)
    context: dict[str, Any] = {"connection": connection, "query": query}
    if not query.is_valid():
        return render_section(request, _LIST, context, fragments=["people"], status=422)
    if connection is None:
        return render_section(request, _LIST, context, fragments=["people"])
    limit, search, state = query.size, query.search, query.chosen_state
    fetch = partial(users.page, connection.connection_id, limit=limit, search=search, state=state)
    found = listing.load(request, lambda cursor: fetch(cursor=cursor), append_to="people-more")
    context |= {
        "people": found,
        "search": search,
        "state": state,
        "none_found": _none_found(search, state),
    }
    return render_list(request, _LIST, context | {"guide": guide_for(connection.identity_provider)}, "people")


def _none_found(search: str, state: ScimUserState | None) -> dict[str, str]:
    """Return what the page says if no one matches."""
    if not search:
        return {"title": _NO_ONE[state] if state else "No matching people", "text": ""}
    searched = f" We searched only people who {_STATES[state]}." if state else ""
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
