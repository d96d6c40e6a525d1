"""Deleting the connection: what ends, the typed name, and the message afterwards."""

import re
from unittest.mock import patch

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from portal.directory.members import MemberStatus
from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import models
from portal.embedded.scim.deletion import EmbeddedScimDeletion
from tests import factories
from tests.absent import absent
from tests.pages.scim.test_conflicts import as_reader

OVERVIEW, SETTINGS = "/o/acme/scim/", "/o/acme/scim/settings/"
PAGE = f"{OVERVIEW}delete/"


@pytest.fixture
def connection(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)


@pytest.fixture
def users(connection: models.ScimConnectionRow) -> list[models.ScimUserRow]:
    """Provision three members, two of them with a role through a group."""
    found = [factories.provisioned(connection, f"person{n}@acme.example") for n in range(3)]
    group = factories.scim_group(connection, "Engineering")
    factories.put_in_group(group, found[:2])
    factories.group_role(group, "stytch_admin")
    return found


def page(client: Client, url: str = PAGE) -> str:
    return " ".join(client.get(url).content.decode().split())


def version(html: str) -> str:
    found = re.search(r'name="version" value="([^"]+)"', html)
    assert found
    return found.group(1)


def answer_to(client: Client, **changes: str) -> tuple[int, str, str]:
    """Submit the form, and return the status, the page and the redirect."""
    data = {"people": "keep", "display_name": "Okta production", "version": version(page(client)), **changes}
    response = client.post(PAGE, data)
    return response.status_code, " ".join(response.content.decode().split()), response.get("Location", "")


def is_deleted(connection: models.ScimConnectionRow) -> bool:
    connection.refresh_from_db()
    return connection.status == ScimConnectionStatus.DELETED


@pytest.mark.usefixtures("users")
def test_the_page_shows_what_ends_and_who_loses_which_role(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    assert f'href="{PAGE}"' in page(admin_client, SETTINGS)

    html = page(admin_client)

    for shown in (
        "Can sign in now</dt><dd>3</dd>",
        "Admin</dt> <dd> 2 people",
        "3 people lose access immediately",
        "until 3",
    ):
        assert shown in html
    assert "You lose a role yourself" not in html
    assert not is_deleted(connection)


@pytest.mark.usefixtures("users")
def test_people_stay_members_if_chosen(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    assert answer_to(admin_client)[::2] == (303, OVERVIEW)

    assert is_deleted(connection)
    html = page(admin_client, OVERVIEW)
    assert "Okta production is deleted. Its people stay members." in html
    assert "No identity provider is connected" in html
    assert models.MemberRow.objects.exclude(status=MemberStatus.ACTIVE).count() == 0


def test_people_except_the_caller_are_deactivated_if_chosen(
    admin_client: Client,
    admin: models.MemberRow,
    connection: models.ScimConnectionRow,
    users: list[models.ScimUserRow],
) -> None:
    mine = factories.scim_user(connection, admin.email_address)
    models.ScimUserRow.objects.filter(pk=mine.pk).update(member=admin)
    assert "Not deactivated: ada@acme.example (you)" in page(admin_client)

    assert answer_to(admin_client, people="deactivate")[0] == 303

    html = page(admin_client, OVERVIEW)
    assert "3 people were deactivated. Not deactivated: ada@acme.example." in html
    assert models.MemberRow.objects.filter(status=MemberStatus.DELETED).count() == 3


@pytest.mark.parametrize("typed", ["", "okta production", "Okta production ", "Okta", "Okta production\u200b"])
@pytest.mark.usefixtures("users")
def test_only_the_exact_name_deletes(admin_client: Client, connection: models.ScimConnectionRow, typed: str) -> None:
    status, html, _ = answer_to(admin_client, display_name=typed, people="deactivate")

    assert status == 422
    assert ("Type the name of the connection." if not typed else "This isn&#x27;t the name of the connection.") in html
    # The choice is kept.
    assert re.search(r'value="deactivate"[^>]*checked', html)
    assert not is_deleted(connection)


@pytest.mark.parametrize("choice", ["", "other"])
def test_what_happens_to_people_must_be_chosen(
    admin_client: Client, connection: models.ScimConnectionRow, choice: str
) -> None:
    assert answer_to(admin_client, people=choice)[0] == 422
    assert not is_deleted(connection)


def test_changes_since_the_page_was_shown_are_a_conflict(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    seen = version(page(admin_client))
    factories.provisioned(connection, "late@acme.example")

    status, html, _ = answer_to(admin_client, version=seen)

    assert status == 409
    assert "Nothing was deleted" in html
    assert "Can sign in now</dt><dd>1</dd>" in html
    assert not is_deleted(connection)
    assert answer_to(admin_client)[0] == 303


def test_the_second_of_two_admins_sees_that_there_is_no_connection(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    seen = version(page(admin_client))
    answer_to(admin_client)

    response = admin_client.post(PAGE, {"people": "keep", "display_name": "Okta production", "version": seen})

    assert "Someone else may have deleted the connection." in response.content.decode()


def test_a_member_who_loses_access_to_the_area_is_warned_and_redirected_home(
    acme: models.OrganizationRow, connection: models.ScimConnectionRow, admin: models.MemberRow
) -> None:
    pia = factories.provisioned(connection, "pia@acme.example")
    group = factories.scim_group(connection, "Engineering")
    factories.put_in_group(group, [pia])
    factories.group_role(group, "stytch_admin")
    client = factories.signed_in(models.MemberRow.objects.get(scim_user=pia))
    assert "You lose a role yourself" in page(client)

    assert answer_to(client)[::2] == (303, "/o/acme/")

    html = page(client, "/o/acme/")
    assert "Okta production is deleted." in html
    assert client.get(OVERVIEW).status_code == 403


def test_the_last_admin_role_blocks_the_deletion(
    acme: models.OrganizationRow, connection: models.ScimConnectionRow
) -> None:
    pia = factories.provisioned(connection, "pia@acme.example")
    group = factories.scim_group(connection, "Engineering")
    factories.put_in_group(group, [pia])
    factories.group_role(group, "stytch_admin")
    client = factories.signed_in(models.MemberRow.objects.get(scim_user=pia))

    html = page(client)
    assert "The connection can’t be deleted now" in html
    assert "Make someone an admin manually" in html

    assert answer_to(client)[0] == 409
    assert not is_deleted(connection)


def test_a_member_without_the_permission_sees_why_and_who_can_delete(
    acme: models.OrganizationRow, connection: models.ScimConnectionRow, settings: Settings
) -> None:
    client = as_reader(settings, acme)

    html = page(client, SETTINGS)

    assert "let you delete the SCIM connection" in html
    assert f'href="{PAGE}"' not in html
    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, {"people": "keep", "display_name": "Okta production"}).status_code == 403
    assert not is_deleted(connection)


def test_another_organizations_connection_is_not_deleted(
    other_admin_client: Client, connection: models.ScimConnectionRow, globex: models.OrganizationRow
) -> None:
    assert other_admin_client.post(PAGE).status_code == 404
    factories.scim_connection(globex)
    assert "Okta production" in page(other_admin_client, PAGE.replace("acme", "globex"))
    assert not is_deleted(connection)


@pytest.mark.parametrize("number", [2, 40])
def test_the_number_of_queries_is_independent_of_the_number_of_people(
    admin_client: Client,
    connection: models.ScimConnectionRow,
    django_assert_num_queries: DjangoAssertNumQueries,
    number: int,
) -> None:
    for n in range(number):
        factories.provisioned(connection, f"person{n}@acme.example")
    admin_client.get(PAGE)

    # Session, connection twice; admins and the caller among the users; users, members, groups, group roles, roles, exempt ones.
    with django_assert_num_queries(10):
        admin_client.get(PAGE)


def test_a_directory_without_deactivation_and_restoration_shows_the_reasons(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    with absent("restoration"), patch.object(EmbeddedScimDeletion, "deactivation", None):
        html = page(admin_client)
        assert "This directory can’t deactivate them" in html
        assert "This can’t be undone" in html
        assert 'name="people"' not in html

        assert answer_to(admin_client)[0] == 303
    assert is_deleted(connection)


def test_a_paused_connection_can_be_deleted(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    models.ScimConnectionRow.objects.update(paused_at=timezone.now(), paused_by="Pat")

    assert answer_to(admin_client)[0] == 303
