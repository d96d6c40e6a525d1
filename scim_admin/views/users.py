"""The people whom the identity provider pushed, and who each of them is."""

from functools import partial
from typing import Any

from django.http import HttpResponse

from portal.directory.errors import NotOffered
from portal.directory.permissions import Permission
from portal.directory.policy import MEMBER_ROLE
from portal.directory.scim.features import ScimFeature
from portal.web import listing
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
    scim = request.directory.scim
    connection, query = scim.connection.get(), PeopleQuery(request.GET)
    context: dict[str, Any] = {"connection": connection, "query": query}
    if not query.is_valid():
        return render_section(request, _LIST, context, fragments=["people"], status=422)
    if connection is None:
        return render_section(request, _LIST, context, fragments=["people"])
    limit, search, state = query.cleaned_data["limit"], query.search, query.chosen_state
    fetch = partial(scim.users.page, connection.connection_id, limit=limit, search=search, state=state)
    try:
        found = listing.load(request, lambda cursor: fetch(cursor=cursor), append_to="people-more")
    except NotOffered as error:
        return render_section(request, _LIST, context | {"not_offered": error.detail}, fragments=["people"])
    context |= {"people": found, "limit": limit, "search": search, "state": state}
    return render_list(request, _LIST, context | {"guide": guide_for(connection.identity_provider)}, "people")


def person(request: PortalRequest, user_id: str) -> HttpResponse:
    """Show who a person is, why they have their roles, and a page of their groups."""
    scim = request.directory.scim
    query = listing.ListQuery(request.GET)
    if ScimFeature.PEOPLE not in scim.offers:
        return _not_offered(request, user_id)
    if not query.is_valid():
        context = {"details": scim.users.get(user_id), "query": query, "connection": scim.connection.get()}
        return render_section(request, _PERSON, context, fragments=["groups"], status=422)
    fetch = partial(scim.users.groups, user_id, limit=query.cleaned_data["limit"])
    context = {
        "query": query,
        "connection": scim.connection.get(),
        "details": scim.users.get(user_id),
        "groups": listing.load(request, lambda cursor: fetch(cursor=cursor), append_to="groups-more"),
        "roles": scim.users.roles(user_id),
        "member_role": MEMBER_ROLE,
        "may_send_link": right_to(request, Permission.MEMBER_PASSWORD),
        "log_url": resource_log_url(request, "User", user_id),
    }
    return render_list(request, _PERSON, context, "groups")


def _not_offered(request: PortalRequest, user_id: str) -> HttpResponse:
    try:
        request.directory.scim.users.get(user_id)
    except NotOffered as error:
        return render_section(request, _PERSON, {"not_offered": error.detail})
    raise NotOffered("This directory does not tell who was provisioned.")
