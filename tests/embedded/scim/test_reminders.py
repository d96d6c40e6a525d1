"""Reminders to contacts: who gets which email, when, and once."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib import import_module
from io import StringIO
from smtplib import SMTPServerDisconnected
from unittest.mock import Mock, patch

import pytest
import time_machine
from django.core import mail
from django.core.mail import EmailMessage
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import models
from portal.embedded.scim import reminders
from portal.embedded.scim.reminders import send_reminders
from tests import factories
from tests.historical import apps_at
from tests.scim_server.test_concurrency import at_once

SEND = "django.core.mail.EmailMessage.send"


@pytest.fixture(autouse=True)
def _email(settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "Gatehouse <portal@example.com>"
    settings.PUBLIC_URL = "https://portal.example.com"


@pytest.fixture
def connection(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    connection = factories.scim_connection(acme)
    add_contacts(connection, "it@acme.example")
    return connection


def add_contacts(connection: models.ScimConnectionRow, *addresses: str) -> None:
    for address in addresses:
        models.ScimContactRow.objects.create(
            organization_id=connection.organization_id, connection=connection, email_address=address
        )


def expire(connection: models.ScimConnectionRow, **before: float) -> models.ScimTokenRow:
    token = connection.tokens.get(revoked_at=None, is_next=False)
    token.expires_at = timezone.now() + timedelta(**before)
    token.save()
    return token


def safeguard(connection: models.ScimConnectionRow, stopped_at: datetime | None = None) -> None:
    connection.hold_started_at, connection.hold_notified_at = stopped_at or timezone.now(), None
    connection.save()
    models.ScimSafeguardRow.objects.update_or_create(
        organization_id=connection.organization_id,
        connection=connection,
        defaults={"deactivated_count": 20, "user_count": 100},
    )


def sent() -> list[str]:
    return [str(one.subject) for one in mail.outbox]


def test_contacts_are_reminded_of_a_token_once_at_30_14_7_and_1_days(connection: models.ScimConnectionRow) -> None:
    now = timezone.now()
    expire(connection, days=40)
    days_left = []
    for day in range(42):
        with time_machine.travel(now + timedelta(days=day, minutes=1), tick=True):
            days_left += [40 - day for _ in range(2) if send_reminders().sent]

    assert days_left == [30, 14, 7, 1]
    assert sent()[0] == "The SCIM token of Okta production expires in 30 days"
    assert sent()[-1] == "The SCIM token of Okta production expires within a day"


def test_missed_reminders_are_sent_as_one(connection: models.ScimConnectionRow) -> None:
    expire(connection, hours=3)

    assert (send_reminders().sent, send_reminders().sent) == (1, 0)


def test_contacts_are_reminded_of_a_new_token(connection: models.ScimConnectionRow) -> None:
    expire(connection, days=20)
    send_reminders()
    connection.tokens.update(revoked_at=timezone.now())
    factories.scim_token(connection, "scim_token-that-is-new", expires_at=timezone.now() + timedelta(days=20))

    assert send_reminders().sent == 1


def test_the_email_explains_itself_and_contains_no_secrets(connection: models.ScimConnectionRow) -> None:
    token = expire(connection, days=6)
    send_reminders()

    (message,) = mail.outbox
    assert (message.to, message.from_email) == (["it@acme.example"], "Gatehouse <portal@example.com>")
    body = str(message.body)
    for said in (
        "Okta production",
        "Acme",
        f"Ends in {token.last_four}",
        "https://portal.example.com/o/acme/scim/token/\n",
    ):
        assert said in body
    assert "https://portal.example.com/o/acme/scim/contacts/" in body
    assert "scim_token-of-acme" not in body + message.subject


def test_each_contact_gets_an_email_without_the_others_addresses(
    connection: models.ScimConnectionRow, settings: Settings
) -> None:
    settings.EMAIL_REPLY_TO = "Support <support@example.com>"
    add_contacts(connection, "second@acme.example", "third@acme.example")
    expire(connection, days=6)
    safeguard(connection)

    assert send_reminders().sent == 6
    for message in mail.outbox:
        raw = message.message().as_string()
        assert len(message.recipients()) == 1
        assert sum(f"{name}@acme.example" in raw for name in ("it", "second", "third")) == 1
        assert message.message()["Auto-Submitted"] == "auto-generated"
        assert message.message()["Reply-To"] == "Support <support@example.com>"
    assert len({str(message.message()["Message-ID"]) for message in mail.outbox}) == 6


def test_after_a_killed_run_each_contact_gets_one_email(connection: models.ScimConnectionRow) -> None:
    add_contacts(connection, "second@acme.example", "third@acme.example")
    expire(connection, days=6)
    sent_to: list[str] = []

    def die_at_the_second(message: EmailMessage) -> int:
        if len(sent_to) == 1:
            raise SystemExit
        sent_to.extend(message.to)
        return 1

    with patch(SEND, autospec=True, side_effect=die_at_the_second), pytest.raises(SystemExit):
        send_reminders()
    assert send_reminders().sent == 1
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=True):
        assert send_reminders().sent == 1

    sent_to += [address for message in mail.outbox for address in message.to]
    assert sorted(sent_to) == ["it@acme.example", "second@acme.example", "third@acme.example"]


def test_a_failing_address_does_not_affect_the_others(connection: models.ScimConnectionRow) -> None:
    add_contacts(connection, "second@acme.example")
    safeguard(connection)

    with patch(SEND, side_effect=[OSError, 1]):
        done = send_reminders()

    assert (done.sent, done.failed) == (1, 1)
    assert send_reminders().sent == 1
    assert mail.outbox[0].to == ["it@acme.example"]


def test_a_repeated_email_has_the_same_message_id(connection: models.ScimConnectionRow) -> None:
    expire(connection, days=6)
    for _ in range(2):
        send_reminders()
        models.ScimReminderRow.objects.update(sent_at=None, claimed_at=None)

    first, second = (message.message()["Message-ID"] for message in mail.outbox)
    assert first == second


def test_a_reminder_sent_before_an_upgrade_is_not_sent_again(
    connection: models.ScimConnectionRow,
) -> None:
    add_contacts(connection, "second@acme.example")
    expire(connection, days=6)
    safeguard(connection)
    send_reminders()
    about = models.ScimReminderRow.objects.filter(about__startswith="token/").values_list("about", flat=True)[0]
    models.ScimReminderRow.objects.all().delete()
    models.ScimReminderRow.objects.create(
        organization_id=connection.organization_id, connection=connection, about=about, sent_at=timezone.now()
    )
    migration = import_module("portal.embedded.migrations.0020_reminder_per_contact")

    migration.one_row_per_contact(apps_at("0020_reminder_per_contact"), Mock(connection=database))

    assert models.ScimReminderRow.objects.count() == 2
    # Only the two about the hold, because none was sent about it before the upgrade.
    assert send_reminders().sent == 2


def test_a_name_of_several_lines_adds_no_header(connection: models.ScimConnectionRow) -> None:
    connection.display_name = "Okta\r\nBcc: evil@example.com"
    connection.save()
    expire(connection, days=6)

    assert send_reminders().sent == 1
    assert "\n" not in mail.outbox[0].subject


def test_contacts_are_emailed_once_for_each_hold(connection: models.ScimConnectionRow) -> None:
    safeguard(connection)
    assert (send_reminders().sent, send_reminders().sent) == (1, 0)
    (message,) = mail.outbox
    assert message.subject == "Deactivations in Acme need approval"
    assert "20 of 100 people" in str(message.body)
    assert "https://portal.example.com/o/acme/scim/safeguard/\n" in str(message.body)
    connection.refresh_from_db()
    assert connection.hold_notified_at

    safeguard(connection)
    assert send_reminders().sent == 1


def test_contacts_are_not_emailed_about_a_hold_that_has_ended(connection: models.ScimConnectionRow) -> None:
    safeguard(connection)
    connection.hold_started_at = None
    connection.save()

    assert send_reminders().sent == 0


def test_a_failed_email_is_sent_in_the_next_run_and_the_others_at_once(
    connection: models.ScimConnectionRow, globex: models.OrganizationRow
) -> None:
    expire(connection, days=6)
    safeguard(connection)
    other = factories.scim_connection(globex)
    add_contacts(other, "it@globex.example")
    expire(other, days=6)

    with patch(SEND, side_effect=[SMTPServerDisconnected("it@acme.example"), 1, 1]):
        done = send_reminders()

    assert (done.sent, done.failed) == (2, 1)
    assert send_reminders().sent == 1
    assert len(mail.outbox) == 1


def test_a_failed_email_about_a_hold_is_not_shown_as_sent(connection: models.ScimConnectionRow) -> None:
    safeguard(connection)
    with patch(SEND, side_effect=OSError):
        send_reminders()

    connection.refresh_from_db()
    assert connection.hold_notified_at is None
    assert send_reminders().sent == 1


def test_a_claim_of_a_killed_process_expires(connection: models.ScimConnectionRow) -> None:
    expire(connection, days=6)
    with patch(SEND, side_effect=SystemExit), pytest.raises(SystemExit):
        send_reminders()

    assert send_reminders().sent == 0
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=True):
        assert send_reminders().sent == 1


@pytest.mark.django_db(transaction=True)
def test_one_of_several_simultaneous_runs_sends(connection: models.ScimConnectionRow) -> None:
    expire(connection, days=6)
    safeguard(connection)

    found = at_once([lambda: _answer(send_reminders().sent) for _ in range(6)], threads=6)

    assert sum(found) == 2
    assert len(mail.outbox) == 2


def _answer(number: int) -> object:
    """Return a response that at_once() reads a number from."""
    return type("Answer", (), {"status_code": number})()


def test_all_connections_are_read_in_chunks(
    acme: models.OrganizationRow, globex: models.OrganizationRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reminders, "_CHUNK_SIZE", 2)
    for n in range(7):
        organization = factories.organization(f"number-{n}")
        connection = factories.scim_connection(organization)
        add_contacts(connection, "it@acme.example")
        expire(connection, days=6)
        safeguard(connection)

    assert send_reminders().sent == 14


@pytest.fixture
def quiet(connection: models.ScimConnectionRow) -> Iterator[models.ScimConnectionRow]:
    """A connection without due reminders. After the test, check that none was sent."""
    expire(connection, days=6)
    safeguard(connection)
    yield connection
    assert send_reminders().sent == 0
    assert mail.outbox == []


def test_a_deleted_connection_sends_nothing(quiet: models.ScimConnectionRow) -> None:
    quiet.status = ScimConnectionStatus.DELETED
    quiet.save()


def test_without_contacts_nothing_is_sent(quiet: models.ScimConnectionRow) -> None:
    quiet.contacts.all().delete()


def test_a_revoked_token_sends_nothing(quiet: models.ScimConnectionRow) -> None:
    quiet.tokens.update(revoked_at=timezone.now())
    quiet.hold_started_at = None
    quiet.save()


def test_a_new_contact_is_emailed_about_a_hold_that_still_exists(
    connection: models.ScimConnectionRow,
) -> None:
    connection.contacts.all().delete()
    safeguard(connection)
    assert send_reminders().sent == 0
    add_contacts(connection, "late@acme.example")

    assert send_reminders().sent == 1


def test_the_command_prints_the_number_of_emails_or_the_problem(
    connection: models.ScimConnectionRow, settings: Settings
) -> None:
    expire(connection, days=6)
    with patch(SEND, side_effect=OSError), pytest.raises(CommandError, match="1 failed"):
        call_command("sendreminders")
    out = StringIO()
    call_command("sendreminders", stdout=out)
    assert out.getvalue() == "Sent 1 email.\n"

    settings.EMAIL_IS_SET_UP = False
    with pytest.raises(CommandError, match="EMAIL_URL"):
        call_command("sendreminders")


def test_the_links_in_emails_open_pages(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    expire(connection, days=6)
    safeguard(connection)
    send_reminders()

    for message in mail.outbox:
        for link in re.findall(r"https://portal\.example\.com(\S+)", str(message.body)):
            assert admin_client.get(link).status_code == 200
