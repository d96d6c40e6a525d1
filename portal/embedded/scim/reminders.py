"""Reminders to a connection's contacts: the token expires soon, or deactivations are on hold.

A job looks for those that are due, and adds a task for each contact, once for each subject. The task writes the email from
what is true when it's sent, so it sends nothing if the reason is gone.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django_tasks import task

from portal.directory.errors import TooManyRequests
from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import models
from portal.embedded.organizations.colors import color_of
from portal.embedded.scim.connection import current_tokens
from portal.embedded.scim.contacts import contact_hash, stop_url
from portal.embedded.scim.reminder_emails import Reminded, hold_email, token_email
from portal.embedded.scope import across_organizations, rows_of
from portal.embedded.tasks.queue import GiveUp, enqueue
from portal.mail.content import Email
from portal.mail.delivery import UndeliverableError, send_email

log = structlog.get_logger("gatehouse.scim")

# Days before a token expires.
DAYS = (1, 7, 14, 30)
# A hold that no admin has decided on is repeated once.
_REPEAT_AFTER, _REPEATED = timedelta(hours=24), "/repeated"
_CHUNK_SIZE = 500
_TOKEN, _SAFEGUARD = "token", "safeguard"


def enqueue_reminders() -> int:
    """Add a task for each reminder that is due and has none yet, and return how many. Without email there are none."""
    if not settings.EMAIL_IS_SET_UP:
        return 0
    return sum(_enqueue(connection, about) for connection, about in chain(_token_reminders(), _safeguard_reminders()))


def _enqueue(connection: models.ScimConnectionRow, about: str) -> int:
    _create_missing_rows(connection, about)
    rows = rows_of(connection.organization_id, models.ScimReminderRow).filter(
        connection_id=connection.pk, about=about, claimed_at=None, sent_at=None
    )
    return sum(_claim(row) for row in rows.order_by("pk"))


def _claim(row: models.ScimReminderRow) -> bool:
    """Add the task of a reminder. Return False if another run has, or if too many tasks of the organization wait."""
    try:
        with transaction.atomic():
            same = _rows(row.organization_id, row.pk).filter(claimed_at=None, sent_at=None)
            if not same.update(claimed_at=timezone.now()):
                return False
            enqueue(row.organization_id, email_reminder, str(row.organization_id), row.pk)
    except TooManyRequests:
        log.warning("scim_reminder_not_enqueued", about=row.about)
        return False
    return True


@task()
def email_reminder(organization_id: str, reminder_id: int) -> None:
    """Email a reminder, unless it was sent, or its reason or its contact is gone."""
    rows = _rows(UUID(organization_id), reminder_id).filter(sent_at=None)
    row = rows.select_related("connection__organization").first()
    contact = _contact(row) if row else None
    email = _email(row, contact) if row and contact else None
    if row is None or contact is None or email is None:
        log.info("scim_reminder_not_needed", reminder_id=reminder_id)
        return
    key = f"{row.connection_id} {row.about}"
    try:
        send_email(email, to=contact.email_address, key=key, color=color_of(row.connection.organization))
    except UndeliverableError as error:
        raise GiveUp from error
    rows.update(sent_at=timezone.now())
    _show_notified(row)


def _token_reminders() -> Iterator[tuple[models.ScimConnectionRow, str]]:
    """Yield a reminder for each current token that expires soon, the one for the fewest days."""
    now = timezone.now()
    due = _expiring(across_organizations(models.ScimTokenRow), now).filter(
        _with_contacts("connection_id"),
        connection__status=ScimConnectionStatus.ACTIVE,
        expires_at__lte=now + timedelta(days=DAYS[-1]),
    )
    tokens = due.select_related("connection").prefetch_related("connection__contacts").order_by("pk")
    for token in tokens.iterator(_CHUNK_SIZE):
        yield token.connection, _about_token(token, now)


def _safeguard_reminders() -> Iterator[tuple[models.ScimConnectionRow, str]]:
    """Yield a reminder for each connection whose deactivations are on hold."""
    on_hold = across_organizations(models.ScimConnectionRow).filter(
        _with_contacts("pk"), status=ScimConnectionStatus.ACTIVE, hold_started_at__isnull=False
    )
    for row in on_hold.prefetch_related("contacts").order_by("pk").iterator(_CHUNK_SIZE):
        yield row, _about_hold(row, timezone.now())


def _expiring(tokens: QuerySet[models.ScimTokenRow], now: datetime) -> QuerySet[models.ScimTokenRow]:
    """Return the current tokens that are still needed: in a rotation, those whose successor was never used."""
    successors = rows_of(OuterRef("organization_id"), models.ScimTokenRow).filter(
        connection_id=OuterRef("connection_id"), is_next=True, revoked_at=None, last_used_at__isnull=False
    )
    return current_tokens(tokens).filter(~Exists(successors), expires_at__gt=now)


def _days_left(token: models.ScimTokenRow, now: datetime) -> int | None:
    return next((days for days in DAYS if token.expires_at <= now + timedelta(days=days)), None)


def _about_token(token: models.ScimTokenRow, now: datetime) -> str:
    return f"{_TOKEN}/{token.pk}/{_days_left(token, now)}"


def _about_hold(row: models.ScimConnectionRow, now: datetime) -> str:
    started_at = row.hold_started_at
    repeated = _REPEATED if started_at and started_at <= now - _REPEAT_AFTER else ""
    return f"{_SAFEGUARD}/{started_at.isoformat() if started_at else ''}{repeated}"


def _email(row: models.ScimReminderRow, contact: models.ScimContactRow) -> Email | None:
    """Return what a reminder says now, None if its reason is gone or a later reminder says the same."""
    connection, now = row.connection, timezone.now()
    about = Reminded(connection, stop_url(contact, connection.organization.slug))
    if connection.status != ScimConnectionStatus.ACTIVE:
        return None
    if connection.hold_started_at and row.about == _about_hold(connection, now):
        return hold_email(about, connection.hold_started_at, is_repeated=row.about.endswith(_REPEATED))
    for token in _expiring(rows_of(row.organization_id, models.ScimTokenRow), now).filter(connection_id=connection.pk):
        if row.about == _about_token(token, now):
            days = _days_left(token, now)
            return token_email(about, token, [one for one in reversed(DAYS) if days and one < days])
    return None


def _with_contacts(key: str) -> Exists:
    return Exists(
        rows_of(OuterRef("organization_id"), models.ScimContactRow).filter(connection_id=OuterRef(key), stopped_at=None)
    )


def _rows(organization_id: UUID, reminder_id: int) -> QuerySet[models.ScimReminderRow]:
    return rows_of(organization_id, models.ScimReminderRow).filter(pk=reminder_id)


def _contact(row: models.ScimReminderRow) -> models.ScimContactRow | None:
    return next((one for one in _active_contacts(row.connection) if contact_hash(one) == row.contact_hash), None)


def _active_contacts(connection: models.ScimConnectionRow) -> list[models.ScimContactRow]:
    return [one for one in connection.contacts.all() if one.stopped_at is None]


def _create_missing_rows(connection: models.ScimConnectionRow, about: str) -> None:
    """Store a row for each contact that has none yet."""
    rows = rows_of(connection.organization_id, models.ScimReminderRow).filter(connection_id=connection.pk, about=about)
    known = set(rows.values_list("contact_hash", flat=True))
    missing = [one for one in map(contact_hash, _active_contacts(connection)) if one not in known]
    models.ScimReminderRow.objects.bulk_create(
        [
            models.ScimReminderRow(
                organization_id=connection.organization_id, connection_id=connection.pk, about=about, contact_hash=one
            )
            for one in missing
        ],
        ignore_conflicts=True,
    )


def _show_notified(reminder: models.ScimReminderRow) -> None:
    """Store that contacts were emailed about the hold, for the portal's pages."""
    row = reminder.connection
    if reminder.about == _about_hold(row, timezone.now()) and row.hold_notified_at is None:
        connections = rows_of(row.organization_id, models.ScimConnectionRow).filter(pk=row.pk)
        connections.filter(hold_started_at=row.hold_started_at).update(hold_notified_at=timezone.now())
