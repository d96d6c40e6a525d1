"""The token in the settings: the use of the tokens, and a rotation without an interruption."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from portal.embedded import models
from tests import factories
from tests.pages.scim.test_conflicts import as_reader
from tests.pages.scim.test_create import shown_token
from tests.pages.scim.test_deletion import version

OVERVIEW = "/o/acme/scim/"
PAGE = f"{OVERVIEW}settings/"
TOKEN = f"{OVERVIEW}token/"
ROTATE, COMPLETE, CANCEL = f"{TOKEN}rotate/", f"{TOKEN}rotate/complete/", f"{TOKEN}rotate/cancel/"
OLD = "scim_the-old-token-of-acme"


@pytest.fixture
def connection(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme, bearer_token=OLD)


def page(client: Client, url: str = PAGE) -> str:
    return " ".join(client.get(url).content.decode().split())


def start(client: Client) -> str:
    return shown_token(" ".join(client.post(ROTATE).content.decode().split()))


def tokens_version(html: str) -> str:
    return version(html[html.index('id="rotation"') :])


def request_users(connection: models.ScimConnectionRow, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}", "User-Agent": "Okta SCIM Client 1.0"}
    return Client().get(f"/v1/b2b/scim/scim-connection-live-{connection.pk}/Users", headers=headers).status_code


def test_the_page_shows_when_from_where_and_by_which_client_the_token_was_used(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    assert "Last used</dt><dd>Not yet" in page(admin_client).replace("> ", ">").replace(" <", "<")
    request_users(connection, OLD)

    html = page(admin_client)
    assert "by Okta SCIM Client 1.0" in html
    assert "from 127.0.0.1" in html
    assert OLD[-4:] in html
    assert OLD not in html


def test_the_address_of_the_token_leads_to_the_settings(admin_client: Client) -> None:
    assert admin_client.get(TOKEN)["Location"] == f"{PAGE}#token"


def test_both_tokens_are_valid_until_an_admin_decides(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    """Defect 2: closing the dialog cancels the rotation."""
    new = start(admin_client)
    page(admin_client, OVERVIEW)
    page(admin_client, ROTATE)

    assert (request_users(connection, OLD), request_users(connection, new)) == (200, 200)


def test_finishing_revokes_only_the_old_token(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    new = start(admin_client)

    response = admin_client.post(COMPLETE, {"version": tokens_version(page(admin_client, ROTATE))})

    assert response["Location"] == f"{PAGE}#token"
    assert "The old token is revoked." in page(admin_client)
    assert (request_users(connection, OLD), request_users(connection, new)) == (401, 200)


def test_canceling_revokes_only_the_new_token(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    new = start(admin_client)

    admin_client.post(CANCEL, {"version": tokens_version(page(admin_client, ROTATE))})

    assert (request_users(connection, OLD), request_users(connection, new)) == (200, 401)
    assert start(admin_client)


def test_the_page_shows_from_requests_whether_it_is_safe_to_finish(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    request_users(connection, OLD)
    new = start(admin_client)
    html = page(admin_client, ROTATE)
    assert ("Waiting for Okta to use the new token" in html, "Finish anyway" in html) == (True, True)

    with time_machine.travel(timezone.now() + timedelta(minutes=3), tick=True):
        request_users(connection, new)
        html = page(admin_client, ROTATE)
        assert ("It’s safe to finish" in html, "Finish anyway" in html) == (True, False)

        request_users(connection, OLD)
        assert "Both tokens are in use" in page(admin_client, ROTATE)


@pytest.mark.usefixtures("connection")
def test_the_new_token_is_shown_with_where_to_enter_it(admin_client: Client) -> None:
    html = " ".join(admin_client.post(ROTATE).content.decode().split())

    assert "HTTP Header › Authorization" in html
    assert "Test Connector Configuration" in html
    assert f'href="{ROTATE}">Check that Okta uses it' in html


@pytest.mark.usefixtures("connection")
def test_a_reload_explains_that_the_token_is_not_shown_again(admin_client: Client) -> None:
    """Defect 4, and a form that is submitted twice."""
    new = start(admin_client)

    for html in (page(admin_client, ROTATE), " ".join(admin_client.post(ROTATE).content.decode().split())):
        assert "isn’t shown again" in html
        assert "Discard new token" in html
        assert new not in html
    assert models.ScimTokenRow.objects.filter(revoked_at=None).count() == 2


@pytest.mark.usefixtures("connection")
def test_the_settings_show_both_tokens_and_lead_back_to_the_rotation(
    admin_client: Client, settings: Settings, acme: models.OrganizationRow
) -> None:
    new = start(admin_client)
    html = page(admin_client)
    assert f'href="{ROTATE}">Continue rotation' in html
    assert (OLD[-4:] in html, new[-4:] in html, new in html) == (True, True, False)

    html = page(as_reader(settings, acme))
    assert ("disabled" in html, f'href="{ROTATE}"' in html) == (True, False)


@pytest.mark.usefixtures("connection")
def test_the_password_is_asked_for_first(admin_client: Client) -> None:
    factories.forget_password_entry()

    for response in (admin_client.get(ROTATE), admin_client.post(ROTATE)):
        assert response.status_code == 303
        assert response["Location"] == "/o/acme/confirm/?next=%2Fo%2Facme%2Fscim%2Ftoken%2Frotate%2F"
    assert models.ScimTokenRow.objects.count() == 1


@pytest.mark.usefixtures("connection")
@pytest.mark.parametrize("url", [COMPLETE, CANCEL])
def test_the_second_of_two_admins_who_end_a_rotation_sees_a_conflict(admin_client: Client, url: str) -> None:
    start(admin_client)
    seen = tokens_version(page(admin_client, ROTATE))
    admin_client.post(CANCEL, {"version": seen})

    response = admin_client.post(url, {"version": seen})

    assert response.status_code == 409
    assert "Nothing was changed" in response.content.decode()
    assert admin_client.post(url).status_code == 422


@pytest.mark.usefixtures("connection")
@pytest.mark.parametrize(
    ("days", "said"),
    [
        (31, ""),
        (29, "expires within 30 days"),
        (13, "expires within 14 days"),
        (6, "expires within 7 days"),
        (0, "expires within a day"),
        (-1, "The SCIM token has expired"),
    ],
)
def test_an_expiring_token_is_announced_on_both_pages_with_a_link(admin_client: Client, days: int, said: str) -> None:
    models.ScimTokenRow.objects.update(expires_at=timezone.now() + timedelta(days=days, minutes=1))

    overview = page(admin_client, OVERVIEW)
    assert (said or f'href="{PAGE}#token"') in overview
    assert f'href="{PAGE}#token"' in overview
    assert bool(said) is (said in (home := page(admin_client, "/o/acme/")) and f'href="{PAGE}#token"' in home)
    assert bool(said) is ("loses access" in page(admin_client) or "have been rejected since" in page(admin_client))


def test_without_a_connection_there_is_no_token(admin_client: Client) -> None:
    for url in (PAGE, ROTATE):
        assert "No identity provider is connected" in page(admin_client, url)


@pytest.mark.usefixtures("connection")
def test_a_reader_sees_the_use_and_which_permission_is_missing(
    settings: Settings, acme: models.OrganizationRow
) -> None:
    reader = as_reader(settings, acme)

    html = page(reader)
    assert f'href="{ROTATE}"' not in html
    assert "let you change the SCIM connection and its token" in html
    assert [reader.get(ROTATE).status_code, reader.post(COMPLETE).status_code] == [403, 403]


@pytest.mark.usefixtures("connection")
def test_a_rotation_is_safe_to_finish_once_the_old_token_has_expired(admin_client: Client) -> None:
    start(admin_client)
    models.ScimTokenRow.objects.filter(is_next=False).update(expires_at=timezone.now())

    html = page(admin_client, ROTATE)

    assert ("It’s safe to finish" in html, "Finish anyway" in html) == (True, False)
    assert "still needs the new one" in html


def test_the_page_warns_about_discarding_a_token_in_use(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    new = start(admin_client)
    assert "If you discard the new token instead" not in page(admin_client, ROTATE)

    request_users(connection, new)

    assert "If you discard the new token instead, requests from Okta are rejected" in page(admin_client, ROTATE)


@pytest.mark.usefixtures("connection")
def test_a_rotation_updates_itself_until_it_is_safe_to_finish(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    new = start(admin_client)
    assert "data-poll" in page(admin_client, ROTATE)
    with time_machine.travel(timezone.now() + timedelta(minutes=3), tick=True):
        request_users(connection, new)
        fragment = admin_client.get(ROTATE, headers={"HX-Request": "true", "HX-Target": "rotation"}).content.decode()

    assert "It’s safe to finish" in fragment
    assert "data-poll" not in fragment
    assert "<html" not in fragment
