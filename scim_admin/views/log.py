"""The log of SCIM requests: what the identity provider asked, call by call, and how it was answered."""

import json
from typing import Any

from django.http import HttpResponse

from portal.directory.errors import NotFound, NotOffered
from portal.directory.scim_log import ScimRequestFilter
from portal.directory.types import Page, ScimConnection, ScimIdentityProvider
from portal.web import listing
from portal.web.requests import PortalRequest
from scim_admin.calls import Call, call_of
from scim_admin.forms.log import LogQuery
from scim_admin.sections import render_list, render_section

_LIST = "scim_admin/log.html"
_ENTRY = "scim_admin/log_entry.html"


def log(request: PortalRequest) -> HttpResponse:
    """Show a page of the calls, the newest first."""
    connection, query = request.directory.scim.connection(), LogQuery(request.GET)
    context: dict[str, Any] = {"connection": connection, "query": query}
    try:
        context["kept_days"] = request.directory.scim_log.kept_days
    except NotOffered as error:
        return render_section(request, _LIST, context | {"not_offered": error.detail}, fragments=["log"])
    if not query.is_valid():
        return render_section(request, _LIST, context, fragments=["log"], status=422)
    if connection is None:
        return render_section(request, _LIST, context, fragments=["log"])
    wanted, limit = query.wanted, query.cleaned_data["limit"]
    calls = listing.load(
        request, lambda cursor: _calls(request, connection, wanted, cursor, limit), append_to="log-more"
    )
    context |= {"log": calls, "limit": limit, "wanted": wanted, "is_filtered": wanted != ScimRequestFilter()}
    if wanted.resource_id:
        context["name"] = _name(request, wanted.resource_id, calls.items)
    return render_list(request, _LIST, context, "log")


def log_entry(request: PortalRequest, scim_request_id: str) -> HttpResponse:
    """Show everything that is known of one call."""
    try:
        entry = request.directory.scim_log.request(scim_request_id)
    except NotOffered as error:
        return render_section(request, _ENTRY, {"not_offered": error.detail})
    connection = request.directory.scim.connection()
    call = call_of(entry, connection.identity_provider if connection else ScimIdentityProvider.GENERIC)
    return render_section(
        request, _ENTRY, {"connection": connection, "call": call, "entry": entry, "body": _pretty(entry.body)}
    )


def _calls(
    request: PortalRequest, connection: ScimConnection, wanted: ScimRequestFilter, cursor: str, limit: int
) -> Page[Call]:
    page = request.directory.scim_log.requests(connection.connection_id, wanted, cursor=cursor, limit=limit)
    calls = tuple(call_of(entry, connection.identity_provider) for entry in page.items)
    return Page(calls, page.next_cursor, page.searched_to)


def _name(request: PortalRequest, resource_id: str, calls: tuple[Call, ...]) -> str:
    """Return what the person or the group is called whose calls are shown, "" for one who is gone."""
    if calls:
        return calls[0].entry.resource_name
    scim = request.directory.scim
    try:
        if resource_id.startswith("scim-group-"):
            return scim.group(resource_id).group_name
        return scim.person(resource_id).person.name
    except NotFound:
        return ""


def _pretty(body: str) -> str:
    """Return a logged body with one value on a line; one that was cut stays as it is."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body
