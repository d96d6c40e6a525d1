"""End sessions in which nothing counts any longer that the member proved, after a change of their address or of methods."""

from collections.abc import Iterator
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from portal.directory.email_addresses import fold_address
from portal.directory.sessions import AuthenticationFactor, SessionEndCause
from portal.embedded import models
from portal.embedded.database.batches import BATCH
from portal.embedded.sessions.lifecycle import stored_factors
from portal.embedded.sign_in.methods import is_enough

# They complete a session, and start none.
_SECOND_FACTORS = frozenset({"totp", "otp", "recovery_codes", "webauthn"})


def end_unsatisfied(
    sessions: QuerySet[models.MemberSessionRow], cause: SessionEndCause, *, keep: UUID | None = None
) -> int:
    """End those of the sessions that are no longer satisfied, except `keep`. Return how many.

    The caller changes the member or the organization in the same transaction, before this.
    """
    live = sessions.filter(revoked_at=None, expires_at__gt=timezone.now())
    others = live.exclude(pk=keep) if keep else live
    found = others.select_related("member__organization").order_by("pk")
    ended = [row.pk for row in found.iterator(BATCH) if not is_satisfied(row, cause)]
    for at in range(0, len(ended), BATCH):
        sessions.filter(pk__in=ended[at : at + BATCH]).update(revoked_at=timezone.now(), revoked_because=cause)
    return len(ended)


def is_satisfied(row: models.MemberSessionRow, cause: SessionEndCause = SessionEndCause.METHODS) -> bool:
    """Say whether something still counts that the member proved in a session, after a change of this kind."""
    return is_enough(row.member, _counting(row, cause))


def _counting(row: models.MemberSessionRow, cause: SessionEndCause) -> Iterator[AuthenticationFactor]:
    """Yield the factors that still count: a password that the member still has, and emails to their present address."""
    entered_at = row.password_entered_at
    # Deleting a password doesn't end sessions (Stytch), so a later change of the methods doesn't either.
    if entered_at is not None and (row.member.password or cause is SessionEndCause.METHODS):
        yield AuthenticationFactor("password", "knowledge", entered_at, entered_at)
    for factor in stored_factors(row.factors):
        address = factor.email_factor.email_address if factor.email_factor else ""
        is_theirs = not address or fold_address(address) == row.member.email_address_folded
        if is_theirs and factor.type not in _SECOND_FACTORS:
            yield factor
