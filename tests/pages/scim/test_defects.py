"""Defects of Stytch's SCIM screens that concern several pages. The tests of single pages name the others by number."""

import re
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from django.test import Client
from pytest_django import Settings

from portal.access.routing import iter_routes
from portal.directory.permissions import Permission
from portal.embedded import audit, models
from portal.web.policy_words import to_do
from tests import factories
from tests.pages.scim.test_conflicts import as_reader

OVERVIEW = "/o/acme/scim/"
TOKEN = "scim_the-token-of-acme-0123456789"


@pytest.fixture
def connection(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme, bearer_token=TOKEN)


@pytest.fixture
def group(connection: models.ScimConnectionRow) -> models.ScimGroupRow:
    group = factories.scim_group(connection, "Support")
    factories.put_in_group(group, [factories.provisioned(connection, "pia@acme.example")])
    factories.group_role(group, "stytch_admin")
    return group


def pages() -> Iterator[str]:
    """Yield the URL of every page of the area without an id."""
    for one in iter_routes():
        is_page = one.access is not None and "GET" in one.access.methods and one.path.count("<") == 1
        if is_page and one.name.startswith("scim:"):
            yield "/" + one.path.replace("<str:organization_slug>", "acme")


def test_defect_9_a_failed_change_is_not_saved_partially(
    admin_client: Client, connection: models.ScimConnectionRow, group: models.ScimGroupRow
) -> None:
    """The screen saves with three requests, and the last one can fail."""
    admin_client.raise_request_exception = False
    seen = re.search(r'name="version" value="([^"]+)"', admin_client.get(f"{OVERVIEW}settings/").content.decode())
    assert seen
    form = {"identity_provider": "generic", "display_name": "Renamed", "version": seen.group(1)}

    with patch.object(audit, "record", side_effect=OSError):
        assert admin_client.post(f"{OVERVIEW}edit/", form).status_code == 500
        assert admin_client.post(f"{OVERVIEW}token/rotate/").status_code == 500

    connection.refresh_from_db()
    assert (connection.display_name, connection.identity_provider) == ("Okta production", "okta")
    assert connection.tokens.count() == 1


@pytest.mark.usefixtures("group")
def test_defect_13_a_viewer_sees_every_mapping(settings: Settings, acme: models.OrganizationRow) -> None:
    """Viewers see only a part of the list, without a hint."""
    html = as_reader(settings, acme).get(f"{OVERVIEW}roles/", follow=True).content.decode()

    assert re.search(r"Support.*?badge-role\">Admin<", html, re.DOTALL)


@pytest.mark.usefixtures("group")
def test_defect_14_no_page_shows_an_existing_secret(admin_client: Client) -> None:
    """The page shows a secret in plain text."""
    seen = list(pages())
    assert len(seen) > 12
    for url in seen:
        response = admin_client.get(url)
        assert response.status_code in {200, 301, 302, 303}, url
        assert TOKEN not in response.content.decode(), url


@pytest.mark.usefixtures("group")
def test_defect_15_harmless_changes_need_no_confirmation(admin_client: Client) -> None:
    """Each change needs a confirmation."""
    seen = re.search(r'name="version" value="([^"]+)"', admin_client.get(f"{OVERVIEW}settings/").content.decode())
    assert seen
    form = {"identity_provider": "okta", "display_name": "Renamed", "version": seen.group(1)}

    assert admin_client.post(f"{OVERVIEW}edit/", form).status_code == 303
    assert models.ScimConnectionRow.objects.get().display_name == "Renamed"


@pytest.mark.usefixtures("group")
def test_defect_17_everything_clickable_is_a_link_a_button_or_a_field(admin_client: Client) -> None:
    """Rows and texts react only to the mouse. tests/browser check each page with axe and the keyboard."""
    for url in pages():
        html = admin_client.get(url).content.decode()
        # Elements that can only be focused are fine.
        inert = re.findall(r"<(?:tr|td|span|li|div)\b[^>]*(?:\bonclick|\bhx-(?:get|post)|\bdata-copy)=[^>]*>", html)
        assert inert == [], url


@pytest.mark.usefixtures("connection")
def test_defect_10_every_state_has_a_url(admin_client: Client) -> None:
    """There are no URLs, so that a reload leads back to the start."""
    for url in pages():
        first, again = admin_client.get(url), admin_client.get(url)
        assert (first.status_code, first.get("Location")) == (again.status_code, again.get("Location")), url


@pytest.mark.parametrize("permission", Permission)
def test_every_permission_is_known_in_words(permission: Permission) -> None:
    """Defects 6 and 13: a member without a permission sees which one is missing."""
    assert to_do(permission) != permission.partition(":")[2]
