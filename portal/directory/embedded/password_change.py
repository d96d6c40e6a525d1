"""Giving a member another password: whoever knew the former one is signed out."""

from uuid import UUID

from django.utils import timezone

from portal.directory.embedded import models
from portal.directory.embedded.activity import Caller, record
from portal.directory.embedded.values import member_id


def change_password(member: models.Member, encoded: str, caller: Caller, *, keep: UUID | None = None) -> None:
    """Store a hash, end every session of the member but one, and write it into the activity log. Belongs into a transaction."""
    member.password = encoded
    member.save(update_fields=["password", "updated_at"])
    live = models.MemberSession.objects.filter(organization_id=member.organization_id, member=member, revoked_at=None)
    ended = live.exclude(pk=keep) if keep else live
    ended.update(revoked_at=timezone.now())
    record(
        caller,
        "member.set_password",
        organization_id=member.organization_id,
        target_id=member_id(member),
        target_name=member.email_address,
    )
