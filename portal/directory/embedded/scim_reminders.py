"""Telling a connection's contacts by e-mail that its token expires, or that its brake waits for a decision.

Each is told once, also where two runs meet: whoever claims it sends it. A claim that led to nothing, as the process died
or the mail server refused, is free again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from portal.directory.embedded import models
from portal.directory.embedded.scim_tokens import current_tokens
from portal.directory.types import ScimConnectionStatus, ScimIdentityProvider

log = structlog.get_logger("gatehouse.scim")

# Days before the expiry of a token.
DAYS = (1, 7, 14, 30)
# How long a claim holds: longer than it takes to hand over a mail.
_CLAIM = timedelta(minutes=10)
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class _Reminder:
    """What is to be told of a connection, and the key under which it is told once."""

    connection: models.ScimConnection
    about: str
    subject: str
    text: str


@dataclass(slots=True)
class Sent:
    """How many were sent, and how many could not be and are tried again at the next run."""

    sent: int = 0
    failed: int = 0


def send_reminders() -> Sent:
    """Send what is due and was not sent yet."""
    done = Sent()
    for reminder in chain(_of_tokens(), _of_brakes()):
        if not _claim(reminder):
            continue
        try:
            _send(reminder)
        except (OSError, ValueError) as error:  # of the way there (smtplib), and of what was to be sent
            # Neither the address nor the mail server's words about it.
            log.warning("scim_reminder_not_sent", about=reminder.about, error=type(error).__name__)
            _same(reminder).update(claimed_at=None)
            done.failed += 1
        else:
            _same(reminder).update(sent_at=timezone.now())
            done.sent += 1
    return done


def _of_tokens() -> Iterator[_Reminder]:
    """Yield a reminder for each current token that expires soon: of the days that are over, the last."""
    now = timezone.now()
    due = current_tokens().filter(
        _with_contacts("connection_id"),
        connection__status=ScimConnectionStatus.ACTIVE,
        expires_at__gt=now,
        expires_at__lte=now + timedelta(days=DAYS[-1]),
    )
    for token in due.select_related("connection__organization").order_by("pk").iterator(_CHUNK):
        days = next(days for days in DAYS if token.expires_at <= now + timedelta(days=days))
        yield _Reminder(
            token.connection,
            f"token/{token.pk}/{days}",
            f"The SCIM token of {_name(token.connection)} expires {_in_days(token.expires_at, now)}",
            _token_text(token),
        )


def _of_brakes() -> Iterator[_Reminder]:
    """Yield a reminder for each brake that brakes, and of which nobody was told."""
    braking = models.ScimConnection.objects.filter(
        _with_contacts("pk"), status=ScimConnectionStatus.ACTIVE, brake_stopped_at__isnull=False, brake_told_at=None
    )
    for row in braking.select_related("organization").order_by("pk").iterator(_CHUNK):
        yield _Reminder(
            row,
            f"brake/{row.brake_stopped_at.isoformat() if row.brake_stopped_at else ''}",
            f"Many people of {_line(row.organization.name)} were deactivated: the rest waits for you",
            _brake_text(row),
        )


def _with_contacts(key: str) -> Exists:
    return Exists(models.ScimContact.objects.filter(connection_id=OuterRef(key)))


def _same(reminder: _Reminder) -> QuerySet[models.ScimReminder]:
    row = reminder.connection
    found = models.ScimReminder.objects.filter(organization_id=row.organization_id, connection_id=row.pk)
    return found.filter(about=reminder.about)


def _claim(reminder: _Reminder) -> bool:
    """Say whether it is ours to send: nobody has sent it, and nobody is sending it."""
    now, row = timezone.now(), reminder.connection
    new = models.ScimReminder(organization_id=row.organization_id, connection_id=row.pk, about=reminder.about)
    models.ScimReminder.objects.bulk_create([new], ignore_conflicts=True)
    free = Q(claimed_at=None) | Q(claimed_at__lte=now - _CLAIM)
    return bool(_same(reminder).filter(free, sent_at=None).update(claimed_at=now))


def _send(reminder: _Reminder) -> None:
    """Hand it over to the mail server, and note it where the portal shows it. Raises what goes wrong."""
    row = reminder.connection
    addresses = list(row.contacts.order_by("pk").values_list("email_address", flat=True))
    EmailMessage(reminder.subject, reminder.text, settings.DEFAULT_FROM_EMAIL, addresses).send()
    if reminder.about.startswith("brake/"):
        connections = models.ScimConnection.objects.filter(organization_id=row.organization_id, pk=row.pk)
        connections.filter(brake_stopped_at=row.brake_stopped_at).update(brake_told_at=timezone.now())


def _token_text(token: models.ScimToken) -> str:
    row = token.connection
    return _text(
        row,
        f"{_idp(row)} provisions the people of {_line(row.organization.name)} by the SCIM connection "
        f"“{_name(row)}”. Its token, which ends in {token.last_four}, expires on {token.expires_at:%-d %B %Y at %H:%M} UTC. "
        f"From then on {_idp(row)} is refused: nobody new arrives, and who leaves keeps their access.",
        "Rotate the token before then, and enter the new one in your identity provider. Both are good until you complete "
        "the rotation, so nothing is interrupted:",
        "token/",
    )


def _brake_text(row: models.ScimConnection) -> str:
    counted = models.ScimBrake.objects.filter(organization_id=row.organization_id, connection=row).first()
    gone, people = (counted.gone, counted.people) if counted else (0, 0)
    return _text(
        row,
        f"{_idp(row)} has deactivated {gone:,} of {people:,} people of {_line(row.organization.name)} within an hour, by the "
        f"SCIM connection “{_name(row)}”. That may be right, or a filter or a group that is wrong now. So {_idp(row)} is told "
        "to wait, and nobody else is deactivated until somebody decides.",
        "See who waits, and decide:",
        "brake/",
    )


def _text(row: models.ScimConnection, what: str, cure: str, page: str = "") -> str:
    """Return a mail: what is the matter, what to do, where, and why it came."""
    address = f"{settings.PUBLIC_URL}/o/{row.organization.slug}/scim/"
    return (
        f"{what}\n\n{cure}\n\n{address}{page}\n\n"
        f"You get this e-mail because your address is a contact of this connection. Admins change the contacts here:\n"
        f"{address}contacts/\n"
    )


def _in_days(expires_at: datetime, now: datetime) -> str:
    days = round((expires_at - now) / timedelta(days=1))
    return "within a day" if days <= 1 else f"in {days} days"


def _idp(row: models.ScimConnection) -> str:
    return ScimIdentityProvider(row.identity_provider).label


def _name(row: models.ScimConnection) -> str:
    return _line(row.display_name)


def _line(text: str) -> str:
    """Return a name on one line, as a subject must be."""
    return " ".join(text.split())
