"""A member's stored password: check it, change it."""

from functools import cache, partial
from uuid import UUID

from django.contrib.auth.hashers import check_password, make_password
from django.utils import timezone
from django.utils.crypto import get_random_string

from portal.directory.errors import Unauthenticated
from portal.directory.sessions import SessionEndCause
from portal.embedded import models
from portal.embedded.audit import Caller, record
from portal.embedded.members import notices
from portal.embedded.members.values import member_id
from portal.embedded.scope import rows_of
from portal.embedded.sessions.lifecycle import end_intermediate_sessions

# In front of a hash that has to be reset. Django takes such a hash for none, so code that doesn't know of it rejects it.
_TO_RESET = "!"
# The cost of some imported hashes grows with the length of the password, by a factor of thousands.
_MAX_PASSWORD = 1024


def password_is_right(member: models.MemberRow | None, password: str) -> bool:
    """Check a password. The time doesn't depend on whether there is such a member, or whether they have a password.

    A hash of another kind than ours, such as an imported one, is replaced. Longer passwords than 1024 characters are wrong,
    and so is one that has to be reset.
    """
    return password_matches(member, password) and member is not None and not must_reset(member)


def password_matches(member: models.MemberRow | None, password: str) -> bool:
    """Check a password as `password_is_right` does, but also say yes to one that has to be reset."""
    if len(password) > _MAX_PASSWORD:
        return False
    encoded = member.password.removeprefix(_TO_RESET) if member else ""
    rehash = partial(_rehash, member) if member and encoded and not must_reset(member) else None
    return check_password(password, encoded or _unused_hash(), rehash) and bool(encoded)


def must_reset(member: models.MemberRow) -> bool:
    """Say whether a member's password no longer signs them in until they choose another one."""
    return member.password.startswith(_TO_RESET)


def require_reset(member: models.MemberRow, caller: Caller) -> None:
    """Let a member's password no longer sign them in, and record it. The caller opens the transaction, and locks the member."""
    if not member.password or must_reset(member):
        return
    marked = _TO_RESET + member.password
    # An imported hash can be as long as the column. Then it is deleted, which has the same effect without the message.
    is_short = len(marked) <= (models.MemberRow._meta.get_field("password").max_length or 0)
    member.password = marked if is_short else ""
    member.save(update_fields=["password", "updated_at"])
    end_intermediate_sessions([member.pk])
    record(
        caller,
        "member.require_password_reset",
        organization_id=member.organization_id,
        target_id=member_id(member),
        target_name=member.email_address,
    )


def reset_required() -> Unauthenticated:
    """Return the error for a password that is right, but has to be reset. Only someone who knows the password gets it."""
    return Unauthenticated(
        "This password has to be replaced. Choose a new one with “Forgot your password?”.",
        error_type="member_reset_password",
    )


def change_password(
    member: models.MemberRow, encoded: str, caller: Caller, *, keep: UUID | None = None, is_notified: bool = True
) -> None:
    """Store a hash, revoke every session of the member except `keep`, and record it. The caller opens the transaction.

    The member is notified at their verified address, unless not `is_notified`: while they become active, and when a product
    brings their password along.
    """
    is_first = not member.password
    member.password = encoded
    member.save(update_fields=["password", "updated_at"])
    live = rows_of(member.organization_id, models.MemberSessionRow).filter(member=member, revoked_at=None)
    revoked = live.exclude(pk=keep) if keep else live
    revoked.update(revoked_at=timezone.now(), revoked_because=SessionEndCause.PASSWORD)
    end_intermediate_sessions([member.pk])
    entry = record(
        caller,
        "member.set_password",
        organization_id=member.organization_id,
        target_id=member_id(member),
        target_name=member.email_address,
    )
    if is_notified:
        notices.password_changed(member, entry, is_first=is_first)


def _rehash(member: models.MemberRow, password: str) -> None:
    encoded = make_password(password)
    same = rows_of(member.organization_id, models.MemberRow).filter(pk=member.pk, password=member.password)
    if same.update(password=encoded):
        member.password = encoded


@cache
def _unused_hash() -> str:
    return make_password(get_random_string(32))
