"""Member sessions: one opaque token each, of which only the hash is stored."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import cache, partial
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.crypto import get_random_string

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.email_addresses import fold_address
from portal.directory.errors import Unauthenticated
from portal.directory.ids import public_id
from portal.directory.members import MemberStatus
from portal.directory.sessions import DEFAULT_MINUTES, SessionTerms, SignedIn
from portal.embedded import models
from portal.embedded.audit import Caller, record
from portal.embedded.database.statements import Statement
from portal.embedded.members.values import member_id, member_value, session_value
from portal.embedded.scope import Scope, organization_value, settings_value
from portal.embedded.tokens import new_token, token_hash

# A session's last use is written at most this often: reading a page is no reason to write to the database.
_TOUCH_EVERY = timedelta(minutes=1)
# So that what somebody asks about yesterday can still be answered; the activity log keeps the rest.
_KEPT_AFTER_THE_END = timedelta(days=1)
_BATCH = 1000
# The time of some hashes that products bring along grows with the length, many thousand times.
_LONGEST_PASSWORD = 1024


_SESSION = models.MemberSessionRow._meta
# Every page asks for it, and every call of a product's member.
_BY_TOKEN = Statement(
    lambda digest: models.MemberSessionRow.objects.select_related("member__organization", "member__scim_user").filter(
        token_hash=digest
    ),
    (_SESSION.get_field("token_hash"), b"example"),
)
_BY_KEY = Statement(
    lambda key: models.MemberSessionRow.objects.select_related("member__organization", "member__scim_user").filter(
        pk=key
    ),
    (_SESSION.get_field("id"), UUID(int=1)),
)


@cache
def _nobodys_password() -> str:
    return make_password(get_random_string(32))


def password_is_right(member: models.MemberRow | None, password: str) -> bool:
    """Check a password in the same time whether or not there is such a member with a password.

    A hash that is not of today's kind, such as one that a product brought along, is replaced once the password is known.
    Nobody has a password of more than 1024 characters.
    """
    if len(password) > _LONGEST_PASSWORD:
        return False
    encoded = member.password if member else ""
    renew = partial(_renew, member) if member and encoded else None
    return check_password(password, encoded or _nobodys_password(), renew) and bool(encoded)


def _renew(member: models.MemberRow, password: str) -> None:
    encoded = make_password(password)
    if models.MemberRow.objects.filter(pk=member.pk, password=member.password).update(password=encoded):
        member.password = encoded


def may_use_password(member: models.MemberRow) -> bool:
    """Say whether the organization lets a member sign in by password (Stytch: auth_methods, is_breakglass)."""
    return member.is_breakglass or settings_value(member.organization).allows_passwords


def start_session(
    member: models.MemberRow,
    origin: Origin,
    *,
    password_entered_at: datetime | None,
    terms: SessionTerms | None = None,
    exchanged_for: SignedIn | None = None,
) -> SignedIn:
    """Sign a member in who entered their password then, or not at all; with `terms` for a product, else for the portal.

    The portal's sessions also end when nobody uses them for SESSION_IDLE_MINUTES (docs/decisions/0014). Raises Invalid.
    """
    token = new_token()
    minutes = settings.SESSION_DURATION_MINUTES if terms is None else terms.duration_minutes or DEFAULT_MINUTES
    with transaction.atomic():
        row = models.MemberSessionRow.objects.create(
            organization_id=member.organization_id,
            member=member,
            token_hash=token_hash(token),
            expires_at=timezone.now() + timedelta(minutes=minutes),
            password_entered_at=password_entered_at,
            ends_when_idle=terms is None,
            custom_claims=terms.claims_after({}) if terms else {},
            exchanged_factors=[asdict(one) for one in exchanged_for.session.authentication_factors]
            if exchanged_for
            else [],
            ip_address=origin.ip_address,
            user_agent=origin.user_agent,
        )
        record_session(row, "member_session.create", member_as_caller(row.member, origin))
    return signed_in_value(row, token)


def session_row(token: str) -> models.MemberSessionRow | None:
    """Return the live session of a token in any organization, with its member and organization, or None."""
    row = _BY_TOKEN.first(token_hash(token))
    return row if row is not None and is_live(row) else None


def session_row_of_jwt(session_jwt: str) -> models.MemberSessionRow | None:
    """Return the live session of a session JWT as `session_row` does, whether or not the JWT itself has expired."""
    # Loads what verifies signatures, which the portal's pages never need.
    from portal.embedded.sessions import jwts  # noqa: PLC0415 -- as above

    named = jwts.read(session_jwt)
    row = _BY_KEY.first(named.session_key) if named else None
    if row is None or named is None or member_id(row.member) != named.member_id:
        return None
    return row if is_live(row) else None


def is_live(row: models.MemberSessionRow) -> bool:
    """Say whether a session is valid now."""
    is_over = row.revoked_at is not None or row.expires_at <= timezone.now()
    if is_over or row.member.status != MemberStatus.ACTIVE:
        return False
    return opens_portal(row) or not row.ends_when_idle


def opens_portal(row: models.MemberSessionRow) -> bool:
    """Say whether a live session is within the portal's own limits, which hold on its pages for a product's session too."""
    now = timezone.now()
    is_idle = row.last_accessed_at < now - timedelta(minutes=settings.SESSION_IDLE_MINUTES)
    return not is_idle and row.started_at > now - timedelta(minutes=settings.SESSION_DURATION_MINUTES)


def touch(row: models.MemberSessionRow) -> None:
    """Note that a session was used."""
    now = timezone.now()
    if row.last_accessed_at < now - _TOUCH_EVERY:
        models.MemberSessionRow.objects.filter(organization_id=row.organization_id, pk=row.pk).update(
            last_accessed_at=now
        )


def end_choices(members: Collection[UUID]) -> None:
    """Delete the choices between organizations that a password of one of these members opened."""
    models.IntermediateSessionRow.objects.filter(members__in=members).delete()


def prune() -> int:
    """Delete the sessions that ended more than a day ago, a thousand looked at in a transaction, and return how many."""
    ended = timezone.now() - _KEPT_AFTER_THE_END
    is_old = Q(revoked_at__lt=ended) | Q(expires_at__lt=ended)
    last, deleted = UUID(int=0), 0
    while keys := list(
        models.MemberSessionRow.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:_BATCH]
    ):
        deleted += models.MemberSessionRow.objects.filter(is_old, pk__in=keys).delete()[0]
        last = keys[-1]
    return deleted


class EmbeddedSessions:
    """Implements portal.directory.sessions.SessionGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def authenticate(self, session_token: str) -> SignedIn:
        """Return who holds the token, and note that it was used. Raises Unauthenticated."""
        row = session_row(session_token)
        is_of_organization = row is not None and row.member.organization.slug == self._scope.organization_slug
        if row is None or not is_of_organization or not opens_portal(row):
            raise Unauthenticated("The session has ended.")
        touch(row)
        return signed_in_value(row, session_token)

    def sign_in(self, *, email_address: str, password: str) -> SignedIn:
        """Start a session by password. Raises Unauthenticated, in the same time, whatever was wrong."""
        member = (
            models.MemberRow.objects.select_related("organization", "scim_user")
            .filter(
                organization__slug=self._scope.organization_slug,
                email_address_folded=fold_address(email_address),
                status=MemberStatus.ACTIVE,
            )
            .first()
        )
        if not password_is_right(member, password) or member is None:
            raise Unauthenticated("The e-mail address or the password is not right.")
        if not may_use_password(member):
            raise Unauthenticated(
                "The organization does not allow signing in by password.",
                error_type="operation_restricted_by_organization_auth_methods",
            )
        return start_session(member, self._scope.origin, password_entered_at=timezone.now())

    def confirm_password(self, password: str) -> SignedIn:
        """Note that the acting member entered their password again. Raises Unauthenticated."""
        token = self._scope.signed_in.session_token if self._scope.signed_in else ""
        row = self._sessions().filter(token_hash=token_hash(token)).first()
        if row is None:
            raise Unauthenticated("The session has ended.")
        if not password_is_right(row.member, password):
            raise Unauthenticated("The password is not right.")
        row.password_entered_at = timezone.now()
        with transaction.atomic():
            row.save(update_fields=["password_entered_at"])
            record_session(row, "member_session.confirm_password", member_as_caller(row.member, self._scope.origin))
        return signed_in_value(row, token)

    def revoke(self, session_token: str) -> None:
        """End the session at once."""
        with transaction.atomic():
            row = self._sessions().select_for_update(of=("self",)).filter(token_hash=token_hash(session_token)).first()
            if row is not None:
                row.revoked_at = timezone.now()
                row.save(update_fields=["revoked_at"])
                end_choices([row.member_id])
                record_session(row, "member_session.revoke", member_as_caller(row.member, self._scope.origin))

    def _sessions(self) -> QuerySet[models.MemberSessionRow]:
        return models.MemberSessionRow.objects.select_related("member__organization").filter(
            member__organization__slug=self._scope.organization_slug, revoked_at=None
        )


def signed_in_value(row: models.MemberSessionRow, token: str) -> SignedIn:
    """Return who holds a session's token."""
    member = member_value(row.member)
    return SignedIn(
        session=session_value(row, member),
        member=member,
        organization=organization_value(row.member.organization),
        session_token=token,
    )


def member_as_caller(member: models.MemberRow, origin: Origin) -> Caller:
    """Return the member as who makes a change."""
    return Caller(Actor(ActorType.MEMBER, member_id(member), member.name or member.email_address), origin)


def record_session(row: models.MemberSessionRow, action: str, caller: Caller) -> None:
    """Write what was done to a session into the activity log."""
    record(
        caller,
        action,
        organization_id=row.organization_id,
        target_id=public_id("member-session", row.pk),
        target_name=row.member.email_address,
    )
