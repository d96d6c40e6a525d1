"""Contacts, in the settings."""

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
SETTINGS = f"{OVERVIEW}settings/"
PAGE = f"{OVERVIEW}contacts/"


@pytest.fixture
def connection(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)


def page(client: Client, url: str = SETTINGS) -> str:
    return " ".join(client.get(url).content.decode().split())


def save(client: Client, addresses: str, **changes: str) -> tuple[int, str]:
    response = client.post(PAGE, {"addresses": addresses, "version": contacts_version(page(client)), **changes})
    return response.status_code, " ".join(response.content.decode().split())


def contacts_version(html: str) -> str:
    return version(html[html.index('id="contacts"') :])


def saved() -> list[str]:
    return [one.email_address for one in models.ScimContactRow.objects.order_by("pk")]


@pytest.mark.parametrize(
    "text", ["a@acme.example\r\nb@acme.example", "a@acme.example, b@acme.example;", " a@acme.example\n\nb@acme.example"]
)
def test_contacts_are_saved_and_shown(admin_client: Client, connection: models.ScimConnectionRow, text: str) -> None:
    assert save(admin_client, text)[0] == 303

    html = page(admin_client)
    assert "Contacts saved." in html
    assert "a@acme.example b@acme.example</textarea>" in html
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
    seen = contacts_version(page(admin_client))
    save(admin_client, "first@acme.example")

    status, html = save(admin_client, "second@acme.example", version=seen)

    assert status == 409
    assert "The contacts are now: first@acme.example." in html
    assert "second@acme.example</textarea>" in html
    assert saved() == ["first@acme.example"]


def test_without_email_the_page_says_so(
    admin_client: Client, connection: models.ScimConnectionRow, settings: Settings
) -> None:
    assert "Email isn’t set up here" in page(admin_client)
    settings.EMAIL_IS_SET_UP = True
    assert "Email isn’t set up here" not in page(admin_client)


def test_a_member_without_the_permission_sees_who_can_help(
    acme: models.OrganizationRow, connection: models.ScimConnectionRow, settings: Settings
) -> None:
    models.ScimContactRow.objects.create(organization=acme, connection=connection, email_address="it@acme.example")
    client = as_reader(settings, acme)

    html = page(client)

    assert "it@acme.example" in html
    assert "let you change the SCIM connection and its token" in html
    assert "<fieldset disabled>" in html
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
    assert "it@acme.example" not in page(other_admin_client, SETTINGS.replace("acme", "globex"))
    assert saved() == ["it@acme.example"]


def test_the_safeguard_shows_that_contacts_were_emailed(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    models.ScimConnectionRow.objects.update(hold_started_at=timezone.now())
    assert "Contacts were emailed" not in page(admin_client, f"{OVERVIEW}attention/deactivations/")
    models.ScimConnectionRow.objects.update(hold_notified_at=timezone.now())

    for url in ("/o/acme/", OVERVIEW, f"{OVERVIEW}attention/deactivations/"):
        assert "Contacts were emailed" in page(admin_client, url)


def test_without_a_connection_the_page_says_so(admin_client: Client) -> None:
    assert "No identity provider is connected" in page(admin_client)


def test_a_directory_without_it_shows_the_reason(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    with absent("contacts"):
        for url in (SETTINGS, PAGE):
            assert "Not available with this directory" in page(admin_client, url)
        assert admin_client.post(PAGE, {"addresses": "a@acme.example"}).status_code == 501
    assert saved() == []


@pytest.mark.usefixtures("connection")
def test_what_someone_else_saved_is_not_replaced_after_a_mistake(admin_client: Client) -> None:
    seen = contacts_version(page(admin_client))
    save(admin_client, "first@acme.example")

    status, html = save(admin_client, "nobody", version=seen)
    assert status == 422

    # The form as the page shows it now.
    status, html = save(admin_client, "second@acme.example", version=contacts_version(html))
    assert status == 409
    assert saved() == ["first@acme.example"]
    # This page shows them, so saving again replaces them.
    assert save(admin_client, "second@acme.example", version=contacts_version(html))[0] == 303
