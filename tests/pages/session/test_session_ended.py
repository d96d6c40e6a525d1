"""A session ends while a page is open: a page says why, keeps the form and returns to the page."""

import html
import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from portal.directories import directories
from portal.directory.actor import Origin
from portal.directory.ids import public_id
from portal.directory.members import MemberStatus
from portal.embedded import models
from portal.embedded.passwords.stored import change_password
from portal.embedded.sessions.lifecycle import member_as_caller
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


def continuation(response: Any) -> dict[str, list[str]]:
    """Return the query of the link that signs in and continues."""
    assert response.status_code == 401
    found = re.search(r'href="(/o/acme/sign-in/[^"]*)">Sign in and continue', response.content.decode())
    assert found
    return parse_qs(urlsplit(html.unescape(found.group(1))).query)


def sentence(client: Client) -> str:
    page = " ".join(client.get("/o/acme/").content.decode().split())
    found = re.search(r"<h1>You were signed out</h1> <p>(.*?)</p>", page)
    assert found, page
    return found.group(1)


def test_a_page_says_that_the_session_ended_and_leads_back(ended_client: Client) -> None:
    response = ended_client.get("/o/acme/scim/?x=1")

    assert continuation(response)["next"] == ["/o/acme/scim/?x=1"]
    assert "Your session has ended." in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    assert response.cookies[cookie_name("acme")].value == ""


def test_a_visitor_without_a_session_is_sent_to_sign_in(acme: models.OrganizationRow, visitor: Client) -> None:
    assert visitor.get("/o/acme/scim/")["Location"] == "/o/acme/sign-in/?next=%2Fo%2Facme%2Fscim%2F"


def test_the_page_says_which_limit_ended_the_session(admin: models.MemberRow, settings: Settings) -> None:
    settings.SESSION_IDLE_MINUTES, settings.SESSION_DURATION_MINUTES = 60, 720
    with time_machine.travel("2026-11-29T07:58:00Z", tick=False) as clock:
        client = factories.signed_in(admin)
        clock.shift(timedelta(hours=2))
        assert sentence(client) == "Your session ended on 29 Nov 2026, 08:58 UTC, after 1 hour without activity."

        client = factories.signed_in(admin)
        models.MemberSessionRow.objects.update(last_accessed_at=timezone.now() + timedelta(hours=13))
        clock.shift(timedelta(hours=13))
        assert sentence(client) == "Your session ended on 29 Nov 2026, 21:58 UTC, 12 hours after you signed in."


def test_the_page_says_who_ended_the_session(acme: models.OrganizationRow, admin: models.MemberRow) -> None:
    other = factories.member(acme, "bob@acme.example", roles=["stytch_admin"])
    for by, said in ((admin, "You ended this session on"), (other, "An admin ended your session on")):
        client, directory = factories.signed_in(admin), directories().open("acme", Origin())
        acting: Any = directory.acting_as(directory.sessions.authenticate(factories.session_token(by)))
        acting.sessions.revoke_for_member(public_id("member", admin.pk))
        assert sentence(client).startswith(said)


def test_the_page_says_that_the_password_was_changed(admin: models.MemberRow) -> None:
    client = factories.signed_in(admin)
    with transaction.atomic():
        change_password(admin, make_password(PASSWORD), member_as_caller(admin, Origin()))

    assert sentence(client).startswith("Your password was changed on")


def test_a_deactivated_member_and_a_made_up_token_learn_nothing(admin: models.MemberRow, visitor: Client) -> None:
    client = factories.signed_in(admin)
    models.MemberSessionRow.objects.update(revoked_at=timezone.now(), revoked_because="admin")
    models.MemberRow.objects.update(status=MemberStatus.DELETED)
    assert sentence(client) == "Your session has ended."

    visitor.cookies[cookie_name("acme")] = "made-up"
    assert sentence(visitor) == "Your session has ended."


def test_cookie_lasts_a_day_longer_than_the_session(admin: models.MemberRow, visitor: Client) -> None:
    """Otherwise nothing would tell a session that ended from none."""
    visitor.post("/o/acme/sign-in/", {"email_address": "ada@acme.example", "password": PASSWORD})

    expires = visitor.cookies[cookie_name("acme")]["expires"]
    ends = models.MemberSessionRow.objects.get().expires_at
    assert expires == (ends + timedelta(days=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    with time_machine.travel(ends + timedelta(minutes=1), tick=False):
        assert "Your session ended on" in sentence(visitor)


def test_form_without_values_returns_to_its_page(admin: models.MemberRow) -> None:
    def next_after(referer: str) -> list[str]:
        return continuation(ended(admin).post("/o/acme/scim/resume/", headers={"Referer": referer})).get("next", [])

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
    nothing = ended(admin).post("/o/acme/confirm/", {"password": PASSWORD})
    assert "What you typed is kept" not in nothing.content.decode()
    page = ended(admin).post("/o/acme/confirm/", {"password": PASSWORD, "next": "/o/acme/"})
    assert page.status_code == 401
    assert "horse" not in page.content.decode()


def test_a_fragment_loads_its_page_again_which_says_why(ended_client: Client) -> None:
    page = "/o/acme/scim/groups/?q=a"
    headers = {"HX-Request": "true", "HX-Target": "groups-more", "HX-Current-URL": f"http://testserver{page}"}
    response = ended_client.get("/o/acme/scim/groups/?cursor=x", headers=headers)

    assert (response.status_code, response["HX-Redirect"]) == (401, page)
    assert continuation(ended_client.get(page))["next"] == [page]


def test_invalid_page_url_redirects_to_sign_in(admin: models.MemberRow) -> None:
    response = ended(admin).get("/o/acme/scim/", headers={"HX-Request": "true", "HX-Current-URL": "http://["})

    assert response["HX-Redirect"] == "/o/acme/sign-in/"


@pytest.mark.parametrize("path", ["https://evil.example/", "//evil.example/", "/o/globex/scim/", "javascript:x", ""])
def test_kept_form_is_only_sent_to_the_organizations_pages(admin: models.MemberRow, visitor: Client, path: str) -> None:
    typed = {"email_address": "ada@acme.example", "password": PASSWORD, "kept_path": path, "kept": "a=b"}

    assert visitor.post("/o/acme/sign-in/", typed)["Location"] == "/o/acme/"


def test_form_of_another_site_is_not_kept(admin: models.MemberRow) -> None:
    client = Client(enforce_csrf_checks=True)

    assert client.post(CONTACTS, {"addresses": "evil@evil.example", "version": "1"}).status_code == 403
