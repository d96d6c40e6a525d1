"""The page of a group and its members."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from portal.embedded import models
from portal.embedded.scim import groups
from portal.web.availability import REASONS
from tests import factories
from tests.absent import absent
from tests.scim_server.conftest import Idp


@pytest.fixture
def group(acme: models.OrganizationRow) -> models.ScimGroupRow:
    return factories.scim_group(factories.scim_connection(acme), "Sales Berlin")


def url_of(group: models.ScimGroupRow) -> str:
    return f"/o/acme/scim/groups/scim-group-live-{group.pk}/"


def add_users(group: models.ScimGroupRow, number: int, **more: Any) -> None:
    users = [factories.scim_user(group.connection, f"person{n:03}@acme.example", **more) for n in range(number)]
    factories.put_in_group(group, users)


def user_names(html: str) -> list[str]:
    return re.findall(r"<small>(person\d+@acme\.example)<", html)


def test_the_people_of_a_group_are_shown_with_their_state(admin_client: Client, group: models.ScimGroupRow) -> None:
    add_users(group, 1, display_name="Priya Patel", active=False)

    html = admin_client.get(url_of(group)).content.decode()

    for shown in ("Sales Berlin", "Priya Patel", "person000@acme.example", "Deactivated"):
        assert shown in html
    assert 'href="/o/acme/scim/groups/"' in html


def test_people_come_page_by_page_each_once(admin_client: Client, group: models.ScimGroupRow) -> None:
    add_users(group, 60)
    url: str | None = f"{url_of(group)}?limit=25"
    seen: list[str] = []
    while url:
        html = admin_client.get(url, headers={"HX-Request": "true", "HX-Target": "members-more"}).content.decode()
        seen += user_names(html)
        found = re.search(r'hx-get="([^"]*cursor=[^"]*)"', html)
        url = found.group(1).replace("&amp;", "&") if found else None

    assert sorted(seen) == [f"person{n:03}@acme.example" for n in range(60)]
    assert "All 60 shown" in html


def test_an_empty_group_says_so(admin_client: Client, group: models.ScimGroupRow) -> None:
    assert "No one is in this group" in admin_client.get(url_of(group)).content.decode()


@pytest.mark.parametrize(
    "group_id", ["none", "scim-group-live-00000000-0000-0000-0000-000000000000", "scim-group-test-x", "x" * 300]
)
def test_an_unknown_group_is_not_found(admin_client: Client, group: models.ScimGroupRow, group_id: str) -> None:
    assert admin_client.get(f"/o/acme/scim/groups/{group_id}/").status_code == 404


def test_another_organizations_group_is_not_found(
    group: models.ScimGroupRow, other_admin_client: Client, globex: models.OrganizationRow
) -> None:
    factories.scim_connection(globex)

    assert other_admin_client.get(url_of(group).replace("acme", "globex")).status_code == 404


def test_a_cursor_of_another_group_starts_again(admin_client: Client, group: models.ScimGroupRow) -> None:
    add_users(group, 30)
    other = factories.scim_group(group.connection, "Other")
    factories.put_in_group(other, models.ScimUserRow.objects.all())
    found = re.search(r"cursor=([^&\"]+)", admin_client.get(f"{url_of(other)}?limit=25").content.decode())
    assert found

    html = admin_client.get(f"{url_of(group)}?limit=25&cursor={found.group(1)}").content.decode()

    assert "The list starts again" in html


def test_an_unknown_page_size_is_rejected_with_the_valid_ones(admin_client: Client, group: models.ScimGroupRow) -> None:
    response = admin_client.get(url_of(group), {"limit": "7"})

    assert response.status_code == 422
    assert "Use 25, 50, 100 or 250." in response.content.decode()


@pytest.mark.parametrize("number", [10, 260])
def test_a_page_takes_the_same_number_of_queries_for_any_number_of_people(
    admin_client: Client, group: models.ScimGroupRow, django_assert_num_queries: DjangoAssertNumQueries, number: int
) -> None:
    add_users(group, number)
    admin_client.get(url_of(group))

    # Session, group, its roles, connection, groups within it, keys and users of the page, their memberships, nested groups and
    # parents (without any: the group again).
    with django_assert_num_queries(12):
        admin_client.get(url_of(group), {"limit": "250"})


def test_the_pages_explain_that_the_directory_has_no_group_members(
    admin_client: Client, group: models.ScimGroupRow
) -> None:
    for url in (url_of(group), f"{url_of(group)}groups/"):
        with absent("group_details"):
            response = admin_client.get(url)

        assert response.status_code == 200
        assert "Not available with this directory" in response.content.decode()
        assert REASONS["group members"] in response.content.decode()


def test_a_group_shows_its_roles_its_parents_and_its_nested_groups(
    admin_client: Client, group: models.ScimGroupRow
) -> None:
    above, inner = factories.scim_groups(group.connection, ["Everybody in sales", "Sales Berlin, phones"])
    factories.put_group_in(above, group)
    factories.put_group_in(group, inner)
    factories.group_role(group, "stytch_admin")
    factories.group_role(above, "it_support")

    html = admin_client.get(url_of(group)).content.decode()

    for shown in (">Admin<", ">It support<"):
        assert shown in html
    for other in (above, inner):
        assert f'href="{url_of(other)}"' in html
    assert "Last change" in html


def test_many_nested_groups_have_a_page_of_their_own(admin_client: Client, group: models.ScimGroupRow) -> None:
    inner = factories.scim_groups(group.connection, (f"Team {n:02}" for n in range(30)))
    factories.put_group_in(group, *inner)

    html = admin_client.get(url_of(group)).content.decode()
    assert f'href="{url_of(group)}groups/"' in html
    assert "Team 10" not in html
    page = admin_client.get(f"{url_of(group)}groups/?limit=25").content.decode()
    assert re.findall(r">(Team \d+)<", page) == [f"Team {n:02}" for n in range(25)]
    assert "Load more" in page


def test_the_people_of_a_group_link_to_their_pages(admin_client: Client, group: models.ScimGroupRow) -> None:
    add_users(group, 1)
    user = models.ScimUserRow.objects.get()

    assert f'href="/o/acme/scim/people/scim-user-live-{user.pk}/"' in admin_client.get(url_of(group)).content.decode()


def test_people_who_are_in_it_through_other_groups_are_counted(
    admin_client: Client, group: models.ScimGroupRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner, innermost = factories.scim_groups(group.connection, ["Inner", "Innermost"])
    for outer, within in ((group, inner), (inner, innermost), (innermost, group)):  # a cycle
        factories.put_group_in(outer, within)
    users = [factories.scim_user(group.connection, f"person{n}@acme.example") for n in range(6)]
    factories.put_in_group(group, users[:2])
    factories.put_in_group(inner, users[1:4])
    factories.put_in_group(innermost, users[3:])

    def said() -> str:
        return " ".join(admin_client.get(url_of(group)).content.decode().split())

    assert "4 more people are in this group through the groups within it." in said()
    # All of them are listed once, and of two groups the closer one is named: the group itself, else the first by name.
    assert re.findall(r"<td data-label=\"Membership\">(.*?)</td>", said()) == [
        *[" Direct "] * 2,
        *[f' <span>Through <a href="{url_of(inner)}">Inner</a></span> '] * 2,
        *[f' <span>Through <a href="{url_of(innermost)}">Innermost</a></span> '] * 2,
    ]
    monkeypatch.setattr(groups, "MAX_MEMBERSHIPS", 1)
    assert "At least" in said()
    models.ScimMembershipRow.objects.exclude(group=group).delete()
    assert "more people" not in said()


def test_the_people_of_a_group_are_found_by_name_and_address(admin_client: Client, group: models.ScimGroupRow) -> None:
    (inner,) = factories.scim_groups(group.connection, ["Inner"])
    factories.put_group_in(group, inner)
    pia, priya, other = (
        factories.scim_user(group.connection, name, display_name=name.title()) for name in ("pia", "priya", "pia.other")
    )
    factories.put_in_group(group, [priya])
    factories.put_in_group(inner, [pia])

    html = admin_client.get(url_of(group), {"q": "PI"}).content.decode()
    assert [name for name in ("Pia", "Priya", "Pia.Other") if f">{name}<" in html] == ["Pia"]
    nothing = admin_client.get(url_of(group), {"q": "other"}).content.decode()
    assert "No matching members" in nothing
    assert f'href="{url_of(group)}">Clear filters' in nothing
    assert other.user_name not in nothing.replace("“other”", "")


@pytest.mark.parametrize("search", ["", "person"])
def test_people_of_nested_groups_come_page_by_page_each_once(
    admin_client: Client, group: models.ScimGroupRow, search: str
) -> None:
    inner, innermost = factories.scim_groups(group.connection, ["Inner", "Innermost"])
    for outer, within in ((group, inner), (inner, innermost), (innermost, group)):  # a cycle
        factories.put_group_in(outer, within)
    users = [factories.scim_user(group.connection, f"person{n:03}@acme.example") for n in range(70)]
    for place, one in enumerate((group, inner, innermost)):
        factories.put_in_group(one, users[place::2])
    url: str | None = f"{url_of(group)}?limit=25&q={search}"
    seen: list[str] = []
    while url:
        html = admin_client.get(url, headers={"HX-Request": "true", "HX-Target": "members-more"}).content.decode()
        seen += user_names(html)
        found = re.search(r'hx-get="([^"]*cursor=[^"]*)"', html)
        url = found.group(1).replace("&amp;", "&") if found else None

    assert seen == [f"person{n:03}@acme.example" for n in range(70)]


def test_the_heading_says_how_many_are_in_it_and_who_manages_it(
    admin_client: Client, group: models.ScimGroupRow
) -> None:
    add_users(group, 2)

    said = " ".join(admin_client.get(url_of(group)).content.decode().split())

    assert "2 members, managed by Okta. Last change" in said


def test_the_page_says_when_someone_was_added(admin_client: Client, acme: models.OrganizationRow) -> None:
    idp = Idp(factories.scim_connection(acme, bearer_token="scim_token-of-acme"), "scim_token-of-acme")
    group_id = idp.create_group("Sales", [idp.create_user("pia@acme.example")])

    html = admin_client.get(f"/o/acme/scim/groups/{group_id}/").content.decode()

    added = re.search(r'<td class="muted nowrap" data-label="Added">(.*?)</td>', html)
    assert added
    assert f'<time datetime="{timezone.now():%Y-%m-%d}' in added.group(1)


def test_a_role_names_who_assigned_it_last(
    admin_client: Client, group: models.ScimGroupRow, acme: models.OrganizationRow
) -> None:
    group_id = f"scim-group-live-{group.pk}"
    factories.group_role(group, "stytch_admin")
    for before, after in (([], ["stytch_admin"]), (["stytch_admin"], ["stytch_admin", "it_support"])):
        factories.activity_entry(
            acme, "scim_group.update_roles", target_id=group_id, before={"roles": before}, after={"roles": after}
        )

    assert "Assigned by Nora North, " in " ".join(admin_client.get(url_of(group)).content.decode().split())
