"""Create, search, change and delete organizations (portal.directory.organizations)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from django.db import connections
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from portal.directories import directories
from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.errors import (
    Conflict,
    DirectoryError,
    Forbidden,
    Invalid,
    InvalidCursor,
    NotFound,
    Unauthenticated,
)
from portal.directory.ids import public_id
from portal.directory.members import MemberChanges, MemberStatus
from portal.directory.organizations import EmailImplicitRoleAssignment, Organization, OrganizationChanges
from portal.directory.scim.connection import ScimConnectionStatus, ScimIdentityProvider
from portal.directory.search import MAX_TOTAL, Operand
from portal.embedded import models, operator
from portal.embedded.directory import EmbeddedDirectory
from portal.embedded.project import EmbeddedProject
from portal.embedded.sessions.discovery import EmbeddedDiscovery
from tests import factories
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
BACKEND = Actor(ActorType.PROJECT, "secret-1", "secret …abcd")
ADMIN = "stytch_admin"
Changes = OrganizationChanges


def project() -> EmbeddedProject:
    return EmbeddedProject(Origin())


def opened(name: str = "acme") -> EmbeddedDirectory:
    return project().open(name, BACKEND)


def create(name: str = "Initech", **more: Any) -> Organization:
    return project().organizations(BACKEND).create(Changes(organization_name=name, **more))


def update(name: str = "acme", **changes: Any) -> Organization:
    return opened(name).organization.update(Changes(**changes))


def as_member(member: models.MemberRow) -> EmbeddedDirectory:
    return project().open_session(factories.product_session_token(member))[1]


def found(*operands: tuple[str, Any], **more: Any) -> list[str]:
    page = project().organizations(BACKEND).search([Operand(*one) for one in operands], **more)
    return [one.organization_slug for one in page.items]


def error_type(call: Callable[[], Any]) -> str:
    with pytest.raises(DirectoryError) as error:
        call()
    return error.value.error_type


# --- Making one --------------------------------------------------------------------------------------------------------


def test_new_organization_has_stytchs_defaults_and_a_derived_slug() -> None:
    created = create("Initech & Söhne")

    assert (created.organization_slug, created.organization_name) == ("initech-sohne", "Initech & Söhne")
    assert created.settings.email_invites == "ALL_ALLOWED"
    assert (created.settings.auth_methods, created.settings.mfa_policy) == ("ALL_ALLOWED", "OPTIONAL")
    assert created.created_at
    assert (
        opened(created.organization_id).organization.get_with_connection()
        == opened(created.organization_slug).organization.get_with_connection()
    )


def test_invitations_are_off_if_other_settings_let_people_join() -> None:
    assert create(sso_jit_provisioning="ALL_ALLOWED").settings.email_invites == "NOT_ALLOWED"
    assert create("Other", auth_methods="ALL_ALLOWED").settings.email_invites == "ALL_ALLOWED"


@pytest.mark.parametrize("name", ["アクメ", "!", "x", "search", "deleted-1", "organization-live-1"])
def test_every_name_gets_a_slug(name: str) -> None:
    slugs = {create(name).organization_slug for _ in range(2)}

    assert len(slugs) == 2
    for slug in slugs:
        assert opened(slug).organization.get().organization_name == name


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"organization_name": ""}, "invalid_organization_name"),
        ({"organization_name": "  "}, "invalid_organization_name"),
        ({"organization_name": "x" * 129}, "invalid_organization_name"),
        ({"organization_name": "nul\0"}, "invalid_organization_name"),
        ({"organization_slug": "x"}, "invalid_organization_slug"),
        ({"organization_slug": "with space"}, "invalid_organization_slug"),
        ({"organization_slug": "a/b"}, "invalid_organization_slug"),
        ({"organization_slug": "s" * 129}, "invalid_organization_slug"),
        ({"organization_slug": "members"}, "invalid_organization_slug"),
        ({"organization_slug": "organization-live-0190-"}, "invalid_organization_slug"),
        ({"organization_slug": "deleted-x"}, "invalid_organization_slug"),
        ({"organization_external_id": "with space"}, "invalid_organization_external_id"),
        ({"organization_external_id": "x" * 129}, "invalid_organization_external_id"),
        ({"organization_external_id": "organization-live-1"}, "invalid_organization_external_id"),
        ({"organization_external_id": "line\n"}, "invalid_organization_external_id"),
        ({"organization_logo_url": "https://x/" + "x" * 2048}, "organization_logo_url_too_long"),
        ({"organization_logo_url": "javascript:alert(1)"}, "invalid_url"),
        ({"trusted_metadata": {str(n): 1 for n in range(21)}}, "metadata_too_many_keys"),
        ({"trusted_metadata": {"x": "x" * 4096}}, "metadata_too_large"),
        ({"trusted_metadata": {"x": "nul\0"}}, "metadata_invalid_format"),
        ({"trusted_metadata": {"x": "\ud800"}}, "metadata_invalid_format"),
        ({"trusted_metadata": {"x": float("nan")}}, "metadata_invalid_format"),
        ({"email_allowed_domains": ["gmail.com"]}, "organization_settings_domain_too_common"),
        ({"email_allowed_domains": ["no domain"]}, "organization_settings_invalid_domain"),
        ({"claimed_email_domains": ["gmail.com"]}, "organization_settings_claimed_domain_too_common"),
        ({"claimed_email_domains": ["-"]}, "organization_settings_invalid_claimed_domain"),
        ({"email_invites": "SOMETIMES"}, "invalid_organization_auth_factor_setting"),
        (
            {"email_jit_provisioning": "ALL_ALLOWED"},
            "invalid_organization_auth_factor_setting_for_email_jit_provisioning",
        ),
        (
            {"oauth_tenant_jit_provisioning": "ALL_ALLOWED"},
            "invalid_organization_auth_factor_setting_for_oauth_tenant_jit_provisioning",
        ),
        (
            {"sso_jit_provisioning": "NOT_ALLOWED", "email_invites": "NOT_ALLOWED"},
            "invalid_organization_auth_factor_setting",
        ),
        ({"auth_methods": "NOT_ALLOWED"}, "invalid_organization_auth_method_settings"),
        ({"auth_methods": "RESTRICTED"}, "allowed_auth_methods_required_for_restricted"),
        ({"allowed_auth_methods": ["carrier_pigeon"]}, "invalid_organization_allowed_auth_methods"),
        ({"mfa_policy": "MAYBE"}, "invalid_organization_mfa_policy"),
        ({"mfa_methods": "RESTRICTED"}, "allowed_mfa_methods_required_for_restricted"),
        ({"allowed_mfa_methods": ["abacus"]}, "invalid_organization_allowed_mfa_methods"),
        ({"allowed_oauth_tenants": {"myspace": ["x"]}}, "invalid_oauth_allowed_tenants_format"),
        ({"sso_default_connection_id": "saml-connection-live-1"}, "sso_connection_not_found"),
        ({"sso_jit_provisioning_allowed_connections": ["saml-connection-live-1"]}, "sso_connection_not_found"),
        (
            {"rbac_email_implicit_role_assignments": [EmailImplicitRoleAssignment("acme.example", "pope")]},
            "invalid_rbac_role_assignment",
        ),
        (
            {"rbac_email_implicit_role_assignments": [EmailImplicitRoleAssignment("acme.example", "stytch_member")]},
            "cannot_assign_default_rbac_role_id",
        ),
        (
            {"rbac_email_implicit_role_assignments": [EmailImplicitRoleAssignment("gmail.com", ADMIN)]},
            "rbac_domain_too_common",
        ),
        (
            {"rbac_email_implicit_role_assignments": [EmailImplicitRoleAssignment("?", ADMIN)]},
            "rbac_invalid_domain",
        ),
        ({"allowed_first_party_connected_apps": ["x" * 257]}, ""),
        ({"claimed_email_domains": [f"d{n}.example" for n in range(501)]}, ""),
    ],
)
def test_invalid_values_have_stytchs_error_type(given: dict[str, Any], expected: str) -> None:
    with pytest.raises(Invalid) as error:
        project().organizations(BACKEND).create(Changes(**{"organization_name": "Initech", **given}))

    assert error.value.error_type == expected
    assert error.value.field.removeprefix("allowed_") in {one.removeprefix("allowed_") for one in given}
    assert not models.OrganizationRow.objects.exists()


def test_slugs_and_external_ids_share_one_namespace(acme: models.OrganizationRow) -> None:
    update(organization_external_id="crm-1")

    assert error_type(partial(create, organization_slug="acme")) == "organization_slug_already_used"
    assert error_type(partial(create, organization_slug="crm-1")) == "organization_slug_already_used"
    taken = "organization_external_id_already_used"
    assert error_type(partial(create, organization_external_id="crm-1")) == taken
    assert error_type(partial(create, organization_external_id="acme")) == taken


def test_external_id_has_priority_over_a_slug(acme: models.OrganizationRow, globex: models.OrganizationRow) -> None:
    update(organization_external_id="crm-1")
    # As two writers at once could leave it.
    models.OrganizationRow.objects.filter(pk=globex.pk).update(slug="crm-1")

    assert opened("crm-1").organization.get().organization_id == public_id("organization", acme.pk)


@pytest.mark.django_db(transaction=True)
def test_concurrent_changes_to_one_external_id_conflict() -> None:
    def run(number: int) -> str:
        try:
            return create(f"Firm {number}", organization_external_id="crm-1").organization_slug
        except Conflict as error:
            return error.error_type
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(run, range(4)))

    assert answers.count("organization_external_id_already_used") == 3


# --- Changing one ------------------------------------------------------------------------------------------------------


def test_update_changes_only_given_fields(acme: models.OrganizationRow) -> None:
    update(email_allowed_domains=["@Acme.example"], mfa_policy="REQUIRED_FOR_ALL", trusted_metadata={"a": 1, "b": 2})

    after = update(organization_name="Acme Corp", trusted_metadata={"b": None, "c": {"d": [3]}})

    assert (after.organization_name, after.organization_slug) == ("Acme Corp", "acme")
    assert after.email_allowed_domains == ("acme.example",)
    assert after.settings.mfa_policy == "REQUIRED_FOR_ALL"
    assert after.trusted_metadata == {"a": 1, "c": {"d": [3]}}
    assert opened().organization.get_with_connection() == after


def test_settings_can_return_to_the_defaults(acme: models.OrganizationRow) -> None:
    update(auth_methods="RESTRICTED", allowed_auth_methods=["password", "sso", "sso"])
    assert opened().organization.get().settings.allowed_auth_methods == ("password", "sso")

    after = update(auth_methods="ALL_ALLOWED", allowed_auth_methods=[])

    assert after.settings.auth_methods == "ALL_ALLOWED"
    assert models.OrganizationRow.objects.get().settings is None


def test_activity_of_a_change_has_only_metadata_keys(acme: models.OrganizationRow) -> None:
    update(organization_slug="acme-2", trusted_metadata={"secret_plan": "world"})
    update("acme-2", organization_name="Acme")

    entry = models.ActivityEntryRow.objects.get(action="organization.update")
    assert entry.before == {"organization_slug": "acme", "trusted_metadata": []}
    assert entry.after == {"organization_slug": "acme-2", "trusted_metadata": ["secret_plan"]}
    assert (entry.actor_type, entry.actor_id) == (ActorType.PROJECT, "secret-1")


def test_each_field_needs_its_own_permission(admin: models.MemberRow, member: models.MemberRow) -> None:
    with pytest.raises(Forbidden):
        as_member(member).organization.update(Changes(organization_name="Mine"))

    changed = as_member(admin).organization.update(Changes(organization_name="Mine", mfa_policy="REQUIRED_FOR_ALL"))

    assert changed.organization_name == "Mine"
    assert models.ActivityEntryRow.objects.get(action="organization.update").actor_id == public_id("member", admin.pk)


@pytest.mark.parametrize(
    "given",
    [
        {"trusted_metadata": {}},
        {"organization_external_id": "x"},
        {"claimed_email_domains": []},
        {"allowed_third_party_connected_apps": []},
    ],
)
def test_members_cannot_change_project_fields(admin: models.MemberRow, given: dict[str, Any]) -> None:
    with pytest.raises(Forbidden):
        as_member(admin).organization.update(Changes(**given))


def test_visitor_cannot_change_an_organization(acme: models.OrganizationRow) -> None:
    visitor = project().open("acme", None).organization

    for call in (partial(visitor.update, Changes()), visitor.delete, visitor.delete_external_id):
        with pytest.raises(Unauthenticated):
            call()


def test_delete_external_id(acme: models.OrganizationRow) -> None:
    update(organization_external_id="crm-1")

    assert opened("crm-1").organization.delete_external_id().organization_external_id == ""
    assert opened().organization.delete_external_id().organization_external_id == ""
    with pytest.raises(NotFound):
        opened("crm-1")


def test_concurrent_changes_of_different_fields_are_both_kept(transactional_db: None) -> None:
    factories.organization("acme")

    def run(number: int) -> None:
        try:
            update(trusted_metadata={f"key{number}": number})
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(run, range(12)))

    assert len(opened().organization.get().trusted_metadata) == 12


# --- Roles by email domain --------------------------------------------------------------------------------------------


def assign(*pairs: tuple[str, str]) -> Organization:
    return update(rbac_email_implicit_role_assignments=[EmailImplicitRoleAssignment(*pair) for pair in pairs])


def test_members_have_the_role_of_their_email_domain(member: models.MemberRow) -> None:
    other = factories.member(member.organization, "x@sub.acme.example")
    assign(("ACME.example", ADMIN))

    held = {one.email_address: one for one in opened().members.search().items}

    assert held[member.email_address].is_admin
    assert not held[other.email_address].is_admin
    (source,) = next(role for role in held[member.email_address].roles if role.role_id == ADMIN).sources
    assert (source.type, source.details) == ("email_assignment", {"email_domain": "acme.example"})
    as_member(member).organization.update(Changes(organization_name="Mine"))


def test_organization_is_deleted_while_its_members_change(transactional_db: None) -> None:
    def run(call: Callable[[], Any]) -> str:
        try:
            call()
        except DirectoryError as error:
            return error.error_type
        finally:
            connections.close_all()
        return ""

    operations: list[Callable[[], Any]] = []
    for number in range(12):
        ada = factories.member(factories.organization(f"firm{number}"), "ada@acme.example")
        members, organization = opened(f"firm{number}").members, opened(f"firm{number}").organization
        operations += [
            partial(members.update, public_id("member", ada.pk), MemberChanges(name="Ada")),
            organization.delete,
        ]
    with ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(run, operations))

    assert set(ended) <= {"", "member_not_found"}
    assert not models.OrganizationRow.objects.filter(deleted_at=None).exists()


def test_nothing_is_created_in_a_deleted_organization(admin: models.MemberRow) -> None:
    models.MemberRow.objects.update(email_address_verified=True, status=MemberStatus.DELETED)
    late = opened()
    opened().organization.delete()

    for call in (
        partial(late.members.create, MemberChanges(email_address="eve@acme.example")),
        partial(late.members.reactivate, public_id("member", admin.pk)),
        partial(late.scim.connection.create, display_name="Late", identity_provider=ScimIdentityProvider.GENERIC),
    ):
        assert error_type(call) == "organization_not_found"
    assert not models.MemberRow.objects.exclude(status=MemberStatus.DELETED).exists()
    assert not models.ScimConnectionRow.objects.exists()


# --- Passwords ---------------------------------------------------------------------------------------------------------


def test_without_passwords_only_emergency_admins_sign_in(admin: models.MemberRow) -> None:
    update(auth_methods="RESTRICTED", allowed_auth_methods=["sso"])
    sign_in = partial(directories().open("acme", Origin()).sessions.sign_in, email_address=admin.email_address)
    discover = partial(EmbeddedDiscovery(Origin()).authenticate, email_address=admin.email_address)

    for call in (sign_in, discover):
        with pytest.raises(Unauthenticated):
            call(password=PASSWORD)
    models.MemberRow.objects.update(is_breakglass=True)

    assert sign_in(password=PASSWORD)
    assert discover(password=PASSWORD).organizations


# --- Searching ---------------------------------------------------------------------------------------------------------


def test_operands_match(acme: models.OrganizationRow, globex: models.OrganizationRow) -> None:
    update(email_allowed_domains=["acme.example"], organization_external_id="crm-1", claimed_email_domains=["acme.org"])
    factories.member(globex, "Gil@globex.example")
    deleted = factories.member(globex, "gone@globex.example")
    models.MemberRow.objects.filter(pk=deleted.pk).update(status=MemberStatus.DELETED)

    assert found() == ["acme", "globex"]
    assert found(("organization_ids", [public_id("organization", globex.pk), "crm-1"])) == ["acme", "globex"]
    assert found(("organization_slugs", ["globex", "none"])) == ["globex"]
    assert found(("organization_name_fuzzy", "LOBE")) == ["globex"]
    assert found(("organization_slug_fuzzy", "cme")) == ["acme"]
    assert found(("organization_name_fuzzy", "%%%")) == []
    assert found(("member_emails", ["GIL@globex.example"])) == ["globex"]
    assert found(("member_emails", ["gone@globex.example"])) == []
    assert found(("member_email_fuzzy", "gil@")) == ["globex"]
    assert found(("allowed_domains", ["ACME.example"])) == ["acme"]
    assert found(("allowed_domain_fuzzy", "cme.ex")) == ["acme"]
    assert found(("allowed_domain_fuzzy", '", "')) == []
    assert found(("claimed_email_domains", ["acme.org"])) == ["acme"]
    assert found(("has_active_sso_connection", False)) == ["acme", "globex"]
    assert found(("has_active_sso_connection", True)) == []
    assert found(("sso_connection_id", "saml-connection-live-1")) == []
    assert found(("organization_slugs", ["acme", "globex"]), ("member_email_fuzzy", "globex")) == ["globex"]


@pytest.mark.parametrize(
    ("operand", "expected"),
    [
        (("", "x"), "organization_search_missing_filter_name"),
        (("organization_slugs", None), "organization_search_missing_filter_value"),
        (("colour", "red"), "organization_search_filter_name_not_recognized"),
        (("organization_slugs", "acme"), "organization_search_expected_array_of_strings"),
        (("organization_slugs", [1]), "organization_search_expected_array_of_strings"),
        (("organization_name_fuzzy", ["acme"]), "organization_search_expected_string"),
        (("organization_name_fuzzy", "ac"), "organization_search_organization_name_fuzzy_too_short"),
        (("has_active_sso_connection", "yes"), "organization_search_expected_boolean"),
    ],
)
def test_error_names_the_invalid_operand(operand: tuple[str, Any], expected: str) -> None:
    assert error_type(partial(found, operand)) == expected


def test_unstorable_text_matches_nothing(acme: models.OrganizationRow) -> None:
    for text in ("nul\0nul", "half\ud800"):
        assert found(("organization_slugs", [text])) == []
        with pytest.raises(NotFound):
            opened(text)


def test_pages_have_each_organization_once_and_a_total(
    db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(7):
        factories.organization(f"firm{number}")
    organizations, seen, cursor = project().organizations(BACKEND), [], ""

    while True:
        # The page, its SCIM connections, and for the first one the number.
        with django_assert_num_queries(2 if cursor else 3):
            page = organizations.search(cursor=cursor, limit=3)
        assert page.total == 7
        seen += [one.organization_slug for one in page.items]
        if page.next_cursor is None:
            break
        cursor = page.next_cursor

    assert seen == [f"firm{number}" for number in range(7)]
    with pytest.raises(InvalidCursor):
        organizations.search([Operand("organization_slugs", ["firm1"])], cursor=cursor, limit=3)


def test_large_total_is_not_counted(acme: models.OrganizationRow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.embedded.database.search.MAX_TOTAL", 1)
    factories.organization("globex")
    factories.organization("initech")

    assert project().organizations(BACKEND).search(limit=1).total == -1
    assert MAX_TOTAL == 10_000


def test_organization_has_its_scim_connection(acme: models.OrganizationRow, globex: models.OrganizationRow) -> None:
    connection = factories.scim_connection(acme, bearer_token="scim_abcd")

    scim = opened().organization.get_with_connection().scim_active_connection
    assert scim
    assert (scim.connection_id, scim.bearer_token_last_four) == (public_id("scim-connection", connection.pk), "abcd")
    assert opened("globex").organization.get_with_connection().scim_active_connection is None
    assert [bool(one.scim_active_connection) for one in project().organizations(BACKEND).search().items] == [
        True,
        False,
    ]


def test_get_many_accepts_ids_slugs_and_external_ids(
    acme: models.OrganizationRow, globex: models.OrganizationRow
) -> None:
    update("globex", organization_external_id="crm-2")
    get_many = project().organizations(BACKEND).get_many

    names = ["acme", public_id("organization", acme.pk), "crm-2", "globex"]
    assert [one.organization_slug for one in get_many(names)] == ["acme", "globex"]
    for name in ("none", "", "nul\0", public_id("organization", globex.pk).upper()):
        with pytest.raises(NotFound):
            get_many(["acme", name])
    with pytest.raises(Invalid):
        get_many(["acme"] * 1001)


# --- Deleting one ------------------------------------------------------------------------------------------------------


def test_deleting_an_organization_ends_all_access(admin: models.MemberRow) -> None:
    connection = factories.scim_connection(admin.organization)
    user = factories.provisioned(connection, "pia@acme.example")
    update(organization_external_id="crm-1")
    token = factories.product_session_token(admin)
    organization_id = public_id("organization", admin.organization_id)

    assert opened().organization.delete() == organization_id

    for name in ("acme", "crm-1", organization_id, f"deleted-{admin.organization_id}"):
        with pytest.raises(NotFound):
            opened(name)
    with pytest.raises(NotFound):
        directories().open(f"deleted-{admin.organization_id}", Origin()).organization.get()
    with pytest.raises(Unauthenticated):
        project().open_session(token)
    connection.refresh_from_db()
    assert connection.status == ScimConnectionStatus.DELETED
    assert models.ActivityEntryRow.objects.get(action="organization.delete").after == {"members": 2, "sessions": 1}
    assert user.member
    assert found() == []
    with pytest.raises(NotFound):
        project().members().get(public_id("member", admin.pk), include_deleted=True)
    assert create("Acme").organization_slug.startswith("o-acme-")


def test_deleting_an_organization_keeps_the_others(admin: models.MemberRow, other_admin: models.MemberRow) -> None:
    opened().organization.delete()

    assert opened("globex").members.get(public_id("member", other_admin.pk)).is_admin


def test_deleting_an_organization_needs_permission(admin: models.MemberRow, member: models.MemberRow) -> None:
    with pytest.raises(Forbidden):
        as_member(member).organization.delete()

    as_member(admin).organization.delete()

    assert found() == []


def test_former_slug_is_kept_for_a_while(
    acme: models.OrganizationRow, globex: models.OrganizationRow, client: Client
) -> None:
    update(organization_slug="acme-2")

    for take in (
        partial(create, organization_slug="acme"),
        partial(opened("globex").organization.update, OrganizationChanges(organization_slug="acme")),
    ):
        assert error_type(take) == "organization_slug_already_used"
    assert create("Acme").organization_slug.startswith("o-acme-")
    with pytest.raises(Conflict):
        operator.create_organization(name="Acme", slug="acme", origin=Origin())
    assert client.get("/o/acme/sign-in/")["Location"] == "/o/acme-2/sign-in/"
    globex.refresh_from_db()
    assert globex.slug == "globex"

    # It can go back, and then the other one is kept.
    opened("acme-2").organization.update(OrganizationChanges(organization_slug="acme"))
    assert error_type(partial(create, organization_slug="acme-2")) == "organization_slug_already_used"

    with time_machine.travel(timezone.now() + timedelta(days=91)):
        assert create("Other", organization_slug="acme-2").organization_slug == "acme-2"


def test_slug_of_a_deleted_organization_is_kept(acme: models.OrganizationRow, settings: Settings) -> None:
    opened("acme").organization.delete()
    assert error_type(partial(create, organization_slug="acme")) == "organization_slug_already_used"

    settings.ORGANIZATION_SLUG_DAYS = 0
    assert error_type(partial(create, organization_slug="acme")) == "organization_slug_already_used"
    settings.ORGANIZATION_RESTORE_DAYS = 0
    assert create("Acme", organization_slug="acme").organization_slug == "acme"


@pytest.mark.django_db(transaction=True)
def test_slug_is_not_taken_during_a_concurrent_change(
    acme: models.OrganizationRow, globex: models.OrganizationRow
) -> None:
    for number in range(4):
        slug = models.OrganizationRow.objects.get(pk=acme.pk).slug

        def leave(slug: str = slug, number: int = number) -> None:
            opened(slug).organization.update(OrganizationChanges(organization_slug=f"acme-{number}"))

        def take(slug: str = slug) -> None:
            with suppress(Conflict):
                opened("globex").organization.update(OrganizationChanges(organization_slug=slug))

        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(closing, one) for one in (leave, take)]:
                done.result()
        globex.refresh_from_db()
        assert globex.slug == "globex"


def closing(call: Callable[[], None]) -> None:
    try:
        call()
    finally:
        connections.close_all()
