"""Change a member's password and revoke their sessions."""

from uuid import UUID

from django.utils import timezone

from portal.embedded import models
from portal.embedded.audit import Caller, record
from portal.embedded.members.values import member_id
from portal.embedded.sessions.sessions import end_choices


def change_password(member: models.MemberRow, encoded: str, caller: Caller, *, keep: UUID | None = None) -> None:
    """Store a hash, end every session of the member but `keep`, and record it. The caller opens the transaction."""
    member.password = encoded
    member.save(update_fields=["password", "updated_at"])
    live = models.MemberSessionRow.objects.filter(
        organization_id=member.organization_id, member=member, revoked_at=None
    )
    ended = live.exclude(pk=keep) if keep else live
    ended.update(revoked_at=timezone.now())
    end_choices([member.pk])
    record(
        caller,
        "member.set_password",
        organization_id=member.organization_id,
        target_id=member_id(member),
        target_name=member.email_address,
    )
