"""Signing in with a code by email, and confirming with one that it's still the same person."""

import re

import pytest
from django.core import mail
from django.test import Client
from pytest_django import Settings

from portal.embedded import models
from tests import factories
from tests.tasks import run_tasks

SIGN_IN, SEND, ENTER = "/o/acme/sign-in/", "/o/acme/sign-in/code/", "/o/acme/sign-in/code/enter/"
CONFIRM, CONFIRM_CODE = "/o/acme/confirm/", "/o/acme/confirm/code/"
ADA = "ada@acme.example"


@pytest.fixture(autouse=True)
def _email(settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "portal@example.com"


def code() -> str:
    run_tasks()
    return str(re.findall(r"^    (\d{6})$", str(mail.outbox[-1].body), re.MULTILINE)[0])


def test_a_member_signs_in_with_a_code(admin: models.MemberRow, visitor: Client) -> None:
    assert f'formaction="{SEND}"' in visitor.get(SIGN_IN).content.decode()
    page = visitor.post(SEND, {"email_address": ADA, "password": "", "next": "/o/acme/scim/"})
    assert page.status_code == 200
    html = page.content.decode()
    assert ADA in html
    assert 'class="form-control code-input"' in html

    wrong = visitor.post(ENTER, {"email_address": ADA, "code": "000 000x"})
    assert wrong.status_code == 422
    assert "Error: Enter your code" in wrong.content.decode()
    entered = visitor.post(ENTER, {"email_address": ADA, "code": code(), "next": "/o/acme/scim/"})

    assert (entered.status_code, entered["Location"]) == (303, "/o/acme/scim/")
    assert visitor.get("/o/acme/scim/").status_code == 200


def test_everyone_gets_the_same_page(admin: models.MemberRow, visitor: Client) -> None:
    pages = [
        visitor.post(SEND, {"email_address": address}).content.decode().replace(address, "")
        for address in (ADA, "nobody@acme.example")
    ]
    without_tokens = [re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", page) for page in pages]
    assert without_tokens[0] == without_tokens[1]
    run_tasks()
    assert [one.to for one in mail.outbox] == [[ADA]]


def test_a_wrong_code_takes_the_same_for_everyone(admin: models.MemberRow, visitor: Client) -> None:
    for address in (ADA, "nobody@acme.example"):
        visitor.post(SEND, {"email_address": address})
        run_tasks()
        assert visitor.post(ENTER, {"email_address": address, "code": "000 000x"}).status_code == 422

    # Writing takes time, so there is something to write for both.
    assert [one.failed_attempts for one in models.EmailTokenRow.objects.all()] == [1, 1]


def test_emails_and_attempts_are_limited(admin: models.MemberRow, visitor: Client, settings: Settings) -> None:
    settings.SIGN_IN_EMAIL_RATE, settings.SIGN_IN_RATE_PER_MEMBER = "1 per hour", "1 per hour"

    sent = [visitor.post(SEND, {"email_address": ADA}) for _ in range(2)]
    assert [one.status_code for one in sent] == [200, 429]
    assert "Too many emails. Try again in 15 minutes." in sent[1].content.decode()
    entered = [visitor.post(ENTER, {"email_address": ADA, "code": "x"}).status_code for _ in range(2)]
    assert entered == [422, 429]


@pytest.mark.parametrize("url", [SEND, ENTER])
def test_without_an_address_one_starts_again(admin: models.MemberRow, visitor: Client, url: str) -> None:
    answer = visitor.post(url, {"email_address": "x", "code": "123456"})

    assert (answer.status_code, answer["Location"]) == (303, SIGN_IN)


def test_a_code_leads_to_no_other_page(admin: models.MemberRow, visitor: Client) -> None:
    visitor.post(SEND, {"email_address": ADA})
    answer = visitor.post(ENTER, {"email_address": ADA, "code": code(), "next": "https://evil.example/"})

    assert answer["Location"] == "/o/acme/"


def test_codes_are_offered_only_where_they_work(
    admin: models.MemberRow, admin_client: Client, visitor: Client, settings: Settings
) -> None:
    models.OrganizationRow.objects.update(settings={"auth_methods": "RESTRICTED", "allowed_auth_methods": ["password"]})
    assert SEND not in visitor.get(SIGN_IN).content.decode()
    assert CONFIRM_CODE not in admin_client.get(CONFIRM).content.decode()

    models.OrganizationRow.objects.update(settings={})
    settings.EMAIL_IS_SET_UP = False
    html = visitor.get(SIGN_IN).content.decode()
    assert SEND not in html
    assert "Forgot your password?" not in html
    assert visitor.post(SEND, {"email_address": ADA}).status_code == 404


def test_a_code_confirms_who_is_there(admin: models.MemberRow, admin_client: Client) -> None:
    factories.forget_password_entry()
    asked = admin_client.get("/o/acme/scim/create/")
    assert asked["Location"].startswith(CONFIRM)
    assert f'action="{CONFIRM_CODE}"' in admin_client.get(CONFIRM).content.decode()

    assert admin_client.post(CONFIRM_CODE, {"next": "/o/acme/scim/create/"}).status_code == 200
    assert admin_client.post(CONFIRM_CODE, {"next": "/o/acme/scim/create/", "code": "x"}).status_code == 422
    done = admin_client.post(CONFIRM_CODE, {"next": "/o/acme/scim/create/", "code": code()})

    assert (done.status_code, done["Location"]) == (303, "/o/acme/scim/create/")
    assert admin_client.get("/o/acme/scim/create/").status_code == 200


def test_a_member_without_a_password_confirms_with_a_code(acme: models.OrganizationRow, visitor: Client) -> None:
    factories.member(acme, "eve@acme.example", roles=["stytch_admin"], password="")
    visitor.post(SEND, {"email_address": "eve@acme.example"})
    visitor.post(ENTER, {"email_address": "eve@acme.example", "code": code()})

    assert visitor.get("/o/acme/scim/create/").status_code == 200


def test_a_forgotten_password_is_replaced(admin: models.MemberRow, visitor: Client) -> None:
    email = "/o/acme/sign-in/email/"
    assert f'href="{email}"' in visitor.get(SIGN_IN).content.decode()
    assert "Forgot your password?" in visitor.get(email).content.decode()
    assert visitor.post(email, {"email_address": "x"}).status_code == 422
    sent = visitor.post(email, {"email_address": ADA})
    assert (sent.status_code, "Check your email" in sent.content.decode()) == (200, True)

    run_tasks()
    token = re.findall(r"token=(\S+)", str(mail.outbox[0].body))[0]
    chosen = visitor.post("/o/acme/sign-in/link/", {"token": token, "password": "twelve pelicans over Utrecht"})
    assert chosen.status_code == 303
