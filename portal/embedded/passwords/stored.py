"""A member's stored password: check it, change it."""

from functools import cache, partial
from uuid import UUID

from django.contrib.auth.hashers import check_password, make_password
from django.utils import timezone
from django.utils.crypto import get_random_string

from portal.directory.sessions import SessionEndCause
from portal.embedded import models
from portal.embedded.audit import Caller, record
from portal.embedded.members.values import member_id
from portal.embedded.scope import rows_of
from portal.embedded.sessions.lifecycle import end_intermediate_sessions

# The cost of some imported hashes grows with the length of the password, by a factor of thousands.
_MAX_PASSWORD = 1024


def password_is_right(member: models.MemberRow | None, password: str) -> bool:
    """Check a password. The time doesn't depend on whether there is such a member, or whether they have a password.

    A hash of another kind than ours, such as an imported one, is replaced. Longer passwords than 1024 characters are wrong.
    """
    if len(password) > _MAX_PASSWORD:
        return False
    encoded = member.password if member else ""
    rehash = partial(_rehash, member) if member and encoded else None
    return check_password(password, encoded or _unused_hash(), rehash) and bool(encoded)


def change_password(member: models.MemberRow, encoded: str, caller: Caller, *, keep: UUID | None = None) -> None:
    """Store a hash, revoke every session of the member except `keep`, and record it. The caller opens the transaction."""
    member.password = encoded
    member.save(update_fields=["password", "updated_at"])
    live = rows_of(member.organization_id, models.MemberSessionRow).filter(member=member, revoked_at=None)
    revoked = live.exclude(pk=keep) if keep else live
    revoked.update(revoked_at=timezone.now(), revoked_because=SessionEndCause.PASSWORD)
    end_intermediate_sessions([member.pk])
    record(
        caller,
        "member.set_password",
        organization_id=member.organization_id,
        target_id=member_id(member),
        target_name=member.email_address,
    )


def _rehash(member: models.MemberRow, password: str) -> None:
    encoded = make_password(password)
    same = rows_of(member.organization_id, models.MemberRow).filter(pk=member.pk, password=member.password)
    if same.update(password=encoded):
        member.password = encoded


@cache
def _unused_hash() -> str:
    return make_password(get_random_string(32))
