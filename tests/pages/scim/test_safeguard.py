"""The page and the banner of the deactivation safeguard: every state, and the decisions."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from portal.embedded import models
from tests import factories
from tests.absent import absent
from tests.pages.scim.test_conflicts import as_reader

PAGE = "/o/acme/scim/attention/deactivations/"
DECIDE = f"{PAGE}decide/"
APPROVE = f"{PAGE}approve/"
BANNERS = ("/o/acme/", "/o/acme/scim/")


@pytest.fixture
def connection(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)


@pytest.fixture
def holding(connection: models.ScimConnectionRow) -> models.ScimConnectionRow:
    """The connection, on hold: 20 of 100 people were deactivated, and three are on hold."""
    connection.hold_started_at = timezone.now() - timedelta(minutes=5)
    connection.save()
    models.ScimSafeguardRow.objects.create(
        organization=connection.organization, connection=connection, deactivated_count=20, user_count=100
    )
    hold(connection, 3)
    return connection


def hold(connection: models.ScimConnectionRow, number: int) -> None:
    users = [factories.scim_user(connection, f"held{n:03}@acme.example") for n in range(number)]
    keys = [user.pk for user in users]
    models.ScimUserRow.objects.filter(pk__in=keys).update(deactivation_held_at=timezone.now())


def page(client: Client, url: str = PAGE, /, **query: str) -> str:
    return " ".join(client.get(url, query).content.decode().split())


def version(html: str) -> str:
    found = re.search(r'name="version" value="([^"]+)"', html)
    assert found
    return found.group(1)


def is_holding(connection: models.ScimConnectionRow) -> bool:
    connection.refresh_from_db()
    return connection.hold_started_at is not None


@pytest.mark.parametrize("url", [*BANNERS, PAGE])
def test_it_shows_how_many_were_deactivated_and_how_many_are_on_hold(
    admin_client: Client, holding: models.ScimConnectionRow, url: str
) -> None:
    html = page(admin_client, url)

    assert "20 of 100 people" in html
    assert "3 deactivations are on hold" in html
    assert f'href="{PAGE}"' in html
    assert "Nothing needs your attention" not in html


@pytest.mark.parametrize("url", BANNERS)
def test_without_a_hold_no_banner_is_shown(
    admin_client: Client, connection: models.ScimConnectionRow, url: str
) -> None:
    assert "Deactivations are on hold" not in page(admin_client, url)


def test_the_page_lists_the_people_on_hold(admin_client: Client, holding: models.ScimConnectionRow) -> None:
    html = page(admin_client)

    for shown in (
        "held000@acme.example",
        "held002@acme.example",
        "These people have left",
        "It was a mistake, and I’ve fixed it in Okta",
        "I’m not sure yet",
        "The 3 on hold keep their access until someone decides.",
        "The 20 who were deactivated return when Okta sends them as active.",
    ):
        assert shown in html


def test_pages_list_each_person_on_hold_once(admin_client: Client, holding: models.ScimConnectionRow) -> None:
    models.ScimUserRow.objects.all().delete()
    hold(holding, 30)
    url: str | None = f"{PAGE}?limit=25"
    seen: list[str] = []
    while url:
        html = admin_client.get(url, headers={"HX-Request": "true", "HX-Target": "held-more"}).content.decode()
        seen += re.findall(r">(held\d+)@", html)
        found = re.search(r'hx-get="([^"]*cursor=[^"]*)"', html)
        url = found.group(1).replace("&amp;", "&") if found else None

    assert seen == [f"held{n:03}" for n in range(30)]


@pytest.mark.parametrize("number", [2, 45])
def test_the_number_of_queries_does_not_grow_with_the_people_on_hold(
    admin_client: Client,
    holding: models.ScimConnectionRow,
    django_assert_num_queries: DjangoAssertNumQueries,
    number: int,
) -> None:
    models.ScimUserRow.objects.all().delete()
    hold(holding, number)
    admin_client.get(PAGE)

    # Session, connection; of the safeguard: connection, numbers, people and groups on hold counted; of the list: connection, people.
    # For the number of differences: connection, people, group roles, connection.
    with django_assert_num_queries(12):
        admin_client.get(PAGE)


@pytest.mark.parametrize(
    ("decision", "safeguards", "text"),
    [
        ("keep", True, "An admin chose to keep the hold"),
        ("rearm", False, "No deactivations are on hold"),
    ],
)
def test_a_decision_is_carried_out_and_confirmed(
    admin_client: Client, holding: models.ScimConnectionRow, decision: str, safeguards: bool, text: str
) -> None:
    response = admin_client.post(DECIDE, {"decision": decision, "version": version(page(admin_client))})

    assert (response.status_code, response["Location"]) == (303, PAGE)
    assert text in page(admin_client)
    assert is_holding(holding) is safeguards
    entry = models.ActivityEntryRow.objects.get(action=f"scim_connection.safeguard_{decision}")
    assert entry.actor_name == "Ada Admin"


def test_nothing_that_ends_access_is_preselected(admin_client: Client, holding: models.ScimConnectionRow) -> None:
    html = page(admin_client)
    assert len(re.findall('type="radio"', html)) == 3
    assert "checked" not in html
    assert re.findall(r'class="btn btn-primary"[^>]*>([^<]+)<', page(admin_client, APPROVE)) == ["Keep on hold"]


def test_an_approval_is_confirmed_on_a_page_of_its_own(admin_client: Client, holding: models.ScimConnectionRow) -> None:
    response = admin_client.post(DECIDE, {"decision": "release", "version": version(page(admin_client))})

    assert (response.status_code, response["Location"]) == (303, APPROVE)
    assert is_holding(holding)


def approval(html: str, typed: str) -> dict[str, str]:
    found = re.search(r'name="number" value="(\d+)"', html)
    assert found
    return {"version": version(html), "number": found.group(1), "typed": typed}


def test_an_approval_lists_the_people_and_confirms_the_number(
    admin_client: Client, holding: models.ScimConnectionRow
) -> None:
    html = page(admin_client, APPROVE)
    for shown in ("3 people lose access", "held000@acme.example", "held002@acme.example", "Approve 3 deactivations"):
        assert shown in html

    for typed in ("", "2", "all", "33"):
        wrong = admin_client.post(APPROVE, approval(html, typed))
        assert wrong.status_code == 422
        assert "held000@acme.example" in wrong.content.decode()
    assert is_holding(holding)

    assert admin_client.post(APPROVE, approval(html, " 3 "))["Location"] == PAGE
    assert "Approved for 3 people." in page(admin_client)
    assert not is_holding(holding)


def test_a_large_approval_lists_the_first_people_and_links_to_all(
    admin_client: Client, holding: models.ScimConnectionRow
) -> None:
    models.ScimUserRow.objects.all().delete()
    hold(holding, 1001)

    html = page(admin_client, APPROVE)

    assert "1,001 people lose access" in html
    assert len(re.findall(r">held\d+@", html)) == 25
    assert "The first 25 of 1,001." in html
    assert admin_client.post(APPROVE, approval(html, "1,001")).status_code == 303


def test_a_wrong_number_approves_nothing(admin_client: Client, holding: models.ScimConnectionRow) -> None:
    html = page(admin_client, APPROVE)

    response = admin_client.post(APPROVE, approval(html, "2") | {"number": "2"})

    assert response.status_code == 409
    assert "3 people are on hold now" in response.content.decode()
    assert is_holding(holding)


def test_without_a_hold_there_is_nothing_to_approve(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    assert admin_client.get(APPROVE)["Location"] == PAGE
    assert admin_client.post(APPROVE, {"version": "x", "number": "1", "typed": "1"})["Location"] == PAGE
    assert not models.ActivityEntryRow.objects.filter(action="scim_connection.safeguard_release").exists()


def test_the_second_of_two_admins_gets_a_conflict(admin_client: Client, holding: models.ScimConnectionRow) -> None:
    seen = version(page(admin_client))
    admin_client.post(DECIDE, {"decision": "keep", "version": seen})

    response = admin_client.post(DECIDE, {"decision": "rearm", "version": seen})

    assert response.status_code == 409
    assert "Someone else decided in the meantime" in response.content.decode()
    assert is_holding(holding)


@pytest.mark.parametrize("data", [{}, {"decision": "other"}, {"decision": "keep", "version": "x" * 200}])
def test_an_invalid_decision_is_rejected(
    admin_client: Client, holding: models.ScimConnectionRow, data: dict[str, str]
) -> None:
    response = admin_client.post(DECIDE, data)

    assert response.status_code == 422
    assert "Choose what happened." in response.content.decode()


def test_a_decision_without_a_hold_is_a_conflict(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    assert admin_client.post(DECIDE, {"decision": "rearm", "version": ""}).status_code == 409


def test_a_member_without_the_permission_sees_who_can_help(
    acme: models.OrganizationRow, holding: models.ScimConnectionRow, settings: Settings
) -> None:
    client = as_reader(settings, acme)

    html = page(client)

    assert "20 of 100 people" in html
    assert "let you change the SCIM connection" in html
    assert 'name="decision"' not in html
    assert client.post(DECIDE, {"decision": "rearm", "version": ""}).status_code == 403
    assert client.get(APPROVE).status_code == 403
    assert is_holding(holding)


def test_another_organizations_safeguard_is_not_found(
    other_admin_client: Client, holding: models.ScimConnectionRow, globex: models.OrganizationRow
) -> None:
    factories.scim_connection(globex)

    assert other_admin_client.get(PAGE).status_code == 404
    assert "held000" not in page(other_admin_client, PAGE.replace("acme", "globex"))


@pytest.mark.parametrize("share", [0, 100])
def test_the_page_says_that_the_safeguard_is_off(
    admin_client: Client, connection: models.ScimConnectionRow, settings: Settings, share: int
) -> None:
    settings.SCIM_SAFEGUARD_SHARE = share

    assert "turned off on this server" in page(admin_client)


def test_without_a_connection_the_page_says_so(admin_client: Client) -> None:
    assert "No identity provider is connected" in page(admin_client)


def test_a_directory_without_it_shows_the_reason(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    with absent("safeguard"):
        response = admin_client.get(PAGE)
        overview = page(admin_client, "/o/acme/scim/")

    assert response.status_code == 200
    assert "Not available with this directory" in response.content.decode()
    assert PAGE not in overview
