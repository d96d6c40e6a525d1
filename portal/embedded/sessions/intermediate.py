"""Intermediate sessions: what a person proved who hasn't chosen an organization yet, or still has to prove more."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from portal.directory.errors import Invalid, Unauthenticated
from portal.directory.sessions import AuthenticationFactor
from portal.embedded import models
from portal.embedded.database.batches import BATCH, MAX_ROWS, delete_in_batches
from portal.embedded.second_factors.policy import own_factors
from portal.embedded.sessions.lifecycle import stored_factors
from portal.embedded.tokens import new_token, token_hash

INTERMEDIATE_LIFETIME = timedelta(minutes=10)  # Stytch: an intermediate session token
_MAX_PER_ADDRESS = 20  # intermediate sessions of one email address; beyond that, the oldest are deleted


def start_intermediate_session(
    email_address: str,
    members: Collection[models.MemberRow],
    *,
    factors: Collection[AuthenticationFactor] = (),
    proves_address: bool = False,
    only_for: UUID | None = None,
) -> tuple[models.IntermediateSessionRow, str]:
    """Return a new intermediate session, which can be exchanged for a session of one of these members, and its token.

    With `proves_address`, it can be exchanged in every organization that the address belongs to. With `only_for`, it can
    only be used in that organization, where something is still missing.
    """
    token = new_token()
    with transaction.atomic():
        _delete_expired(BATCH)
        others = models.IntermediateSessionRow.objects.filter(email_address=email_address).order_by("-expires_at", "pk")
        oldest = list(others.values_list("pk", flat=True)[_MAX_PER_ADDRESS - 1 :][:BATCH])
        models.IntermediateSessionRow.objects.filter(pk__in=oldest).delete()
        session = models.IntermediateSessionRow.objects.create(
            token_hash=token_hash(token),
            email_address=email_address,
            proves_address=proves_address,
            factors=[asdict(one) for one in factors],
            only_for=only_for,
            expires_at=timezone.now() + INTERMEDIATE_LIFETIME,
        )
        models.IntermediateSessionMemberRow.objects.bulk_create(
            models.IntermediateSessionMemberRow(
                organization_id=member.organization_id, session=session, member_id=member.pk
            )
            for member in members
        )
    return session, token


def prune(limit: int | None = MAX_ROWS) -> int:
    """Delete expired intermediate sessions, a thousand in a transaction. Return how many, `limit` at most."""
    return delete_in_batches(_delete_expired, limit)


def _delete_expired(number: int) -> int:
    """Delete some of the expired intermediate sessions, and return how many."""
    with transaction.atomic():
        expired = models.IntermediateSessionRow.objects.filter(expires_at__lte=timezone.now())
        keys = list(expired.select_for_update(skip_locked=True).values_list("pk", flat=True)[:number])
        models.IntermediateSessionRow.objects.filter(pk__in=keys).delete()
    return len(keys)


def intermediate_session(
    token: str, *, lock: bool = False, organization: UUID | None = None
) -> models.IntermediateSessionRow:
    """Return the intermediate session of a token, to be used in an organization, or before one is chosen.

    Raise Unauthenticated if it was used or has expired, Invalid if it is for another organization.
    """
    sessions = models.IntermediateSessionRow.objects.filter(token_hash=token_hash(token), expires_at__gt=timezone.now())
    session = (sessions.select_for_update() if lock else sessions).first()
    if session is None:
        raise Unauthenticated(
            "This sign-in was already used or has expired. Sign in again.", error_type="intermediate_session_not_found"
        )
    if session.only_for not in {None, organization}:
        raise Invalid(
            "The intermediate session is for signing in to another organization.",
            field="intermediate_session_token",
            error_type="invalid_intermediate_session_token_for_organization",
        )
    return session


def proved_before(session: models.IntermediateSessionRow, member: models.MemberRow) -> tuple[AuthenticationFactor, ...]:
    """Return what was proved for a member. A password counts only for the members whose password it was."""
    factors = own_factors(member, stored_factors(session.factors))
    others = tuple(one for one in factors if one.type != "password")
    is_own = len(others) == len(factors) or session.members.filter(pk=member.pk).exists()
    return factors if is_own else others


def waiting_session(
    member: models.MemberRow, factors: Collection[AuthenticationFactor]
) -> tuple[models.IntermediateSessionRow, str]:
    """Return an intermediate session of a member who proved everything but a second factor, and its token."""
    return start_intermediate_session(member.email_address, [member], factors=factors, only_for=member.organization_id)
