"""Invite several people with a few statements, in place of a dozen for each. The rules are those of inviting one."""

from collections.abc import Sequence
from smtplib import SMTPRecipientsRefused
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django_tasks import task

from portal.directory.bulk_invitations import DraftLine
from portal.directory.ids import public_id
from portal.directory.members import FIELD_ACTIONS, RESOURCE, MemberChanges, MemberStatus
from portal.embedded import audit, models
from portal.embedded.invitations import sending
from portal.embedded.invitations.invitations import acting_id, require_room
from portal.embedded.members.changes import apply_changes, check_address, described, for_activity, unless_taken
from portal.embedded.members.retired_addresses import has_retired, require_not_retired
from portal.embedded.members.roles import email_roles
from portal.embedded.scope import Scope, lock_organization
from portal.embedded.tasks.queue import enqueue_always


def create_many(scope: Scope, lines: Sequence[DraftLine]) -> None:
    """Create invited members and have a worker email them: all of them, or none if one can't be invited.

    Raise Invalid, Conflict, Forbidden, TooManyRequests.
    """
    scope.require_action("create", RESOURCE)
    if any(line.roles for line in lines):
        scope.require_action(FIELD_ACTIONS["roles"], RESOURCE)
    with unless_taken(), transaction.atomic():
        lock_organization(scope.organization_id)
        organization = models.OrganizationRow.objects.get(pk=scope.organization_id)
        members = [_member(scope, organization, line) for line in lines]
        if has_retired(scope):
            for member in members:
                require_not_retired(scope, member)
        require_room(scope, len(members))
        models.MemberRow.objects.bulk_create(members)
        audit.record_all([_entry(scope, member) for member in members])
        invitations = [_invitation(scope, member, line) for member, line in zip(members, lines, strict=True)]
        models.InvitationRow.objects.bulk_create(invitations)
        keys = ",".join(str(one.pk) for one in invitations)
        task_of_many = email_invitations.using(priority=sending.BULK)
        enqueue_always(organization.pk, task_of_many, str(organization.pk), keys)


@task()
def email_invitations(organization_id: str, invitation_ids: str) -> None:
    """Email new invitations, each once: those that were emailed before the task was interrupted aren't emailed again."""
    organization = UUID(organization_id)
    # A mail server can reject one address for now. The others don't wait for it.
    rejected: SMTPRecipientsRefused | None = None
    for key in invitation_ids.split(","):
        try:
            sending.email_one(organization, key, 1)
        except SMTPRecipientsRefused as error:
            rejected = error
    if rejected:
        raise rejected


def _member(scope: Scope, organization: models.OrganizationRow, line: DraftLine) -> models.MemberRow:
    row = models.MemberRow(organization=organization, status=MemberStatus.INVITED)
    row.email_address = check_address(line.email_address)
    apply_changes(row, MemberChanges(name=line.name or None, roles=line.roles or None))
    gained = email_roles(organization, row.email_address)
    if gained and not scope.may_grant(gained):
        scope.require_action(FIELD_ACTIONS["roles"], RESOURCE)
    return row


def _entry(scope: Scope, member: models.MemberRow) -> audit.Entry:
    return audit.entry(
        scope.caller,
        "member.create",
        organization_id=member.organization_id,
        target_id=public_id("member", member.pk),
        target_name=member.email_address,
        after=for_activity({**described(member), "status": str(member.status)}),
    )


def _invitation(scope: Scope, member: models.MemberRow, line: DraftLine) -> models.InvitationRow:
    now = timezone.now()
    return models.InvitationRow(
        organization_id=member.organization_id,
        member_id=member.pk,
        invited_by=acting_id(scope),
        locale=line.locale,
        sent_at=now,
        expires_at=now + sending.lifetime(),
    )
