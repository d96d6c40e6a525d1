"""The job that invites the people of a list. It continues where a killed worker stopped, and invites no one twice.

A task invites up to 100 people and adds the next task. So other organizations' tasks run in between, and this one's urgent
tasks too. A few lines are one transaction: member, invitation, email and result are stored together or not at all.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django_tasks import task

from portal.directory.actor import Origin
from portal.directory.bulk_invitations import DraftLine, JobState, LineState
from portal.directory.errors import DirectoryError
from portal.directory.ids import parse_id
from portal.directory.invitations import NewInvitation
from portal.directory.members import RESOURCE, MemberStatus
from portal.directory.sessions import MemberSession, SignedIn
from portal.embedded import models
from portal.embedded.database.batches import MAX_ROWS, delete_in_batches
from portal.embedded.invitations import rules
from portal.embedded.invitations.invitations import create_invited
from portal.embedded.invitations.many import create_many
from portal.embedded.invitations.records import WAITING
from portal.embedded.members.values import member_value, with_details
from portal.embedded.scope import Scope, across_organizations, organization_value, rows_of
from portal.embedded.tasks.queue import enqueue_always

# Lines of one task, and of one transaction.
BATCH, CHUNK = 100, 50
_KEPT_DRAFT, _KEPT_DONE = timedelta(days=1), timedelta(days=30)


@task()
def invite_next(organization_id: str, job_id: str) -> None:
    """Invite the next people of a list, and add the task for those after them."""
    organization = UUID(organization_id)
    for _ in range(BATCH // CHUNK):
        if not _invite_few(organization, job_id):
            return
    enqueue_always(organization, invite_next, organization_id, job_id)


def close(job: models.InvitationJobRow, job_state: JobState, line_state: LineState, reason: str) -> int:
    """End a locked job. Lines that it hasn't come to get a state and a reason. Return how many."""
    ready = rows_of(job.organization_id, models.InvitationLineRow).filter(job=job, state=LineState.READY)
    left = ready.update(state=line_state, reason=reason)
    _count(job, {LineState.READY: -left, line_state: left})
    job.state, job.finished_at = job_state, timezone.now()
    job.save(update_fields=["state", "finished_at", "counts"])
    return left


def delete(rows: QuerySet[models.InvitationJobRow]) -> int:
    """Delete lists with their lines. Return how many."""
    found = list(rows.values_list("pk", "organization_id"))
    for key, organization_id in found:
        rows_of(organization_id, models.InvitationLineRow).filter(job_id=key).delete()
    rows.filter(pk__in=[key for key, _ in found]).delete()
    return len(found)


def prune(limit: int | None = MAX_ROWS) -> int:
    """Delete drafts after a day, jobs after 30 days, and invitations of those who accepted. Return how many."""
    return delete_in_batches(_delete_old, limit) + delete_in_batches(_delete_ended, limit)


def _invite_few(organization_id: UUID, job_id: str) -> bool:
    """Invite the next few people. Return whether there may be more."""
    jobs = rows_of(organization_id, models.InvitationJobRow)
    with transaction.atomic():
        # While it's locked, neither another worker nor a cancelation changes the lines.
        job = jobs.select_for_update(no_key=True).filter(pk=job_id, state=JobState.RUNNING).first()
        if job is None:
            return False
        lines = rows_of(organization_id, models.InvitationLineRow).filter(job=job, state=LineState.READY)
        rows = list(lines.order_by("number")[:CHUNK])
        # Read again each time: the member may have lost the permission, or the organization may have changed its settings.
        scope = _acting_scope(job)
        if rows and (scope is None or not scope.allows(f"{RESOURCE}:create")):
            name = job.created_by_name or "The member who started this"
            close(job, JobState.FINISHED, LineState.FAILED, f"{name} can no longer invite people.")
            return False
        if not rows or scope is None:
            close(job, JobState.FINISHED, LineState.FAILED, "")
            return False
        _invite(scope, job, rows)
    return True


def _invite(scope: Scope, job: models.InvitationJobRow, rows: list[models.InvitationLineRow]) -> None:
    drafts = [DraftLine(row.number, row.email_address, row.name, tuple(row.roles), row.locale) for row in rows]
    found = rules.verdicts(scope, drafts)
    ready = [draft for draft, verdict in zip(drafts, found, strict=True) if verdict.state is LineState.READY]
    results = iter(_results(scope, ready))
    for row, verdict in zip(rows, found, strict=True):
        is_ready = verdict.state is LineState.READY
        row.state, row.reason = next(results) if is_ready else (verdict.state, verdict.reason)
    lines = rows_of(job.organization_id, models.InvitationLineRow)
    for state, reason in {(row.state, row.reason) for row in rows}:
        keys = [row.pk for row in rows if (row.state, row.reason) == (state, reason)]
        lines.filter(pk__in=keys).update(state=state, reason=reason)
    _count(job, {LineState.READY: -len(rows), **Counter(LineState(row.state) for row in rows)})
    job.save(update_fields=["counts"])


def _results(scope: Scope, drafts: Sequence[DraftLine]) -> list[tuple[LineState, str]]:
    """Invite people together, or one by one if one of them can't be, and return what happened with each."""
    if not drafts:
        return []
    try:
        create_many(scope, drafts)
    except DirectoryError:
        return [_invite_one(scope, draft) for draft in drafts]
    return [(LineState.SENT, "")] * len(drafts)


def _invite_one(scope: Scope, line: DraftLine) -> tuple[LineState, str]:
    try:
        create_invited(scope, NewInvitation(line.email_address, line.name, line.roles, line.locale), is_bulk=True)
    except DirectoryError as error:
        return LineState.FAILED, error.detail[:300]
    return LineState.SENT, ""


def _count(job: models.InvitationJobRow, changes: dict[LineState, int]) -> None:
    counts = Counter(job.counts)
    counts.update({str(state): number for state, number in changes.items()})
    job.counts = {state: number for state, number in counts.items() if number}


def _acting_scope(job: models.InvitationJobRow) -> Scope | None:
    """Return the organization with the member who started the job as the caller, None if they're no longer active."""
    members = with_details(rows_of(job.organization_id, models.MemberRow)).filter(organization__deleted_at=None)
    row = members.filter(pk=parse_id("member", job.created_by), status=MemberStatus.ACTIVE).first()
    if row is None:
        return None
    member, organization, now = member_value(row), organization_value(row.organization), timezone.now()
    session = MemberSession(
        member_session_id="",
        member_id=member.member_id,
        organization_id=organization.organization_id,
        organization_slug=organization.organization_slug,
        roles=member.role_ids,
        started_at=now,
        last_accessed_at=now,
        expires_at=now,
    )
    origin = Origin(job.ip_address, job.user_agent, job.request_id)
    return Scope(organization.organization_slug, origin, SignedIn(session, member, organization, ""))


def _delete_old(number: int) -> int:
    now, jobs = timezone.now(), across_organizations(models.InvitationJobRow)
    drafts = jobs.filter(state=JobState.DRAFT, created_at__lt=now - _KEPT_DRAFT)
    ended = jobs.filter(state__in=[JobState.FINISHED, JobState.CANCELED], created_at__lt=now - _KEPT_DONE)
    # Each has up to 5,000 lines.
    keys = [key for rows in (drafts, ended) for key in rows.values_list("pk", flat=True)[: min(number, 10)]]
    with transaction.atomic():
        return delete(jobs.filter(pk__in=keys))


def _delete_ended(number: int) -> int:
    invitations = across_organizations(models.InvitationRow)
    ended = invitations.exclude(member__status__in=WAITING)
    keys = list(ended.order_by().values_list("pk", flat=True)[:number])
    return invitations.filter(pk__in=keys).delete()[0] if keys else 0
