"""The limits of the deactivation safeguard, in the settings."""

import re

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from portal.embedded import models
from tests import factories
from tests.absent import absent
from tests.pages.scim.test_conflicts import as_reader

SETTINGS = "/o/acme/scim/settings/"
PAGE = f"{SETTINGS}safeguard/"


@pytest.fixture
def connection(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)


def panel(html: str) -> str:
    """Return the panel of the safeguard."""
    html = " ".join(html.split())
    found = re.search(r'<(form|section) class="panel"[^>]* aria-labelledby="safeguard-heading".*?</\1>', html)
    assert found
    return found.group()


def shown(client: Client, url: str = SETTINGS) -> str:
    return panel(client.get(url).content.decode())


def version(html: str) -> str:
    found = re.search(r'name="version" value="([^"]*)"', html)
    assert found
    return found.group(1)


def save(client: Client, share: object, minimum: object, **changes: str) -> tuple[int, str]:
    data = {"share": share, "minimum": minimum, "version": changes.get("version", "0,0")}
    response = client.post(PAGE, data)
    return response.status_code, " ".join(response.content.decode().split())


def stored() -> tuple[int | None, int | None]:
    row = models.ScimConnectionRow.objects.get()
    return row.safeguard_share, row.safeguard_minimum


@pytest.mark.usefixtures("connection")
def test_limits_are_saved_and_shown_and_in_the_activity_log(admin_client: Client) -> None:
    assert '<option value="20" selected>20%' in shown(admin_client)

    assert save(admin_client, 30, 25)[0] == 303

    html = shown(admin_client)
    assert '<option value="30" selected>30%' in html
    assert 'value="25"' in html
    assert "From 5 to 100." in html
    entry = models.ActivityEntryRow.objects.get(action="scim_connection.update_safeguard")
    assert entry.before == {"safeguard_share": 20, "safeguard_minimum": 10}
    assert entry.after == {"safeguard_share": 30, "safeguard_minimum": 25}
    assert "changed the deactivation safeguard of" in " ".join(
        admin_client.get("/o/acme/activity/").content.decode().split()
    )


def test_the_consequence_has_numbers(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    assert "Beyond both limits, deactivations need approval." in shown(admin_client)
    models.ScimSafeguardRow.objects.create(
        organization=connection.organization, connection=connection, user_count=998, counted_at=timezone.now()
    )

    assert "At 998 people, deactivation number 200 within an hour needs approval." in shown(admin_client)


@pytest.mark.usefixtures("connection")
@pytest.mark.parametrize(("share", "minimum"), [(51, 10), ("", 10), (20, 101), (20, "many"), (20, -1)])
def test_what_is_not_allowed_is_named_and_kept(admin_client: Client, share: object, minimum: object) -> None:
    status, html = save(admin_client, share, minimum)

    assert status == 422
    assert "field-error" in panel(html)
    assert f'value="{minimum}"' in panel(html)
    assert stored() == (None, None)


@pytest.mark.usefixtures("connection")
def test_the_password_is_asked_for_and_what_was_typed_is_kept(admin_client: Client) -> None:
    factories.forget_password_entry()

    response = admin_client.post(PAGE, {"share": "30", "minimum": "25", "version": "0,0"})

    assert response.status_code == 303
    assert (
        response["Location"]
        == "/o/acme/confirm/?next=%2Fo%2Facme%2Fscim%2Fsettings%2F%3Fshare%3D30%26minimum%3D25%23safeguard"
    )
    assert stored() == (None, None)
    html = shown(admin_client, f"{SETTINGS}?share=30&minimum=25")
    assert '<option value="30" selected>30%' in html
    assert "Not saved yet. Select Save to apply these limits." in html


@pytest.mark.usefixtures("connection")
def test_the_second_of_two_admins_gets_a_conflict(admin_client: Client) -> None:
    seen = version(shown(admin_client))
    save(admin_client, 30, 10, version=seen)

    status, html = save(admin_client, 40, 10, version=seen)

    assert status == 409
    assert "They are now 30% and 10 people." in html
    assert '<option value="40" selected>' in html
    assert stored() == (30, None)
    assert save(admin_client, 40, 10, version=version(panel(html)))[0] == 303
    assert stored() == (40, None)


@pytest.mark.usefixtures("connection")
def test_narrowed_bounds_are_shown(admin_client: Client, settings: Settings) -> None:
    models.ScimConnectionRow.objects.update(safeguard_share=50)
    settings.SCIM_SAFEGUARD_SHARE_BOUNDS = (5, 30)

    html = shown(admin_client)

    assert '<option value="30" selected>30%' in html
    assert "You chose 50%. This server now allows 5 to 30%, so 30% applies." in html


@pytest.mark.usefixtures("connection")
def test_without_a_choice_the_controls_are_locked_with_the_reason(admin_client: Client, settings: Settings) -> None:
    settings.SCIM_SAFEGUARD_SHARE_BOUNDS = (20, 20)
    html = shown(admin_client)
    assert "The operator of this server sets 20% for everyone." in html
    assert re.search(r'<select[^>]* name="share"[^>]* disabled|<select name="share"[^>]* disabled', html)
    assert "Save</button>" in html
    assert save(admin_client, 40, 25)[0] == 303
    assert stored() == (None, 25)

    settings.SCIM_SAFEGUARD_MINIMUM_BOUNDS = (10, 10)
    html = shown(admin_client)
    assert "The operator of this server sets 20% and 10 people for everyone." in html
    assert "Save</button>" not in html


@pytest.mark.usefixtures("connection")
def test_a_safeguard_that_is_off_has_no_limits(admin_client: Client, settings: Settings) -> None:
    settings.SCIM_SAFEGUARD_SHARE = 0

    assert "turned off on this server" in shown(admin_client)
    assert save(admin_client, 30, 10)[0] == 422
    assert stored() == (None, None)


@pytest.mark.usefixtures("connection")
def test_a_member_without_the_permission_sees_who_can_help(acme: models.OrganizationRow, settings: Settings) -> None:
    client = as_reader(settings, acme)

    html = shown(client)

    assert "let you change the SCIM connection and its token" in html
    assert 'disabled aria-describedby="limits-reason"' in html
    assert save(client, 30, 10)[0] == 403
    assert stored() == (None, None)


@pytest.mark.usefixtures("connection")
def test_a_directory_without_it_shows_the_reason(admin_client: Client) -> None:
    with absent("safeguard"):
        assert "Not available with this directory" in shown(admin_client)
        assert save(admin_client, 30, 10)[0] == 501
    assert stored() == (None, None)
