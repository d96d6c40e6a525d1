"""The activity log: who changed what, the details of a change, and an export."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.http import urlencode

from portal.directory.activity import ActivityEntry, ActivityFilter
from portal.directory.errors import Invalid
from portal.pages.activity.forms import ActivityQuery, ExportForm, Period
from portal.web import listing
from portal.web.activity.changes import Change, changes
from portal.web.activity.links import target_url
from portal.web.activity.sentences import Sentence, sentence
from portal.web.availability import available
from portal.web.days import by_day
from portal.web.exports import Record, export_response, reserve_export
from portal.web.listing import Listing
from portal.web.pages import render_page
from portal.web.request import PortalRequest

_LIST = "activity/activity.html"
_MORE = "activity-more"
# Fields that a list shows of a change. Its own page has all.
_FEW = 6
_COLUMNS = (
    "id",
    "at",
    "actor_type",
    "actor_id",
    "actor_name",
    "on_behalf_of",
    "action",
    "sentence",
    "target_id",
    "target_name",
    "before",
    "after",
    "ip_address",
    "user_agent",
    "request_id",
)


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry as the pages show it."""

    entry: ActivityEntry
    sentence: Sentence
    changes: tuple[Change, ...]
    url: str
    # The page of the target, "" if it has none or the member may not see it.
    target_url: str

    @property
    def first_changes(self) -> tuple[Change, ...]:
        """The changes that a list shows."""
        return self.changes[:_FEW]

    @property
    def has_more_changes(self) -> bool:
        """Whether the list leaves out changes."""
        return len(self.changes) > _FEW


def activity(request: PortalRequest) -> HttpResponse:
    """Show a page of entries, newest first."""
    gateway, query = available(request.directory.activity, "activity"), ActivityQuery(request.GET)
    context: dict[str, Any] = {"query": query, "list_url": _url(request)}
    if not query.is_valid():
        return render_page(request, _LIST, context, fragments=["activity"], status=422)
    wanted, limit = query.wanted, query.size
    entries = listing.load(request, lambda cursor: gateway.page(wanted, cursor=cursor, limit=limit), append_to=_MORE)
    shown = [_shown(request, one) for one in entries.items]
    context |= {
        "activity": entries,
        "days": by_day(shown, lambda one: one.entry.at, request.GET.get("day", "") if entries.is_appended else ""),
        "has_dates": query.cleaned_data["when"] == Period.DATES,
        "is_filtered": wanted != ActivityFilter(),
        "only": _only(wanted, entries),
    }
    if entries.has_restarted and request.htmx.target == _MORE:
        return listing.start_again(render_page(request, _LIST, context), "activity")
    return render_page(request, _LIST, context, fragments=["activity", _MORE])


def entry(request: PortalRequest, activity_id: str) -> HttpResponse:
    """Show all details of a change."""
    found = available(request.directory.activity, "activity").get(activity_id)
    context = {
        "shown": _shown(request, found),
        "list_url": _url(request),
        "of_actor_url": _url(request, actor_id=found.actor.id) if found.actor.id else "",
        "of_target_url": _url(request, target_id=found.target_id),
    }
    return render_page(request, "activity/entry.html", context)


def export(request: PortalRequest) -> HttpResponseBase:
    """Download the entries that match the filter as a file, read while it is sent."""
    gateway, form = available(request.directory.activity, "activity"), ExportForm(request.POST)
    if not form.is_valid():
        raise Invalid("Choose CSV or JSON Lines, and a filter that the activity page offers.")
    reserve_export(request)
    records = map(_record, gateway.export(form.wanted))
    return export_response(request, "activity", form.cleaned_data["file_format"], _COLUMNS, records)


def _record(entry: ActivityEntry) -> Record:
    return {
        "id": entry.activity_id,
        "at": entry.at.isoformat(),
        "actor_type": str(entry.actor.type),
        "actor_id": entry.actor.id,
        "actor_name": entry.actor.name,
        "on_behalf_of": entry.actor.on_behalf_of,
        "action": entry.action,
        "sentence": sentence(entry).text,
        "target_id": entry.target_id,
        "target_name": entry.target_name,
        "before": entry.before,
        "after": entry.after,
        "ip_address": entry.origin.ip_address,
        "user_agent": entry.origin.user_agent,
        "request_id": entry.origin.request_id,
    }


def _shown(request: PortalRequest, entry: ActivityEntry) -> Shown:
    url = reverse("activity:entry", args=[request.signed_in.organization.organization_slug, entry.activity_id])
    return Shown(entry, sentence(entry), changes(entry), url, target_url(request, entry))


def _only(wanted: ActivityFilter, entries: Listing[ActivityEntry]) -> str:
    """Return who or what the list is limited to by a link, "" if it isn't."""
    first = entries.items[0] if entries.items else None
    if wanted.target_id:
        return first.target_name if first and first.target_name else wanted.target_id
    if wanted.actor_id:
        return first.actor.name if first and first.actor.name else wanted.actor_id
    return ""


def _url(request: PortalRequest, **query: str) -> str:
    url = reverse("activity:activity", args=[request.signed_in.organization.organization_slug])
    return f"{url}?{urlencode(query)}" if query else url
