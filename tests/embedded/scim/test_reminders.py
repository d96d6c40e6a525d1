"""Reminders to contacts: who gets which email, when, and once."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib import import_module
from io import StringIO
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected
from unittest.mock import Mock, patch

import pytest
import time_machine
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.db import transaction
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from pytest_django import Settings

from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import models
from portal.embedded.scim import reminders
from portal.embedded.scim.reminders import enqueue_reminders
from portal.embedded.tasks import queue
from tests import factories
from tests.historical import apps_at
from tests.scim_server.test_concurrency import at_once
from tests.tasks import run_tasks

SEND = "django.core.mail.EmailMultiAlternatives.send"


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


def send_reminders() -> int:
    """Enqueue the reminders that are due, let a worker run, and return the number of emails that were sent."""
    before = len(mail.outbox)
    enqueue_reminders()
    run_tasks()
    return len(mail.outbox) - before


def an_hour_later() -> time_machine.travel:
    return time_machine.travel(timezone.now() + timedelta(hours=1), tick=True)


def sent() -> list[str]:
    return [str(one.subject) for one in mail.outbox]


def test_contacts_are_reminded_of_a_token_once_at_30_14_7_and_1_days(connection: models.ScimConnectionRow) -> None:
    now = timezone.now()
    expire(connection, days=40)
    days_left = []
    for day in range(42):
        with time_machine.travel(now + timedelta(days=day, minutes=1), tick=True):
            days_left += [40 - day for _ in range(2) if send_reminders()]

    assert days_left == [30, 14, 7, 1]
    assert sent()[0] == "The SCIM token for Okta production expires in 30 days"
    assert sent()[-1] == "The SCIM token for Okta production expires tomorrow"


def test_missed_reminders_are_sent_as_one(connection: models.ScimConnectionRow) -> None:
    expire(connection, hours=3)

    assert (send_reminders(), send_reminders()) == (1, 0)


def test_contacts_are_reminded_of_a_new_token(connection: models.ScimConnectionRow) -> None:
    expire(connection, days=20)
    send_reminders()
    connection.tokens.update(revoked_at=timezone.now())
    factories.scim_token(connection, "scim_token-that-is-new", expires_at=timezone.now() + timedelta(days=20))

    assert send_reminders() == 1


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
        "https://portal.example.com/o/acme/scim/token/rotate/\n",
    ):
        assert said in body
    assert "https://portal.example.com/o/acme/scim/settings/#contacts\n" in body
    assert "scim_token-of-acme" not in body + message.subject + message.message().as_string()


def test_each_contact_gets_an_email_without_the_others_addresses(
    connection: models.ScimConnectionRow, settings: Settings
) -> None:
    settings.EMAIL_REPLY_TO = "Support <support@example.com>"
    add_contacts(connection, "second@acme.example", "third@acme.example")
    expire(connection, days=6)
    safeguard(connection)

    assert send_reminders() == 6
    for message in mail.outbox:
        raw = message.message().as_string()
        assert len(message.recipients()) == 1
        assert sum(f"{name}@acme.example" in raw for name in ("it", "second", "third")) == 1
        assert message.message()["Auto-Submitted"] == "auto-generated"
        assert message.message()["Reply-To"] == "Support <support@example.com>"
    assert len({str(message.message()["Message-ID"]) for message in mail.outbox}) == 6


def test_a_failing_address_does_not_affect_the_others(connection: models.ScimConnectionRow) -> None:
    add_contacts(connection, "second@acme.example")
    safeguard(connection)

    with patch(SEND, side_effect=[OSError, 1]) as send:
        send_reminders()

    assert send.call_count == 2
    assert send_reminders() == 0
    with an_hour_later():
        assert send_reminders() == 1
    assert len(mail.outbox) == 1


def test_an_address_that_the_mail_server_rejects_is_not_tried_again(connection: models.ScimConnectionRow) -> None:
    safeguard(connection)
    unknown = SMTPRecipientsRefused({"it@acme.example": (550, b"5.1.1 it@acme.example: unknown")})
    with patch(SEND, side_effect=unknown):
        send_reminders()

    assert DBTaskResult.objects.get().status == "FAILED"
    with an_hour_later():
        assert send_reminders() == 0


def test_a_mail_server_that_asks_to_try_later_is_asked_again(connection: models.ScimConnectionRow) -> None:
    safeguard(connection)
    with patch(SEND, side_effect=SMTPRecipientsRefused({"it@acme.example": (450, b"4.2.0 greylisted")})):
        send_reminders()

    with an_hour_later():
        assert send_reminders() == 1


def test_neither_the_log_nor_the_queue_names_an_address(
    connection: models.ScimConnectionRow, caplog: pytest.LogCaptureFixture
) -> None:
    safeguard(connection)
    with patch(SEND, side_effect=SMTPServerDisconnected("it@acme.example is away")):
        send_reminders()
    with an_hour_later():
        send_reminders()

    assert "task_failed" in caplog.text
    assert "it@acme" not in caplog.text + str(DBTaskResult.objects.values())


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
    assert send_reminders() == 2


def test_a_name_of_several_lines_adds_no_header(connection: models.ScimConnectionRow) -> None:
    connection.display_name = "Okta\r\nBcc: evil@example.com"
    connection.save()
    expire(connection, days=6)

    assert send_reminders() == 1
    assert "\n" not in mail.outbox[0].subject


def test_contacts_are_emailed_once_for_each_hold(connection: models.ScimConnectionRow) -> None:
    safeguard(connection)
    assert (send_reminders(), send_reminders()) == (1, 0)
    (message,) = mail.outbox
    assert message.subject == "Deactivations in Acme need approval"
    assert "Okta deactivated 20 of 100 people within an hour." in " ".join(str(message.body).split())
    assert "https://portal.example.com/o/acme/scim/attention/deactivations/\n" in str(message.body)
    connection.refresh_from_db()
    assert connection.hold_notified_at

    safeguard(connection)
    assert send_reminders() == 1


def test_contacts_are_emailed_again_about_a_hold_that_no_one_decided_on_for_a_day(
    connection: models.ScimConnectionRow,
) -> None:
    safeguard(connection)
    send_reminders()
    for hours in (23, 25, 70):
        with time_machine.travel(timezone.now() + timedelta(hours=hours), tick=True):
            send_reminders()

    assert sent() == ["Deactivations in Acme need approval", "Deactivations in Acme still need approval"]


def test_contacts_are_not_emailed_about_a_hold_that_has_ended(connection: models.ScimConnectionRow) -> None:
    safeguard(connection)
    connection.hold_started_at = None
    connection.save()

    assert send_reminders() == 0


def test_a_failed_email_is_sent_later_and_the_others_at_once(
    connection: models.ScimConnectionRow, globex: models.OrganizationRow
) -> None:
    expire(connection, days=6)
    safeguard(connection)
    other = factories.scim_connection(globex)
    add_contacts(other, "it@globex.example")
    expire(other, days=6)

    with patch(SEND, side_effect=[SMTPServerDisconnected("it@acme.example"), 1, 1]) as send:
        send_reminders()

    assert send.call_count == 3
    with an_hour_later():
        assert send_reminders() == 1
    assert len(mail.outbox) == 1


def test_a_failed_email_about_a_hold_is_not_shown_as_sent(connection: models.ScimConnectionRow) -> None:
    safeguard(connection)
    with patch(SEND, side_effect=OSError):
        send_reminders()

    connection.refresh_from_db()
    assert connection.hold_notified_at is None
    with an_hour_later():
        assert send_reminders() == 1
    connection.refresh_from_db()
    assert connection.hold_notified_at


def test_a_reminder_whose_reason_is_gone_is_not_sent(connection: models.ScimConnectionRow) -> None:
    safeguard(connection)
    token = expire(connection, days=6)
    assert enqueue_reminders() == 2
    connection.hold_started_at = None
    connection.save()
    token.revoked_at = timezone.now()
    token.save()

    assert run_tasks() == 2
    assert mail.outbox == []


def test_a_reminder_that_waited_until_the_next_is_due_is_not_sent_twice(connection: models.ScimConnectionRow) -> None:
    expire(connection, days=13)
    enqueue_reminders()
    with time_machine.travel(timezone.now() + timedelta(days=7), tick=True):
        assert send_reminders() == 1
    assert sent() == ["The SCIM token for Okta production expires in 6 days"]


def test_a_former_contact_gets_no_email(connection: models.ScimConnectionRow) -> None:
    safeguard(connection)
    enqueue_reminders()
    connection.contacts.all().delete()

    assert run_tasks() == 1
    assert mail.outbox == []


def test_a_reminder_in_a_rolled_back_transaction_is_not_sent(connection: models.ScimConnectionRow) -> None:
    safeguard(connection)

    def enqueue_then_fail() -> None:
        with transaction.atomic():
            assert enqueue_reminders() == 1
            raise OSError("undone")

    with pytest.raises(OSError, match="undone"):
        enqueue_then_fail()

    assert run_tasks() == 0
    assert send_reminders() == 1


def test_a_full_queue_delays_only_its_own_organization(
    connection: models.ScimConnectionRow, globex: models.OrganizationRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MAX_WAITING", 1)
    add_contacts(connection, "second@acme.example")
    other = factories.scim_connection(globex)
    add_contacts(other, "it@globex.example")
    for one in (connection, other):
        safeguard(one)

    assert [enqueue_reminders(), run_tasks()] == [2, 2]
    assert send_reminders() == 1
    assert sorted(message.to[0] for message in mail.outbox) == [
        "it@acme.example",
        "it@globex.example",
        "second@acme.example",
    ]


@pytest.mark.django_db(transaction=True)
def test_one_of_several_simultaneous_runs_sends(connection: models.ScimConnectionRow) -> None:
    expire(connection, days=6)
    safeguard(connection)

    found = at_once([lambda: _answer(enqueue_reminders()) for _ in range(6)], threads=6)

    assert sum(found) == 2
    assert (run_tasks(), len(mail.outbox)) == (2, 2)


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

    assert send_reminders() == 14


def test_a_token_whose_successor_is_in_use_sends_nothing(connection: models.ScimConnectionRow) -> None:
    expire(connection, days=6)
    successor = factories.scim_token(connection, "scim_token-that-is-next", is_next=True)
    models.ScimTokenRow.objects.filter(pk=successor.pk).update(last_used_at=timezone.now())

    assert send_reminders() == 0
    models.ScimTokenRow.objects.filter(pk=successor.pk).update(last_used_at=None)
    assert send_reminders() == 1


@pytest.fixture
def quiet(connection: models.ScimConnectionRow) -> Iterator[models.ScimConnectionRow]:
    """A connection without due reminders. After the test, check that none was sent."""
    expire(connection, days=6)
    safeguard(connection)
    yield connection
    assert send_reminders() == 0
    assert mail.outbox == []


def test_a_deleted_connection_sends_nothing(quiet: models.ScimConnectionRow) -> None:
    quiet.status = ScimConnectionStatus.DELETED
    quiet.save()


def test_without_contacts_nothing_is_sent(quiet: models.ScimConnectionRow) -> None:
    quiet.contacts.all().delete()


def test_a_contact_who_stopped_the_emails_gets_none(quiet: models.ScimConnectionRow) -> None:
    quiet.contacts.update(stopped_at=timezone.now())


def test_a_revoked_token_sends_nothing(quiet: models.ScimConnectionRow) -> None:
    quiet.tokens.update(revoked_at=timezone.now())
    quiet.hold_started_at = None
    quiet.save()


def test_a_new_contact_is_emailed_about_a_hold_that_still_exists(
    connection: models.ScimConnectionRow,
) -> None:
    connection.contacts.all().delete()
    safeguard(connection)
    assert send_reminders() == 0
    add_contacts(connection, "late@acme.example")

    assert send_reminders() == 1


def test_the_command_queues_emails_or_names_the_problem(
    connection: models.ScimConnectionRow, settings: Settings
) -> None:
    expire(connection, days=6)
    out = StringIO()
    call_command("sendreminders", stdout=out)
    assert out.getvalue() == "Queued 1 email. A worker sends what is queued.\n"

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
