"""Restoring a connection: the list, what each one brings back, and the message afterwards."""

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from portal.directory.ids import public_id
from portal.directory.members import MemberStatus
from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import models
from tests import factories
from tests.absent import absent
from tests.conftest import PASSWORD
from tests.pages.scim.test_conflicts import as_reader
from tests.pages.scim.test_deletion import answer_to

OVERVIEW = "/o/acme/scim/"
LIST = f"{OVERVIEW}restore/"


def delete(connection: models.ScimConnectionRow, *, days_ago: float = 1, by: str = "Dee Deleter") -> None:
    connection.status, connection.deleted_by = ScimConnectionStatus.DELETED, by
    connection.deleted_at = timezone.now() - timedelta(days=days_ago)
    connection.save()


@pytest.fixture
def deleted(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    connection = factories.scim_connection(acme)
    factories.scim_group(connection, "Engineering")
    delete(connection)
    return connection


def url(connection: models.ScimConnectionRow) -> str:
    return f"{LIST}{public_id('scim-connection', connection.pk)}/"


def page(client: Client, url: str) -> str:
    return " ".join(client.get(url).content.decode().split())


def is_active(connection: models.ScimConnectionRow) -> bool:
    connection.refresh_from_db()
    return connection.status == ScimConnectionStatus.ACTIVE


def test_the_overview_links_to_the_list_and_the_list_to_each_connection(
    admin_client: Client, deleted: models.ScimConnectionRow
) -> None:
    assert f'href="{LIST}"' in page(admin_client, OVERVIEW)

    html = page(admin_client, LIST)

    for shown in ("Okta production", "Okta", "by Dee Deleter", f'href="{url(deleted)}"'):
        assert shown in html


def test_a_connection_is_restored(admin_client: Client, deleted: models.ScimConnectionRow) -> None:
    html = page(admin_client, url(deleted))
    assert "People</dt><dd>0</dd>" in html
    assert "Groups</dt><dd>1</dd>" in html
    assert "continues without a change there" in html
    assert "Make them active again" not in html

    response = admin_client.post(url(deleted))

    assert (response.status_code, response["Location"]) == (303, OVERVIEW)
    assert "Okta production is restored." in page(admin_client, OVERVIEW)
    assert is_active(deleted)


@pytest.mark.parametrize("reactivate", [True, False])
def test_deactivated_people_are_counted_and_reactivated_if_chosen(
    admin_client: Client, acme: models.OrganizationRow, *, reactivate: bool
) -> None:
    connection = factories.scim_connection(acme)
    for n in range(2):
        factories.provisioned(connection, f"person{n}@acme.example")
    assert answer_to(admin_client, people="deactivate")[0] == 303
    html = page(admin_client, url(connection))
    assert "The deletion deactivated 2 people. 2 of them can be active again" in html

    admin_client.post(url(connection), {"reactivate": "on"} if reactivate else {})

    html = page(admin_client, OVERVIEW)
    assert ("2 people are active again." in html) is reactivate
    assert models.MemberRow.objects.filter(status=MemberStatus.ACTIVE).count() == (3 if reactivate else 1)
    assert ("person0" in page(admin_client, f"{OVERVIEW}attention/differences/")) is not reactivate


@pytest.mark.parametrize("chosen", [{}, {"reactivate": "on"}])
def test_the_password_is_asked_for_first_and_the_choice_is_kept(
    admin_client: Client, acme: models.OrganizationRow, chosen: dict[str, str]
) -> None:
    connection = factories.scim_connection(acme)
    factories.provisioned(connection, "pia@acme.example")
    answer_to(admin_client, people="deactivate")
    factories.forget_password_entry()
    assert admin_client.get(url(connection))["Location"].startswith("/o/acme/confirm/")

    response = admin_client.post(url(connection), chosen)

    assert response.status_code == 303
    onward = parse_qs(urlsplit(response["Location"]).query)["next"][0]
    assert onward.partition("?")[0] == url(connection)
    assert not is_active(connection)
    back = admin_client.post("/o/acme/confirm/", {"password": PASSWORD, "next": onward})
    assert back["Location"] == onward
    assert bool(re.search(r"<input[^>]* checked", page(admin_client, onward))) is bool(chosen)
    assert not is_active(connection)


def test_an_obstacle_is_shown_without_asking_for_the_password(
    admin_client: Client, acme: models.OrganizationRow, deleted: models.ScimConnectionRow
) -> None:
    factories.scim_connection(acme, display_name="Entra", bearer_token="scim_token-of-another")
    factories.forget_password_entry()

    assert "Another connection is active" in page(admin_client, url(deleted))


def test_an_expired_token_is_announced(admin_client: Client, deleted: models.ScimConnectionRow) -> None:
    models.ScimTokenRow.objects.update(expires_at=timezone.now() - timedelta(days=1))

    assert "are rejected until there is a new one" in page(admin_client, url(deleted))


def test_an_active_connection_blocks_the_restoration(
    admin_client: Client, acme: models.OrganizationRow, deleted: models.ScimConnectionRow
) -> None:
    factories.scim_connection(acme, display_name="Entra", bearer_token="scim_token-of-another")
    assert "Another connection is active" in page(admin_client, url(deleted))

    response = admin_client.post(url(deleted))

    assert response.status_code == 409
    assert "Another connection is active" in response.content.decode()
    assert not is_active(deleted)


def test_the_second_of_two_admins_finds_nothing_to_restore(
    admin_client: Client, deleted: models.ScimConnectionRow
) -> None:
    admin_client.post(url(deleted))

    assert admin_client.post(url(deleted)).status_code == 404


def test_a_connection_cannot_be_restored_after_the_retention_period(
    admin_client: Client, deleted: models.ScimConnectionRow
) -> None:
    delete(deleted, days_ago=31)

    assert "No connections to restore" in page(admin_client, LIST)
    assert admin_client.get(url(deleted)).status_code == 404
    assert admin_client.post(url(deleted)).status_code == 404
    assert not is_active(deleted)


def test_another_organizations_deleted_connection_is_not_found(
    other_admin_client: Client, deleted: models.ScimConnectionRow
) -> None:
    their_url = url(deleted).replace("acme", "globex")

    assert "Okta production" not in page(other_admin_client, LIST.replace("acme", "globex"))
    assert other_admin_client.get(their_url).status_code == 404
    assert other_admin_client.post(their_url).status_code == 404
    assert not is_active(deleted)


def test_a_reader_sees_the_list_but_cannot_restore(
    acme: models.OrganizationRow, deleted: models.ScimConnectionRow, settings: Settings
) -> None:
    client = as_reader(settings, acme)

    assert "Okta production" in page(client, LIST)
    response = client.post(url(deleted))
    assert response.status_code == 403
    assert "let you create a SCIM connection" in response.content.decode()
    assert not is_active(deleted)


LOG = f"{OVERVIEW}log/"


def test_the_log_of_a_deleted_connection_can_be_read_and_exported(
    admin_client: Client, acme: models.OrganizationRow, deleted: models.ScimConnectionRow
) -> None:
    call = factories.scim_request(deleted, status=409, scim_type="uniqueness", detail="There is one already.")
    assert LIST in page(admin_client, LOG)
    [log_url] = re.findall(rf'href="({LOG}[^"]+)"', page(admin_client, LIST))

    html = page(admin_client, log_url)
    entry = f"{LOG}{public_id('scim-request', call.pk)}/"
    assert "Requests of a deleted connection" in html
    given = f"?connection_id={public_id('scim-connection', deleted.pk)}"
    assert f'href="{entry}{given}"' in html
    assert page(admin_client, entry).count(f'href="{log_url}"') == 1
    assert "a dry run isn’t possible" in page(admin_client, entry)

    factories.scim_connection(acme, display_name="Entra", bearer_token="scim_token-of-another")
    assert f'href="{entry}' not in page(admin_client, LOG)
    html = page(admin_client, log_url)
    assert (f'href="{entry}{given}"' in html, "View requests of Entra" in html) == (True, True)
    form = {"connection_id": public_id("scim-connection", deleted.pk), "file_format": "jsonl"}
    exported = admin_client.post(f"{LOG}export/", form)
    assert b"There is one already." in b"".join(exported)


def test_other_organizations_and_old_logs_are_not_found(
    admin_client: Client,
    globex: models.OrganizationRow,
    deleted: models.ScimConnectionRow,
) -> None:
    theirs = factories.scim_connection(globex)
    delete(theirs)
    delete(deleted, days_ago=31)
    factories.scim_request(theirs)
    factories.scim_request(deleted)

    for connection in (theirs, deleted):
        form = {"connection_id": public_id("scim-connection", connection.pk), "file_format": "csv"}
        html = " ".join(admin_client.get(LOG, form).content.decode().split())
        assert "No identity provider is connected" in html
        assert admin_client.post(f"{LOG}export/", form).status_code == 404


@pytest.mark.parametrize("number", [2, 20])
def test_the_number_of_queries_is_independent_of_the_length_of_the_list(
    admin_client: Client,
    acme: models.OrganizationRow,
    django_assert_num_queries: DjangoAssertNumQueries,
    number: int,
) -> None:
    for n in range(number):
        delete(factories.scim_connection(acme, bearer_token=f"scim_token-number-{n}"))
    admin_client.get(LIST)

    # The session, and the list.
    with django_assert_num_queries(3):  # session, deleted connections, the connection for the frame
        assert admin_client.get(LIST).content.decode().count(">Okta production<") == number


def test_a_directory_without_restoration_shows_the_reason(
    admin_client: Client, deleted: models.ScimConnectionRow
) -> None:
    with absent("restoration"):
        assert LIST not in page(admin_client, OVERVIEW)
        for address in (LIST, url(deleted)):
            assert "Not available with this directory" in page(admin_client, address)
        assert admin_client.post(url(deleted)).status_code == 501
    assert not is_active(deleted)
