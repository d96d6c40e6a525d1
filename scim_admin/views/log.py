"""The log of SCIM requests: what the identity provider asked, call by call, and how it was answered."""

import json
from collections.abc import Iterator
from dataclasses import replace as changed
from typing import Any

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header, urlencode

from portal.directory.errors import Conflict, Invalid, NotFound, NotOffered, TooManyRequests
from portal.directory.pages import MAX_LIMIT, Page
from portal.directory.scim.connection import ScimConnection, ScimIdentityProvider
from portal.directory.scim.deletion import ScimDeletedConnection
from portal.directory.scim.features import ScimFeature
from portal.directory.scim.log import ScimReplay, ScimRequest, ScimRequestFilter
from portal.serving.threads import Share, claim
from portal.web import listing
from portal.web.pages import private
from portal.web.request import PortalRequest
from scim_admin.exports import EXPORTS
from scim_admin.forms.log import ExportForm, FileFormat, LogQuery
from scim_admin.log_presenter import Call, call_of, effect
from scim_admin.sections import render_list, render_section

Logged = ScimConnection | ScimDeletedConnection

_LIST = "scim_admin/log.html"
_ENTRY = "scim_admin/log_entry.html"
_REPLAY = "scim_admin/replay.html"


def log(request: PortalRequest) -> HttpResponse:
    """Show a page of the calls, the newest first."""
    active, query = request.directory.scim.connection.get(), LogQuery(request.GET)
    context: dict[str, Any] = {"connection": active, "query": query}
    try:
        context["kept_days"] = request.directory.scim.log.kept_days
    except NotOffered as error:
        return render_section(request, _LIST, context | {"not_offered": error.detail}, fragments=["log"])
    if not query.is_valid():
        return render_section(request, _LIST, context | {"logged": active}, fragments=["log"], status=422)
    connection = _logged(request, active, query.cleaned_data["connection_id"])
    if connection is None:
        context["can_restore"] = ScimFeature.RESTORE in request.directory.scim.offers
        return render_section(request, _LIST, context, fragments=["log"])
    context |= {"logged": connection, "is_deleted": connection is not active, "is_linked": connection is active}
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
        entry = request.directory.scim.log.get(scim_request_id)
    except NotOffered as error:
        return render_section(request, _ENTRY, {"not_offered": error.detail, "list_url": _url(request)})
    active = request.directory.scim.connection.get()
    connection = _logged(request, active, entry.connection_id)
    is_deleted = active is None or connection is not active
    context = {
        "connection": active,
        "is_deleted": is_deleted,
        "is_linked": not is_deleted,
        "list_url": _url(request, connection_id=entry.connection_id) if is_deleted else _url(request),
        "call": call_of(entry, _provider(connection)),
        "entry": entry,
        "body": _pretty(entry.body),
    }
    return render_section(request, _ENTRY, context)


def export_log(request: PortalRequest) -> HttpResponseBase:
    """Hand out the calls that fit the filter as a file, read while it is sent."""
    form = ExportForm(request.POST)
    if not form.is_valid():
        raise Invalid("Choose CSV or JSON Lines, and a filter that the log has.")
    connection = _logged(request, request.directory.scim.connection.get(), form.cleaned_data["connection_id"])
    if connection is None:
        raise NotFound("There is no such connection, so there is nothing to export.")
    if not claim(request, Share.DOWNLOAD):
        # A reader may take as long as it likes, and until then the export keeps its place to work.
        raise TooManyRequests("Another export is running. Try again when it has finished.")
    entries = request.directory.scim.log.export(connection.connection_id, form.wanted)
    return _download(request, form.cleaned_data["file_format"], _in_words(entries, connection.identity_provider))


def replay(request: PortalRequest, scim_request_id: str) -> HttpResponse:
    """Show what a refused call would do now, or why it cannot be tried."""
    try:
        entry = request.directory.scim.log.get(scim_request_id)
    except NotOffered as error:
        return render_section(request, _REPLAY, {"not_offered": error.detail})
    active = request.directory.scim.connection.get()
    connection = _logged(request, active, entry.connection_id)
    context: dict[str, Any] = {"connection": active, "entry": entry, "call": call_of(entry, _provider(connection))}
    try:
        found = request.directory.scim.log.replay(scim_request_id)
    except Conflict as error:
        return render_section(request, _REPLAY, context | {"obstacle": error.detail}, status=error.status)
    context |= {
        "replay": found,
        "now": call_of(_as_answered_now(entry, found), _provider(connection)),
        "effects": [(effect(change.action), change) for change in found.changes],
    }
    return render_section(request, _REPLAY, context)


def _as_answered_now(entry: ScimRequest, found: ScimReplay) -> ScimRequest:
    return changed(entry, status=found.status, scim_type=found.scim_type, detail=found.detail)


def _logged(request: PortalRequest, active: ScimConnection | None, connection_id: str) -> Logged | None:
    """Return whose calls are wanted: the active connection where none is named, or one that can be restored; None for no such."""
    if active and connection_id in {"", active.connection_id}:
        return active
    if not connection_id or ScimFeature.RESTORE not in request.directory.scim.offers:
        return None
    deleted = request.directory.scim.restoration.page(limit=MAX_LIMIT).items
    return next((one for one in deleted if one.connection_id == connection_id), None)


def _provider(connection: Logged | None) -> ScimIdentityProvider:
    """Return in whose words causes are explained, also once the connection is gone."""
    return connection.identity_provider if connection else ScimIdentityProvider.GENERIC


def _in_words(entries: Iterator[ScimRequest], identity_provider: ScimIdentityProvider) -> Iterator[Call]:
    return (call_of(entry, identity_provider) for entry in entries)


def _download(request: PortalRequest, file_format: FileFormat, calls: Iterator[Call]) -> HttpResponseBase:
    content_type, written = EXPORTS[file_format]
    slug = request.signed_in.organization.organization_slug
    name = f"scim-log-{slug}-{timezone.now():%Y%m%d-%H%M%S}.{file_format}"
    response = private(StreamingHttpResponse(written(calls), content_type=content_type))
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name) or ""
    return response


def _calls(
    request: PortalRequest, connection: Logged, wanted: ScimRequestFilter, cursor: str, limit: int
) -> Page[Call]:
    page = request.directory.scim.log.page(connection.connection_id, wanted, cursor=cursor, limit=limit)
    calls = tuple(call_of(entry, connection.identity_provider) for entry in page.items)
    return Page(calls, page.next_cursor, page.searched_to)


def _url(request: PortalRequest, **query: str) -> str:
    url = reverse("scim:log", args=[request.signed_in.organization.organization_slug])
    return f"{url}?{urlencode(query)}" if query else url


def _name(request: PortalRequest, resource_id: str, calls: tuple[Call, ...]) -> str:
    """Return what the person or the group is called whose calls are shown, "" for one who is gone."""
    if calls:
        return calls[0].entry.resource_name
    scim = request.directory.scim
    try:
        if resource_id.startswith("scim-group-"):
            return scim.groups.get(resource_id).group_name
        return scim.users.get(resource_id).person.name
    except NotFound:
        return ""


def _pretty(body: str) -> str:
    """Return a logged body with one value on a line; one that was cut stays as it is."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body
