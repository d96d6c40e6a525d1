"""Contacts on the overview, and the page that changes them."""

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import escape
from pytest_django import Settings

from portal.embedded import models
from tests import factories
from tests.absent import absent
from tests.pages.scim.test_conflicts import as_reader
from tests.pages.scim.test_deletion import version

OVERVIEW = "/o/acme/scim/"
PAGE = f"{OVERVIEW}contacts/"


@pytest.fixture
def connection(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)


def page(client: Client, url: str = PAGE) -> str:
    return " ".join(client.get(url).content.decode().split())


def save(client: Client, addresses: str, **changes: str) -> tuple[int, str]:
    response = client.post(PAGE, {"addresses": addresses, "version": version(page(client)), **changes})
    return response.status_code, " ".join(response.content.decode().split())


def saved() -> list[str]:
    return [one.email_address for one in models.ScimContactRow.objects.order_by("pk")]


@pytest.mark.parametrize(
    "text", ["a@acme.example\r\nb@acme.example", "a@acme.example, b@acme.example;", " a@acme.example\n\nb@acme.example"]
)
def test_contacts_are_saved_and_shown_on_the_overview(
    admin_client: Client, connection: models.ScimConnectionRow, text: str
) -> None:
    assert "No contacts yet." in page(admin_client, OVERVIEW)

    assert save(admin_client, text)[0] == 303

    html = page(admin_client, OVERVIEW)
    assert "Contacts saved." in html
    assert "<li>a@acme.example</li><li>b@acme.example</li>" in html
    assert "a@acme.example b@acme.example</textarea>" in page(admin_client)
    entry = models.ActivityEntryRow.objects.get(action="scim_connection.update_contacts")
    assert (entry.before, entry.after) == ({"contacts": []}, {"contacts": ["a@acme.example", "b@acme.example"]})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a@acme.example\nnobody", '"nobody" isn\'t a valid email address.'),
        ("\n".join(f"a{n}@acme.example" for n in range(11)), "You entered 11 addresses. Enter at most 10."),
    ],
)
def test_an_invalid_address_is_named_and_the_input_is_kept(
    admin_client: Client, connection: models.ScimConnectionRow, text: str, said: str
) -> None:
    status, html = save(admin_client, text)

    assert status == 422
    assert escape(said) in html
    assert " ".join(text.split()) in html
    assert saved() == []


def test_the_second_of_two_admins_gets_a_conflict(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    seen = version(page(admin_client))
    save(admin_client, "first@acme.example")

    status, html = save(admin_client, "second@acme.example", version=seen)

    assert status == 409
    assert "Contacts now: first@acme.example." in html
    assert "second@acme.example</textarea>" in html
    assert saved() == ["first@acme.example"]


def test_without_email_the_pages_say_so(
    admin_client: Client, connection: models.ScimConnectionRow, settings: Settings
) -> None:
    for url in (OVERVIEW, PAGE):
        assert "Email isn’t configured on this server" in page(admin_client, url)
    settings.EMAIL_IS_SET_UP = True
    for url in (OVERVIEW, PAGE):
        assert "Email isn’t configured on this server" not in page(admin_client, url)


def test_a_member_without_the_permission_sees_who_can_help(
    acme: models.OrganizationRow, connection: models.ScimConnectionRow, settings: Settings
) -> None:
    models.ScimContactRow.objects.create(organization=acme, connection=connection, email_address="it@acme.example")
    client = as_reader(settings, acme)

    html = page(client, OVERVIEW)

    assert "it@acme.example" in html
    assert "stytch.scim:update" in html
    assert f'href="{PAGE}"' not in html
    assert client.post(PAGE, {"addresses": ""}).status_code == 403
    assert saved() == ["it@acme.example"]


def test_another_organizations_contacts_are_not_found(
    other_admin_client: Client, connection: models.ScimConnectionRow, globex: models.OrganizationRow
) -> None:
    models.ScimContactRow.objects.create(
        organization=connection.organization, connection=connection, email_address="it@acme.example"
    )
    factories.scim_connection(globex)

    assert other_admin_client.post(PAGE, {"addresses": ""}).status_code == 404
    assert "it@acme.example" not in page(other_admin_client, PAGE.replace("acme", "globex"))
    assert saved() == ["it@acme.example"]


def test_the_safeguard_shows_that_contacts_were_emailed(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    models.ScimConnectionRow.objects.update(hold_started_at=timezone.now())
    assert "Contacts were emailed" not in page(admin_client, f"{OVERVIEW}safeguard/")
    models.ScimConnectionRow.objects.update(hold_notified_at=timezone.now())

    for url in ("/o/acme/", OVERVIEW, f"{OVERVIEW}safeguard/"):
        assert "Contacts were emailed" in page(admin_client, url)


def test_without_a_connection_the_page_says_so(admin_client: Client) -> None:
    assert "No identity provider is connected" in page(admin_client)


def test_a_directory_without_it_shows_the_reason(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    with absent("contacts"):
        for url in (OVERVIEW, PAGE):
            assert "Not available with this directory" in page(admin_client, url)
        assert admin_client.post(PAGE, {"addresses": "a@acme.example"}).status_code == 501
    assert saved() == []
