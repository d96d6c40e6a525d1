"""The people that the identity provider pushed, and the page of each."""

from functools import partial
from typing import Any

from django.http import HttpResponse

from portal.directory.permissions import Permission
from portal.directory.policy import MEMBER_ROLE
from portal.web import listing
from portal.web.availability import available
from portal.web.request import PortalRequest
from portal.web.rights import right_to
from scim_admin.forms.users import PeopleQuery
from scim_admin.guides import guide_for
from scim_admin.links import resource_log_url
from scim_admin.sections import render_list, render_section

_LIST = "scim_admin/users.html"
_PERSON = "scim_admin/user.html"


def people(request: PortalRequest) -> HttpResponse:
    """Show a page of the provisioned people."""
    users = available(request.directory.scim.users, "users")
    connection, query = request.directory.scim.connection.get(), PeopleQuery(request.GET)
    context: dict[str, Any] = {"connection": connection, "query": query}
    if not query.is_valid():
        return render_section(request, _LIST, context, fragments=["people"], status=422)
    if connection is None:
        return render_section(request, _LIST, context, fragments=["people"])
    limit, search, state = query.cleaned_data["limit"], query.search, query.chosen_state
    fetch = partial(users.page, connection.connection_id, limit=limit, search=search, state=state)
    found = listing.load(request, lambda cursor: fetch(cursor=cursor), append_to="people-more")
    context |= {"people": found, "limit": limit, "search": search, "state": state}
    return render_list(request, _LIST, context | {"guide": guide_for(connection.identity_provider)}, "people")


def person(request: PortalRequest, user_id: str) -> HttpResponse:
    """Show a person, where their roles come from, and a page of their groups."""
    users = available(request.directory.scim.users, "users")
    query, connection = listing.ListQuery(request.GET), request.directory.scim.connection.get()
    context: dict[str, Any] = {"query": query, "connection": connection, "details": users.get(user_id)}
    if not query.is_valid():
        return render_section(request, _PERSON, context, fragments=["groups"], status=422)
    fetch = partial(users.groups, user_id, limit=query.cleaned_data["limit"])
    context |= {
        "groups": listing.load(request, lambda cursor: fetch(cursor=cursor), append_to="groups-more"),
        "roles": users.roles(user_id),
        "member_role": MEMBER_ROLE,
        "may_send_link": right_to(request, Permission.MEMBER_PASSWORD),
        "log_url": resource_log_url(request, "User", user_id),
    }
    return render_list(request, _PERSON, context, "groups")
