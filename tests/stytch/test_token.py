"""Connect and rotate the token with Stytch, on the same pages."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.fakes.stytch import DEMO_PASSWORD, FakeStytch
from tests.fakes.stytch_project import Connection
from tests.stytch.test_portal import sign_in

pytestmark = pytest.mark.django_db
SCIM = "/o/globex/scim/"


@pytest.fixture
def gil(visitor: Client, stytch: FakeStytch) -> Client:
    """An admin of an organization where nothing is connected."""
    sign_in(visitor, "gil@globex.example", slug="globex")
    return visitor


def connect(client: Client) -> str:
    response = client.post(f"{SCIM}create/", {"identity_provider": "okta", "display_name": "Okta"})
    return shown(response.content.decode())


def shown(html: str) -> str:
    found = re.search(r'id="bearer-token"[^>]*>([^<]+)</textarea>', html)
    assert found, html
    return found.group(1)


def end(client: Client, how: str) -> int:
    html = client.get(f"{SCIM}token/rotate/").content.decode()
    version = re.search(r'name="version" value="([^"]+)"', html[html.index('id="rotation"') :])
    assert version
    return client.post(reverse(f"scim:rotate-{how}", args=["globex"]), {"version": version.group(1)}).status_code


def tokens(connection: Connection) -> list[str]:
    return [one.text for one in (connection.token, connection.next_token) if one]


def test_connection_is_created_edited_and_its_token_rotated(gil: Client, stytch: FakeStytch) -> None:
    token = connect(gil)
    (connection,) = (one for one in stytch.project.connections if one.organization.slug == "globex")
    assert tokens(connection) == [token]

    started = shown(gil.post(f"{SCIM}token/rotate/").content.decode())
    assert tokens(connection) == [token, started]
    html = gil.get(f"{SCIM}settings/").content.decode()
    assert "Not available with this directory" in html
    assert token not in html
    assert started not in html
    assert end(gil, "cancel") == 303
    assert tokens(connection) == [token]

    following = shown(gil.post(f"{SCIM}token/rotate/").content.decode())
    assert end(gil, "complete") == 303
    assert tokens(connection) == [following]

    form = re.search(r'name="version" value="([^"]+)"', gil.get(f"{SCIM}settings/").content.decode())
    assert form
    values = {"identity_provider": "jumpcloud", "display_name": "JumpCloud", "version": form.group(1)}
    assert gil.post(f"{SCIM}edit/", values).status_code == 303
    assert (connection.identity_provider, connection.display_name) == ("jumpcloud", "JumpCloud")


def test_password_confirmation_is_sent_to_stytch(gil: Client, stytch: FakeStytch) -> None:
    (session,) = stytch.project.sessions.values()
    session.password_at = timezone.now() - timedelta(minutes=6)

    asked = gil.get(f"{SCIM}create/")["Location"]
    assert asked.startswith("/o/globex/confirm/")
    form = {"next": f"{SCIM}create/", "password": "wrong"}
    assert "Incorrect password." in gil.post("/o/globex/confirm/", form).content.decode()
    assert gil.get(f"{SCIM}create/").status_code == 303

    answer = gil.post("/o/globex/confirm/", form | {"password": DEMO_PASSWORD})

    assert answer["Location"] == f"{SCIM}create/"
    assert list(stytch.project.sessions.values()) == [session]
    assert connect(gil)


def test_stytch_failure_is_shown_and_a_lost_token_can_be_replaced(gil: Client, stytch: FakeStytch) -> None:
    stytch.fail(path="/scim/", status=500, times=99)
    response = gil.post(f"{SCIM}create/", {"identity_provider": "okta", "display_name": "Okta"})
    assert response.status_code == 503
    assert response["X-Request-ID"] in response.content.decode()
    stytch.recover()
    connect(gil)
    gil.post(f"{SCIM}token/rotate/")  # its response is lost

    again = gil.post(f"{SCIM}token/rotate/").content.decode()

    assert "isn’t shown again" in again
    assert end(gil, "cancel") == 303
    assert shown(gil.post(f"{SCIM}token/rotate/").content.decode())
