"""The list of provisioned people, and the page of one of them."""

import csv
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries

from portal.directory.errors import Unavailable
from portal.directory.ids import public_id
from portal.directory.members import MemberStatus
from portal.embedded import models
from portal.embedded.database import keyset
from portal.embedded.database.name_search import NameSearch
from portal.embedded.scim.users import EmbeddedScimUsers
from portal.web import exports
from portal.web.availability import REASONS
from tests import factories
from tests.absent import absent
from tests.scim_server.conftest import Idp

USERS_PAGE = "/o/acme/scim/people/"


@pytest.fixture
def connection(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)


@pytest.fixture
def idp(acme: models.OrganizationRow) -> Idp:
    return Idp(factories.scim_connection(acme, bearer_token="scim_token-of-acme"), "scim_token-of-acme")


def url_of(user: models.ScimUserRow) -> str:
    return f"{USERS_PAGE}scim-user-live-{user.pk}/"


def page(client: Client, url: str = USERS_PAGE, /, **query: str | int) -> str:
    return client.get(url, query).content.decode()


def fragment(client: Client, target: str, url: str = USERS_PAGE, /, **query: str | int) -> Any:
    return client.get(url, query, headers={"HX-Request": "true", "HX-Target": target})


def user_names(html: str) -> list[str]:
    return re.findall(r"</a>\s*<small>([^<]+@[^<]+)</small>", html)


def all_pages(client: Client, url: str | None) -> Iterator[list[str]]:
    target = "people"
    while url:
        html = client.get(url, headers={"HX-Request": "true", "HX-Target": target}).content.decode()
        yield user_names(html)
        found = re.search(r'hx-get="([^"]*cursor=[^"]*)"', html)
        url, target = (found.group(1).replace("&amp;", "&") if found else None), "people-more"


def test_people_are_shown_with_name_state_and_last_change(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    user = factories.scim_user(connection, "pia@acme.example", display_name="Pia Patel", active=False)

    html = page(admin_client)

    for shown in ("Pia Patel", "pia@acme.example", "Deactivated", "Last change", "<time ", f'href="{url_of(user)}"'):
        assert shown in html


def test_people_come_page_by_page_each_once(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    expected = [f"person{n:02}@acme.example" for n in range(60)]
    for name in reversed(expected):
        factories.scim_user(connection, name)

    pages = list(all_pages(admin_client, f"{USERS_PAGE}?limit=25"))

    assert [len(one) for one in pages] == [25, 25, 10]
    assert [name for names in pages for name in names] == expected


def test_a_search_finds_any_part_of_name_user_name_and_address_in_any_case(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    factories.provisioned(connection, "al@acme.example", display_name="Ada Lovelace")
    factories.provisioned(connection, "bo@acme.example", user_name="x9@id.example", display_name="Åsa Öberg")
    factories.provisioned(connection, "cy@acme.example", user_name="LOVE.Cy@id.example")
    factories.provisioned(connection, "dee.glove@acme.example", user_name="y8@id.example")
    factories.scim_user(connection, "z7@id.example")

    for typed, expected in {
        "lov": ["al@acme.example", "LOVE.Cy@id.example", "y8@id.example"],
        "Lovelace Ada": ["al@acme.example"],
        "ada acme": ["al@acme.example"],
        "åsa öb": ["x9@id.example"],
        "BO@ACME": ["x9@id.example"],
        "7@id": ["z7@id.example"],
        "ada nobody": [],
        "%": [],
        "_": [],
        "\\": [],
        "  ": ["al@acme.example", "LOVE.Cy@id.example", "x9@id.example", "y8@id.example", "z7@id.example"],
    }.items():
        assert user_names(page(admin_client, q=typed)) == expected, typed


def test_a_name_that_the_identity_provider_sent_or_changed_is_found(admin_client: Client, idp: Idp) -> None:
    user = idp.create_user("al@acme.example", name={"givenName": "Ada", "familyName": "Byron"})
    assert user_names(page(admin_client, q="byron")) == ["al@acme.example"]

    idp.patch(f"/Users/{user}", {"op": "replace", "path": "displayName", "value": "Ada LOVELACE"})

    assert user_names(page(admin_client, q="lovelace")) == ["al@acme.example"]
    assert user_names(page(admin_client, q="byron")) == []


def test_the_members_of_others_are_not_searched(
    admin_client: Client, connection: models.ScimConnectionRow, globex: models.OrganizationRow
) -> None:
    factories.provisioned(factories.scim_connection(globex), "gus@globex.example", display_name="Gus")

    assert user_names(page(admin_client, q="gus")) == []


def test_a_search_continues_after_the_rows_that_one_page_reads(
    admin_client: Client, connection: models.ScimConnectionRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyset, "MAX_SEARCHED", 10)
    monkeypatch.setattr(NameSearch, "indexed_word", "")
    for n in range(25):
        factories.scim_user(connection, f"person{n:02}@acme.example", display_name="Zoe" if n in {3, 24} else "")

    pages = list(all_pages(admin_client, f"{USERS_PAGE}?q=zoe"))

    assert pages == [["person03@acme.example"], [], ["person24@acme.example"]]
    assert "No matching people" not in page(admin_client, q="nobody")
    assert "Nothing found so far" in page(admin_client, q="nobody")


def test_a_search_takes_the_same_number_of_queries_for_any_number_of_people(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    for n in range(2):
        factories.provisioned(connection, f"person{n:02}@acme.example")
    admin_client.get(USERS_PAGE, {"q": "person acme"})
    with CaptureQueriesContext(database) as few:
        admin_client.get(USERS_PAGE, {"q": "person acme"})
    for n in range(2, 60):
        factories.provisioned(connection, f"person{n:02}@acme.example")

    with CaptureQueriesContext(database) as many:
        admin_client.get(USERS_PAGE, {"q": "person acme"})
    with CaptureQueriesContext(database) as plain:
        admin_client.get(USERS_PAGE)

    assert len(many) == len(few)
    # Without an index, one more query finds how far the page reads.
    assert len(many) <= len(plain) + 1


def test_a_search_keeps_its_words_and_state_over_the_pages(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    for n in range(60):
        # Half of them are found only by their email addresses.
        address, name = f"person{n:02}@acme.example", f"{n:02}@id.example"
        factories.provisioned(connection, address, user_name=address if n % 2 else name, active=n != 7)

    pages = list(all_pages(admin_client, f"{USERS_PAGE}?limit=25&q=person&state=active"))

    assert [len(one) for one in pages] == [25, 25, 9]
    assert len({name for names in pages for name in names}) == 59


def test_people_are_shown_with_their_groups_and_with_roles_from_every_source(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    pia = factories.provisioned(connection, "pia@acme.example")
    factories.scim_user(connection, "robot@acme.example")
    team, billing, company = factories.scim_groups(connection, ["Team", "Billing", "Company"])
    factories.put_in_group(team, [pia])
    factories.put_in_group(billing, [pia])
    factories.put_group_in(company, team)
    factories.group_role(company, "it_support")
    factories.role_by_domain(connection.organization, "acme.example", "stytch_admin")

    pia_row, robot_row = re.findall(r"<tr>.*?</tr>", page(admin_client), re.DOTALL)[1:]

    assert "Billing and 1 more" in pia_row
    assert "Company" not in pia_row
    assert ("Admin" in pia_row, "It support" in pia_row, "Member" in pia_row) == (True, True, False)
    assert robot_row.count(">None<") == 2


def test_someone_who_is_deactivated_has_no_roles_in_the_list(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    user = factories.provisioned(connection, "pia@acme.example", active=False)
    team = factories.scim_group(connection, "Team")
    factories.put_in_group(team, [user])
    factories.group_role(team, "it_support")

    assert "It support" not in page(admin_client)


def test_someone_whose_deactivation_waits_for_an_admin_is_on_hold(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    now = timezone.now()
    before, after = now - timedelta(hours=2), now - timedelta(minutes=5)
    user = factories.scim_user(connection, "pia@acme.example", deactivation_held_at=after)
    factories.scim_user(connection, "old@acme.example", deactivation_held_at=before)
    assert "On hold" not in page(admin_client)

    models.ScimConnectionRow.objects.update(hold_started_at=now - timedelta(hours=1))

    for url in (USERS_PAGE, url_of(user)):
        assert page(admin_client, url).count(">On hold<") == 1, url


def test_people_are_filtered_by_group(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    pia, _ = (factories.scim_user(connection, f"{name}@acme.example") for name in ("pia", "tom"))
    team = factories.scim_group(connection, "Team")
    factories.put_in_group(team, [pia])
    group_id = public_id("scim-group", team.pk)

    html = page(admin_client, group=group_id)

    assert user_names(html) == ["pia@acme.example"]
    assert f'<option value="{group_id}" selected>Team</option>' in html
    assert "in the chosen group" in page(admin_client, group=group_id, q="tom")


def test_the_filter_offers_the_first_groups_and_the_chosen_one(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    groups = factories.scim_groups(connection, [f"Team {n:03}" for n in range(102)])
    group_id = public_id("scim-group", groups[101].pk)

    html = page(admin_client, group=group_id)

    assert '<optgroup label="The first 100 by name">' in html
    offered = re.findall(r">(Team \d+)</option>", html)
    assert (offered[0], offered[1], offered[-1], len(offered)) == ("Team 101", "Team 000", "Team 099", 101)


def test_the_people_of_the_list_are_exported(
    admin_client: Client, connection: models.ScimConnectionRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MAX_LIMIT", 2)
    team = factories.scim_group(connection, "Team, the first")
    factories.group_role(team, "it_support")
    users = [factories.provisioned(connection, f"person{n}@acme.example") for n in range(5)]
    factories.put_in_group(team, users[:3])
    factories.scim_user(connection, "=out@acme.example", active=False)
    group_id = public_id("scim-group", team.pk)

    html = page(admin_client, group=group_id)
    assert f'<input type="hidden" name="group" value="{group_id}">' in html
    everyone = admin_client.post(f"{USERS_PAGE}export/")
    chosen = admin_client.post(f"{USERS_PAGE}export/", {"group": group_id}).getvalue().decode()
    log = models.ActivityEntryRow.objects.filter(action="scim_user.export").order_by("pk")
    assert [one.after for one in log] == [{}, {"group": group_id}]

    assert everyone["Content-Disposition"].startswith('attachment; filename="scim-people-acme-')
    lines = list(csv.DictReader(everyone.getvalue().decode().splitlines()))
    assert [line["user_name"] for line in lines] == ["'=out@acme.example", *(user.user_name for user in users)]
    assert (lines[0]["status"], lines[1]["status"]) == ("deactivated", "active")
    assert (lines[1]["groups"], lines[1]["roles"], lines[5]["groups"]) == ("Team, the first", "it_support", "")
    assert len(chosen.splitlines()) == 4


def test_of_someone_in_thousands_of_groups_the_list_reads_only_the_first(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    user = factories.provisioned(connection, "busy@acme.example")
    groups = factories.scim_groups(connection, [f"Group {n:04}" for n in range(1500)])
    models.ScimMembershipRow.objects.bulk_create(
        models.ScimMembershipRow(organization_id=connection.organization_id, group=one, user=user) for one in groups
    )
    factories.put_in_group(groups[7], [factories.provisioned(connection, "calm@acme.example")])
    assert "Group 0000 and 1,499 more" in page(admin_client)
    busy, calm = csv.DictReader(admin_client.post(f"{USERS_PAGE}export/").getvalue().decode().splitlines())
    assert busy["groups"] == ", ".join(one.display_name for one in groups[:100]) + " and 1400 more"
    assert calm["groups"] == "Group 0007"


def test_an_export_of_people_needs_valid_filters_and_a_connection(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    assert admin_client.post(f"{USERS_PAGE}export/", {"state": "some"}).status_code == 422
    models.ScimConnectionRow.objects.update(status="deleted")
    assert admin_client.post(f"{USERS_PAGE}export/").status_code == 404


def test_people_are_filtered_by_state(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    factories.scim_user(connection, "in@acme.example")
    factories.scim_user(connection, "out@acme.example", active=False)

    assert user_names(page(admin_client, state="active")) == ["in@acme.example"]
    assert user_names(page(admin_client, state="deactivated")) == ["out@acme.example"]
    assert len(user_names(page(admin_client))) == 2


def test_empty_filtered_empty_and_failed_look_different(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    assert "No people yet" in page(admin_client)
    factories.scim_user(connection, "in@acme.example")
    assert "contains “zebra”" in page(admin_client, q="zebra")
    assert "No one is deactivated" in page(admin_client, state="deactivated")
    for html in (page(admin_client, q="zebra"), page(admin_client, state="deactivated")):
        assert "No people yet" not in html
        assert "Clear filters" in html
    with patch.object(EmbeddedScimUsers, "page", side_effect=Unavailable("The directory does not answer.")):
        response = fragment(admin_client, "people")
    assert response.status_code == 503
    assert "No people yet" not in response.content.decode()


@pytest.mark.parametrize(
    ("name", "value"), [("limit", "7"), ("state", "gone"), ("group", "gone"), ("q", "x" * 257), ("q", "a\0b")]
)
def test_an_invalid_query_is_rejected_at_its_field(
    admin_client: Client, connection: models.ScimConnectionRow, name: str, value: str
) -> None:
    response = admin_client.get(USERS_PAGE, {name: value})

    assert response.status_code == 422
    assert f'id="id_{name}_error"' in response.content.decode()


def test_a_cursor_of_another_search_starts_again(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    for n in range(30):
        factories.scim_user(connection, f"person{n:02}@acme.example")
    found = re.search(r"cursor=([^&\"]+)", page(admin_client, limit=25))
    assert found

    assert "The list starts again" in page(admin_client, q="p", limit=25, cursor=found.group(1).replace("%3A", ":"))


def test_without_a_connection_there_are_no_people(admin_client: Client) -> None:
    assert "No identity provider is connected" in page(admin_client)


def test_the_pages_explain_that_the_directory_has_no_users(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    user = factories.scim_user(connection, "pia@acme.example")
    with absent("users"):
        for url in (USERS_PAGE, url_of(user)):
            response = admin_client.get(url)
            assert response.status_code == 200
            assert "Not available with this directory" in response.content.decode()
            assert REASONS["users"] in unescape(response.content.decode())
            assert f'href="{USERS_PAGE}"' not in response.content.decode()


@pytest.mark.parametrize("number", [3, 260])
def test_a_page_takes_the_same_number_of_queries_for_any_number_of_people(
    admin_client: Client,
    connection: models.ScimConnectionRow,
    django_assert_num_queries: DjangoAssertNumQueries,
    number: int,
) -> None:
    for n in range(number):
        factories.provisioned(connection, f"person{n:03}@acme.example")
    admin_client.get(USERS_PAGE)

    # The session, the connection, the people with their groups and roles, and four for the groups to filter by.
    with django_assert_num_queries(9):
        admin_client.get(USERS_PAGE, {"limit": "250"})
    with django_assert_num_queries(10):  # and those found by email address
        admin_client.get(USERS_PAGE, {"limit": "250", "q": "p"})


def test_other_organizations_people_are_not_listed(
    admin_client: Client, connection: models.ScimConnectionRow, globex: models.OrganizationRow
) -> None:
    foreign = factories.scim_user(factories.scim_connection(globex), "gus@globex.example")

    assert "gus@globex.example" not in page(admin_client, q="gus").replace("“gus”", "")
    assert admin_client.get(url_of(foreign)).status_code == 404


@pytest.mark.parametrize("user_id", ["none", "scim-user-live-00000000-0000-0000-0000-000000000000", "x" * 300])
def test_an_unknown_person_is_not_found(
    admin_client: Client, connection: models.ScimConnectionRow, user_id: str
) -> None:
    assert admin_client.get(f"{USERS_PAGE}{user_id}/").status_code == 404


def test_a_person_is_shown_with_the_attributes_that_the_identity_provider_sent(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    user = factories.provisioned(connection, "pia@acme.example", display_name="Pia <b>Patel</b>")
    user.external_id = "00u1"
    user.document |= {
        "name": {"givenName": "Pia"},
        "emails": [{"value": "pia@acme.example", "type": "work", "primary": True}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Sales"},
        "password": "never-shown",
    }
    user.save()

    html = page(admin_client, url_of(user))

    for shown in ("00u1", "Given name", "pia@acme.example (work, primary)", "Department", "Sales"):
        assert shown in html
    assert escape("Pia <b>Patel</b>") in html
    assert "<b>Patel" not in html
    assert "never-shown" not in html


def test_each_role_has_its_sources(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    """Assigned manually, through a group, and through nested groups, with the name of each group on the path."""
    user = factories.provisioned(connection, "pia@acme.example")
    assert user.member
    user.member.direct_roles = ["stytch_admin"]
    user.member.save()
    team, department, company, other = factories.scim_groups(connection, ["Team", "Department", "Company", "Other"])
    factories.put_in_group(team, [user])
    factories.put_group_in(department, team)
    factories.put_group_in(company, department)
    factories.put_group_in(team, company)  # a cycle
    factories.group_role(company, "it_support")
    factories.group_role(team, "stytch_admin")
    factories.group_role(other, "not_theirs")

    html = page(admin_client, url_of(user))

    [support] = re.findall(r">It support</span>.*?</li>", html, re.DOTALL)
    assert re.findall(r'/">([^<]+)</a>', support) == ["Team", "Department", "Company"]
    [admin] = re.findall(r">Admin</span>.*?</li>", html, re.DOTALL)
    assert "Assigned manually" in admin
    assert re.findall(r'/">([^<]+)</a>', admin) == ["Team"]
    assert "Every member has it" in html
    assert "not_theirs" not in html


def test_a_role_by_email_domain_says_so(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    factories.role_by_domain(connection.organization, "acme.example", "it_support")

    html = page(admin_client, url_of(factories.provisioned(connection, "pia@acme.example")))

    [support] = re.findall(r">It support</span>.*?</li>", html, re.DOTALL)
    assert "Through the domain of the email address" in support


def test_a_deactivated_person_has_no_roles(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    user = factories.provisioned(connection, "pia@acme.example", active=False)
    assert user.member
    models.MemberRow.objects.filter(pk=user.member.pk).update(status=MemberStatus.DELETED)
    group = factories.scim_group(connection, "Team")
    factories.put_in_group(group, [user])
    factories.group_role(group, "it_support")

    html = page(admin_client, url_of(user))

    assert "No roles while deactivated" in html
    assert "it_support" not in html


def test_a_persons_groups_come_page_by_page_direct_and_indirect(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    user = factories.provisioned(connection, "pia@acme.example")
    groups = factories.scim_groups(connection, (f"Team {n:02}" for n in range(30)))
    for group in groups:
        factories.put_in_group(group, [user])
    above = factories.scim_group(connection, "Above")
    factories.put_group_in(above, groups[3])

    first = fragment(admin_client, "groups", url_of(user), limit=25).content.decode()
    found = re.search(r'hx-get="([^"]*cursor=[^"]*)"', first)
    assert found
    second = page(admin_client, found.group(1).replace("&amp;", "&"))

    names = re.findall(r">(Above|Team \d\d)</a>", first) + re.findall(r">(Above|Team \d\d)</a>", second)
    assert names == ["Above", *(f"Team {n:02}" for n in range(30))]
    assert first.count("Through a group within it") == 1


@pytest.mark.parametrize("number", [1, 40])
def test_a_persons_page_takes_the_same_number_of_queries_for_any_number_of_groups(
    admin_client: Client,
    connection: models.ScimConnectionRow,
    django_assert_num_queries: DjangoAssertNumQueries,
    number: int,
) -> None:
    user = factories.provisioned(connection, "pia@acme.example")
    for group in factories.scim_groups(connection, (f"Team {n:02}" for n in range(number))):
        factories.put_in_group(group, [user])
        factories.group_role(group, "it_support")
    admin_client.get(url_of(user))

    # Session; user, three times; groups; roles; which groups grant them; the paths; the names on them; recent activity.
    with django_assert_num_queries(11):
        html = page(admin_client, url_of(user))
    assert ("and through 20 more groups" in html) is (number == 40)


def test_a_person_of_a_deleted_connection_is_not_found(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    user = factories.scim_user(connection, "pia@acme.example")
    models.ScimConnectionRow.objects.update(status="deleted")

    assert admin_client.get(url_of(user)).status_code == 404


def test_a_member_without_the_permission_sees_who_can_help(
    member_client: Client, connection: models.ScimConnectionRow
) -> None:
    response = member_client.get(USERS_PAGE)

    assert response.status_code == 403
    assert "let you see the SCIM connection" in response.content.decode()


def test_a_persons_page_shows_recent_activity_to_members_who_may_see_it(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    user, acme = factories.provisioned(connection, "pia@acme.example"), connection.organization
    target_id = public_id("scim-user", user.pk)
    factories.activity_entry(acme, "scim_user.update", target_id=target_id, target_name="Pia Patel")
    only_scim = {"resource_id": "stytch.scim", "actions": ["get"]}
    acme.custom_roles = [{"role_id": "viewer", "description": "", "permissions": [only_scim]}]
    acme.save()
    viewer = factories.signed_in(factories.member(acme, "vic@acme.example", roles=["viewer"]))

    assert f"?target_id={target_id}" in page(admin_client, url_of(user))
    assert "Recent activity" not in page(viewer, url_of(user))
