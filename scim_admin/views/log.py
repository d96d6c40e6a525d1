"""The log: requests of the identity provider, their details, their export, and dry runs of failed ones."""

import json
from collections.abc import Mapping
from dataclasses import replace as changed
from itertools import islice
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.http import urlencode

from portal.directory.errors import Conflict, Invalid, NotFound
from portal.directory.pages import MAX_LIMIT, Page
from portal.directory.scim.connection import ScimConnection, ScimIdentityProvider
from portal.directory.scim.log import ScimLogGateway, ScimOutcome, ScimReplay, ScimRequest, ScimRequestFilter
from portal.directory.scim.restoration import ScimDeletedConnection
from portal.web import listing
from portal.web.availability import available
from portal.web.days import by_day
from portal.web.exports import FileFormat, export_response, reserve_export
from portal.web.request import PortalRequest
from scim_admin import log_presenter
from scim_admin.exports import COLUMNS, record
from scim_admin.forms.log import ExportForm, LogQuery
from scim_admin.log_presenter import LogEntry
from scim_admin.sections import render_list, render_section

LoggedConnection = ScimConnection | ScimDeletedConnection

_LIST = "scim_admin/log.html"
_ENTRY = "scim_admin/log_entry.html"
_REPLAY = "scim_admin/replay.html"
# Failed requests that are compared with one, and those that its page lists.
_MAX_COMPARED = 100
_MAX_SAME_CAUSE = 3


def log(request: PortalRequest) -> HttpResponse:
    """Show a page of requests, newest first."""
    gateway, query = available(request.directory.scim.log, "log"), LogQuery(request.GET)
    active = request.directory.scim.connection.get()
    context: dict[str, Any] = {
        "connection": active,
        "query": query,
        "retention_days": gateway.retention_days,
        "max_entries": gateway.max_entries,
        "file_formats": ((FileFormat.CSV, "CSV"), (FileFormat.JSON_LINES, "JSON Lines")),
    }
    if not query.is_valid():
        return render_section(request, _LIST, context | {"logged": active}, fragments=["log"], status=422)
    connection = _logged_connection(request, active, query.cleaned_data["connection_id"])
    if connection is None:
        context["can_restore"] = request.directory.scim.restoration is not None
        return render_section(request, _LIST, context, fragments=["log"])
    context |= {"logged": connection, "is_deleted": connection is not active, "is_linked": connection is active}
    wanted, limit = query.wanted, query.size
    entries = listing.load(
        request, lambda cursor: _entries(gateway, connection, wanted, cursor, limit), append_to="log-more"
    )
    context |= {
        "log": entries,
        "days": by_day(
            entries.items, lambda one: one.request.at, request.GET.get("day", "") if entries.is_appended else ""
        ),
        "wanted": wanted,
        "is_filtered": wanted != ScimRequestFilter(),
        "given": f"?{urlencode(query.given)}" if query.given else "",
        "chips": _chips(request, query, wanted, entries.items),
        "all_url": _log_url(
            request, **({"connection_id": connection.connection_id} if connection is not active else {})
        ),
    }
    return render_list(request, _LIST, context, "log")


def log_entry(request: PortalRequest, scim_request_id: str) -> HttpResponse:
    """Show all details of one request."""
    gateway, query = available(request.directory.scim.log, "log"), LogQuery(request.GET)
    logged_request = gateway.get(scim_request_id)
    active = request.directory.scim.connection.get()
    connection = _logged_connection(request, active, logged_request.connection_id)
    is_deleted = active is None or connection is not active
    entry = log_presenter.log_entry(logged_request, _identity_provider(connection))
    # The list that led here, if its filter is valid.
    is_filtered = query.is_valid()
    neighbors = gateway.neighbors(
        logged_request.connection_id, scim_request_id, query.wanted if is_filtered else ScimRequestFilter()
    )
    given = dict(query.given) if is_filtered else {}
    if is_deleted:
        given["connection_id"] = logged_request.connection_id
    context = {
        "connection": active,
        "is_deleted": is_deleted,
        "is_linked": not is_deleted,
        "list_url": _log_url(request, **given),
        "newer_url": _entry_url(request, neighbors.newer_id, given),
        "older_url": _entry_url(request, neighbors.older_id, given),
        "entry": entry,
        "same_cause": _same_cause(gateway, entry, _identity_provider(connection)),
        "sender": _sender(connection),
        "body": _pretty(logged_request.body),
        "response": _response(logged_request),
    }
    return render_section(request, _ENTRY, context)


def export_log(request: PortalRequest) -> HttpResponseBase:
    """Download the requests that match the filter as a file, read while it is sent."""
    gateway, form = available(request.directory.scim.log, "log"), ExportForm(request.POST)
    if not form.is_valid():
        raise Invalid("Choose CSV or JSON Lines, and a filter that the log page offers.")
    connection = _logged_connection(
        request, request.directory.scim.connection.get(), form.cleaned_data["connection_id"]
    )
    if connection is None:
        raise NotFound("This connection doesn't exist, so its requests can't be exported.")
    reserve_export(request)
    requests = gateway.export(connection.connection_id, form.wanted)
    records = (record(log_presenter.log_entry(one, connection.identity_provider)) for one in requests)
    return export_response(request, "scim-log", form.cleaned_data["file_format"], COLUMNS, records)


def replay(request: PortalRequest, scim_request_id: str) -> HttpResponse:
    """Show what a failed request would do now, or why a dry run isn't possible."""
    gateway = available(request.directory.scim.log, "log")
    logged_request = gateway.get(scim_request_id)
    active = request.directory.scim.connection.get()
    connection = _logged_connection(request, active, logged_request.connection_id)
    identity_provider = _identity_provider(connection)
    context: dict[str, Any] = {
        "connection": active,
        "sender": _sender(connection),
        "entry_url": f"{_log_url(request)}{scim_request_id}/",
        "entry": log_presenter.log_entry(logged_request, identity_provider),
    }
    try:
        found = gateway.replay(scim_request_id)
    except Conflict as error:
        return render_section(request, _REPLAY, context | {"obstacle": error.detail})
    context |= {
        "replay": found,
        "now": log_presenter.log_entry(_with_current_response(logged_request, found), identity_provider),
        "effects": [(log_presenter.effect(change.action), change) for change in found.changes],
    }
    return render_section(request, _REPLAY, context)


def _with_current_response(logged_request: ScimRequest, found: ScimReplay) -> ScimRequest:
    return changed(logged_request, status=found.status, scim_type=found.scim_type, detail=found.detail)


def _logged_connection(
    request: PortalRequest, active: ScimConnection | None, connection_id: str
) -> LoggedConnection | None:
    """Return the connection with this id, active or restorable; the active one if the id is empty. None if there is none."""
    if active and connection_id in {"", active.connection_id}:
        return active
    restoration = request.directory.scim.restoration
    if not connection_id or restoration is None:
        return None
    deleted = restoration.page(limit=MAX_LIMIT).items
    return next((one for one in deleted if one.connection_id == connection_id), None)


def _identity_provider(connection: LoggedConnection | None) -> ScimIdentityProvider:
    """Return the identity provider whose terms explanations use; the generic one if the connection is unknown."""
    return connection.identity_provider if connection else ScimIdentityProvider.GENERIC


def _sender(connection: LoggedConnection | None) -> str:
    """Return the name of the identity provider; "" if it isn't known."""
    identity_provider = _identity_provider(connection)
    return "" if identity_provider is ScimIdentityProvider.GENERIC else identity_provider.label


def _entries(
    gateway: ScimLogGateway, connection: LoggedConnection, wanted: ScimRequestFilter, cursor: str, limit: int
) -> Page[LogEntry]:
    page = gateway.page(connection.connection_id, wanted, cursor=cursor, limit=limit)
    entries = tuple(log_presenter.log_entry(one, connection.identity_provider) for one in page.items)
    return Page(entries, page.next_cursor, page.searched_to)


def _same_cause(
    gateway: ScimLogGateway, entry: LogEntry, identity_provider: ScimIdentityProvider
) -> tuple[LogEntry, ...]:
    """Return the newest other requests that failed for the same reason, among the last _MAX_COMPARED failed ones."""
    if entry.has_succeeded or entry.is_empty_lookup:
        return ()
    failed = ScimRequestFilter(outcome=ScimOutcome.FAILED)
    others = gateway.page(entry.request.connection_id, failed, limit=_MAX_COMPARED).items
    found = (
        log_presenter.log_entry(one, identity_provider)
        for one in others
        if one.scim_request_id != entry.request.scim_request_id
    )
    return tuple(islice((one for one in found if one.cause == entry.cause), _MAX_SAME_CAUSE))


def _entry_url(request: PortalRequest, scim_request_id: str, given: Mapping[str, str]) -> str:
    """Return the page of a request with the filter of its list; "" for no request."""
    if not scim_request_id:
        return ""
    slug = request.signed_in.organization.organization_slug
    url = reverse("scim:log-entry", args=[slug, scim_request_id])
    return f"{url}?{urlencode(given)}" if given else url


def _log_url(request: PortalRequest, **query: str) -> str:
    url = reverse("scim:log", args=[request.signed_in.organization.organization_slug])
    return f"{url}?{urlencode(query)}" if query else url


def _chips(
    request: PortalRequest, query: LogQuery, wanted: ScimRequestFilter, entries: tuple[LogEntry, ...]
) -> list[tuple[str, str]]:
    """Return each active filter in words, with the URL of the list without it."""
    chips = query.chips
    if wanted.resource_id:
        name = _resource_name(request, wanted.resource_id, entries) or "someone who is no longer here"
        chips.append((f"About {name}", ("resource_id", "resource_type")))
    return [(words, _url_without(request, parameters)) for words, parameters in chips]


def _url_without(request: PortalRequest, parameters: tuple[str, ...]) -> str:
    kept = request.GET.copy()
    for name in (*parameters, "cursor", "shown", "through", "day"):
        kept.pop(name, None)
    return f"{_log_url(request)}?{kept.urlencode()}" if kept else _log_url(request)


def _resource_name(request: PortalRequest, resource_id: str, entries: tuple[LogEntry, ...]) -> str:
    """Return the name of the user or group that the log is filtered by; "" if it doesn't exist."""
    if entries:
        return entries[0].request.resource_name
    scim = request.directory.scim
    try:
        if resource_id.startswith("scim-group-"):
            return available(scim.group_details, "group members").get(resource_id).group_name
        return available(scim.users, "users").get(resource_id).user.name
    except NotFound:
        return ""


def _response(logged_request: ScimRequest) -> str:
    """Return the error response as it was sent, but with personal values masked; "" if the request succeeded."""
    if logged_request.outcome is ScimOutcome.SUCCEEDED:
        return ""
    response = {
        "status": str(logged_request.status),
        "scimType": logged_request.scim_type,
        "detail": logged_request.detail,
    }
    return json.dumps({name: value for name, value in response.items() if value}, indent=2, ensure_ascii=False)


def _pretty(body: str) -> str:
    """Return a logged body with one value per line; a body that was cut stays as it is."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body
