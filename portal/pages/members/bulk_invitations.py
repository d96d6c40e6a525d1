"""A list of people to invite: what will happen, the progress of the job, and a result for each line."""

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.http import urlencode

from portal.directory.bulk_invitations import (
    BulkInvitationGateway,
    InvitationLine,
    JobState,
    LineState,
)
from portal.directory.errors import StepUpRequired
from portal.pages.members.invitation_forms import STATE_NAMES, LineQuery
from portal.pages.members.invitations import job_url, list_url
from portal.web import listing
from portal.web.availability import available
from portal.web.exports import FileFormat, Record, every_item, export_response, reserve_export
from portal.web.pages import render_page, see_other
from portal.web.request import PortalRequest
from portal.web.step_up import step_up

_PAGE, _MORE = "members/invite_job.html", "invitation-lines-more"
_COLUMNS = ("line", "email", "name", "roles", "locale", "result", "reason")


def job(request: PortalRequest, job_id: str) -> HttpResponse:
    """Show a list: before it is started what will happen, then the progress, then the results."""
    bulk = _bulk(request)
    found = bulk.get(job_id)
    query = LineQuery(request.GET, states=found.counts)
    slug, url = request.signed_in.organization.organization_slug, job_url(request, found)
    context: dict[str, Any] = {
        "job": found,
        "query": query,
        "job_url": url,
        "state_counts": [(one, name, found.counts[one]) for one, name in STATE_NAMES.items() if one in found.counts],
        "edit_url": f"{reverse('members:invite', args=[slug])}?{urlencode({'draft': job_id})}",
        "invite_url": reverse("members:invite", args=[slug]),
        "invitations_url": list_url(request),
        "members_url": reverse("members:members", args=[slug]),
        "is_running": found.state is JobState.RUNNING,
        "is_draft": found.state is JobState.DRAFT,
    }
    if not query.is_valid():
        return render_page(request, _PAGE, context, fragments=["invitation-lines"], status=422)
    if found.state is not JobState.RUNNING:
        wanted, limit = query.wanted, query.size
        context["lines"] = listing.load(
            request,
            lambda cursor: bulk.lines(job_id, state=wanted, cursor=cursor, limit=limit).map(_shown),
            append_to=_MORE,
        )
    return render_page(request, _PAGE, context, fragments=["invitation-job", "invitation-lines", _MORE])


def start(request: PortalRequest, job_id: str) -> HttpResponse:
    """Start to invite the people of a list."""
    bulk = _bulk(request)
    url = job_url(request, bulk.get(job_id))
    try:
        bulk.start(job_id)
    except StepUpRequired:
        return step_up(request, url)
    return see_other(url)


def cancel(request: PortalRequest, job_id: str) -> HttpResponse:
    """Leave out the lines that the job hasn't come to."""
    found = _bulk(request).cancel(job_id)
    left = found.counts.get(LineState.CANCELED, 0)
    messages.success(request, f"Canceled. {left:,} {'person wasn’t' if left == 1 else 'people weren’t'} invited.")
    return see_other(job_url(request, found))


def results(request: PortalRequest, job_id: str) -> HttpResponseBase:
    """Download the result of each line as CSV."""
    bulk = _bulk(request)
    bulk.get(job_id)
    reserve_export(request)
    lines: Iterator[InvitationLine] = every_item(lambda cursor, limit: bulk.lines(job_id, cursor=cursor, limit=limit))
    return export_response(request, "invitations", FileFormat.CSV, _COLUMNS, map(_record, lines))


def _shown(line: InvitationLine) -> dict[str, object]:
    return {"line": line, "state_name": STATE_NAMES[line.state]}


def _record(line: InvitationLine) -> Record:
    return {
        "line": line.number,
        "email": line.email_address,
        "name": line.name,
        "roles": "; ".join(line.roles),
        "locale": line.locale,
        "result": STATE_NAMES[line.state],
        "reason": line.reason,
    }


def _bulk(request: PortalRequest) -> BulkInvitationGateway:
    return available(request.directory.bulk_invitations, "bulk invitations")
