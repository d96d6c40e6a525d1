"""Confirm the password before a secret is created or restored."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from portal.embedded import models
from portal.web.session_cookie import cookie_name
from tests import factories
from tests.conftest import PASSWORD

CONFIRM = "/o/acme/confirm/"
PAGE = "/o/acme/scim/token/?limit=25"


def confirm(client: Client, password: str = PASSWORD, **more: str) -> Any:
    return client.post(CONFIRM, {"password": password, **more})


def entered_at() -> Any:
    return models.MemberSessionRow.objects.get().password_entered_at


def test_right_password_returns_to_the_page(admin_client: Client) -> None:
    factories.forget_password_entry()
    before = entered_at()
    form = admin_client.get(CONFIRM, {"next": PAGE}).content.decode()
    assert f'name="next" value="{PAGE}"' in form
    assert 'value="ada@acme.example"' in form

    response = confirm(admin_client, next=PAGE)

    assert (response.status_code, response["Location"]) == (303, PAGE)
    assert entered_at() > before
    assert "confirmed for five minutes" in admin_client.get("/o/acme/").content.decode()


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/o/acme/",
        "/o/globex/scim/",
        "/o/acme",
        "javascript:alert(1)",
        "",
    ],
)
def test_confirmation_redirects_nowhere_else(admin_client: Client, elsewhere: str) -> None:
    assert "evil" not in admin_client.get(CONFIRM, {"next": elsewhere}).content.decode()
    assert confirm(admin_client, next=elsewhere)["Location"] == "/o/acme/"


def test_wrong_password_is_shown_at_its_field(admin_client: Client) -> None:
    factories.forget_password_entry()
    before = entered_at()

    response = confirm(admin_client, "wrong", next=PAGE)

    assert response.status_code == 422
    html = response.content.decode()
    assert "Incorrect password." in html
    assert f'value="{PAGE}"' in html
    assert "wrong" not in html.replace("went wrong", "")
    assert entered_at() == before
    assert admin_client.get("/o/acme/").status_code == 200


@pytest.mark.parametrize("password", ["", "x" * 5000, "a\0b"])
def test_invalid_input_is_rejected(admin_client: Client, password: str) -> None:
    assert confirm(admin_client, password).status_code == 422


def test_confirmation_shares_the_limit_of_sign_in(admin_client: Client, settings: Settings) -> None:
    settings.SIGN_IN_RATE_PER_MEMBER = "3 per hour"
    for _ in range(2):
        assert confirm(admin_client, "wrong").status_code == 422
    wrong = {"email_address": "ADA@acme.example", "password": "wrong"}
    assert Client().post("/o/acme/sign-in/", wrong).status_code == 422

    rejected = confirm(admin_client)

    assert rejected.status_code == 429
    assert "Too many attempts" in rejected.content.decode()


def test_others_cannot_use_up_the_limit_of_confirmation(admin_client: Client, settings: Settings) -> None:
    settings.SIGN_IN_TOTAL_PER_MEMBER = "2 per hour"
    wrong = {"email_address": "ada@acme.example", "password": "wrong"}
    for n in range(3):
        Client(REMOTE_ADDR=f"192.0.2.{n}").post("/o/acme/sign-in/", wrong)

    assert confirm(admin_client).status_code == 303


def test_confirmation_is_in_the_activity_log_without_the_password(
    admin: models.MemberRow, admin_client: Client
) -> None:
    confirm(admin_client, "wrong")
    confirm(admin_client)

    entry = models.ActivityEntryRow.objects.get(action="member_session.confirm_password")
    assert (entry.actor_id, entry.target_name) == (f"member-live-{admin.pk}", "ada@acme.example")
    assert PASSWORD not in str(vars(entry))


def test_another_members_password_is_wrong(admin_client: Client, acme: models.OrganizationRow) -> None:
    factories.member(acme, "eve@acme.example", password="eve's own password")

    assert confirm(admin_client, "eve's own password", email_address="eve@acme.example").status_code == 422


def test_confirmation_keeps_the_session(admin_client: Client) -> None:
    token = admin_client.cookies[cookie_name("acme")].value

    response = confirm(admin_client)

    assert cookie_name("acme") not in response.cookies
    assert admin_client.cookies[cookie_name("acme")].value == token


def test_forms_need_the_csrf_token(admin: models.MemberRow) -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies[cookie_name("acme")] = factories.session_token(admin)

    assert confirm(client).status_code == 403
