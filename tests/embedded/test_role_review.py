"""Numbers of roles and previews of their changes (portal.embedded.role_review)."""

from dataclasses import replace

import pytest
from pytest_django import DjangoAssertNumQueries

from portal.directory.errors import Conflict, Invalid
from portal.directory.organizations import EmailImplicitRoleAssignment as Rule
from portal.directory.policy import Role
from portal.directory.roles import assignments_version
from portal.embedded import models, role_review
from portal.embedded.counts import count_organization
from portal.embedded.directory import EmbeddedDirectory
from portal.embedded.project import EmbeddedProject
from tests import factories
from tests.embedded.conftest import api_session

pytestmark = pytest.mark.django_db
EDITOR = Role("editor", {"stytch.scim": frozenset({"get", "update"})}, "Edits")
ADMIN = "stytch_admin"


@pytest.fixture
def crowd(acme: models.OrganizationRow, globex: models.OrganizationRow) -> models.OrganizationRow:
    """Editors: Ann manually, Bob by domain, Cas by a nested group; Ann also by group. Globex has the same."""
    for organization in (acme, globex):
        models.OrganizationRow.objects.filter(pk=organization.pk).update(
            custom_roles=[
                {"role_id": "editor", "permissions": [{"resource_id": "stytch.scim", "actions": ["get", "update"]}]},
                {"role_id": "reader", "permissions": [{"resource_id": "stytch.scim", "actions": ["get"]}]},
            ]
        )
        factories.role_by_domain(organization, "labs.example", "editor")
        connection = factories.scim_connection(organization)
        cas, ann = (factories.provisioned(connection, f"{name}@acme.example") for name in ("cas", "ann"))
        inner, outer = (factories.scim_group(connection, name) for name in ("Inner", "Outer"))
        factories.put_in_group(inner, [cas])
        factories.put_in_group(outer, [ann])
        models.ScimNestingRow.objects.create(organization_id=organization.pk, group=outer, member=inner)
        factories.group_role(outer, "editor")
        models.MemberRow.objects.filter(scim_user=ann).update(direct_roles=["editor", "reader"])
        factories.member(organization, "bob@labs.example")
        factories.member(organization, "dan@sublabs.example")
        deleted = factories.member(organization, "eve@labs.example", roles=["editor"])
        models.MemberRow.objects.filter(pk=deleted.pk).update(status="deleted")
    return models.OrganizationRow.objects.get(pk=acme.pk)


@pytest.fixture
def directory(known: EmbeddedProject, admin: models.MemberRow, crowd: models.OrganizationRow) -> EmbeddedDirectory:
    """Acme, as its admin opens it."""
    return known.open_session(api_session(admin).session_token)[1]


def test_each_member_is_counted_once_per_role(
    directory: EmbeddedDirectory, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(6):
        numbers = directory.role_review.numbers()

    assert numbers.counted_at is None
    assert numbers.roles is not None
    editors = numbers.roles["editor"]
    assert (editors.members, editors.manual, editors.groups) == (3, 1, 1)
    assert numbers.roles[ADMIN].members == 1


def test_a_large_organization_has_the_numbers_of_the_last_count(
    directory: EmbeddedDirectory, crowd: models.OrganizationRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(role_review, "MAX_COUNTED", 2)

    assert directory.role_review.numbers().roles is None
    count_organization(crowd.pk)
    numbers = directory.role_review.numbers()
    assert numbers.counted_at is not None
    assert numbers.roles is not None
    assert numbers.roles["editor"].members == 3


def test_preview_of_a_deletion_names_people_and_sources(directory: EmbeddedDirectory) -> None:
    preview = directory.role_review.preview(EDITOR, None)

    assert [one.name for one in preview.holders.first] == ["ann@acme.example", "bob@labs.example", "cas@acme.example"]
    assert (preview.holders.number, preview.manual, preview.groups, preview.domains) == (3, 1, 2, ("labs.example",))
    by_permission = {effect.permissions: effect for effect in preview.effects}
    # Ann keeps "get" through the role Reader.
    assert by_permission[(("stytch.scim", "get"),)].affected.number == 2
    assert by_permission[(("stytch.scim", "update"),)].affected.number == 3
    assert not any(effect.is_gained for effect in preview.effects)


def test_preview_of_a_change_says_who_gains_and_loses_what(
    directory: EmbeddedDirectory, crowd: models.OrganizationRow, admin: models.MemberRow
) -> None:
    models.MemberRow.objects.filter(pk=admin.pk).update(direct_roles=[ADMIN, "editor"])
    permissions = {"stytch.scim": frozenset({"get"}), "stytch.sso": frozenset({"get"}), "stytch.self": frozenset({"*"})}

    preview = directory.role_review.preview(EDITOR, replace(EDITOR, permissions=permissions))

    # What every member or the admin has anyway changes nothing for them.
    said = {(effect.permissions, effect.is_gained, effect.affected.number) for effect in preview.effects}
    assert said == {((("stytch.sso", "get"),), True, 3), ((("stytch.scim", "update"),), False, 3)}
    assert preview.holders.number == 4
    assert preview.holders.includes_caller
    assert not any(effect.affected.includes_caller for effect in preview.effects)


def test_rules_for_email_domains_are_previewed_and_saved(directory: EmbeddedDirectory, crowd: object) -> None:
    now = directory.roles.email_assignments()
    removed, added = Rule("labs.example", "editor"), Rule("acme.example", "editor")

    gained, lost = directory.role_review.preview_email_assignments(
        add=[Rule("@ACME.example", "editor")], remove=[removed]
    )

    assert (gained.assignment, gained.members, gained.affected.number, gained.affected.includes_caller) == (
        added,
        3,
        1,
        True,
    )
    assert (lost.members, lost.affected.number) == (1, 1)
    saved = directory.roles.change_email_assignments(add=[added], remove=[removed], version=assignments_version(now))
    assert saved == (added,)
    with pytest.raises(Conflict) as stale:
        directory.roles.change_email_assignments(remove=[removed], version=assignments_version(now))
    assert stale.value.field == "version"
    for domain in ("gmail.com", "nonsense"):
        with pytest.raises(Invalid):
            directory.roles.change_email_assignments(add=[Rule(domain, "editor")], version=assignments_version(saved))


def test_changes_are_in_the_activity_log(directory: EmbeddedDirectory) -> None:
    directory.roles.create(Role("billing", {"stytch.scim": frozenset({"get"})}, "Sees invoices"))

    (entry,) = models.ActivityEntryRow.objects.filter(action="role.create")
    assert (entry.target_id, entry.target_name) == ("billing", "Billing")
    assert entry.after == {"description": "Sees invoices", "permissions": ["stytch.scim:get"]}


def test_hostile_names_are_rejected(directory: EmbeddedDirectory) -> None:
    for role_id in ("", " ", "a\0b", "stytch_x", "x" * 129):
        with pytest.raises(Invalid):
            directory.roles.create(Role(role_id, {"stytch.scim": frozenset({"get"})}))
