"""The roles that groups give: seen, changed after a review, and mended. Defects of other portals are named in the tests."""

import re
from collections.abc import Iterable
from typing import Any
from unittest.mock import patch

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from portal.directory.errors import NotOffered, Unavailable
from portal.directory.policy import DEFAULT_POLICY, Policy, Role
from portal.directory.scim.features import ScimFeature
from portal.embedded import models
from portal.embedded.scim.group_roles import EmbeddedScimGroupRoles
from portal.embedded.scim.scim import EmbeddedScim
from tests import factories

ROLES = "/o/acme/scim/roles/"
ADMIN = "stytch_admin"
SUPPORT = "it_support"
EDITOR = "editor"


@pytest.fixture(autouse=True)
def _policy(settings: Settings) -> None:
    extra = {
        one: Role(one, {"stytch.scim": frozenset({"get"})}, f"May do what {one} does") for one in (SUPPORT, EDITOR)
    }
    extra["scim_only"] = Role("scim_only", {"stytch.scim": frozenset({"*"})})
    extra["roles_only"] = Role(
        "roles_only",
        {
            "stytch.scim": frozenset({"get"}),
            "stytch.organization": frozenset({"update.settings.implicit-roles"}),
        },
    )
    settings.RBAC_POLICY = DEFAULT_POLICY.extended_by(Policy(extra, {}))


@pytest.fixture
def connection(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)


@pytest.fixture
def group(connection: models.ScimConnectionRow) -> models.ScimGroupRow:
    return factories.scim_group(connection, "Support")


def url_of(group: models.ScimGroupRow, step: str = "") -> str:
    return f"/o/acme/scim/groups/scim-group-live-{group.pk}/roles/{step}"


def review(client: Client, group: models.ScimGroupRow, roles: Iterable[str], base: Iterable[str] = ()) -> Any:
    return client.get(url_of(group, "review/"), {"roles": list(roles), "base": list(base), "edited": "1"})


def save(client: Client, group: models.ScimGroupRow, roles: Iterable[str], base: Iterable[str] = ()) -> Any:
    return client.post(url_of(group, "review/"), {"roles": list(roles), "base": list(base)})


def held(group: models.ScimGroupRow) -> list[str]:
    return sorted(models.ScimGroupRoleRow.objects.filter(group_key=group.pk).values_list("role_id", flat=True))


def ticked(html: str) -> list[str]:
    return re.findall(r'type="checkbox" name="roles" value="([^"]+)" checked', html)


def test_the_form_offers_every_role_but_the_one_that_everybody_has(
    admin_client: Client, group: models.ScimGroupRow
) -> None:
    factories.group_role(group, SUPPORT)

    html = admin_client.get(url_of(group)).content.decode()

    assert ticked(html) == [SUPPORT]
    assert f'value="{EDITOR}"' in html
    assert "May do what editor does" in html
    assert 'value="stytch_member"' not in html


def test_a_change_is_reviewed_before_it_is_saved(
    admin_client: Client, connection: models.ScimConnectionRow, group: models.ScimGroupRow
) -> None:
    users = [factories.provisioned(connection, f"person{n:02}@acme.example") for n in range(12)]
    factories.put_in_group(group, users)

    html = review(admin_client, group, [SUPPORT]).content.decode()

    assert "12 people gain it_support" in html
    assert "person00@acme.example" in html
    assert "and 2 more" in html
    assert held(group) == []
    response = save(admin_client, group, [SUPPORT])
    assert (response.status_code, response["Location"]) == (303, ROLES)
    assert held(group) == [SUPPORT]
    assert "The roles of “Support” are saved." in admin_client.get(ROLES).content.decode()


def test_who_loses_a_role_is_named_and_who_would_lose_their_own_is_warned(
    admin_client: Client, admin: models.MemberRow, connection: models.ScimConnectionRow, group: models.ScimGroupRow
) -> None:
    user = factories.scim_user(connection, "ada@acme.example", display_name="Ada Admin")
    user.member = admin
    user.save()
    factories.put_in_group(group, [user])
    factories.group_role(group, SUPPORT)

    html = review(admin_client, group, [], [SUPPORT]).content.decode()

    assert "1 person loses it_support" in html
    assert "You lose a role yourself" in html


def test_defect_1_saving_one_group_keeps_its_other_roles_and_all_other_groups(
    admin_client: Client, connection: models.ScimConnectionRow, group: models.ScimGroupRow
) -> None:
    """A group with two roles lost one on save; mappings of vanished groups were dropped."""
    other, gone = factories.scim_groups(connection, ["Sales", "Gone"])
    for one in (group, other, gone):
        factories.group_role(one, SUPPORT)
        factories.group_role(one, EDITOR)
    gone_key = gone.pk
    gone.delete()
    others = models.ScimGroupRoleRow.objects.exclude(group_key=group.pk).order_by("pk")
    before = list(others.values())

    save(admin_client, group, [SUPPORT, EDITOR, ADMIN], [SUPPORT, EDITOR])

    assert held(group) == [EDITOR, SUPPORT, ADMIN]
    assert list(others.values()) == before
    assert others.filter(group_key=gone_key).count() == 2


def test_who_saves_on_top_of_another_change_is_shown_it_and_loses_nothing(
    admin_client: Client, group: models.ScimGroupRow
) -> None:
    factories.group_role(group, EDITOR)  # meanwhile, by somebody else

    for response in (review(admin_client, group, [SUPPORT]), save(admin_client, group, [SUPPORT])):
        html = response.content.decode()
        assert response.status_code == 409
        assert "Somebody else changed these roles meanwhile" in html
        assert "Given: editor" in html
        assert sorted(ticked(html)) == [EDITOR, SUPPORT]
        assert 'name="base" value="editor"' in html
    assert held(group) == [EDITOR]
    assert save(admin_client, group, [SUPPORT, EDITOR], [EDITOR]).status_code == 303


def test_the_last_admin_is_kept_with_a_reason(connection: models.ScimConnectionRow, group: models.ScimGroupRow) -> None:
    user = factories.provisioned(connection, "root@acme.example")
    factories.put_in_group(group, [user])
    factories.group_role(group, ADMIN)
    assert user.member

    response = save(factories.signed_in(user.member), group, [], [ADMIN])

    assert response.status_code == 409
    assert "Make somebody else an admin first" in response.content.decode()
    assert held(group) == [ADMIN]


@pytest.mark.parametrize(
    ("roles", "complaint"),
    [
        (["no_such_role"], "There is no role “no_such_role”"),
        (["stytch_member"], "There is no role “stytch_member”"),
        ([], "Nothing is different yet"),
        (["x" * 200], "cannot be a role"),
    ],
)
def test_what_cannot_be_is_refused_at_the_field(
    admin_client: Client, group: models.ScimGroupRow, roles: list[str], complaint: str
) -> None:
    for response in (review(admin_client, group, roles), save(admin_client, group, roles)):
        assert response.status_code == 422
        assert 'id="id_roles_error"' in response.content.decode()
        assert complaint in response.content.decode()
    assert held(group) == []


def test_defect_6_change_is_offered_only_to_who_may_and_needs_both_rights(
    acme: models.OrganizationRow, group: models.ScimGroupRow
) -> None:
    """Edit was offered without a look at the rights."""
    for role_id, lacking in (
        ("scim_only", "stytch.organization:update.settings.implicit-roles"),
        ("roles_only", "stytch.scim:update"),
        (SUPPORT, "stytch.scim:update"),
    ):
        client = factories.signed_in(factories.member(acme, f"{role_id}@acme.example", roles=[role_id]))
        html = client.get(url_of(group)).content.decode()
        assert "Review the change" not in html
        assert "disabled" in html
        assert lacking in html
        for response in (review(client, group, [EDITOR]), save(client, group, [EDITOR])):
            assert response.status_code == 403
        for step in ("confirm/", "move/"):
            assert client.post(url_of(group, step)).status_code == 403
    assert held(group) == []


def test_defect_7_a_failed_load_does_not_look_like_no_roles(admin_client: Client, group: models.ScimGroupRow) -> None:
    assert "No group gives a role yet" in admin_client.get(ROLES).content.decode()
    with patch.object(EmbeddedScimGroupRoles, "page", side_effect=Unavailable("The directory does not answer.")):
        response = admin_client.get(ROLES)
    assert response.status_code == 503
    assert "No group gives a role yet" not in response.content.decode()


def test_defect_12_a_role_that_is_no_more_is_shown_by_its_id_and_can_be_cleared(
    admin_client: Client, group: models.ScimGroupRow
) -> None:
    """An unknown role took the whole table down."""
    factories.group_role(group, "was_once")

    assert "no such role any more" in admin_client.get(ROLES).content.decode()
    html = admin_client.get(url_of(group)).content.decode()
    assert ticked(html) == ["was_once"]
    assert "There is no such role any more" in html
    assert save(admin_client, group, [], ["was_once"]).status_code == 303
    assert held(group) == []


def test_defect_10_the_way_back_from_the_review_brings_what_was_ticked(
    admin_client: Client, group: models.ScimGroupRow
) -> None:
    html = review(admin_client, group, [SUPPORT, EDITOR]).content.decode()
    [back] = set(re.findall(r'href="(/o/acme/scim/groups/[^"]*edited=1[^"]*)"', html))

    page = admin_client.get(back.replace("&amp;", "&")).content.decode()

    assert sorted(ticked(page)) == [EDITOR, SUPPORT]
    assert page.count("Not saved yet") == 2


def test_a_renamed_group_is_marked_until_an_admin_keeps_it(admin_client: Client, group: models.ScimGroupRow) -> None:
    factories.group_role(group, SUPPORT)
    factories.rename(group, "Customer care")

    html = admin_client.get(ROLES).content.decode()
    assert "Renamed" in html
    assert "Was “Support” when its roles were given" in html
    [version] = re.findall(r'name="version" value="(\w+)"', html)
    assert admin_client.post(url_of(group, "confirm/"), {"version": "stale"}).status_code == 409
    assert admin_client.post(url_of(group, "confirm/"), {"version": version}).status_code == 303
    assert "Renamed" not in admin_client.get(ROLES).content.decode()
    assert models.ActivityEntryRow.objects.filter(action="scim_group.update_roles").count() == 1


def test_a_deleted_group_is_marked_and_can_be_forgotten_or_moved(
    admin_client: Client, connection: models.ScimConnectionRow, group: models.ScimGroupRow
) -> None:
    factories.group_role(group, SUPPORT)
    gone = models.ScimGroupRow(pk=group.pk)
    group.delete()
    assert "Deleted by the identity provider" in admin_client.get(ROLES).content.decode()
    again = factories.scim_group(connection, "support")

    html = admin_client.get(ROLES).content.decode()
    assert "Move to the new group" in html
    [version], [to] = (re.findall(rf'name="{name}" value="([^"]+)"', html) for name in ("version", "to"))
    assert admin_client.post(url_of(gone, "move/"), {"version": version, "to": to}).status_code == 303

    assert held(again) == [SUPPORT]
    assert held(gone) == []
    assert "Deleted by" not in admin_client.get(ROLES).content.decode()


def test_the_roles_of_a_deleted_group_are_forgotten_by_clearing_them(
    admin_client: Client, group: models.ScimGroupRow
) -> None:
    factories.group_role(group, SUPPORT)
    gone = models.ScimGroupRow(pk=group.pk)
    group.delete()

    page = admin_client.get(url_of(gone)).content.decode()
    assert "has deleted this group" in page
    assert f'value="{EDITOR}"' not in page
    assert "Nobody loses it_support" in review(admin_client, gone, [], [SUPPORT]).content.decode()
    assert save(admin_client, gone, [], [SUPPORT]).status_code == 303
    assert held(gone) == []
    assert admin_client.get(url_of(gone)).status_code == 404


def test_another_organizations_groups_are_not_found(
    group: models.ScimGroupRow, other_admin_client: Client, globex: models.OrganizationRow
) -> None:
    factories.scim_connection(globex)
    factories.group_role(group, SUPPORT)

    for step in ("", "review/"):
        assert other_admin_client.get(url_of(group, step).replace("acme", "globex")).status_code == 404
    for step in ("review/", "confirm/", "move/"):
        assert other_admin_client.post(url_of(group, step).replace("acme", "globex")).status_code == 404
    assert "Support" not in other_admin_client.get("/o/globex/scim/roles/").content.decode().replace("support", "")
    assert held(group) == [SUPPORT]


def test_what_the_directory_cannot_say_beforehand_is_said_in_its_place(
    admin_client: Client, group: models.ScimGroupRow
) -> None:
    refusal = NotOffered("This directory does not tell who is in a group.")
    with (
        patch.object(EmbeddedScim, "offers", frozenset[ScimFeature]()),
        patch.object(EmbeddedScimGroupRoles, "preview", side_effect=refusal),
    ):
        html = review(admin_client, group, [SUPPORT]).content.decode()
        assert "Not available with this directory" in html
        assert refusal.detail in html
        assert save(admin_client, group, [SUPPORT]).status_code == 303
    assert held(group) == [SUPPORT]


@pytest.mark.parametrize("number", [2, 60])
def test_the_list_costs_the_same_queries_however_many_groups_give_roles(
    admin_client: Client,
    connection: models.ScimConnectionRow,
    django_assert_num_queries: DjangoAssertNumQueries,
    number: int,
) -> None:
    groups = factories.scim_groups(connection, (f"Team {n:02}" for n in range(number)))
    for one in groups:
        factories.group_role(one, SUPPORT)
        factories.group_role(one, EDITOR)
    groups[0].delete()
    admin_client.get(ROLES)

    # Session, connection, which groups, their roles, and who has the names of those that are gone.
    with django_assert_num_queries(5):
        admin_client.get(ROLES)


def test_a_review_costs_the_same_queries_however_many_people_there_are(
    admin_client: Client,
    connection: models.ScimConnectionRow,
    group: models.ScimGroupRow,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    factories.put_in_group(group, [factories.provisioned(connection, f"person{n:03}@acme.example") for n in range(60)])
    review(admin_client, group, [SUPPORT])

    with django_assert_num_queries(6):  # session; the group and its roles, twice; who gains
        html = review(admin_client, group, [SUPPORT]).content.decode()
    assert "60 people gain it_support" in html
