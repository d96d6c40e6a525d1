"""The row of an invitation: when it was sent, who sent it, and until when its link works."""

from datetime import timedelta

from django.utils import timezone

from portal.directory.members import MemberStatus
from portal.embedded import models
from portal.embedded.scope import rows_of

# Members who haven't accepted yet.
WAITING = (MemberStatus.INVITED, MemberStatus.PENDING)


def remember(
    member: models.MemberRow, *, invited_by: str, lifetime: timedelta, locale: str = ""
) -> models.InvitationRow:
    """Store that an invitation is sent now, in place of the one before. Must run in the transaction that sends it."""
    now = timezone.now()
    rows = rows_of(member.organization_id, models.InvitationRow)
    row = rows.select_for_update(of=("self",), no_key=True).filter(member=member).first()
    if row is None:
        row = models.InvitationRow(organization_id=member.organization_id, member_id=member.pk, sends=0)
    row.invited_by, row.locale = invited_by, locale
    row.sends, row.sent_at, row.expires_at, row.emailed_at = row.sends + 1, now, now + lifetime, None
    row.save()
    return row


def end(member: models.MemberRow) -> None:
    """Delete a member's invitation: they accepted it, or are no longer invited."""
    rows_of(member.organization_id, models.InvitationRow).filter(member=member).delete()
