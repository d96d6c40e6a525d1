"""Deleting an organization, restoring it, and what is deleted once it can't be restored (docs/decisions/0045).

A deleted organization keeps its members with their roles, passwords and factors. It loses what opens it: its slug, its external
ID, its sessions and links, and its SCIM connection.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.errors import Conflict, NotFound
from portal.directory.members import MemberStatus
from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import audit, models
from portal.embedded.organizations import domain_rows, former_slugs
from portal.embedded.scope import rows_of

# What the slug of a deleted organization begins with.
DELETED = "deleted-"
_WORKER = audit.Caller(Actor(ActorType.OPERATOR, name="worker"), Origin())
_OPERATOR = Actor(ActorType.OPERATOR)
# What can be sent again.
_EPHEMERAL: tuple[type[Any], ...] = (
    models.SignInLinkRow,
    models.SmsOtpRow,
    models.PasskeyChallengeRow,
    models.RememberedDeviceRow,
    models.EmbedTicketRow,
    models.IntermediateSessionMemberRow,
    models.DailyCountRow,
    models.ScimRequestCountRow,
)
_KEPT: tuple[type[Any], ...] = (models.OrganizationLogoRow, models.TotpRow, models.RecoveryCodesRow, models.PasskeyRow)


def delete(row: models.OrganizationRow, caller: audit.Caller) -> None:
    """Delete a locked organization, in the caller's transaction."""
    now = timezone.now()
    active = rows_of(row.pk, models.ScimConnectionRow).filter(status=ScimConnectionStatus.ACTIVE)
    for connection in active.select_for_update(no_key=True):
        connection.status, connection.deleted_at = ScimConnectionStatus.DELETED, now
        connection.deleted_by = caller.actor.name[:256]
        connection.save(update_fields=["status", "deleted_at", "deleted_by", "updated_at"])
    members = rows_of(row.pk, models.MemberRow).exclude(status=MemberStatus.DELETED).count()
    sessions = rows_of(row.pk, models.MemberSessionRow).filter(revoked_at=None).update(revoked_at=now)
    for kind in _EPHEMERAL:
        rows_of(row.pk, kind).delete()
    before = {"organization_name": row.name, "organization_slug": row.slug}
    domain_rows.release(row.pk)
    # Last: this blocks inserts that refer to the organization.
    former_slugs.keep(row, row.slug)
    row.deleted_slug, row.deleted_external_id, row.deleted_at = row.slug, row.external_id, now
    row.slug, row.external_id = f"{DELETED}{row.pk}", ""
    row.save()
    audit.record_organization(caller, "organization.delete", row, before, {"members": members, "sessions": sessions})


def is_reserved(*, slug: str = "", external_id: str = "", except_by: models.OrganizationRow | None = None) -> bool:
    """Say whether a deleted organization that can be restored had the slug or the external ID.

    Call this after writing the value, which waits for a transaction that deletes an organization.
    """
    restorable = _restorable().exclude(pk=except_by.pk) if except_by else _restorable()
    if slug and restorable.filter(deleted_slug=slug).exists():
        return True
    return bool(external_id) and restorable.filter(deleted_external_id=external_id).exists()


def restore(slug: str, *, origin: Origin) -> models.OrganizationRow:
    """Restore the organization that had the slug when it was deleted, for the operator. Raise NotFound, Conflict.

    Its members have their roles, passwords and factors, and the connection that was active has its token. Sessions stay
    ended.
    """
    with transaction.atomic():
        found = _restorable().select_for_update(no_key=True).filter(deleted_slug=slug).order_by("-deleted_at")
        row = found.first()
        if row is None:
            days = settings.ORGANIZATION_RESTORE_DAYS
            raise NotFound(
                f'No organization with the slug "{slug}" was deleted within the last {days} days.',
                field="organization_slug",
            )
        if models.OrganizationRow.objects.filter(slug=slug).exists():
            raise Conflict(f'Another organization has the slug "{slug}".', field="organization_slug")
        connection = rows_of(row.pk, models.ScimConnectionRow).filter(
            status=ScimConnectionStatus.DELETED, deleted_at=row.deleted_at
        )
        connections = connection.update(
            status=ScimConnectionStatus.ACTIVE, deleted_at=None, deleted_by="", updated_at=timezone.now()
        )
        row.slug, row.external_id = row.deleted_slug, row.deleted_external_id
        row.deleted_slug, row.deleted_external_id, row.deleted_at = "", "", None
        row.save()
        row.former_slugs.filter(slug=row.slug).delete()
        after = {"organization_slug": row.slug, "scim_connections": connections}
        audit.record_organization(audit.Caller(_OPERATOR, origin), "organization.restore", row, {}, after)
    return row


def prune() -> int:
    """Delete what deleted organizations keep only to be restored: roles, passwords, factors and the logo.

    Return how many organizations there were.
    """
    old = models.OrganizationRow.objects.filter(deleted_at__lte=_since()).exclude(deleted_slug="")
    keys = list(old.order_by("pk").values_list("pk", flat=True))
    for key in keys:
        with transaction.atomic():
            row = old.select_for_update(no_key=True).filter(pk=key).first()
            if row is None:
                continue
            _empty(key)
            row.deleted_slug, row.deleted_external_id = "", ""
            row.save(update_fields=["deleted_slug", "deleted_external_id", "updated_at"])
            audit.record_organization(_WORKER, "organization.purge", row, {}, {})
    return len(keys)


def is_restorable(deleted_at: datetime | None) -> bool:
    """Say whether an organization that was deleted then can be restored."""
    return deleted_at is not None and deleted_at > _since()


def _empty(organization_id: UUID) -> None:
    rows_of(organization_id, models.MemberRow).exclude(status=MemberStatus.DELETED, password="").update(
        status=MemberStatus.DELETED,
        direct_roles=[],
        password="",
        totp_id=None,
        passkey_count=0,
        updated_at=timezone.now(),
    )
    for kind in _KEPT:
        rows_of(organization_id, kind).delete()


def _restorable() -> QuerySet[models.OrganizationRow]:
    return models.OrganizationRow.objects.filter(deleted_at__gt=_since())


def _since() -> datetime:
    return timezone.now() - timedelta(days=settings.ORGANIZATION_RESTORE_DAYS)
