"""Members whom provisioning would take over, and what is decided of them."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from portal.directory.members import MemberStatus
from portal.directory.pages import MAX_COUNTED
from portal.directory.scim.conflicts import ScimConflictState
from portal.embedded import audit, models
from portal.embedded.members.values import member_id

IN_STATE = {
    ScimConflictState.WAITING: Q(approved_at=None, dismissed_at=None),
    ScimConflictState.APPROVED: Q(approved_at__isnull=False),
    ScimConflictState.DISMISSED: Q(dismissed_at__isnull=False),
}


def state_of(row: models.ScimConflictRow) -> ScimConflictState:
    """Return what was decided."""
    if row.approved_at:
        return ScimConflictState.APPROVED
    return ScimConflictState.DISMISSED if row.dismissed_at else ScimConflictState.WAITING


def conflicts_of(connection: UUID, organization: UUID) -> QuerySet[models.ScimConflictRow]:
    """Return a connection's conflicts; a member who has left meanwhile is in nobody's way."""
    rows = models.ScimConflictRow.objects.filter(organization_id=organization, connection_id=connection)
    return rows.exclude(member__status=MemberStatus.DELETED)


def note(row: models.ScimUserRow, member: models.MemberRow) -> None:
    """Put a person who would take over a member on the list; what was decided of another person does not hold for them."""
    conflict, is_new = models.ScimConflictRow.objects.get_or_create(
        organization_id=row.organization_id,
        connection_id=row.connection_id,
        member=member,
        defaults={"user_name": row.user_name, "display_name": row.display_name},
    )
    same = models.ScimConflictRow.objects.filter(pk=conflict.pk)
    same.update(last_at=timezone.now(), display_name=row.display_name)
    others = same.exclude(user_name=row.user_name)
    if others.update(user_name=row.user_name, approved_at=None, dismissed_at=None) or is_new:
        count_waiting(row.organization_id, row.connection_id)


def forget(member: models.MemberRow) -> None:
    """Take a member who is linked, or has another address, off the lists."""
    rows = models.ScimConflictRow.objects.filter(organization_id=member.organization_id, member=member)
    connections = list(rows.values_list("connection_id", flat=True))
    rows.delete()
    for connection in connections:
        count_waiting(member.organization_id, connection)


def recount(member: models.MemberRow) -> None:
    """Count the waiting decisions again, on each list with a member who was deleted or reactivated."""
    rows = models.ScimConflictRow.objects.filter(organization_id=member.organization_id, member=member)
    for connection in rows.values_list("connection_id", flat=True):
        count_waiting(member.organization_id, connection)


def count_waiting(organization: UUID, connection: UUID) -> None:
    """Write down how many wait, so that no page counts them."""
    waiting = conflicts_of(connection, organization).filter(IN_STATE[ScimConflictState.WAITING])[:MAX_COUNTED]
    models.ScimConnectionRow.objects.filter(organization_id=organization, pk=connection).update(
        waiting_conflicts=waiting.count()
    )


def decide(conflicts: Sequence[models.ScimConflictRow], *, approve: bool, caller: audit.Caller) -> None:
    """Approve or dismiss conflicts of one connection, whose rows the caller has locked, each with its member."""
    now = timezone.now()
    changed = [one for one in conflicts if not (one.approved_at if approve else one.dismissed_at)]
    models.ScimConflictRow.objects.filter(pk__in=[one.pk for one in changed]).update(
        approved_at=now if approve else None, dismissed_at=None if approve else now
    )
    audit.record_all(
        [
            audit.entry(
                caller,
                "member.approve_scim_link" if approve else "member.dismiss_scim_link",
                organization_id=one.organization_id,
                target_id=member_id(one.member),
                target_name=one.member.email_address,
                after={"user_name": one.user_name},
            )
            for one in changed
        ]
    )
    for one in changed[:1]:
        count_waiting(one.organization_id, one.connection_id)


def approve_domain(connection: models.ScimConnectionRow, domain: str) -> None:
    """Approve all who wait with an address of a domain that is allowed from now on; the caller writes of the domain."""
    waiting = conflicts_of(connection.pk, connection.organization_id).filter(IN_STATE[ScimConflictState.WAITING])
    chosen = waiting.filter(member__email_address_folded__endswith=f"@{domain}")
    models.ScimConflictRow.objects.filter(pk__in=chosen.values("pk")).update(approved_at=timezone.now())
    count_waiting(connection.organization_id, connection.pk)
