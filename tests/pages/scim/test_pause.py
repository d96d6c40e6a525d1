"""Pausing and resuming a connection, and the notice on every page while it's paused."""

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from portal.embedded import models
from tests import factories
from tests.absent import absent
from tests.pages.scim.test_conflicts import as_reader

OVERVIEW, SETTINGS = "/o/acme/scim/", "/o/acme/scim/settings/"
PAGE = f"{OVERVIEW}pause/"
RESUME = f"{OVERVIEW}resume/"
PAGES = (
    "",
    "set-up/",
    "people/",
    "groups/",
    "log/",
    "attention/",
    "attention/resolved/",
    "attention/existing-members/",
    "attention/deactivations/",
    "attention/differences/",
)


@pytest.fixture
def connection(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)


@pytest.fixture
def paused(connection: models.ScimConnectionRow) -> models.ScimConnectionRow:
    connection.paused_at, connection.paused_by = timezone.now(), "Pat Pauser"
    connection.save()
    return connection


def page(client: Client, url: str = PAGE) -> str:
    return " ".join(client.get(url).content.decode().split())


def is_paused(connection: models.ScimConnectionRow) -> bool:
    connection.refresh_from_db()
    return connection.paused_at is not None


def test_the_settings_link_to_the_page_that_explains_a_pause(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    assert f'href="{PAGE}"' in page(admin_client, SETTINGS)

    html = page(admin_client)

    assert "No one loses access" in html
    assert "Dashboard › Tasks" in html
    assert not is_paused(connection)


def test_an_admin_pauses_and_resumes(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    response = admin_client.post(PAGE)

    assert (response.status_code, response["Location"]) == (303, OVERVIEW)
    html = page(admin_client, OVERVIEW)
    assert "Okta production is paused." in html
    assert "Ada Admin paused it" in html
    assert is_paused(connection)

    response = admin_client.post(RESUME)

    assert (response.status_code, response["Location"]) == (303, OVERVIEW)
    html = page(admin_client, OVERVIEW)
    assert "Provisioning resumed." in html
    assert "The connection is paused" not in html
    assert not is_paused(connection)
    entries = models.ActivityEntryRow.objects.filter(action__startswith="scim_connection.").order_by("pk")
    assert [(one.action, one.actor_name) for one in entries] == [
        ("scim_connection.pause", "Ada Admin"),
        ("scim_connection.resume", "Ada Admin"),
    ]


@pytest.mark.parametrize("url", ["/o/acme/", *(OVERVIEW + name for name in PAGES)])
def test_every_page_says_who_paused_it_and_offers_to_resume(
    admin_client: Client, paused: models.ScimConnectionRow, url: str
) -> None:
    html = page(admin_client, url)

    assert html.count("The connection is paused") == 1
    assert "Pat Pauser paused it" in html
    assert f'action="{RESUME}"' in html
    # Needs attention has only decisions.
    assert "Nothing needs your attention" not in html or url.endswith("/attention/")


def test_the_second_of_two_admins_gets_a_conflict(admin_client: Client, paused: models.ScimConnectionRow) -> None:
    response = admin_client.post(PAGE)

    assert response.status_code == 409
    assert "Pat Pauser has already paused the connection." in response.content.decode()
    admin_client.post(RESUME)
    response = admin_client.post(RESUME)
    assert response.status_code == 409
    assert "Someone else may have resumed it." in response.content.decode()


def test_a_member_without_the_permission_sees_who_can_help(
    acme: models.OrganizationRow, paused: models.ScimConnectionRow, settings: Settings
) -> None:
    client = as_reader(settings, acme)

    html = page(client, OVERVIEW)

    assert "Pat Pauser paused it" in html
    assert "let you change the SCIM connection" in html
    assert RESUME not in html
    assert client.post(RESUME).status_code == 403
    assert client.post(PAGE).status_code == 403
    assert is_paused(paused)


def test_another_organizations_connection_is_not_paused(
    other_admin_client: Client, connection: models.ScimConnectionRow, globex: models.OrganizationRow
) -> None:
    assert other_admin_client.post(PAGE).status_code == 404
    assert "There’s nothing to pause." in other_admin_client.post(PAGE.replace("acme", "globex")).content.decode()
    assert not is_paused(connection)


@pytest.mark.parametrize("url", [PAGE, RESUME])
def test_a_directory_without_it_shows_the_reason(
    admin_client: Client, connection: models.ScimConnectionRow, url: str
) -> None:
    with absent("pause"):
        assert "Not available with this directory" in page(admin_client, SETTINGS)
        response = admin_client.post(url)

    assert response.status_code == 501
    assert "Not available with this directory" in response.content.decode()
    assert not is_paused(connection)
