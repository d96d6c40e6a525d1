"""Start, find, use and delete member sessions. Of a session's token only the hash is stored."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.configuration import ProjectConfiguration
from portal.directory.errors import Unauthenticated
from portal.directory.frames import Embedding
from portal.directory.ids import parse_id, public_id
from portal.directory.members import Member, MemberStatus
from portal.directory.sessions import (
    DEFAULT_MINUTES,
    AuthenticationFactor,
    MemberSession,
    SessionEnd,
    SessionEndCause,
    SessionTerms,
    SignedIn,
)
from portal.embedded import models
from portal.embedded.audit import Caller, record
from portal.embedded.database.batches import BATCH, MAX_ROWS
from portal.embedded.members import notices
from portal.embedded.members.values import member_id, member_value
from portal.embedded.scope import across_organizations, organization_value, rows_of
from portal.embedded.second_factors.policy import (
    has_allowed_factor,
    members_who_need_one,
    satisfies_policy,
)
from portal.embedded.sessions import limits
from portal.embedded.sessions.limits import earliest
from portal.embedded.tokens import new_token, organization_of, token_hash

# A session's last use is written at most this often, so that reading a page doesn't write to the database.
_RECORD_USE_EVERY = timedelta(minutes=1)
_TICK = timedelta(microseconds=1)
# Sessions are kept for a day after their end, to answer questions about yesterday. The activity log keeps the rest.
_KEPT_AFTER_END = timedelta(days=1)


def start_session(  # noqa: PLR0913 -- a sign-in
    member: models.MemberRow,
    origin: Origin,
    *,
    password_entered_at: datetime | None,
    terms: SessionTerms | None = None,
    factors: Sequence[AuthenticationFactor] = (),
    is_own_device: bool = True,
    remembered_device: UUID | None = None,
) -> SignedIn:
    """Sign a member in: with `terms` to a product, else to the portal. Raise Invalid if the claims are too large.

    `password_entered_at` is None if the member signs in without their password; `factors` are all others. Sessions of the
    portal also end when they aren't used for SESSION_IDLE_MINUTES (docs/decisions/0014), and all of them within the
    organization's own limits. The member is notified of a device that is new to them, unless `origin` is not their own device
    but a product's backend. `remembered_device` is the key of the one that replaces a second factor.
    """
    token, now = new_token(organization_id=member.organization_id), timezone.now()
    with transaction.atomic():
        row = models.MemberSessionRow.objects.create(
            organization_id=member.organization_id,
            member=member,
            token_hash=token_hash(token),
            started_at=now,
            last_accessed_at=now,
            expires_at=_first_end(member, now, terms),
            password_entered_at=password_entered_at,
            ends_when_idle=terms is None,
            custom_claims=terms.claims_after({}) if terms else {},
            factors=[asdict(one) for one in factors],
            ip_address=origin.ip_address,
            user_agent=origin.user_agent,
            remembered_device=remembered_device,
        )
        _record_start(row, origin, is_own_device=is_own_device)
    return signed_in_value(row, token)


def start_frame_session(  # noqa: PLR0913 -- a sign-in
    member: models.MemberRow,
    origin: Origin,
    embedding: Embedding,
    *,
    expires_at: datetime,
    password_entered_at: datetime | None,
    factors: Sequence[AuthenticationFactor],
    shared_with: UUID | None,
) -> SignedIn:
    """Start the session of a frame, which only portal.embedded.embedding accepts. In the transaction that uses its ticket."""
    token, now = new_token(organization_id=member.organization_id), timezone.now()
    row = models.MemberSessionRow.objects.create(
        organization_id=member.organization_id,
        member=member,
        token_hash=token_hash(token),
        started_at=now,
        last_accessed_at=now,
        expires_at=expires_at,
        password_entered_at=password_entered_at,
        ends_when_idle=True,
        factors=[asdict(one) for one in factors],
        ip_address=origin.ip_address,
        user_agent=origin.user_agent,
        embedding=msgspec.to_builtins(embedding),
        shared_with=shared_with,
    )
    record_session(
        row, "member_session.embed", member_as_caller(member, origin), {"parent_origin": embedding.parent_origin}
    )
    return signed_in_value(row, token)


def _first_end(member: models.MemberRow, start: datetime, terms: SessionTerms | None) -> datetime:
    """Return when a session ends that nobody extends: at the end that its terms ask for, or by the organization's limit."""
    minutes = settings.SESSION_DURATION_MINUTES if terms is None else terms.duration_minutes or DEFAULT_MINUTES
    return earliest(start + timedelta(minutes=minutes), limits.of_organization(member.organization).latest_end(start))


def _record_start(row: models.MemberSessionRow, origin: Origin, *, is_own_device: bool) -> None:
    """Write a new session to the activity log, and notify the member of a device that is new to them."""
    is_new = is_own_device and notices.is_new_device(row.member, origin)
    details = {
        "is_new_device": is_new,
        notices.BY_BACKEND: not is_own_device,
        "is_remembered_device": row.remembered_device is not None,
    }
    said = {name: True for name, is_so in details.items() if is_so}
    entry = record_session(row, "member_session.create", member_as_caller(row.member, origin), said)
    if is_new:
        notices.new_sign_in(row.member, entry)


def update_session(
    row: models.MemberSessionRow, terms: SessionTerms, factors: Sequence[AuthenticationFactor] | None = None
) -> None:
    """Apply what a product asks for to a locked session, and replace its factors if any are given.

    Raise Invalid if the claims are too large.
    """
    if factors is not None:
        row.factors = [asdict(one) for one in factors]
        row.save(update_fields=["factors"])
    if terms.duration_minutes is not None:
        wanted = timezone.now() + timedelta(minutes=terms.duration_minutes)
        # The organization's limit counts from the start, however often a product asks for more.
        row.expires_at = earliest(wanted, limits.of_organization(row.member.organization).latest_end(row.started_at))
    row.custom_claims = terms.claims_after(row.custom_claims)
    row.save(update_fields=["expires_at", "custom_claims"])


def session_of_token(token: str) -> models.MemberSessionRow | None:
    """Return a live session of any organization by its token, with its member and organization. None if there isn't one."""
    row = any_session_of_token(token)
    return row if row is not None and is_live(row) else None


def any_session_of_token(token: str) -> models.MemberSessionRow | None:
    """Return a session as `session_of_token` does, also one that has ended, for a day."""
    organization, found = organization_of(token), _with_member().filter(token_hash=token_hash(token))
    # Tokens of older versions don't name their organization.
    found = found.filter(organization_id=organization) if organization else found
    # Not first(): its order makes PostgreSQL scan all users if few of them have a member.
    return next(iter(found), None)


def session_of_jwt(session_jwt: str) -> models.MemberSessionRow | None:
    """Return the live session of a session JWT, as `session_of_token` does. The JWT itself may have expired."""
    # Imported here: the portal's pages never need the libraries that verify signatures.
    from portal.embedded.sessions import jwts  # noqa: PLC0415 -- as above

    subject = jwts.read(session_jwt)
    if subject is None:
        return None
    found = _with_member().filter(pk=subject.session_key, organization_id=subject.organization_key)
    row = next(iter(found), None)
    if row is None or member_id(row.member) != subject.member_id:
        return None
    return row if is_live(row) else None


def session_not_found() -> Unauthenticated:
    """Return the error for a session that doesn't exist or has ended."""
    return Unauthenticated("The session does not exist or has ended.", error_type="session_not_found")


def _with_member() -> QuerySet[models.MemberSessionRow]:
    return across_organizations(models.MemberSessionRow).select_related("member__organization", "member__scim_user")


def is_live(row: models.MemberSessionRow) -> bool:
    """Say whether a session is valid now."""
    is_over = row.revoked_at is not None or row.expires_at <= timezone.now()
    # The organization may have been deleted while the session began.
    is_over |= row.member.organization.deleted_at is not None
    if is_over or row.member.status != MemberStatus.ACTIVE:
        return False
    if not satisfies_policy(row.member, row.factors) and not _is_remembered(row, row.member.organization):
        # The policy may have changed while the session began, or the member became an admin since.
        return False
    if row.embedding is not None:
        return _is_frame_live(row)
    if row.ends_when_idle:
        return opens_portal(row)
    return _is_within(row, limits.of_organization(row.member.organization))


def opens_portal(row: models.MemberSessionRow) -> bool:
    """Say whether a live session is within the portal's own limits. On its pages they also apply to a product's sessions."""
    return _is_within(row, limits.of_portal(row.member.organization))


def _is_frame_live(row: models.MemberSessionRow) -> bool:
    """Say whether the session of a frame is within its limits, and still allowed to the page around it."""
    organization = row.member.organization
    if not _is_within(row, limits.of_frame(organization)) or not is_registered(organization, embedding_of(row)):
        return False
    if row.shared_with is None:
        return True
    shared = rows_of(row.organization_id, models.MemberSessionRow).filter(pk=row.shared_with)
    product = shared.select_related("member__organization", "member__scim_user").first()
    return product is not None and is_live(product)


def embedding_of(row: models.MemberSessionRow) -> Embedding | None:
    """Return what the frame of a session allows, None if it isn't the session of a frame."""
    return msgspec.convert(row.embedding, Embedding) if row.embedding is not None else None


def is_registered(organization: models.OrganizationRow, embedding: Embedding | None) -> bool:
    """Say whether pages of the frame's parent origin may embed the portal of an organization."""
    project: ProjectConfiguration = settings.PROJECT
    return embedding is not None and embedding.parent_origin in {*project.embed.origins, *organization.embed_origins}


def _is_within(row: models.MemberSessionRow, allowed: limits.Limits) -> bool:
    now = timezone.now()
    ends = (allowed.idle_end(row.last_accessed_at), allowed.latest_end(row.started_at))
    return all(end > now for end in ends if end is not None)


def _is_remembered(row: models.MemberSessionRow, organization: models.OrganizationRow) -> bool:
    """Say whether a remembered device replaces the second factor, and the organization hasn't forgotten it since."""
    if row.remembered_device is None or not (organization.settings or {}).get("remembered_device_days"):
        return False
    return organization.devices_forgotten_at is None or row.started_at > organization.devices_forgotten_at


def end_of(row: models.MemberSessionRow) -> SessionEnd | None:
    """Return when and why a session ended; None if it hasn't, or if that isn't for the member to read."""
    if row.member.status != MemberStatus.ACTIVE:
        return None
    if row.revoked_at is not None:
        return SessionEnd(row.revoked_at, SessionEndCause(row.revoked_because)) if row.revoked_because else None
    if not satisfies_policy(row.member, row.factors) and not _is_remembered(row, row.member.organization):
        # The member became an admin, and nothing revoked the session.
        return SessionEnd(timezone.now(), SessionEndCause.MFA)
    organization = row.member.organization
    allowed = limits.of_portal(organization) if row.embedding is None else limits.of_frame(organization)
    idle_end = row.last_accessed_at + timedelta(minutes=allowed.idle)
    idle = SessionEnd(idle_end, SessionEndCause.IDLE, allowed.idle)
    last = earliest(row.expires_at, allowed.latest_end(row.started_at))
    full = SessionEnd(last, SessionEndCause.DURATION, round((last - row.started_at) / timedelta(minutes=1)))
    end = min(idle, full, key=lambda one: one.at)
    return end if end.at <= timezone.now() else None


def record_use(row: models.MemberSessionRow) -> None:
    """Store that a session was used just now, at most once a minute. With a frame's, the product's is used that it ends with."""
    now, sessions = timezone.now(), rows_of(row.organization_id, models.MemberSessionRow)
    is_first_in_frame = row.embedding is not None and row.last_accessed_at == row.started_at
    if not is_first_in_frame and row.last_accessed_at >= now - _RECORD_USE_EVERY:
        return
    # Later than the start, however coarse the clock is: a frame whose cookie came back doesn't open in a tab instead.
    sessions.filter(pk=row.pk).update(last_accessed_at=max(now, row.started_at + _TICK))
    if row.shared_with is not None:
        # In a statement of its own: one that locks two sessions could wait for another that locks them in turn.
        sessions.filter(pk=row.shared_with, revoked_at=None).update(last_accessed_at=now)


def _ending_with(organization_id: UUID, rows: Collection[models.MemberSessionRow]) -> list[models.MemberSessionRow]:
    """Return the products' sessions that end with these of frames, locked. After these are ended, in the same transaction."""
    shared = [row.shared_with for row in rows if row.shared_with is not None]
    if not shared:
        return []
    sessions = rows_of(organization_id, models.MemberSessionRow).filter(pk__in=shared, revoked_at=None)
    joined = sessions.select_related("member__organization", "member__scim_user")
    return list(joined.select_for_update(of=("self",)).order_by("pk"))


def revoke_rows(
    rows: Collection[models.MemberSessionRow], cause: str, caller: Caller, *, keep: UUID | None = None
) -> None:
    """Revoke locked sessions of one organization, and the products' sessions that end with those of frames, except `keep`."""
    ended = list(rows)
    for row in ended:
        _revoke(row, cause, caller)
    for row in _ending_with(ended[0].organization_id, ended) if ended else ():
        if row.pk != keep:
            _revoke(row, cause, caller)


def _revoke(row: models.MemberSessionRow, cause: str, caller: Caller) -> None:
    row.revoked_at, row.revoked_because = timezone.now(), cause
    row.save(update_fields=["revoked_at", "revoked_because"])
    record_session(row, "member_session.revoke", caller)


def end_sessions_without_second_factor(organization: models.OrganizationRow) -> int:
    """Revoke the live sessions that no longer satisfy the organization's policy, a thousand in a statement. Return how many."""
    sessions = rows_of(organization.pk, models.MemberSessionRow)
    live = sessions.filter(revoked_at=None, expires_at__gt=timezone.now())
    found = live.only("pk", "factors", "member_id", "remembered_device", "started_at").iterator(BATCH)
    lacking = [
        (row.pk, row.member_id)
        for row in found
        if not has_allowed_factor(organization, row.factors) and not _is_remembered(row, organization)
    ]
    ended = 0
    for start in range(0, len(lacking), BATCH):
        batch = lacking[start : start + BATCH]
        required = members_who_need_one(organization, {member for _, member in batch})
        some = sessions.filter(pk__in=[session for session, member in batch if member in required])
        ended += some.update(revoked_at=timezone.now(), revoked_because=SessionEndCause.MFA)
    return ended


def end_intermediate_sessions(members: Collection[UUID]) -> None:
    """Delete the intermediate sessions that can be exchanged for a session of one of these members."""
    models.IntermediateSessionRow.objects.filter(members__in=members).delete()


def prune(limit: int | None = MAX_ROWS) -> int:
    """Delete sessions that ended more than a day ago. Return how many, about `limit` at most.

    Each transaction looks at a thousand sessions: an index for this alone would cost every sign-in.
    """
    before = timezone.now() - _KEPT_AFTER_END
    is_old = Q(revoked_at__lt=before) | Q(expires_at__lt=before)
    sessions = across_organizations(models.MemberSessionRow)
    last, deleted = UUID(int=0), 0
    while keys := list(sessions.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        deleted += sessions.filter(is_old, pk__in=keys).delete()[0]
        if limit is not None and deleted >= limit:
            break
        last = keys[-1]
    return deleted


def session_value(row: models.MemberSessionRow, member: Member) -> MemberSession:
    """Return a session with the member's current roles."""
    return MemberSession(
        member_session_id=public_id("member-session", row.pk),
        member_id=member.member_id,
        organization_id=member.organization_id,
        organization_slug=row.member.organization.slug,
        roles=member.role_ids,
        started_at=row.started_at,
        last_accessed_at=row.last_accessed_at,
        expires_at=earliest(row.expires_at, limits.of_organization(row.member.organization).latest_end(row.started_at)),
        password_entered_at=row.password_entered_at,
        other_factors=stored_factors(row.factors),
        custom_claims=row.custom_claims,
        ip_address=row.ip_address,
        user_agent=row.user_agent,
        embedding=embedding_of(row),
    )


def stored_factors(stored: object) -> tuple[AuthenticationFactor, ...]:
    """Return factors as they are stored in a session."""
    return tuple(msgspec.convert(stored, list[AuthenticationFactor]))


def signed_in_value(row: models.MemberSessionRow, token: str) -> SignedIn:
    """Return a session with its member, its organization and its token."""
    member = member_value(row.member)
    return SignedIn(
        session=session_value(row, member),
        member=member,
        organization=organization_value(row.member.organization),
        session_token=token,
    )


def session_key(signed_in: SignedIn | None) -> UUID | None:
    """Return the primary key of a session, None for none."""
    return parse_id("member-session", signed_in.session.member_session_id) if signed_in else None


def member_as_caller(member: models.MemberRow, origin: Origin) -> Caller:
    """Return a member as the caller of a change."""
    return Caller(Actor(ActorType.MEMBER, member_id(member), member.name or member.email_address), origin)


def record_session(
    row: models.MemberSessionRow, action: str, caller: Caller, after: Mapping[str, object] | None = None
) -> UUID:
    """Write a change of a session to the activity log, and return the key of the entry."""
    return record(
        caller,
        action,
        organization_id=row.organization_id,
        target_id=public_id("member-session", row.pk),
        target_name=row.member.email_address,
        after=after or {},
    )
