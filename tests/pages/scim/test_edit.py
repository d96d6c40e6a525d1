"""Changing the connection's name and identity provider."""

import pytest
from django.test import Client
from pytest_django import Settings

from portal.embedded import models
from tests import factories
from tests.pages.scim.test_conflicts import as_reader
from tests.pages.scim.test_deletion import version

OVERVIEW = "/o/acme/scim/"
SETTINGS, PAGE = f"{OVERVIEW}settings/", f"{OVERVIEW}edit/"


@pytest.fixture
def connection(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)


def page(client: Client, url: str = SETTINGS) -> str:
    return " ".join(client.get(url).content.decode().split())


def answer_to(client: Client, **changes: str) -> tuple[int, str]:
    data = {"identity_provider": "okta", "display_name": "Okta production", "version": version(page(client))}
    response = client.post(PAGE, data | changes)
    return response.status_code, " ".join(response.content.decode().split())


def test_name_and_identity_provider_are_edited_and_everything_else_stays(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    """Defect 16: neither can be edited."""
    token = connection.tokens.get()
    assert f'action="{PAGE}"' in page(admin_client)

    assert answer_to(admin_client, identity_provider="microsoft-entra", display_name="Entra")[0] == 303

    html = page(admin_client)
    assert "Connection saved." in html
    assert ("Entra" in html, "Microsoft Entra ID" in html) == (True, True)
    assert connection.tokens.get() == token


def test_the_second_of_two_admins_sees_a_conflict_and_keeps_the_input(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    seen = version(page(admin_client))
    answer_to(admin_client, display_name="First")

    status, html = answer_to(admin_client, display_name="Second", version=seen)

    assert status == 409
    assert "It is now called First" in html
    assert 'value="Second"' in html
    assert answer_to(admin_client, display_name="Second")[0] == 303


@pytest.mark.usefixtures("connection")
@pytest.mark.parametrize("changes", [{"display_name": ""}, {"identity_provider": "zebra"}, {"display_name": "a\0b"}])
def test_invalid_input_is_explained_and_changes_nothing(admin_client: Client, changes: dict[str, str]) -> None:
    assert answer_to(admin_client, **changes)[0] == 422
    assert models.ScimConnectionRow.objects.get().display_name == "Okta production"


def test_editing_needs_a_connection(admin_client: Client) -> None:
    assert admin_client.get(PAGE)["Location"] == SETTINGS
    assert "No identity provider is connected" in page(admin_client)


@pytest.mark.usefixtures("connection")
def test_a_member_without_the_permission_sees_why(settings: Settings, acme: models.OrganizationRow) -> None:
    reader = as_reader(settings, acme)

    html = page(reader)
    assert '<fieldset class="form-grid" disabled>' in html
    assert "let you change the SCIM connection and its token" in html
    assert reader.get(PAGE).status_code == 403


@pytest.mark.usefixtures("connection")
def test_what_someone_else_saved_is_not_replaced_after_a_mistake(admin_client: Client) -> None:
    seen = version(page(admin_client))
    answer_to(admin_client, display_name="First")

    status, html = answer_to(admin_client, display_name="", version=seen)
    assert status == 422

    # The form as the page shows it now.
    assert answer_to(admin_client, display_name="Second", version=version(html))[0] == 409
    assert models.ScimConnectionRow.objects.get().display_name == "First"


@pytest.mark.usefixtures("connection")
def test_after_a_conflict_saving_again_replaces_what_was_shown(admin_client: Client) -> None:
    seen = version(page(admin_client))
    answer_to(admin_client, display_name="First")

    _, html = answer_to(admin_client, display_name="Second", version=seen)

    assert answer_to(admin_client, display_name="Second", version=version(html))[0] == 303
