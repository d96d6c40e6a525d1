"""A contact stops the emails of a connection by the link in one of them."""

import pytest
from django.test import Client
from pytest_django import Settings

from portal.embedded import models
from portal.embedded.scim.contacts import stop_url
from tests import factories
from tests.pages.scim.test_contacts import page, save

CONTACT = "it@acme.example"


@pytest.fixture(autouse=True)
def _email(settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.PUBLIC_URL = True, "http://testserver"


@pytest.fixture
def connection(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)


@pytest.fixture
def contact(connection: models.ScimConnectionRow) -> models.ScimContactRow:
    return models.ScimContactRow.objects.create(
        organization_id=connection.organization_id, connection=connection, email_address=CONTACT
    )


def stopped(contact: models.ScimContactRow) -> bool:
    return models.ScimContactRow.objects.get(pk=contact.pk).stopped_at is not None


def link(contact: models.ScimContactRow) -> str:
    return stop_url(contact, "acme")


def test_opening_the_link_asks_and_changes_nothing(visitor: Client, contact: models.ScimContactRow) -> None:
    for _ in range(3):
        html = page(visitor, link(contact))
        visitor.head(link(contact))

    assert f"Stop emails about {contact.connection.display_name}?" in html
    assert CONTACT in html
    assert not stopped(contact)


def test_a_mail_program_stops_them_with_one_post(acme: models.OrganizationRow, contact: models.ScimContactRow) -> None:
    client = Client(enforce_csrf_checks=True)
    for _ in range(2):
        response = client.post(link(contact), {"List-Unsubscribe": "One-Click"})
        assert response.status_code == 200
        assert "Emails stopped" in response.content.decode()

    assert stopped(contact)
    entry = models.ActivityEntryRow.objects.get(action="scim_connection.stop_emails")
    assert (entry.actor_type, entry.actor_name) == ("visitor", CONTACT)
    assert (entry.before, entry.after) == ({"contacts": [CONTACT]}, {"contacts": []})


def test_admins_see_who_stopped_them_and_can_add_the_address_again(
    admin_client: Client, visitor: Client, contact: models.ScimContactRow
) -> None:
    visitor.post(link(contact))

    html = page(admin_client)
    assert f"{CONTACT} stopped these emails" in html
    assert f"{CONTACT}</textarea>" not in html
    assert f"{CONTACT} stopped the emails about" in page(admin_client, "/o/acme/activity/").replace("<b>", "").replace(
        "</b>", ""
    )

    save(admin_client, "second@acme.example")
    assert f"{CONTACT} stopped these emails" in page(admin_client)
    save(admin_client, f"second@acme.example\n{CONTACT}")
    assert f"{CONTACT} stopped these emails" not in page(admin_client)
    assert not models.ScimContactRow.objects.exclude(stopped_at=None).exists()


def test_a_link_of_a_former_contact_no_longer_works(visitor: Client, contact: models.ScimContactRow) -> None:
    url = link(contact)
    contact.delete()

    for response in (visitor.get(url), visitor.post(url)):
        assert response.status_code == 410
        assert "no longer a contact" in response.content.decode()


def test_a_link_works_only_for_its_own_organization_and_address(
    visitor: Client, contact: models.ScimContactRow, globex: models.OrganizationRow
) -> None:
    other = factories.scim_connection(globex)
    models.ScimContactRow.objects.create(organization_id=globex.pk, connection=other, email_address=CONTACT)

    assert visitor.post(stop_url(contact, "globex")).status_code == 410
    assert visitor.post(f"{link(contact)[:-3]}x/").status_code == 410
    assert not models.ScimContactRow.objects.exclude(stopped_at=None).exists()
