"""Reminders to a connection's contacts: the token expires soon, or deactivations are on hold.

Each contact gets an email of their own, once, even if two runs overlap: a run sends only what it has claimed. A claim
is free again after the mail server failed, or ten minutes after the process died.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

import structlog
from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from portal.directory.scim.connection import ScimConnectionStatus, ScimIdentityProvider
from portal.embedded import models
from portal.embedded.emails import one_line, send_email
from portal.embedded.scim.connection import current_tokens
from portal.embedded.scope import across_organizations, rows_of

log = structlog.get_logger("gatehouse.scim")

# Days before a token expires.
DAYS = (1, 7, 14, 30)
# After this time a claim is free again. It must be longer than the mail server takes to accept an email.
_CLAIM_PERIOD = timedelta(minutes=10)
_CHUNK_SIZE = 500


@dataclass(frozen=True, slots=True)
class _Reminder:
    """An email for every contact of a connection. Each contact gets one email about a subject, which `about` identifies."""

    connection: models.ScimConnectionRow
    about: str
    subject: str
    text: str


@dataclass(slots=True)
class Sent:
    """The number of emails that were sent, and of those that failed and are tried again in the next run."""

    sent: int = 0
    failed: int = 0


def send_reminders() -> Sent:
    """Send the reminders that are due and weren't sent yet."""
    done = Sent()
    for reminder in chain(_token_reminders(), _safeguard_reminders()):
        contacts = list(reminder.connection.contacts.all())
        _create_missing_rows(reminder, contacts)
        for contact in contacts:
            if _claim(reminder, contact):
                _send(reminder, contact, done)
    return done


def _send(reminder: _Reminder, contact: models.ScimContactRow, done: Sent) -> None:
    key = f"{reminder.connection.pk} {reminder.about}"
    try:
        send_email(to=contact.email_address, subject=reminder.subject, text=reminder.text, key=key)
    except (OSError, ValueError) as error:  # from the connection (smtplib), and for an invalid message
        # Log neither the address nor the mail server's response, which repeats it.
        log.warning("scim_reminder_not_sent", about=reminder.about, error=type(error).__name__)
        _row_of(reminder, contact).update(claimed_at=None)
        done.failed += 1
    else:
        _row_of(reminder, contact).update(sent_at=timezone.now())
        _show_notified(reminder)
        done.sent += 1


def _token_reminders() -> Iterator[_Reminder]:
    """Yield a reminder for each current token that expires soon, the one for the fewest days."""
    now = timezone.now()
    due = current_tokens(across_organizations(models.ScimTokenRow)).filter(
        _with_contacts("connection_id"),
        connection__status=ScimConnectionStatus.ACTIVE,
        expires_at__gt=now,
        expires_at__lte=now + timedelta(days=DAYS[-1]),
    )
    tokens = due.select_related("connection__organization").prefetch_related("connection__contacts").order_by("pk")
    for token in tokens.iterator(_CHUNK_SIZE):
        days = next(days for days in DAYS if token.expires_at <= now + timedelta(days=days))
        yield _Reminder(
            token.connection,
            f"token/{token.pk}/{days}",
            f"The SCIM token of {_name(token.connection)} expires {_in_days(token.expires_at, now)}",
            _token_text(token),
        )


def _safeguard_reminders() -> Iterator[_Reminder]:
    """Yield a reminder for each connection whose deactivations are on hold."""
    on_hold = across_organizations(models.ScimConnectionRow).filter(
        _with_contacts("pk"), status=ScimConnectionStatus.ACTIVE, hold_started_at__isnull=False
    )
    rows = on_hold.select_related("organization").prefetch_related("contacts").order_by("pk")
    for row in rows.iterator(_CHUNK_SIZE):
        yield _Reminder(
            row,
            f"safeguard/{row.hold_started_at.isoformat() if row.hold_started_at else ''}",
            f"Deactivations in {one_line(row.organization.name)} need approval",
            _safeguard_text(row),
        )


def _with_contacts(key: str) -> Exists:
    return Exists(rows_of(OuterRef("organization_id"), models.ScimContactRow).filter(connection_id=OuterRef(key)))


def _row_of(reminder: _Reminder, contact: models.ScimContactRow) -> QuerySet[models.ScimReminderRow]:
    return rows_of(reminder.connection.organization_id, models.ScimReminderRow).filter(
        connection_id=reminder.connection.pk, about=reminder.about, contact_hash=_hash(contact)
    )


def _hash(contact: models.ScimContactRow) -> str:
    # Hash the address: it has a fixed length, and a former contact's address isn't kept.
    return hashlib.sha256(contact.email_address_folded.encode()).hexdigest()


def _create_missing_rows(reminder: _Reminder, contacts: Iterable[models.ScimContactRow]) -> None:
    """Store a row for each contact that has none yet."""
    row = reminder.connection
    models.ScimReminderRow.objects.bulk_create(
        [
            models.ScimReminderRow(
                organization_id=row.organization_id,
                connection_id=row.pk,
                about=reminder.about,
                contact_hash=_hash(contact),
            )
            for contact in contacts
        ],
        ignore_conflicts=True,
    )


def _claim(reminder: _Reminder, contact: models.ScimContactRow) -> bool:
    """Claim the reminder for this run. Return whether it wasn't sent yet, and no other run is sending it."""
    now = timezone.now()
    free = Q(claimed_at=None) | Q(claimed_at__lte=now - _CLAIM_PERIOD)
    return bool(_row_of(reminder, contact).filter(free, sent_at=None).update(claimed_at=now))


def _show_notified(reminder: _Reminder) -> None:
    """Store that contacts were emailed about the hold, for the portal's pages."""
    row = reminder.connection
    if reminder.about.startswith("safeguard/") and row.hold_notified_at is None:
        connections = rows_of(row.organization_id, models.ScimConnectionRow).filter(pk=row.pk)
        connections.filter(hold_started_at=row.hold_started_at).update(hold_notified_at=timezone.now())


def _token_text(token: models.ScimTokenRow) -> str:
    row = token.connection
    return _text(
        row,
        f"{_idp(row)} uses this token to provision people in {one_line(row.organization.name)}. After it expires, "
        f"{_idp(row)}'s requests fail: new people don't get access, and people who leave keep theirs.\n\n"
        f"Connection   {_name(row)}\n"
        f"Token        Ends in {token.last_four}\n"
        f"Expires      {token.expires_at:%-d %b %Y, %H:%M} UTC",
        f"Rotate the token before then, and enter the new one in {_idp(row)}. Both tokens work until you finish the rotation:",
        "token/",
    )


def _safeguard_text(row: models.ScimConnectionRow) -> str:
    counts = rows_of(row.organization_id, models.ScimSafeguardRow).filter(connection=row).first()
    deactivated, total = (counts.deactivated_count, counts.user_count) if counts else (0, 0)
    removed = counts.removed_count if counts else 0
    removals = f", and took {removed:,} out of groups that grant roles," if removed else ""
    return _text(
        row,
        f"{_idp(row)} deactivated {deactivated:,} of {total:,} people of {one_line(row.organization.name)}{removals} within an "
        f"hour through the connection “{_name(row)}”, and asked for more. The deactivation safeguard puts this on hold: "
        "people keep their access and their roles until an admin decides.",
        f"If it’s right, approve it. If it was a mistake, fix it in {_idp(row)} first, then clear the hold:",
        "safeguard/",
    )


def _text(row: models.ScimConnectionRow, what: str, next_step: str, page: str = "") -> str:
    """Return the text of an email: what happened, what to do, a link, and why it was sent."""
    address = f"{settings.PUBLIC_URL}/o/{row.organization.slug}/scim/"
    return (
        f"{what}\n\n{next_step}\n\n{address}{page}\n\n"
        f"You get this email because your address is a contact of this connection. Change contacts:\n"
        f"{address}contacts/\n"
    )


def _in_days(expires_at: datetime, now: datetime) -> str:
    days = round((expires_at - now) / timedelta(days=1))
    return "within a day" if days <= 1 else f"in {days} days"


def _idp(row: models.ScimConnectionRow) -> str:
    return ScimIdentityProvider(row.identity_provider).label


def _name(row: models.ScimConnectionRow) -> str:
    return one_line(row.display_name)
