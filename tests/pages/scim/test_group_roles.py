"""The roles that groups grant. Tests with a number are about known defects of other portals."""

import re
from collections.abc import Iterable
from html import unescape
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from portal.directory.errors import Unavailable
from portal.directory.policy import DEFAULT_POLICY, Policy, Role
from portal.directory.scim.group_roles import MAX_GROUPS_AT_ONCE
from portal.embedded import models
from portal.embedded.scim.group_roles import EmbeddedScimGroupRoles
from portal.web.availability import REASONS
from tests import factories
from tests.absent import absent

GROUPS = "/o/acme/scim/groups/"
SAVED = f"{GROUPS}?roles=with"
ASSIGN = "/o/acme/scim/roles/assign/"
REVIEW = "/o/acme/scim/roles/review/"
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
    return f"{GROUPS}{id_of(group)}/roles/{step}"


def id_of(group: models.ScimGroupRow) -> str:
    return f"scim-group-live-{group.pk}"


def edit(client: Client, *groups: models.ScimGroupRow) -> str:
    return client.get(ASSIGN, {"groups": [id_of(group) for group in groups]}).content.decode()


def _form(group: models.ScimGroupRow, roles: Iterable[str], base: Iterable[str]) -> dict[str, Any]:
    return {"groups": id_of(group), "mode": "replace", "roles": list(roles), "base": list(base)}


def review(client: Client, group: models.ScimGroupRow, roles: Iterable[str], base: Iterable[str] = ()) -> Any:
    return client.get(REVIEW, _form(group, roles, base))


def save(client: Client, group: models.ScimGroupRow, roles: Iterable[str], base: Iterable[str] = ()) -> Any:
    return client.post(REVIEW, _form(group, roles, base))


def review_several(
    client: Client, groups: Iterable[models.ScimGroupRow], roles: Iterable[str], mode: str = "add"
) -> Any:
    return client.get(REVIEW, {"groups": [id_of(group) for group in groups], "mode": mode, "roles": list(roles)})


def save_reviewed(client: Client, html: str) -> Any:
    """Press the review's button."""
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'type="hidden" name="(groups|version|mode|roles|base)" value="([^"]*)"', html):
        fields.setdefault(name, []).append(value)
    return client.post(REVIEW, fields)


def held(group: models.ScimGroupRow) -> list[str]:
    return sorted(models.ScimGroupRoleRow.objects.filter(group_key=group.pk).values_list("role_id", flat=True))


def text(html: str) -> str:
    """Return what is read, with single spaces."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def ticked(html: str) -> list[str]:
    return re.findall(r'type="checkbox" name="roles" value="([^"]+)" checked', html)


def test_the_form_offers_every_role_except_the_one_that_every_member_has(
    admin_client: Client, group: models.ScimGroupRow
) -> None:
    factories.group_role(group, SUPPORT)

    html = edit(admin_client, group)

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

    assert "12 people gain It support" in text(html)
    assert "person00@acme.example" in html
    assert "and 2 more" in html
    assert held(group) == []
    response = save(admin_client, group, [SUPPORT])
    assert (response.status_code, response["Location"]) == (303, SAVED)
    assert held(group) == [SUPPORT]
    assert "Roles of “Support” saved." in admin_client.get(GROUPS).content.decode()


def test_people_who_lose_a_role_are_named_and_an_admin_who_loses_their_own_is_warned(
    admin_client: Client, admin: models.MemberRow, connection: models.ScimConnectionRow, group: models.ScimGroupRow
) -> None:
    user = factories.scim_user(connection, "ada@acme.example", display_name="Ada Admin")
    user.member = admin
    user.save()
    factories.put_in_group(group, [user])
    factories.group_role(group, SUPPORT)

    html = review(admin_client, group, [], [SUPPORT]).content.decode()

    assert "1 person loses It support" in text(html)
    assert "You’ll lose a role yourself" in html


def test_defect_1_saving_one_group_keeps_its_other_roles_and_all_other_groups(
    admin_client: Client, connection: models.ScimConnectionRow, group: models.ScimGroupRow
) -> None:
    """A group with two roles lost one on save. The roles of deleted groups were dropped."""
    other, deleted = factories.scim_groups(connection, ["Sales", "Gone"])
    for one in (group, other, deleted):
        factories.group_role(one, SUPPORT)
        factories.group_role(one, EDITOR)
    deleted_key = deleted.pk
    deleted.delete()
    others = models.ScimGroupRoleRow.objects.exclude(group_key=group.pk).order_by("pk")
    before = list(others.values())

    save(admin_client, group, [SUPPORT, EDITOR, ADMIN], [SUPPORT, EDITOR])

    assert held(group) == [EDITOR, SUPPORT, ADMIN]
    assert list(others.values()) == before
    assert others.filter(group_key=deleted_key).count() == 2


def test_an_admin_who_saves_after_someone_else_sees_both_changes(
    admin_client: Client, group: models.ScimGroupRow
) -> None:
    factories.group_role(group, EDITOR)  # by someone else, in the meantime

    for response in (review(admin_client, group, [SUPPORT]), save(admin_client, group, [SUPPORT])):
        html = response.content.decode()
        assert response.status_code == 409
        assert "Someone else changed these roles" in html
        assert "Assigned: Editor" in html
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
    assert "Make someone else an admin first" in response.content.decode()
    assert held(group) == [ADMIN]


@pytest.mark.parametrize(
    ("roles", "complaint"),
    [
        (["no_such_role"], "A group can’t grant the role “No such role”"),
        (["stytch_member"], "A group can’t grant the role “Member”"),
        ([], "Nothing has changed yet"),
        (["x" * 200], "no longer exists. Choose another one."),
    ],
)
def test_an_invalid_change_is_rejected_at_the_field(
    admin_client: Client, group: models.ScimGroupRow, roles: list[str], complaint: str
) -> None:
    for response in (review(admin_client, group, roles), save(admin_client, group, roles)):
        assert response.status_code == 422
        assert 'id="id_roles_error"' in response.content.decode()
        assert complaint in response.content.decode()
    assert held(group) == []


def test_defect_6_changing_is_offered_only_with_both_permissions(
    acme: models.OrganizationRow, group: models.ScimGroupRow
) -> None:
    """Edit was offered without the permission."""
    for role_id, lacking in (
        ("scim_only", "let you assign roles to groups and email domains"),
        ("roles_only", "let you change the SCIM connection"),
        (SUPPORT, "let you change the SCIM connection"),
    ):
        client = factories.signed_in(factories.member(acme, f"{role_id}@acme.example", roles=[role_id]))
        html = edit(client, group)
        assert "Continue" not in html
        assert "disabled" in html
        assert lacking in html
        for response in (review(client, group, [EDITOR]), save(client, group, [EDITOR])):
            assert response.status_code == 403
        for step in ("confirm/", "move/"):
            assert client.post(url_of(group, step)).status_code == 403
    assert held(group) == []


def test_defect_7_a_failed_load_does_not_look_like_no_roles(admin_client: Client, group: models.ScimGroupRow) -> None:
    with patch.object(EmbeddedScimGroupRoles, "get_several", side_effect=Unavailable("The directory does not answer.")):
        response = admin_client.get(ASSIGN, {"groups": id_of(group)})
    assert response.status_code == 503
    assert "No groups chosen" not in response.content.decode()


def test_the_address_of_earlier_versions_leads_to_the_groups_that_grant_roles(
    admin_client: Client, connection: models.ScimConnectionRow, group: models.ScimGroupRow
) -> None:
    factories.scim_group(connection, "Without")
    factories.group_role(group, SUPPORT)

    response = admin_client.get("/o/acme/scim/roles/", follow=True)

    assert response.redirect_chain == [(SAVED, 302)]
    assert ">Support<" in response.content.decode()
    assert "Without<" not in response.content.decode()
    assert admin_client.get(url_of(group), follow=True).redirect_chain == [(f"{ASSIGN}?groups={id_of(group)}", 302)]


def test_defect_12_a_role_that_no_longer_exists_is_shown_by_its_id_and_can_be_cleared(
    admin_client: Client, group: models.ScimGroupRow
) -> None:
    """An unknown role broke the whole table."""
    factories.group_role(group, "was_once")

    html = edit(admin_client, group)
    assert ticked(html) == ["was_once"]
    assert "This role no longer exists" in html
    assert save(admin_client, group, [], ["was_once"]).status_code == 303
    assert held(group) == []


def test_defect_10_the_link_back_from_the_review_keeps_the_checked_roles(
    admin_client: Client, group: models.ScimGroupRow
) -> None:
    html = review(admin_client, group, [SUPPORT, EDITOR]).content.decode()
    [back] = set(re.findall(r'href="(/o/acme/scim/roles/assign/[^"]*edited=1[^"]*)"', html))

    page = admin_client.get(back.replace("&amp;", "&")).content.decode()

    assert sorted(ticked(page)) == [EDITOR, SUPPORT]
    assert page.count("Not saved yet") == 2


def test_a_renamed_group_is_marked_until_an_admin_keeps_it(admin_client: Client, group: models.ScimGroupRow) -> None:
    factories.group_role(group, SUPPORT)
    factories.rename(group, "Customer care")

    html = admin_client.get(url_of(group)).content.decode()
    assert "This group was renamed" in html
    assert "It was “Support” when its roles were assigned" in html
    [version] = re.findall(r'name="version" value="(\w+)"', html)
    assert admin_client.post(url_of(group, "confirm/"), {"version": "stale"}).status_code == 409
    assert admin_client.post(url_of(group, "confirm/"), {"version": version}).status_code == 303
    assert admin_client.get(url_of(group)).status_code == 302
    assert models.ActivityEntryRow.objects.filter(action="scim_group.update_roles").count() == 1


def test_a_deleted_group_is_marked_and_its_roles_can_be_cleared_or_moved(
    admin_client: Client, connection: models.ScimConnectionRow, group: models.ScimGroupRow
) -> None:
    factories.group_role(group, SUPPORT)
    deleted = models.ScimGroupRow(pk=group.pk)
    group.delete()
    assert "has deleted this group" in admin_client.get(url_of(deleted)).content.decode()
    again = factories.scim_group(connection, "support")

    html = admin_client.get(url_of(deleted)).content.decode()
    assert "Move to the new group" in html
    [version], [to] = (re.findall(rf'name="{name}" value="([^"]+)"', html) for name in ("version", "to"))
    assert admin_client.post(url_of(deleted, "move/"), {"version": version, "to": to}).status_code == 303

    assert held(again) == [SUPPORT]
    assert held(deleted) == []
    assert admin_client.get(url_of(deleted)).status_code == 404


def test_clearing_the_roles_of_a_deleted_group_removes_it(admin_client: Client, group: models.ScimGroupRow) -> None:
    factories.group_role(group, SUPPORT)
    deleted = models.ScimGroupRow(pk=group.pk)
    group.delete()

    page = edit(admin_client, deleted)
    assert "Deleted by the identity provider" in page
    assert f'value="{EDITOR}"' not in page
    assert "No one loses It support" in text(review(admin_client, deleted, [], [SUPPORT]).content.decode())
    assert save(admin_client, deleted, [], [SUPPORT]).status_code == 303
    assert held(deleted) == []
    assert admin_client.get(url_of(deleted)).status_code == 404


def test_another_organizations_groups_are_not_found(
    group: models.ScimGroupRow, other_admin_client: Client, globex: models.OrganizationRow
) -> None:
    factories.scim_connection(globex)
    factories.group_role(group, SUPPORT)

    assert other_admin_client.get(url_of(group).replace("acme", "globex")).status_code == 404
    for url in (ASSIGN, REVIEW):
        query = _form(group, [EDITOR], [])
        assert other_admin_client.get(url.replace("acme", "globex"), query).status_code == 404
    assert other_admin_client.post(REVIEW.replace("acme", "globex"), _form(group, [], [SUPPORT])).status_code == 404
    for step in ("confirm/", "move/"):
        assert other_admin_client.post(url_of(group, step).replace("acme", "globex")).status_code == 404
    assert held(group) == [SUPPORT]


def test_the_review_explains_that_the_directory_has_no_preview(
    admin_client: Client, group: models.ScimGroupRow
) -> None:
    with absent("group_role_review"):
        html = unescape(review(admin_client, group, [SUPPORT]).content.decode())
        assert "Not available with this directory" in html
        assert REASONS["group role preview"] in html
        assert save(admin_client, group, [SUPPORT]).status_code == 303
    assert held(group) == [SUPPORT]


@pytest.mark.parametrize("number", [2, 40])
def test_pages_take_the_same_number_of_queries_for_any_number_of_groups(
    admin_client: Client,
    connection: models.ScimConnectionRow,
    django_assert_num_queries: DjangoAssertNumQueries,
    number: int,
) -> None:
    groups = factories.scim_groups(connection, (f"Team {n:02}" for n in range(number)))
    for one in groups[: number // 2]:
        factories.group_role(one, SUPPORT)
    edit(admin_client, *groups)

    with django_assert_num_queries(4):  # session, the roles, the groups without roles, connection for the frame
        edit(admin_client, *groups)
    with django_assert_num_queries(
        8
    ):  # session, connection; the others twice; the people in them, those who gain a role
        assert review_several(admin_client, groups, [EDITOR]).status_code == 200


@pytest.mark.parametrize("role_ids", [[SUPPORT], [SUPPORT, EDITOR]])
def test_a_review_takes_the_same_number_of_queries_for_any_number_of_people_and_roles(
    admin_client: Client,
    connection: models.ScimConnectionRow,
    group: models.ScimGroupRow,
    django_assert_num_queries: DjangoAssertNumQueries,
    role_ids: list[str],
) -> None:
    factories.put_in_group(group, [factories.provisioned(connection, f"person{n:03}@acme.example") for n in range(60)])
    review(admin_client, group, role_ids)

    # Session; the group and its roles, twice; the people in it; those who gain a role; the connection for the frame.
    with django_assert_num_queries(8):
        html = review(admin_client, group, role_ids).content.decode()
    assert "60 people gain It support" in text(html)


def test_several_groups_get_a_role_after_one_review(
    admin_client: Client, connection: models.ScimConnectionRow, group: models.ScimGroupRow
) -> None:
    sales, phones = factories.scim_groups(connection, ["Sales", "Phones"])
    users = [factories.provisioned(connection, f"person{n:02}@acme.example") for n in range(5)]
    factories.put_in_group(group, users[:3])
    factories.put_in_group(sales, users[2:])
    factories.group_role(phones, EDITOR)

    assert ticked(edit(admin_client, group, sales, phones)) == []
    html = review_several(admin_client, [group, sales, phones], [SUPPORT]).content.decode()
    assert "5 people gain It support" in text(html)
    assert "People in these groups 5" in text(html)
    assert models.ScimGroupRoleRow.objects.count() == 1
    response = save_reviewed(admin_client, html)

    assert (response.status_code, response["Location"]) == (303, SAVED)
    assert [held(one) for one in (group, sales, phones)] == [[SUPPORT], [SUPPORT], [EDITOR, SUPPORT]]
    assert "Roles of 3 groups saved." in admin_client.get(GROUPS).content.decode()


def test_roles_can_be_replaced_and_the_review_says_who_loses_one(
    admin_client: Client, connection: models.ScimConnectionRow, group: models.ScimGroupRow
) -> None:
    sales = factories.scim_group(connection, "Sales")
    factories.put_in_group(group, [factories.provisioned(connection, "pia@acme.example")])
    for one in (group, sales):
        factories.group_role(one, EDITOR)

    html = review_several(admin_client, [group, sales], [SUPPORT], mode="replace").content.decode()

    assert "1 person gains It support" in text(html)
    assert "1 person loses Editor" in text(html)
    save_reviewed(admin_client, html)
    assert [held(one) for one in (group, sales)] == [[SUPPORT], [SUPPORT]]


def test_a_change_of_several_groups_keeps_what_someone_else_changed(
    admin_client: Client, connection: models.ScimConnectionRow, group: models.ScimGroupRow
) -> None:
    sales = factories.scim_group(connection, "Sales")
    html = review_several(admin_client, [group, sales], [SUPPORT]).content.decode()
    factories.group_role(sales, EDITOR)

    response = save_reviewed(admin_client, html)

    assert response.status_code == 409
    again = response.content.decode()
    assert "Someone else changed the roles of “Sales”" in again
    assert [held(one) for one in (group, sales)] == [[], [EDITOR]]
    assert save_reviewed(admin_client, again).status_code == 303
    assert [held(one) for one in (group, sales)] == [[SUPPORT], [EDITOR, SUPPORT]]


def test_a_change_of_several_groups_keeps_the_last_admin(
    connection: models.ScimConnectionRow, group: models.ScimGroupRow
) -> None:
    sales = factories.scim_group(connection, "Sales")
    user = factories.provisioned(connection, "root@acme.example")
    factories.put_in_group(group, [user])
    for one in (group, sales):
        factories.group_role(one, ADMIN)
    assert user.member
    client = factories.signed_in(user.member)

    html = review_several(client, [group, sales], [EDITOR], mode="replace").content.decode()
    assert "You’ll lose a role yourself" in html
    response = save_reviewed(client, html)

    assert response.status_code == 409
    assert "Make someone else an admin first" in response.content.decode()
    assert [held(one) for one in (group, sales)] == [[ADMIN], [ADMIN]]


def test_the_number_of_groups_has_a_limit_and_none_is_explained(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    groups = factories.scim_groups(connection, (f"Team {n:03}" for n in range(MAX_GROUPS_AT_ONCE + 1)))

    assert "No groups chosen" in edit(admin_client)
    assert "Too many groups" in edit(admin_client, *groups)
    assert "No groups chosen" in admin_client.post(REVIEW, {}).content.decode()
    assert admin_client.get(GROUPS, {"groups": [id_of(one) for one in groups]}).status_code == 200


def test_chosen_groups_stay_chosen_on_other_pages_of_the_list(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    groups = factories.scim_groups(connection, (f"Team {n:03}" for n in range(30)))

    query = {"limit": ["25"], "groups": [id_of(groups[0]), id_of(groups[29])]}

    html = admin_client.get(GROUPS, query).content.decode()

    assert html.count('name="groups"') == 26
    assert len(re.findall(r'type="checkbox" name="groups"[^>]*checked', html)) == 1
    assert f'type="hidden" name="groups" value="{id_of(groups[29])}"' in html


def test_who_is_affected_is_shown_next_to_the_choice(
    admin_client: Client, connection: models.ScimConnectionRow, group: models.ScimGroupRow
) -> None:
    sales = factories.scim_group(connection, "Sales")
    factories.put_in_group(group, [factories.provisioned(connection, "pia@acme.example", display_name="Pia Patel")])
    factories.group_role(sales, EDITOR)
    chosen = {"groups": [id_of(group), id_of(sales)], "mode": "replace", "roles": [SUPPORT], "edited": "1"}

    assert "No one yet." in text(edit(admin_client, group, sales))
    fragment = admin_client.get(ASSIGN, chosen, headers={"HX-Request": "true", "HX-Target": "affected"})
    # Without scripts, a button leads to the whole page with the same.
    page = admin_client.get(ASSIGN, chosen).content.decode()

    html = fragment.content.decode()
    assert html.lstrip().startswith('<div class="stack stack-6" id="affected"')
    assert re.search(r'id="affected-summary" role="status" hx-swap-oob="true"', html)
    for shown in (html, page):
        assert "1 person gains It support . 0 people lose Editor" in text(shown).replace("support.", "support .")
        assert ">Pia Patel</a>" in shown
        # The roles that Sales will have.
        assert text(re.findall(r'data-label="After">(.*?)</td>', shown, re.DOTALL)[1]) == "It support"
    assert ticked(page) == [SUPPORT]
    assert held(group) == []


def test_who_is_affected_is_left_out_where_the_directory_cannot_say(
    admin_client: Client, group: models.ScimGroupRow
) -> None:
    chosen = {"groups": id_of(group), "roles": [SUPPORT], "edited": "1"}
    with absent("group_role_review"):
        html = admin_client.get(ASSIGN, chosen).content.decode()

    assert "Who is affected" not in html
    assert text(re.findall(r'data-label="After">(.*?)</td>', html, re.DOTALL)[0]) == "It support"


def test_roles_change_after_a_recent_proof_and_the_choice_is_kept(
    admin_client: Client, group: models.ScimGroupRow
) -> None:
    factories.forget_password_entry()
    asked = urlsplit(admin_client.post(REVIEW, _form(group, [SUPPORT], []))["Location"])
    moved = urlsplit(admin_client.post(url_of(group, "move/"), {"to": "x", "version": "y"})["Location"])

    assert asked.path == moved.path == "/o/acme/confirm/"
    assert parse_qs(moved.query)["next"] == [url_of(group)]
    assert not models.ScimGroupRoleRow.objects.exists()
    models.MemberSessionRow.objects.update(password_entered_at=timezone.now())
    page = admin_client.get(parse_qs(asked.query)["next"][0]).content.decode()
    assert f'name="roles" value="{SUPPORT}"' in page
    assert not models.ScimGroupRoleRow.objects.exists()
