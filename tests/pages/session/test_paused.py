"""A member whose password is paused after too many attempts signs in by an emailed link."""

import re
from collections.abc import Iterator

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from portal.embedded import models
from portal.embedded.tasks import queue
from tests import factories
from tests.conftest import PASSWORD
from tests.contract.worlds import StytchWorld
from tests.fakes.stytch import fake_stytch
from tests.tasks import run_tasks

SIGN_IN, EMAIL = "/o/acme/sign-in/", "/o/acme/sign-in/email/"
ADA = "ada@acme.example"


@pytest.fixture(autouse=True)
def _limits(settings: Settings) -> None:
    settings.SIGN_IN_TOTAL_PER_MEMBER = "3 per hour"
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "portal@example.com"


def sign_in(email_address: str = ADA, *, url: str = SIGN_IN, ip_address: str = "198.51.100.1") -> tuple[int, str]:
    answer = Client(REMOTE_ADDR=ip_address).post(url, {"email_address": email_address, "password": PASSWORD})
    return answer.status_code, answer.content.decode()


def pause(email_address: str = ADA) -> None:
    for n in range(4):
        wrong = {"email_address": email_address, "password": "wrong"}
        Client(REMOTE_ADDR=f"192.0.2.{n}").post(SIGN_IN, wrong)


def sent() -> list[str]:
    """Return the addresses of the emails, once a worker has sent them."""
    run_tasks()
    return [to for message in mail.outbox for to in message.to]


def test_paused_member_signs_in_by_emailed_link(admin: models.MemberRow) -> None:
    pause()

    status, html = sign_in()
    assert (status, "Signing in by password is paused" in html) == (429, True)
    assert f'action="{EMAIL}"' in html
    answer = Client().post(EMAIL, {"email_address": ADA})
    assert (answer.status_code, "Check your email" in answer.content.decode()) == (200, True)

    assert sent() == [ADA]
    found = re.search(r"token=(\S+)", str(mail.outbox[0].body))
    assert found
    client = Client()
    chosen = client.post("/o/acme/sign-in/link/", {"token": found[1], "password": "quartz lantern orbit meadow"})
    assert (chosen.status_code, client.get("/o/acme/").status_code) == (303, 200)
    assert models.ActivityEntryRow.objects.filter(action="member.send_sign_in_link", actor_type="visitor").count() == 1


def test_sign_in_without_organization_emails_a_link_for_each(
    admin: models.MemberRow, globex: models.OrganizationRow
) -> None:
    factories.member(globex, ADA, password=PASSWORD)
    pause()

    status, html = sign_in(url="/sign-in/")
    assert (status, 'action="/sign-in/email/"' in html) == (429, True)
    assert Client().post("/sign-in/email/", {"email_address": ADA}).status_code == 200

    assert sent() == [ADA, ADA]


def test_response_does_not_tell_whether_an_address_is_a_members(admin: models.MemberRow) -> None:
    for address in (ADA, "no@acme.example"):
        pause(address)
    pages = [Client().post(EMAIL, {"email_address": one}) for one in (ADA, "no@acme.example")]

    assert [one.status_code for one in pages] == [200, 200]
    texts = [re.sub(r'(csrfmiddlewaretoken" value=)"[^"]*"', r"\1", one.content.decode()) for one in pages]
    assert texts[0].replace(ADA, "") == texts[1].replace("no@acme.example", "")
    assert sign_in()[1].replace(ADA, "") != ""
    assert sent() == [ADA]


def test_emails_from_one_ip_address_are_limited(admin: models.MemberRow, settings: Settings) -> None:
    settings.SIGN_IN_RATE_PER_ADDRESS = "2 per hour"
    visitor = Client(REMOTE_ADDR="198.51.100.9")
    statuses = [visitor.post(EMAIL, {"email_address": f"eve{n}@acme.example"}).status_code for n in range(3)]

    assert statuses == [200, 200, 429]


def test_links_are_limited(admin: models.MemberRow, settings: Settings) -> None:
    settings.SIGN_IN_LINK_RATE = "2 per hour"
    pause()
    statuses = [Client().post(EMAIL, {"email_address": ADA}).status_code for _ in range(3)]

    assert statuses == [200, 200, 429]
    # The second link replaced the first before that was sent.
    assert sent() == [ADA]


def test_full_queue_does_not_tell_who_is_a_member(admin: models.MemberRow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "MAX_WAITING", 0)

    for address in (ADA, "no@acme.example"):
        assert Client().post(EMAIL, {"email_address": address}).status_code == 429
    assert sent() == []


@pytest.mark.parametrize("url", [EMAIL, "/sign-in/email/"])
def test_asking_does_the_same_for_every_address(admin: models.MemberRow, url: str) -> None:
    done = []
    for address in ("first@acme.example", ADA, "no@acme.example"):
        with CaptureQueriesContext(connection) as asked:
            assert Client().post(url, {"email_address": address}).status_code == 200
        done.append([re.split(r" WHERE | VALUES |SAVEPOINT", one["sql"])[0] for one in asked.captured_queries])

    # The first one may have something to load.
    assert done[1] == done[2]
    assert sent() == [ADA]
    assert not models.EmailTokenRow.objects.exists()
    assert not models.DiscoveryTokenRow.objects.exists()


def test_without_email_the_page_names_the_operator(admin: models.MemberRow, settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP = False
    pause()

    _, html = sign_in()
    assert "To sign in sooner, contact the team that runs this portal." in html
    assert EMAIL not in html
    assert Client().post(EMAIL, {"email_address": ADA}).status_code == 404


@pytest.fixture
def stytch(settings: Settings, db: None) -> Iterator[StytchWorld]:
    with fake_stytch() as fake:
        for name, value in fake.settings.items():
            setattr(settings, name, value)
        yield StytchWorld(fake)


def test_with_stytch_the_page_names_the_operator(stytch: StytchWorld) -> None:
    stytch.add_organization("acme", "Acme")
    stytch.add_member("acme", ADA)
    pause()

    assert "To sign in sooner, contact the team that runs this portal." in sign_in()[1]
