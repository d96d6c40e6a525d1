"""A session ends while a page is open: the sign-in page says so, keeps the form and returns to the page."""

import html
import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from portal.embedded import models
from portal.web.session_cookie import cookie_name
from tests import factories
from tests.conftest import PASSWORD

CONTACTS = "/o/acme/scim/contacts/"


@pytest.fixture
def ended_client(admin: models.MemberRow) -> Client:
    """A browser with an open page whose session has ended."""
    factories.scim_connection(admin.organization)
    return ended(admin)


def ended(member: models.MemberRow) -> Client:
    client = factories.signed_in(member)
    models.MemberSessionRow.objects.update(revoked_at=timezone.now())
    return client


def hidden_fields(page: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
    return {html.unescape(name): html.unescape(value) for name, value in found}


def sign_in(client: Client, page: str, password: str = PASSWORD) -> Any:
    typed = {"email_address": "ada@acme.example", "password": password}
    return client.post("/o/acme/sign-in/", hidden_fields(page) | typed)


def test_sign_in_page_says_that_the_session_ended(ended_client: Client) -> None:
    location = ended_client.get("/o/acme/scim/?x=1")["Location"]

    assert parse_qs(urlsplit(location).query)["next"] == ["/o/acme/scim/?x=1"]
    assert "Your session ended" in ended_client.get(location).content.decode()


def test_visitor_without_session_is_not_told_that_it_ended(acme: models.OrganizationRow, visitor: Client) -> None:
    assert "Your session ended" not in visitor.get(visitor.get("/o/acme/scim/")["Location"]).content.decode()


def test_cookie_lasts_a_day_longer_than_the_session(admin: models.MemberRow, visitor: Client) -> None:
    """Otherwise nothing would tell a session that ended from none."""
    visitor.post("/o/acme/sign-in/", {"email_address": "ada@acme.example", "password": PASSWORD})

    expires = visitor.cookies[cookie_name("acme")]["expires"]
    ends = models.MemberSessionRow.objects.get().expires_at
    assert expires == (ends + timedelta(days=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    with time_machine.travel(ends + timedelta(minutes=1), tick=False):
        assert "ended=1" in visitor.get("/o/acme/")["Location"]


def test_form_without_values_returns_to_its_page(admin: models.MemberRow) -> None:
    def next_after(referer: str) -> list[str]:
        response = ended(admin).post("/o/acme/scim/resume/", headers={"Referer": referer})
        return parse_qs(urlsplit(response["Location"]).query).get("next", [])

    assert next_after("http://testserver/o/acme/scim/?x=1") == ["/o/acme/scim/?x=1"]
    for elsewhere in ("http://evil.example/o/acme/scim/", "http://testserver/o/globex/", "//", "http://[", ""):
        assert next_after(elsewhere) == []


def test_form_is_kept_through_sign_in_and_sent_again(ended_client: Client) -> None:
    version = "1"
    typed = {"addresses": 'it@acme.example\n"<b>"@acme.example', "version": version, "csrfmiddlewaretoken": "x"}

    ended = ended_client.post(CONTACTS, typed, headers={"Referer": f"http://testserver{CONTACTS}"})
    assert ended.status_code == 401
    assert "What you typed is kept" in ended.content.decode()
    assert "no-store" in ended["Cache-Control"]
    sign_in_page = ended_client.post("/o/acme/sign-in/", hidden_fields(ended.content.decode()))
    assert sign_in_page.status_code == 200
    wrong = sign_in(ended_client, sign_in_page.content.decode(), "wrong")
    again = sign_in(ended_client, wrong.content.decode()).content.decode()

    assert f'action="{CONTACTS}"' in again
    assert f'href="{CONTACTS}"' in again
    assert "<b>" not in again
    sent = hidden_fields(again)
    assert (sent["addresses"], sent["version"]) == (typed["addresses"], version)
    # The session that was started is in the cookie, and the page itself says what is wrong with what was typed.
    assert ended_client.post(CONTACTS, sent).status_code in {409, 422}


def test_kept_form_is_sent_again_only_on_request(ended_client: Client) -> None:
    models.ScimContactRow.objects.all().delete()
    ended = ended_client.post(CONTACTS, {"addresses": "it@acme.example", "version": ""})

    sign_in(ended_client, ended.content.decode())

    assert not models.ScimContactRow.objects.exists()


def test_passwords_are_not_kept(admin: models.MemberRow) -> None:
    assert ended(admin).post("/o/acme/confirm/", {"password": PASSWORD}).status_code == 302
    page = ended(admin).post("/o/acme/confirm/", {"password": PASSWORD, "next": "/o/acme/"})
    assert page.status_code == 401
    assert "horse" not in page.content.decode()


def test_invalid_page_url_redirects_to_sign_in(admin: models.MemberRow) -> None:
    response = ended(admin).get("/o/acme/scim/", headers={"HX-Request": "true", "HX-Current-URL": "http://["})

    assert response["HX-Redirect"] == "/o/acme/sign-in/?ended=1"


@pytest.mark.parametrize("path", ["https://evil.example/", "//evil.example/", "/o/globex/scim/", "javascript:x", ""])
def test_kept_form_is_only_sent_to_the_organizations_pages(admin: models.MemberRow, visitor: Client, path: str) -> None:
    typed = {"email_address": "ada@acme.example", "password": PASSWORD, "kept_path": path, "kept": "a=b"}

    assert visitor.post("/o/acme/sign-in/", typed)["Location"] == "/o/acme/"


def test_form_of_another_site_is_not_kept(admin: models.MemberRow) -> None:
    client = Client(enforce_csrf_checks=True)

    assert client.post(CONTACTS, {"addresses": "evil@evil.example", "version": "1"}).status_code == 403
