"""The members: their list with filters, and the page of one."""

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries

from portal.directory.ids import public_id, uuid7
from portal.directory.members import MemberStatus
from portal.embedded import models
from portal.embedded.members.members import EmbeddedMembers
from tests import factories

URL = "/o/acme/members/"
HOSTILE = '"><script>alert(1)</script>'
ADMIN = "stytch_admin"


def page(client: Client, url: str = URL, /, **query: str | int) -> str:
    return client.get(url, query).content.decode()


def fragment(client: Client, target: str, /, **query: str | int) -> Any:
    return client.get(URL, query, headers={"HX-Request": "true", "HX-Target": target})


def text_of(html: str) -> str:
    """Return the visible text on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def url_of(row: models.MemberRow) -> str:
    return f"{URL}{public_id('member', row.pk)}/"


def listed(html: str) -> list[str]:
    """Return the names of the members in the list."""
    return re.findall(rf'<a href="{URL}member-live-[^"]+"[^>]*>([^<]+)</a>', html)


@pytest.fixture
def connection(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)


def test_the_list_shows_who_manages_each_member_and_their_roles(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    factories.provisioned(connection, "ben@acme.example")

    html = page(admin_client)

    text = text_of(html)
    assert listed(html) == ["Ada Admin (you)", "ben@acme.example"]
    assert re.search(r"ada@acme\.example Admin Not managed Active just now", text)
    assert re.search(r"ben@acme\.example – Okta Active", text)


def test_members_are_listed_by_email_address_page_by_page(admin_client: Client, acme: models.OrganizationRow) -> None:
    for number in range(30):
        factories.member(acme, f"m{number:02}@acme.example")

    first = page(admin_client, limit=25)
    (more,) = re.findall(r'hx-get="([^"]+cursor[^"]+)"', first)
    second = page(admin_client, more.replace("&amp;", "&"))

    assert listed(first) == ["Ada Admin (you)", *(f"m{number:02}@acme.example" for number in range(24))]
    assert listed(second) == [f"m{number}@acme.example" for number in range(24, 30)]


FILTERS: dict[str, tuple[dict[str, str], list[str]]] = {
    "name": ({"q": "Okafor"}, ["Tom Okafor"]),
    "any letter case": ({"q": "oKAFOR tom"}, ["Tom Okafor"]),
    "email": ({"q": "tom@"}, ["Tom Okafor"]),
    "active": ({"state": "active", "role": ADMIN}, ["Ada Admin (you)", "Tom Okafor"]),
    "invited": ({"state": "invited"}, ["Lee Park"]),
    "deactivated": ({"state": "deactivated"}, ["Former Fox"]),
    "role": ({"role": ADMIN, "q": "acme"}, ["Ada Admin (you)", "Tom Okafor"]),
}


@pytest.mark.parametrize(("query", "names"), FILTERS.values(), ids=FILTERS)
def test_a_filter_shows_what_matches(
    admin_client: Client, acme: models.OrganizationRow, query: dict[str, str], names: list[str]
) -> None:
    factories.member(acme, "tom@acme.example", name="Tom Okafor", roles=[ADMIN])
    invited = factories.member(acme, "lee@acme.example", name="Lee Park")
    former = factories.member(acme, "former@acme.example", name="Former Fox", roles=[ADMIN])
    models.MemberRow.objects.filter(pk=invited.pk).update(status=MemberStatus.INVITED)
    models.MemberRow.objects.filter(pk=former.pk).update(status=MemberStatus.DELETED)

    assert listed(page(admin_client, **query)) == names


def test_members_who_have_a_role_through_a_group_are_found(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    group = factories.scim_group(connection, "IT")
    factories.put_in_group(group, [factories.provisioned(connection, "ben@acme.example")])
    factories.group_role(group, ADMIN)

    assert listed(page(admin_client, role=ADMIN)) == ["Ada Admin (you)", "ben@acme.example"]


@pytest.mark.parametrize("query", [{"state": "x"}, {"role": "no_such_role"}, {"limit": "7"}, {"q": "x" * 201}], ids=str)
def test_a_filter_that_does_not_exist_is_reported(admin_client: Client, query: dict[str, str]) -> None:
    response = admin_client.get(URL, query)

    assert response.status_code == 422
    assert "field-error" in response.content.decode()


def test_a_list_without_members_says_so(admin_client: Client) -> None:
    html = page(admin_client, q="nobody like this")

    assert "No matching members" in html
    assert "Clear filters" in html


def test_a_list_with_more_pages_says_how_many_members_it_has(
    admin_client: Client, acme: models.OrganizationRow
) -> None:
    for one in range(30):
        factories.member(acme, f"m{one}@acme.example")

    assert "25 of 31 shown" in page(admin_client, limit=25)
    assert "25 shown" in page(admin_client, limit=25, q="acme.example")


def test_a_cursor_that_has_expired_starts_the_list_again(admin_client: Client) -> None:
    response = fragment(admin_client, "members-more", cursor="forged")

    assert response["HX-Retarget"] == "#members"
    assert "The list starts again" in response.content.decode()


@pytest.mark.parametrize("number", [2, 40])
def test_the_list_takes_a_fixed_number_of_queries(
    admin_client: Client,
    connection: models.ScimConnectionRow,
    django_assert_num_queries: DjangoAssertNumQueries,
    number: int,
) -> None:
    for one in range(number):
        factories.provisioned(connection, f"m{one}@acme.example")
    page(admin_client)

    with django_assert_num_queries(5):  # the session, members, roles through groups, last activity, connection
        page(admin_client)


def test_a_member_shows_where_each_role_comes_from(
    admin_client: Client, acme: models.OrganizationRow, connection: models.ScimConnectionRow
) -> None:
    user = factories.provisioned(connection, "ben@acme.example")
    group = factories.scim_group(connection, "Engineering")
    factories.put_in_group(group, [user])
    factories.group_role(group, ADMIN)
    factories.role_by_domain(acme, "acme.example", "billing")
    assert user.member

    html = page(admin_client, url_of(user.member))

    text = text_of(html)
    assert "<h1>ben@acme.example</h1>" in html
    assert "Managed by Okta" in text
    assert "Member Every member has this role Default" in text
    assert "Billing Email addresses of acme.example Email domain" in text
    assert "Admin Group Engineering SCIM group" in text
    assert f"/o/acme/scim/groups/{public_id('scim-group', group.pk)}/" in html
    assert f"/o/acme/scim/people/{public_id('scim-user', user.pk)}/" in html


def test_a_member_without_an_identity_provider_shows_sign_in_and_sessions(
    admin_client: Client, admin: models.MemberRow
) -> None:
    html = page(admin_client, url_of(admin))

    text = text_of(html)
    assert "Admin Assigned manually Manual" in text
    assert "Password Set" in text
    assert "Emergency access Off" in text
    assert "Sessions End all Unknown browser active just now" in text
    assert "Managed by" not in text
    assert f"/o/acme/activity/?target_id={public_id('member', admin.pk)}" in html


@pytest.mark.parametrize("number", [1, 20])
def test_a_member_takes_a_fixed_number_of_queries(
    admin_client: Client,
    connection: models.ScimConnectionRow,
    django_assert_num_queries: DjangoAssertNumQueries,
    number: int,
) -> None:
    user = factories.provisioned(connection, "ben@acme.example")
    for group in factories.scim_groups(connection, [f"Group {one}" for one in range(number)]):
        factories.put_in_group(group, [user])
        factories.group_role(group, ADMIN)
    assert user.member
    url = url_of(user.member)
    page(admin_client, url)

    with django_assert_num_queries(
        7
    ):  # the session, the member, roles through groups, activity, groups, sessions, connection
        page(admin_client, url)


def test_a_deactivated_member_is_shown_without_roles(admin_client: Client, member: models.MemberRow) -> None:
    models.MemberRow.objects.filter(pk=member.pk).update(status=MemberStatus.DELETED)

    text = text_of(page(admin_client, url_of(member)))

    assert "Deactivated" in text
    assert "A deactivated member has no roles." in text


def test_another_organizations_member_is_not_found(admin_client: Client, other_admin: models.MemberRow) -> None:
    for member_id in (public_id("member", other_admin.pk), public_id("member", uuid7()), "x"):
        assert admin_client.get(f"{URL}{member_id}/").status_code == 404


def test_sessions_are_for_those_who_may_revoke_them(acme: models.OrganizationRow, admin: models.MemberRow) -> None:
    factories.session_token(admin)
    role = {"role_id": "reader", "permissions": [{"resource_id": "stytch.member", "actions": ["search"]}]}
    models.OrganizationRow.objects.filter(pk=acme.pk).update(custom_roles=[role])
    reader = factories.signed_in(factories.member(acme, "reader@acme.example", roles=["reader"]))

    html = page(reader, url_of(admin))

    assert "<h1>Ada Admin</h1>" in html
    assert "Sessions" not in html
    assert "View activity" not in html


def test_a_session_in_a_frame_says_which_page_it_is_in(admin_client: Client, admin: models.MemberRow) -> None:
    factories.session_token(admin)
    embedding = {"ticket_id": "t", "areas": ["scim"], "parent_origin": "https://app.acme.example:8443"}
    models.MemberSessionRow.objects.filter(pk=models.MemberSessionRow.objects.latest("started_at").pk).update(
        embedding=embedding
    )

    for url in (url_of(admin), "/o/acme/account/"):
        assert page(admin_client, url).count("In app.acme.example:8443 ·") == 1


def test_values_cannot_become_markup(admin_client: Client, acme: models.OrganizationRow) -> None:
    row = factories.member(acme, "eve@acme.example", name=HOSTILE)

    for html in (page(admin_client), page(admin_client, url_of(row)), page(admin_client, q=HOSTILE)):
        assert "<script>alert" not in html
        assert escape(HOSTILE) in html


def test_the_navigation_leads_there_or_shows_a_lock(admin_client: Client, member_client: Client) -> None:
    def areas(client: Client) -> list[str]:
        html = client.get("/o/acme/").content.decode()
        return [text_of(one) for one in re.findall(r'<a class="area" href="/o/acme/.*?</a>', html, re.DOTALL)]

    assert areas(admin_client) == ["Home", "Members", "SCIM", "Settings", "Activity"]
    assert areas(member_client) == [
        "Home",
        "Members (no access)",
        "SCIM (no access)",
        "Settings",
        "Activity (no access)",
    ]
    assert member_client.get(URL).status_code == 403


def test_a_search_that_would_find_everyone_is_rejected(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert listed(page(admin_client, q="zz")) == []

    # Stytch searches by three characters of an address, and ignores fewer.
    monkeypatch.setattr(EmbeddedMembers, "has_details", False)
    response = admin_client.get(URL, {"q": "z zz"})

    assert response.status_code == 422
    assert "Enter at least 3 characters of an email address." in response.content.decode()
    assert admin_client.get(URL, {"q": "z ada"}).status_code == 200


def test_members_are_found_by_how_they_sign_in_and_who_manages_them(
    admin_client: Client, acme: models.OrganizationRow, connection: models.ScimConnectionRow
) -> None:
    factories.provisioned(connection, "ben@acme.example")
    keyed = factories.member(acme, "kim@acme.example", name="Kim")
    models.MemberRow.objects.filter(pk=keyed.pk).update(passkey_count=1)

    found = {
        name: listed(page(admin_client, **query))
        for name, query in {
            "password": {"method": "password"},
            "passkey": {"method": "passkey"},
            "neither": {"method": "none"},
            "factor": {"mfa": "yes"},
            "no factor": {"mfa": "no", "managed": "no"},
            "managed": {"managed": "yes"},
        }.items()
    }

    assert found == {
        "password": ["Ada Admin (you)"],
        "passkey": ["Kim"],
        "neither": ["ben@acme.example"],
        "factor": ["Kim"],
        "no factor": ["Ada Admin (you)"],
        "managed": ["ben@acme.example"],
    }


def test_the_list_is_exported_as_it_is_filtered(admin_client: Client, acme: models.OrganizationRow) -> None:
    factories.member(acme, "eve@acme.example", name='=HYPERLINK("http://evil.example")')

    csv = admin_client.post(f"{URL}export/", {"q": "eve", "file_format": "csv"})
    lines = admin_client.post(f"{URL}export/", {"file_format": "jsonl"})

    rows = b"".join(csv.streaming_content).decode().splitlines()  # type: ignore[attr-defined]  # -- a stream
    assert rows[0].startswith("member_id,name,email_address,status,roles")
    assert len(rows) == 2
    assert "\"'=HYPERLINK(" in rows[1]
    records = [json.loads(one) for one in b"".join(lines.streaming_content).splitlines()]  # type: ignore[attr-defined]  # -- as above
    assert [one["email_address"] for one in records] == ["ada@acme.example", "eve@acme.example"]
    assert records[0]["roles"] == [ADMIN]
    entries = models.ActivityEntryRow.objects.filter(action="member.export").order_by("pk")
    assert [one.after for one in entries] == [{"text": "eve"}, {}]
    assert admin_client.post(f"{URL}export/", {"file_format": "xls"}).status_code == 422
