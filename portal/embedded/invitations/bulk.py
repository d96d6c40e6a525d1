"""Lists of people to invite: check and keep them, start and cancel the job, and read its results."""

from collections import Counter
from collections.abc import Mapping, Sequence

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from portal.directory.bulk_invitations import (
    MAX_LINES,
    DraftLine,
    InvitationJob,
    InvitationLine,
    JobState,
    LineState,
)
from portal.directory.errors import Conflict, Forbidden, Invalid, NotFound, StepUpRequired
from portal.directory.ids import parse_id, public_id
from portal.directory.members import RESOURCE
from portal.directory.pages import DEFAULT_LIMIT, Page, check_limit
from portal.embedded import models
from portal.embedded.audit import record
from portal.embedded.database import keyset
from portal.embedded.invitations import jobs, rules
from portal.embedded.invitations.invitations import acting_id
from portal.embedded.scope import Scope
from portal.embedded.tasks.queue import enqueue

_RECENT = 10
_INSERTED = 500
_MAX_STORED = 320


class EmbeddedBulkInvitations:
    """Implements portal.directory.bulk_invitations.BulkInvitationGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def draft(self, lines: Sequence[DraftLine]) -> InvitationJob:
        """Check lines and keep them, in place of the acting member's draft before. Raise Invalid, Forbidden."""
        self._scope.require_action("create", RESOURCE)
        if not 1 <= len(lines) <= MAX_LINES:
            raise Invalid(f"Enter 1 to {MAX_LINES:,} people.", field="people")
        verdicts = rules.verdicts(self._scope, lines)
        caller, organization_id = self._scope.caller, self._scope.organization_id
        job = models.InvitationJobRow(
            organization_id=organization_id,
            created_by=acting_id(self._scope),
            created_by_name=caller.actor.name[:256],
            counts=Counter(str(one.state) for one in verdicts),
            ip_address=caller.origin.ip_address,
            user_agent=caller.origin.user_agent,
            request_id=caller.origin.request_id,
        )
        rows = [
            models.InvitationLineRow(
                organization_id=organization_id,
                job=job,
                number=line.number,
                email_address=_storable(line.email_address, _MAX_STORED),
                name=_storable(line.name, rules.MAX_NAME),
                roles=[_storable(one, 64) for one in line.roles[: rules.MAX_ROLES]],
                locale=_storable(line.locale, 16),
                state=verdict.state,
                reason=_storable(verdict.reason, 300),
            )
            for line, verdict in zip(lines, verdicts, strict=True)
        ]
        with transaction.atomic():
            jobs.delete(self._jobs().filter(created_by=job.created_by, state=JobState.DRAFT))
            job.save(force_insert=True)
            self._scope.of(models.InvitationLineRow).bulk_create(rows, batch_size=_INSERTED)
        return self._value(job)

    def get(self, job_id: str) -> InvitationJob:
        """Return a list. Raise NotFound, Forbidden."""
        return self._value(self._row(job_id))

    def recent(self) -> tuple[InvitationJob, ...]:
        """Return the newest jobs that were started."""
        self._scope.require_action("create", RESOURCE)
        found = self._jobs().exclude(state=JobState.DRAFT).order_by("-pk")[:_RECENT]
        return tuple(map(self._value, found))

    def lines(
        self, job_id: str, *, state: LineState | None = None, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[InvitationLine]:
        """Return a page of the lines in their order. Raise NotFound, InvalidCursor, Forbidden."""
        check_limit(limit)
        job = self._row(job_id)
        keys = keyset.Keyset("invitation-lines", self._scope.organization_id, job.pk, state or "")
        found = self._scope.of(models.InvitationLineRow).filter(job=job)
        if state:
            found = found.filter(state=state)
        rows = list(keys.after(cursor, found, "number")[: limit + 1])
        return keys.page(rows, limit=limit, key=lambda row: row.number).map(_line)

    def start(self, job_id: str) -> InvitationJob:
        """Invite the people of a draft in the background. Raise NotFound, Forbidden, Conflict, StepUpRequired."""
        seen = self._row(job_id)
        if reason := rules.obstacle(self._scope):
            raise Forbidden(reason)
        embedding = self._scope.signed_in.session.embedding if self._scope.signed_in else None
        if embedding is not None and embedding.permissions is not None:
            # The job acts with all permissions of the member, not with those of the frame.
            raise StepUpRequired("Open the portal in a tab of its own to invite many people.")
        with transaction.atomic():
            job = self._locked(seen)
            if job.state != JobState.DRAFT:
                raise Conflict("This list was started already.")
            if job.created_by != acting_id(self._scope):
                # The roles in it were checked for that member.
                raise Forbidden("Only the member who entered this list can start it.")
            ready = self._scope.of(models.InvitationLineRow).filter(job=job, state=LineState.READY)
            if not ready.exists():
                raise Conflict("Nobody in this list can be invited.")
            if ready.exclude(roles=[]).exists():
                self._scope.require_recent_proof()
            job.state, job.started_at = JobState.RUNNING, timezone.now()
            job.save(update_fields=["state", "started_at"])
            self._record("invitation_job.start", job, {"people": job.counts.get(LineState.READY, 0)})
            enqueue(job.organization_id, jobs.invite_next, str(job.organization_id), str(job.pk))
        return self._value(job)

    def cancel(self, job_id: str) -> InvitationJob:
        """Leave out the lines that the job hasn't come to. Raise NotFound, Forbidden, Conflict if it doesn't run."""
        seen = self._row(job_id)
        with transaction.atomic():
            job = self._locked(seen)
            if job.state != JobState.RUNNING:
                raise Conflict("These invitations are no longer being sent.")
            left = jobs.close(job, JobState.CANCELED, LineState.CANCELED, "Canceled before it was sent.")
            self._record("invitation_job.cancel", job, {"people": left})
        return self._value(job)

    def _jobs(self) -> QuerySet[models.InvitationJobRow]:
        return self._scope.of(models.InvitationJobRow)

    def _row(self, job_id: str) -> models.InvitationJobRow:
        self._scope.require_action("create", RESOURCE)
        row = self._jobs().filter(pk=parse_id("invitation-job", job_id)).first()
        if row is None or (row.state == JobState.DRAFT and row.created_by != acting_id(self._scope)):
            raise NotFound("This list of invitations does not exist. Lists that aren’t started are kept for a day.")
        return row

    def _locked(self, seen: models.InvitationJobRow) -> models.InvitationJobRow:
        row = self._jobs().select_for_update(no_key=True).filter(pk=seen.pk).first()
        if row is None:
            raise NotFound("This list of invitations does not exist.")
        return row

    def _record(self, action: str, job: models.InvitationJobRow, after: Mapping[str, int]) -> None:
        record(
            self._scope.caller,
            action,
            organization_id=job.organization_id,
            target_id=public_id("invitation-job", job.pk),
            after=after,
        )

    def _value(self, row: models.InvitationJobRow) -> InvitationJob:
        return InvitationJob(
            job_id=public_id("invitation-job", row.pk),
            state=JobState(row.state),
            created_by_name=row.created_by_name,
            counts={LineState(name): number for name, number in row.counts.items()},
            created_at=row.created_at,
            started_at=row.started_at,
            finished_at=row.finished_at,
            is_own=row.created_by == acting_id(self._scope),
        )


def _line(row: models.InvitationLineRow) -> InvitationLine:
    return InvitationLine(
        row.number, row.email_address, row.name, tuple(row.roles), row.locale, LineState(row.state), row.reason
    )


def _storable(text: str, longest: int) -> str:
    """Return a text as both databases can store it: without NUL and halves of characters, and cut off."""
    return text[:longest].encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
