"""The demo's inbox: only in the demo, and only on this machine."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.test import Client
from django.urls import clear_url_caches
from pytest_django import Settings

from portal import urls
from portal.embedded import models
from portal.sms.delivery import Files
from tests.tasks import run_tasks

PAGE = "/demo/inbox/"


@pytest.fixture
def demo(settings: Settings, tmp_path: Path) -> Iterator[Path]:
    """Let this be the demo, and return the folder of its emails."""
    settings.DEMO_INBOX, settings.EMAIL_IS_SET_UP = True, True
    settings.EMAIL_FILE_PATH, settings.DEFAULT_FROM_EMAIL = str(tmp_path), "Gatehouse demo <demo@gatehouse.example>"
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    _reload()
    yield tmp_path
    settings.DEMO_INBOX = False
    _reload()


def _reload() -> None:
    clear_url_caches()
    importlib.reload(urls)
    importlib.reload(importlib.import_module(django_settings.ROOT_URLCONF))


def test_a_code_and_a_link_are_in_the_inbox(demo: Path, admin: models.MemberRow, visitor: Client) -> None:
    assert "No messages yet" in visitor.get(PAGE).content.decode()
    page = visitor.post("/sign-in/code/", {"email_address": admin.email_address}).content.decode()
    assert f'href="{PAGE}"' in page
    visitor.post("/sign-in/link/send/", {"email_address": admin.email_address})
    run_tasks()

    html = visitor.get(PAGE).content.decode()

    assert html.count(f'href="{PAGE}?message=') == 2
    texts = [
        visitor.get(url).content.decode()
        for url in {part.partition('"')[0] for part in html.split('href="') if "?message=" in part}
    ]
    assert any("Your sign-in code" in one or "is your code" in one for one in texts)
    assert any("/sign-in/link/?" in one for one in texts)
    assert len(mail.outbox) == 0


def test_a_text_message_is_in_the_inbox(demo: Path, visitor: Client) -> None:
    Files(demo).send("+12025550123", "123456 is your code for Acme.")

    html = visitor.get(PAGE).content.decode()

    assert "Text message" in html
    assert "+12025550123" in html
    assert "123456 is your code for Acme." in html


def test_a_message_that_is_gone_says_so(demo: Path, admin: models.MemberRow, visitor: Client) -> None:
    visitor.post("/sign-in/code/", {"email_address": admin.email_address})
    run_tasks()
    for name in ("x", "../../etc/passwd", "<script>"):
        page = visitor.get(PAGE, {"message": name}).content.decode()
        assert "This message is gone" in page
        assert "<script>x" not in page


def test_what_an_email_says_is_escaped(demo: Path, visitor: Client, db: None) -> None:
    mail.send_mail("<b>Subject</b>", "<script>alert(1)</script> https://a.example/?x=<y>", None, ["a@acme.example"])
    page = visitor.get(PAGE).content.decode()
    assert "<script>alert" not in page
    assert "<b>Subject" not in page


def test_other_machines_do_not_see_it(demo: Path, visitor: Client, db: None) -> None:
    assert visitor.get(PAGE, REMOTE_ADDR="192.0.2.7").status_code == 404


def test_elsewhere_it_does_not_exist(visitor: Client, db: None) -> None:
    assert visitor.get(PAGE).status_code == 404
