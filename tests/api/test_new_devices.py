"""Sign-ins through Stytch's SDKs: a browser is the member's device, a product's backend isn't."""

from collections.abc import Callable

import pytest
from django.core import mail
from pytest_django import Settings

from portal.directory.actor import Origin
from portal.embedded import models
from portal.embedded.sessions.lifecycle import start_session
from tests.api.conftest import Caller
from tests.conftest import PASSWORD
from tests.tasks import run_tasks

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
BODY = {"organization_id": "acme", "email_address": "ada@acme.example", "password": PASSWORD}
PageOf = Callable[[models.MemberRow | None], Caller]


@pytest.fixture(autouse=True)
def _known(settings: Settings, admin: models.MemberRow) -> None:
    """Ada, whose address is verified, signed in before."""
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "portal@example.com"
    models.MemberRow.objects.update(email_address_verified=True)
    start_session(admin, Origin(user_agent="Mozilla/5.0 (Macintosh; Mac OS X) Safari/1"), password_entered_at=None)


def test_a_new_browser_is_notified(page_of: PageOf) -> None:
    page = page_of(None)
    for _ in range(2):
        assert page.post("b2b/passwords/authenticate", BODY, **{"User-Agent": FIREFOX}).status == 200
    run_tasks()

    assert [one.subject for one in mail.outbox] == ["New sign-in to your Acme account"]
    assert "Firefox on Windows" in str(mail.outbox[0].body)


def test_a_backend_is_not(backend: Caller) -> None:
    assert backend.post("passwords/authenticate", BODY, **{"User-Agent": FIREFOX}).status == 200
    run_tasks()

    assert mail.outbox == []
