"""The differences: every kind, with its fix."""

import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from portal.directory.members import MemberStatus
from portal.embedded import models
from portal.embedded.scim import drift
from tests import factories
from tests.absent import absent
from tests.pages.scim.test_conflicts import as_reader
from tests.scim_server.conftest import Idp

PAGE = "/o/acme/scim/attention/differences/"
TAKE = f"{PAGE}take/"
GRACE: dict[str, Any] = {
    "userName": "grace",
    "displayName": "Grace Hopper",
    "emails": [{"value": "grace@acme.example", "primary": True}],
}


@pytest.fixture
def idp(acme: models.OrganizationRow) -> Idp:
    token = "scim_token-of-acme"
    return Idp(factories.scim_connection(acme, bearer_token=token), token)


@pytest.fixture
def grace(idp: Idp) -> models.MemberRow:
    """A provisioned member."""
    idp.send("POST", "/Users", GRACE)
    return models.MemberRow.objects.get(email_address="grace@acme.example")


def page(client: Client, kind: str = "", **query: str) -> str:
    return client.get(PAGE, {**({"kind": kind} if kind else {}), **query}).content.decode()


def fix(html: str) -> dict[str, str]:
    """Return what the first button on the page sends."""
    return dict(re.findall(r'name="(user_id|version)" value="([^"]+)"', html)[:2])


def change(member: models.MemberRow, **values: str) -> None:
    for name, value in values.items():
        setattr(member, name, value)
    member.save()


CHANGES: dict[str, dict[str, str]] = {
    "name": {"name": "G. Hopper"},
    "e-mail": {"email_address": "other@acme.example"},
    "state": {"status": MemberStatus.DELETED},
    "all": {"name": "G.", "email_address": "other@acme.example", "status": MemberStatus.DELETED},
}


def test_a_user_who_was_provisioned_now_has_no_differences(admin_client: Client, grace: models.MemberRow) -> None:
    assert "No manual changes" in page(admin_client)


@pytest.mark.parametrize("kind", CHANGES)
def test_a_manual_change_is_shown_and_fixed(admin_client: Client, grace: models.MemberRow, kind: str) -> None:
    before = (grace.name, grace.email_address, grace.status)
    change(grace, **CHANGES[kind])
    html = page(admin_client)
    for value in CHANGES[kind].values():
        assert f"{value}" in html

    response = admin_client.post(TAKE, fix(html))

    assert (response.status_code, response["Location"]) == (303, PAGE)
    grace.refresh_from_db()
    assert (grace.name, grace.email_address, grace.status) == before
    assert "No manual changes" in page(admin_client)
    entry = models.ActivityEntryRow.objects.filter(action__startswith="member.").order_by("id").last()
    assert entry
    assert entry.actor_name == "Ada Admin"


def test_a_member_reactivated_against_the_idp_is_deactivated_again(
    admin_client: Client, grace: models.MemberRow, idp: Idp
) -> None:
    user = idp.get("/Users").json()["Resources"][0]["id"]
    idp.patch(f"/Users/{user}", {"op": "replace", "value": {"active": False}})
    grace.refresh_from_db()
    change(grace, status=MemberStatus.ACTIVE)
    client = factories.signed_in(grace)

    assert admin_client.post(TAKE, fix(page(admin_client))).status_code == 303

    assert client.get("/o/acme/").status_code == 401


def test_the_last_admin_keeps_access(grace: models.MemberRow, idp: Idp) -> None:
    change(grace, direct_roles=["stytch_admin"])  # type: ignore[arg-type]  # -- a list
    models.ScimUserRow.objects.update(active=False)
    client = factories.signed_in(grace)

    response = client.post(TAKE, fix(page(client)))

    assert response.status_code == 409
    assert "last admin" in response.content.decode()
    grace.refresh_from_db()
    assert grace.status == MemberStatus.ACTIVE


def test_an_address_in_use_is_a_conflict(admin_client: Client, grace: models.MemberRow) -> None:
    change(grace, email_address="other@acme.example")
    factories.member(grace.organization, "grace@acme.example")

    response = admin_client.post(TAKE, fix(page(admin_client)))

    assert response.status_code == 409
    assert "Another member of the organization has this email address." in response.content.decode()


def test_a_change_after_the_page_was_shown_is_a_conflict(admin_client: Client, grace: models.MemberRow) -> None:
    change(grace, name="G. Hopper")
    seen = fix(page(admin_client))
    change(grace, name="Admiral Hopper")

    response = admin_client.post(TAKE, seen)

    assert response.status_code == 409
    grace.refresh_from_db()
    assert grace.name == "Admiral Hopper"


@pytest.mark.parametrize("data", [{}, {"user_id": "x"}, {"user_id": "x" * 200, "version": "y"}])
def test_an_invalid_form_is_rejected(admin_client: Client, grace: models.MemberRow, data: dict[str, str]) -> None:
    assert admin_client.post(TAKE, data).status_code == 422


def test_another_organizations_user_is_not_found(
    other_admin_client: Client, grace: models.MemberRow, globex: models.OrganizationRow, admin_client: Client
) -> None:
    change(grace, name="G.")
    factories.scim_connection(globex)
    theirs = PAGE.replace("acme", "globex")

    assert other_admin_client.post(f"{theirs}take/", fix(page(admin_client))).status_code == 404
    assert "grace" not in other_admin_client.get(theirs).content.decode()


def test_a_member_without_the_permission_sees_who_can_help(
    acme: models.OrganizationRow, grace: models.MemberRow, settings: Settings
) -> None:
    change(grace, name="G.")
    client = as_reader(settings, acme)

    html = page(client)

    assert "Grace Hopper" in html
    assert "let you change the SCIM connection" in html
    assert fix(html) == {}
    assert client.post(TAKE, {"user_id": "x", "version": "y"}).status_code == 403


def test_unmanaged_members_are_listed(admin_client: Client, grace: models.MemberRow) -> None:
    html = page(admin_client, "unmanaged")

    assert "ada@acme.example" in html.partition("<table")[2]
    assert "grace@acme.example" not in html
    assert "assign them to this application in Okta" in " ".join(html.split())


def test_renamed_and_deleted_groups_are_listed_with_a_link_to_their_roles(admin_client: Client, idp: Idp) -> None:
    kept, renamed, deleted = factories.scim_groups(idp.connection, ["Kept", "Sales", "Gone"])
    for group in (kept, renamed, deleted):
        factories.group_role(group, "stytch_admin")
    factories.rename(renamed, "Revenue")
    deleted.delete()

    html = page(admin_client, "group-roles")

    for shown in ("Revenue", "Was “Sales”", "Gone", "Deleted by Okta"):
        assert shown in html
    assert "Kept" not in html
    assert f'href="/o/acme/scim/groups/scim-group-live-{renamed.pk}/roles/"' in html


def test_groups_without_a_role_are_listed(admin_client: Client, idp: Idp) -> None:
    mapped, _ = factories.scim_groups(idp.connection, ["Admins", "Sales"])
    factories.group_role(mapped, "stytch_admin")

    html = page(admin_client, "unmapped").partition("<table")[2]

    assert "Sales" in html
    assert "Admins" not in html


@pytest.mark.parametrize("kind", ["changed", "unmanaged", "unmapped"])
def test_rows_beyond_the_bound_of_a_page_are_found_on_the_next_pages(
    admin_client: Client, idp: Idp, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift, "_MAX_READ", 4)
    monkeypatch.setattr(drift, "_MAX_COMPARED", 4)
    for n in range(10):
        idp.send("POST", "/Users", {"userName": f"person{n}@acme.example", "displayName": "Pat"})
    factories.scim_groups(idp.connection, (f"Team {n:02}" for n in range(10)))
    change(models.MemberRow.objects.get(email_address="person9@acme.example"), name="Changed")
    factories.member(idp.connection.organization, "zoe@acme.example")
    url: str | None = f"{PAGE}?kind={kind}"
    seen = ""
    while url:
        html = admin_client.get(url, headers={"HX-Request": "true", "HX-Target": "drift-more"}).content.decode()
        seen += html
        found = re.search(r'hx-get="([^"]*cursor=[^"]*)"', html)
        url = found.group(1).replace("&amp;", "&") if found else None

    expected = {"changed": ["person9@"], "unmanaged": ["ada@", "zoe@"], "unmapped": [f"Team {n:02}" for n in range(10)]}
    found_names = re.findall(r"(?<=>)(?:person\d@|ada@|zoe@|Team \d\d)", seen)
    assert found_names == expected[kind]


def test_an_unfinished_search_says_nothing_found_so_far(
    admin_client: Client, idp: Idp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift, "_MAX_COMPARED", 2)
    for n in range(3):
        idp.send("POST", "/Users", {"userName": f"person{n}@acme.example", "displayName": "Pat"})

    html = page(admin_client)
    assert "Nothing found so far" in html
    assert ">Load more</a>" in html
    assert "0 shown" not in html

    url = re.search(r'hx-get="([^"]*cursor=[^"]*)"', html)
    assert url is not None
    last = admin_client.get(
        url.group(1).replace("&amp;", "&"), headers={"HX-Request": "true", "HX-Target": "drift-more"}
    )
    assert "Nothing found<" in last.content.decode()
    assert "Load more" not in last.content.decode()


@pytest.mark.parametrize("kind", ["changed", "unmanaged", "group-roles", "unmapped"])
@pytest.mark.parametrize("number", [3, 30])
def test_the_number_of_queries_does_not_grow_with_the_rows(
    admin_client: Client, idp: Idp, django_assert_max_num_queries: DjangoAssertNumQueries, kind: str, number: int
) -> None:
    for n in range(number):
        idp.send("POST", "/Users", {"userName": f"person{n}@acme.example", "displayName": "Pat"})
        factories.member(idp.connection.organization, f"other{n}@acme.example")
    for group in factories.scim_groups(idp.connection, (f"Team {n:02}" for n in range(number))):
        factories.group_role(group, "stytch_admin")
        factories.rename(group, f"Renamed {group.display_name}")
    models.MemberRow.objects.filter(email_address__startswith="person").update(name="Changed")

    with django_assert_max_num_queries(10):
        admin_client.get(PAGE, {"kind": kind})


@pytest.mark.parametrize("query", [{"limit": "7"}, {"kind": "other"}])
def test_an_invalid_query_is_rejected_with_the_valid_values(
    admin_client: Client, idp: Idp, query: dict[str, str]
) -> None:
    response = admin_client.get(PAGE, query)

    assert response.status_code == 422
    assert "Use " in response.content.decode()


def test_a_cursor_of_another_kind_starts_again(admin_client: Client, idp: Idp) -> None:
    assert "The list starts again" in page(admin_client, "unmanaged", cursor="forged")


def test_without_a_connection_the_page_says_so(admin_client: Client) -> None:
    assert "No identity provider is connected" in page(admin_client)


def test_a_directory_without_it_shows_the_reason(admin_client: Client, idp: Idp) -> None:
    with absent("drift"):
        response = admin_client.get(PAGE)

    assert response.status_code == 200
    assert "Not available with this directory" in response.content.decode()
