"""Sign-in links by email: the secret is only in the newest email, and only while the link is of use."""

import re
from datetime import timedelta
from smtplib import SMTPRecipientsRefused
from unittest.mock import patch

import pytest
import time_machine
from django.core import mail
from django.db import transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from pytest_django import Settings

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.errors import InvalidLink
from portal.directory.members import MemberStatus
from portal.embedded import models
from portal.embedded.audit import Caller
from portal.embedded.directory import EmbeddedProvider
from portal.embedded.members import sign_in_links
from portal.embedded.members.sign_in_links import email_link
from portal.embedded.members.values import member_id
from portal.embedded.tokens import token_hash
from tests.tasks import run_tasks

SEND = "django.core.mail.EmailMultiAlternatives.send"


@pytest.fixture(autouse=True)
def _email(settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "portal@example.com"


def caller(sender: models.MemberRow) -> Caller:
    return Caller(Actor(ActorType.MEMBER, member_id(sender), sender.name), Origin())


def tokens() -> list[str]:
    """Return the secrets of the emails, the oldest first."""
    return re.findall(r"token=(\S+)", "\n".join(str(message.body) for message in mail.outbox))


def is_valid(token: str) -> bool:
    try:
        EmbeddedProvider().open("acme", Origin()).sign_in_links.member(token)
    except InvalidLink:
        return False
    return True


def test_the_secret_is_only_in_the_email(
    admin: models.MemberRow, member: models.MemberRow, caplog: pytest.LogCaptureFixture
) -> None:
    email_link(member, caller(admin))
    queued = str(DBTaskResult.objects.values())
    before = bytes(models.SignInLinkRow.objects.get().token_hash)
    with caplog.at_level("DEBUG"):
        run_tasks()

    (token,) = tokens()
    assert "Ada Admin sent you this link" in str(mail.outbox[0].body)
    assert before != token_hash(token) == bytes(models.SignInLinkRow.objects.get().token_hash)
    for hidden in (token, member.email_address):
        assert hidden not in queued + caplog.text + str(DBTaskResult.objects.values())


def test_a_link_that_is_rolled_back_is_not_emailed(admin: models.MemberRow, member: models.MemberRow) -> None:
    def send_then_fail() -> None:
        with transaction.atomic():
            email_link(member, caller(admin))
            raise OSError("undone")

    with pytest.raises(OSError, match="undone"):
        send_then_fail()

    assert (run_tasks(), mail.outbox) == (0, [])


def test_after_a_failure_the_newest_email_has_the_link(admin: models.MemberRow, member: models.MemberRow) -> None:
    email_link(member, caller(admin))
    sent = mail.EmailMultiAlternatives.send

    def send_then_fail(message: mail.EmailMultiAlternatives) -> int:
        sent(message)
        raise OSError("connection lost after the mail server took it")

    with patch(SEND, autospec=True, side_effect=send_then_fail):
        run_tasks()
    with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=True):
        run_tasks()
        assert [is_valid(token) for token in tokens()] == [False, True]


@pytest.mark.parametrize("reason", ["used", "replaced", "expired", "deleted", "another address", "no passwords"])
def test_a_link_that_is_of_no_use_is_not_emailed(
    admin: models.MemberRow, member: models.MemberRow, reason: str
) -> None:
    email_link(member, caller(admin))
    links, members = models.SignInLinkRow.objects.all(), models.MemberRow.objects.filter(pk=member.pk)
    match reason:
        case "used":
            links.update(used_at=timezone.now())
        case "replaced":
            links.delete()
        case "expired":
            links.update(expires_at=timezone.now())
        case "deleted":
            members.update(status=MemberStatus.DELETED)
        case "another address":
            members.update(email_address_folded="other@acme.example")
        case _:
            models.OrganizationRow.objects.update(
                settings={"auth_methods": "RESTRICTED", "allowed_auth_methods": ["sso"]}
            )

    assert (run_tasks(), mail.outbox) == (1, [])
    assert DBTaskResult.objects.get().status == "SUCCESSFUL"


def test_an_address_that_the_mail_server_rejects_is_dead_without_being_named(
    admin: models.MemberRow, member: models.MemberRow, caplog: pytest.LogCaptureFixture
) -> None:
    email_link(member, caller(admin))
    with patch(SEND, side_effect=SMTPRecipientsRefused({member.email_address: (550, b"unknown")})):
        run_tasks()

    row = DBTaskResult.objects.get()
    assert (row.status, row.exception_class_path) == ("FAILED", "UndeliverableError")
    assert member.email_address not in caplog.text + row.traceback


def test_a_worker_without_email_keeps_the_task(
    admin: models.MemberRow, member: models.MemberRow, settings: Settings
) -> None:
    email_link(member, caller(admin))
    settings.EMAIL_IS_SET_UP = False
    run_tasks()

    row = DBTaskResult.objects.get()
    assert (row.status, row.exception_class_path) == ("READY", "ImproperlyConfigured")


def test_expired_links_are_pruned(admin: models.MemberRow, member: models.MemberRow) -> None:
    for one in (admin, member):
        email_link(one, caller(admin))
    models.SignInLinkRow.objects.filter(member=member).update(expires_at=timezone.now())

    assert sign_in_links.prune() == 1
    assert models.SignInLinkRow.objects.get().member_id == admin.pk
