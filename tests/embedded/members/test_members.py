"""Create, search, change and delete members, as the project and as a member (portal.directory.members)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import connection as database
from django.db import connections
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.errors import (
    DirectoryError,
    Forbidden,
    Invalid,
    InvalidCursor,
    InvalidLink,
    NotFound,
    Unauthenticated,
)
from portal.directory.ids import public_id
from portal.directory.members import Member, MemberChanges, MemberStatus
from portal.directory.organizations import EmailImplicitRoleAssignment
from portal.directory.search import Operand
from portal.embedded import models
from portal.embedded.directory import EmbeddedDirectory
from portal.embedded.members.members import EmbeddedMembers
from portal.embedded.members.sign_in_links import new_link
from portal.embedded.project import EmbeddedProject
from tests import factories
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
BACKEND = Actor(ActorType.PROJECT, "secret-1", "secret …abcd")
ADMIN = "stytch_admin"
Changes = MemberChanges


def opened(slug: str = "acme") -> EmbeddedDirectory:
    return EmbeddedProject(Origin()).open(slug, BACKEND)


def create(
    email_address: str = "eve@acme.example", *, status: MemberStatus = MemberStatus.ACTIVE, **more: Any
) -> Member:
    return opened().members.create(Changes(email_address=email_address, **more), status=status)


def update(member: Member | models.MemberRow, **changes: Any) -> Member:
    return opened().members.update(name(member), Changes(**changes))


def name(member: Member | models.MemberRow) -> str:
    return member.member_id if isinstance(member, Member) else public_id("member", member.pk)


def as_member(member: models.MemberRow) -> EmbeddedDirectory:
    return EmbeddedProject(Origin()).open_session(factories.product_session_token(member))[1]


def found(*operands: tuple[str, Any], slug: str = "acme", **more: Any) -> list[str]:
    page = opened(slug).members.search([Operand(*one) for one in operands], **more)
    return [one.email_address.partition("@")[0] for one in page.items]


def error_type(call: Callable[[], Any]) -> str:
    with pytest.raises(DirectoryError) as error:
        call()
    return error.value.error_type


def at_once(call: Callable[[int], Any], number: int) -> list[str]:
    def run(one: int) -> str:
        try:
            call(one)
        except DirectoryError as error:
            return error.error_type
        finally:
            connections.close_all()
        return ""

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(run, range(number)))


# --- Making one --------------------------------------------------------------------------------------------------------


def test_new_member_is_active_with_the_given_fields(acme: models.OrganizationRow) -> None:
    created = create(
        "Eve@Acme.example",
        name=" Eve ",
        roles=[ADMIN, "stytch_member"],
        external_id="crm|7",
        is_breakglass=True,
        mfa_phone_number="+12025550123",
        mfa_enrolled=True,
        default_mfa_method="sms_otp",
        trusted_metadata={"plan": "gold"},
        untrusted_metadata={"theme": "dark", "gone": None},
    )

    assert (created.email_address, created.name, created.status) == ("Eve@Acme.example", "Eve", MemberStatus.ACTIVE)
    assert created.role_ids == {ADMIN, "stytch_member"}
    assert created.is_admin
    assert (created.external_id, created.is_breakglass, created.mfa_enrolled) == ("crm|7", True, True)
    assert (created.mfa_phone_number, created.default_mfa_method) == ("+12025550123", "sms_otp")
    assert (created.trusted_metadata, created.untrusted_metadata) == ({"plan": "gold"}, {"theme": "dark"})
    assert (created.email_address_verified, created.member_password_id) == (False, "")
    members = opened().members
    assert (
        members.get(created.member_id)
        == members.get("crm|7")
        == members.by_email_address("EVE@acme.EXAMPLE")
        == created
    )


def test_pending_member_cannot_sign_in(acme: models.OrganizationRow) -> None:
    assert create(status=MemberStatus.PENDING).status is MemberStatus.PENDING
    assert create("eva@acme.example").status is MemberStatus.ACTIVE


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"email_address": ""}, "invalid_email"),
        ({"email_address": "nobody"}, "invalid_email"),
        ({"email_address": "nul\0@acme.example"}, "invalid_email"),
        ({"email_address": "half\ud800@acme.example"}, "invalid_email"),
        ({"name": "half\ud800"}, ""),
        ({"email_address": "x" * 250 + "@acme.example"}, "invalid_email"),
        ({"name": "x" * 257}, ""),
        ({"name": "nul\0"}, ""),
        ({"roles": ["pope"]}, "invalid_role"),
        ({"roles": [ADMIN] * 101}, "too_many_roles"),
        ({"external_id": "with space"}, "invalid_argument"),
        ({"external_id": "member-live-1"}, "invalid_argument"),
        ({"mfa_phone_number": "0123"}, "invalid_phone_number"),
        ({"mfa_phone_number": "+1202555012\n"}, "invalid_phone_number"),
        ({"default_mfa_method": "abacus"}, "invalid_mfa_default_method"),
        ({"default_mfa_method": "sms_otp"}, "default_mfa_member_missing_factor"),
        ({"default_mfa_method": "totp"}, "default_mfa_member_missing_factor"),
        ({"trusted_metadata": {str(n): 1 for n in range(21)}}, "metadata_too_many_keys"),
        ({"untrusted_metadata": {"x": "x" * 4096}}, "metadata_too_large"),
    ],
)
def test_invalid_values_have_stytchs_error_type(
    acme: models.OrganizationRow, given: dict[str, Any], expected: str
) -> None:
    with pytest.raises(Invalid) as error:
        opened().members.create(Changes(**{"email_address": "eve@acme.example", **given}))

    assert (error.value.error_type, error.value.field) == (expected, next(iter(given)))
    assert not models.MemberRow.objects.exists()


def test_address_and_external_id_are_unique_within_the_organization(
    acme: models.OrganizationRow, globex: models.OrganizationRow
) -> None:
    create(external_id="crm-1")

    assert error_type(partial(create, "EVE@acme.example")) == "duplicate_member_email"
    assert error_type(partial(create, "eva@acme.example", external_id="crm-1")) == "duplicate_member_external_id"
    opened("globex").members.create(Changes(email_address="eve@acme.example", external_id="crm-1"))


def test_activity_of_creation_has_only_metadata_keys(acme: models.OrganizationRow) -> None:
    created = create(roles=[ADMIN], trusted_metadata={"secret_plan": "world"})

    entry = models.ActivityEntryRow.objects.get(action="member.create")
    assert (entry.target_id, entry.actor_type) == (created.member_id, ActorType.PROJECT)
    assert entry.after["roles"] == [ADMIN]
    assert entry.after["trusted_metadata"] == ["secret_plan"]


def test_creating_members_needs_permission(admin: models.MemberRow, member: models.MemberRow) -> None:
    new = Changes(email_address="eve@acme.example")

    with pytest.raises(Forbidden):
        as_member(member).members.create(new)
    with pytest.raises(Forbidden):
        as_member(admin).members.create(Changes(email_address="eve@acme.example", trusted_metadata={"a": 1}))
    with pytest.raises(Unauthenticated):
        EmbeddedProject(Origin()).open("acme", None).members.create(new)

    assert as_member(admin).members.create(new).email_address == "eve@acme.example"


@pytest.mark.parametrize("power", [{"roles": [ADMIN]}, {"is_breakglass": True}])
def test_creating_members_with_roles_needs_further_permissions(
    acme: models.OrganizationRow, member: models.MemberRow, power: dict[str, Any]
) -> None:
    creator = {"role_id": "creator", "permissions": [{"resource_id": "stytch.member", "actions": ["create"]}]}
    models.OrganizationRow.objects.filter(pk=acme.pk).update(custom_roles=[creator])
    models.MemberRow.objects.filter(pk=member.pk).update(direct_roles=["creator"])
    members = as_member(models.MemberRow.objects.get(pk=member.pk)).members

    with pytest.raises(Forbidden):
        members.create(Changes(email_address="eve@acme.example", **power))
    # As Stytch's SDKs for mobile apps send it.
    assert members.create(Changes(email_address="eve@acme.example", roles=[], is_breakglass=False))


@pytest.fixture
def creator(acme: models.OrganizationRow, admin: models.MemberRow, member: models.MemberRow) -> models.MemberRow:
    """Someone who may only create members and change addresses, in an organization with roles by domain."""
    actions = {"resource_id": "stytch.member", "actions": ["create", "update.info.email"]}
    reader = {"role_id": "reader", "permissions": [{"resource_id": "stytch.member", "actions": ["create"]}]}
    assigned = [{"domain": "board.example", "role_id": ADMIN}, {"domain": "acme.example", "role_id": "reader"}]
    models.OrganizationRow.objects.filter(pk=acme.pk).update(
        custom_roles=[{"role_id": "creator", "permissions": [actions]}, reader],
        settings={"rbac_email_implicit_role_assignments": assigned},
    )
    models.MemberRow.objects.filter(pk=member.pk).update(direct_roles=["creator"])
    return member


def test_members_cannot_create_others_with_more_permissions_by_domain(
    creator: models.MemberRow, admin: models.MemberRow
) -> None:
    with pytest.raises(Forbidden):
        as_member(creator).members.create(Changes(email_address="eve@board.example"))
    assert not models.MemberRow.objects.filter(email_address="eve@board.example").exists()

    # A role by domain that grants no more than the creator has doesn't prevent it.
    assert "reader" in as_member(creator).members.create(Changes(email_address="bob@acme.example")).role_ids
    assert as_member(admin).members.create(Changes(email_address="eve@board.example")).is_admin


def test_members_cannot_reactivate_others_with_more_permissions(
    creator: models.MemberRow, acme: models.OrganizationRow, admin: models.MemberRow
) -> None:
    connection = factories.scim_connection(acme)
    by_group = factories.provisioned(connection, "gil@acme.example")
    group = factories.scim_group(connection, "Admins")
    factories.put_in_group(group, [by_group])
    factories.group_role(group, ADMIN)
    assert by_group.member is not None
    by_domain, plain = factories.member(acme, "eve@board.example"), factories.member(acme, "bob@acme.example")
    keys = [one.pk for one in (by_group.member, by_domain, plain)]
    models.MemberRow.objects.filter(pk__in=keys).update(status="deleted", email_address_verified=True)

    for row in (by_group.member, by_domain):
        with pytest.raises(Forbidden):
            as_member(creator).members.reactivate(name(row))
        row.refresh_from_db()
        assert row.status == "deleted"

    assert as_member(creator).members.reactivate(name(plain)).status == "active"
    for row in (by_group.member, by_domain):
        assert as_member(admin).members.reactivate(name(row)).is_admin


# --- Finding one -------------------------------------------------------------------------------------------------------


def test_member_of_another_organization_is_not_found(
    acme: models.OrganizationRow, other_admin: models.MemberRow
) -> None:
    models.MemberRow.objects.filter(pk=other_admin.pk).update(external_id="crm-1", mfa_phone_number="+12025550123")
    members = opened().members
    for member_id in (name(other_admin), "crm-1", "", "member-live-x", "nul\0", "half\ud800"):
        for call in (
            partial(members.get, member_id),
            partial(members.update, member_id, Changes(name="x")),
            partial(members.delete, member_id),
            partial(members.reactivate, member_id),
            partial(members.delete_mfa_phone_number, member_id),
            partial(members.delete_totp, member_id),
            partial(members.delete_external_id, member_id),
            partial(members.unlink_retired_email, member_id, email_id="email-live-1"),
        ):
            with pytest.raises(NotFound):
                call()
    with pytest.raises(NotFound):
        members.delete_password(public_id("member-password", other_admin.pk))
    with pytest.raises(NotFound):
        members.by_email_address(other_admin.email_address)
    other_admin.refresh_from_db()
    assert (other_admin.status, other_admin.name, bool(other_admin.password)) == ("active", "Gil Globex", True)


def test_provisioned_member_has_a_scim_registration(acme: models.OrganizationRow) -> None:
    connection = factories.scim_connection(acme)
    group, above = factories.scim_groups(connection, ["Staff", "Everybody"])
    user = factories.provisioned(connection, "pia@acme.example")
    factories.put_in_group(group, [user])
    factories.put_group_in(above, group)
    factories.group_role(above, ADMIN)

    member = opened().members.by_email_address("pia@acme.example")

    registration = member.scim_registration
    assert registration
    assert registration.connection_id == public_id("scim-connection", connection.pk)
    assert registration.groups == ((public_id("scim-group", group.pk), "Staff"),)
    assert registration.document["userName"] == "pia@acme.example"
    (source,) = next(role for role in member.roles if role.role_id == ADMIN).sources
    assert source.details == {
        "connection_id": registration.connection_id,
        "group_id": public_id("scim-group", above.pk),
    }
    connection.status = "deleted"
    connection.save()
    member = opened().members.by_email_address("pia@acme.example")
    assert (member.scim_registration, member.is_admin) == (None, False)


# --- Changing one ------------------------------------------------------------------------------------------------------


def test_update_changes_only_given_fields(admin: models.MemberRow) -> None:
    created = create(name="Eve", untrusted_metadata={"a": 1, "b": 2}, roles=[ADMIN])

    after = update(created, name="Eva", untrusted_metadata={"a": None, "c": 3})

    assert (after.name, after.untrusted_metadata, after.is_admin) == ("Eva", {"b": 2, "c": 3}, True)
    assert update(created, roles=[]).role_ids == {"stytch_member"}
    entry = models.ActivityEntryRow.objects.filter(action="member.update").order_by("pk").last()
    assert entry
    assert (entry.before, entry.after) == ({"roles": [ADMIN]}, {"roles": []})
    update(created, roles=[], name="Eva")
    assert models.ActivityEntryRow.objects.filter(action="member.update").count() == 2


def test_new_address_is_unverified_and_retires_the_old_one(admin: models.MemberRow) -> None:
    link = new_link(admin).url.partition("token=")[2]
    models.MemberRow.objects.update(email_address_verified=True)

    after = update(admin, email_address="countess@acme.example")

    assert (after.email_address, after.email_address_verified, after.member_password_id) == (
        "countess@acme.example",
        False,
        "",
    )
    (retired,) = after.retired_email_addresses
    assert retired.email_address == "ada@acme.example"
    assert error_type(partial(create, "ADA@acme.example")) == "retired_member_email"
    with pytest.raises(InvalidLink):
        opened().sign_in_links.member(link)

    assert (
        opened().members.unlink_retired_email(after.member_id, email_id=retired.email_id).retired_email_addresses == ()
    )
    assert create("ada@acme.example").email_address == "ada@acme.example"


def test_members_cannot_move_others_to_a_domain_with_more_roles(
    acme: models.OrganizationRow, admin: models.MemberRow, member: models.MemberRow
) -> None:
    factories.role_by_domain(acme, "board.example", ADMIN)
    mover = {"role_id": "mover", "permissions": [{"resource_id": "stytch.member", "actions": ["update.info.email"]}]}
    models.OrganizationRow.objects.filter(pk=acme.pk).update(custom_roles=[mover])
    models.MemberRow.objects.filter(pk=member.pk).update(direct_roles=["mover"])
    eve = factories.member(acme, "eve@acme.example")
    moved = Changes(email_address="eve@board.example")

    with pytest.raises(Forbidden):
        as_member(member).members.update(name(eve), moved)

    assert as_member(member).members.update(name(eve), Changes(email_address="eve@acme.test"))
    assert as_member(admin).members.update(name(eve), moved).is_admin


def test_former_address_can_be_reused_or_released(admin: models.MemberRow) -> None:
    update(admin, email_address="new@acme.example")
    back = update(admin, email_address="ada@acme.example")
    assert [one.email_address for one in back.retired_email_addresses] == ["new@acme.example"]

    unlinked = update(admin, email_address="newer@acme.example", unlink_email=True)

    assert [one.email_address for one in unlinked.retired_email_addresses] == ["new@acme.example"]
    create("ada@acme.example")
    members = opened().members
    with pytest.raises(NotFound):
        members.unlink_retired_email(unlinked.member_id, email_address="ada@acme.example")
    with pytest.raises(Invalid):
        members.unlink_retired_email(unlinked.member_id)
    members.unlink_retired_email(unlinked.member_id, email_address="NEW@acme.example")


def test_changing_only_the_case_of_an_address_keeps_the_password(admin: models.MemberRow) -> None:
    after = update(admin, email_address="Ada@Acme.example")

    assert after.email_address == "Ada@Acme.example"
    assert after.member_password_id
    assert after.retired_email_addresses == ()


def test_address_of_another_member_is_taken(admin: models.MemberRow, member: models.MemberRow) -> None:
    assert error_type(partial(update, member, email_address="ADA@acme.example")) == "duplicate_member_email"
    assert update(member, name="still Max").email_address == member.email_address


def test_phone_number_has_to_be_deleted_before_a_change(acme: models.OrganizationRow) -> None:
    created = create(mfa_phone_number="+12025550123", default_mfa_method="sms_otp")
    update(created, mfa_phone_number="+12025550123")
    taken = error_type(partial(update, created, mfa_phone_number="+12025550199"))
    assert taken == "duplicate_member_phone_number_for_member"

    cleared = opened().members.delete_mfa_phone_number(created.member_id)

    assert (cleared.mfa_phone_number, cleared.default_mfa_method) == ("", "")
    delete_again = partial(opened().members.delete_mfa_phone_number, created.member_id)
    assert error_type(delete_again) == "member_phone_number_not_found"
    assert error_type(partial(opened().members.delete_totp, created.member_id)) == "totp_not_found"
    assert update(created, mfa_phone_number="+12025550199").mfa_phone_number == "+12025550199"


def test_delete_password(admin: models.MemberRow) -> None:
    password_id = opened().members.get(name(admin)).member_password_id

    assert opened().members.delete_password(password_id).member_password_id == ""
    assert error_type(partial(opened().members.delete_password, password_id)) == "member_password_not_found"
    with pytest.raises(Unauthenticated):
        opened().sessions.sign_in(email_address=admin.email_address, password=PASSWORD)


def test_delete_external_id(admin: models.MemberRow) -> None:
    update(admin, external_id="crm-1")

    assert opened().members.delete_external_id("crm-1").external_id == ""
    assert opened().members.delete_external_id(name(admin)).external_id == ""
    with pytest.raises(Forbidden):
        as_member(admin).members.delete_external_id(name(admin))


def test_members_change_their_own_fields_but_not_roles(admin: models.MemberRow, member: models.MemberRow) -> None:
    own = as_member(member).members
    after = own.update(name(member), Changes(name="Maximilian", untrusted_metadata={"a": 1}, mfa_enrolled=True))
    assert (after.name, after.mfa_enrolled) == ("Maximilian", True)

    for changes in (
        Changes(roles=[ADMIN]),
        Changes(is_breakglass=True),
        Changes(trusted_metadata={"a": 1}),
        Changes(external_id="x"),
    ):
        with pytest.raises(Forbidden):
            own.update(name(member), changes)
    for call in (
        partial(own.update, name(admin), Changes(name="x")),
        partial(own.delete, name(admin)),
        partial(own.search),
        partial(own.reactivate, name(admin)),
    ):
        with pytest.raises(Forbidden):
            call()
    own_address = partial(own.update, name(member), Changes(email_address="m@acme.example"))
    assert error_type(own_address) == "member_cannot_update_their_email_address"
    assert own.delete(name(member)) == name(member)


def test_admins_change_members_but_not_project_fields(admin: models.MemberRow, member: models.MemberRow) -> None:
    members = as_member(admin).members

    after = members.update(name(member), Changes(roles=[ADMIN], is_breakglass=True, email_address="m@acme.example"))

    assert (after.is_admin, after.is_breakglass, after.email_address) == (True, True, "m@acme.example")
    with pytest.raises(Forbidden):
        members.update(name(member), Changes(trusted_metadata={}))


# --- The last admin ----------------------------------------------------------------------------------------------------


def test_concurrent_deletions_leave_one_admin(transactional_db: None) -> None:
    acme = factories.organization("acme")
    admins = [factories.member(acme, f"admin{n}@acme.example", roles=[ADMIN]) for n in range(4)]

    answers = at_once(lambda number: opened().members.delete(name(admins[number])), 4)

    assert sorted(answers) == ["", "", "", "organization_needs_admin"]
    assert len(found(("member_roles", [ADMIN]))) == 1


def test_concurrent_creations_of_one_address_conflict(transactional_db: None) -> None:
    factories.organization("acme")

    answers = at_once(lambda _: create(), 4)

    assert sorted(answers) == ["", *["duplicate_member_email"] * 3]


def test_concurrent_changes_of_different_fields_are_both_kept(transactional_db: None) -> None:
    factories.organization("acme")
    created = create()

    at_once(lambda number: update(created, untrusted_metadata={str(number): number}), 8)

    assert len(opened().members.get(created.member_id).untrusted_metadata) == 8


# --- Deleting and reactivating -----------------------------------------------------------------------------------------


def test_deleted_member_is_signed_out_and_stays_stored(admin: models.MemberRow, member: models.MemberRow) -> None:
    token = factories.product_session_token(member)
    link = new_link(member).url.partition("token=")[2]
    update(member, external_id="crm-1", mfa_phone_number="+12025550123", mfa_enrolled=True)

    assert opened().members.delete("crm-1") == name(member)

    with pytest.raises(Unauthenticated):
        EmbeddedProject(Origin()).open_session(token)
    with pytest.raises(InvalidLink):
        opened().sign_in_links.member(link)
    for member_id in (name(member), "crm-1"):
        assert error_type(partial(opened().members.get, member_id)) == "member_not_found"
    assert found() == ["ada"]
    (deleted,) = opened().members.search([Operand("statuses", ["deleted"])]).items
    assert (deleted.status, deleted.roles, deleted.member_password_id) == (MemberStatus.DELETED, (), "")
    assert (deleted.mfa_phone_number, deleted.mfa_enrolled) == ("", False)
    assert error_type(partial(opened().members.delete, name(member))) == "member_not_found"
    assert create("max@acme.example", external_id="crm-1").external_id == "crm-1"


def test_reactivated_member_has_no_password_and_roles(admin: models.MemberRow, member: models.MemberRow) -> None:
    models.MemberRow.objects.update(email_address_verified=True)
    update(member, roles=[ADMIN])
    opened().members.delete(name(member))

    back = opened().members.reactivate(name(member))

    assert (back.status, set(back.role_ids), back.member_password_id) == (MemberStatus.ACTIVE, {"stytch_member"}, "")
    again = partial(opened().members.reactivate, name(member))
    assert error_type(again) == "no_deleted_member_found_for_reactivation"


def test_unverified_member_is_not_reactivated(admin: models.MemberRow) -> None:
    created = create()
    opened().members.delete(created.member_id)

    back = partial(opened().members.reactivate, created.member_id)

    assert error_type(back) == "email_unverified_for_reactivation"


def test_member_is_not_reactivated_if_the_address_is_taken(admin: models.MemberRow, member: models.MemberRow) -> None:
    models.MemberRow.objects.update(email_address_verified=True)
    opened().members.delete(name(member))
    create("max@acme.example")

    back = partial(opened().members.reactivate, name(member))

    assert error_type(back) == "reactivation_email_belongs_to_another_member"


def test_provisioned_member_is_reactivated_and_still_linked(admin: models.MemberRow) -> None:
    user = factories.provisioned(factories.scim_connection(admin.organization), "pia@acme.example")
    assert user.member
    opened().members.delete(name(user.member))

    back = opened().members.reactivate(name(user.member))

    assert back.scim_registration


# --- Searching ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def crowd(acme: models.OrganizationRow) -> models.OrganizationRow:
    """Seven members in a known order: ada, bob, cyd, dan, eve, fay and gus, who is deleted."""
    given = EmailImplicitRoleAssignment("sales.example", "auditor")
    models.OrganizationRow.objects.filter(pk=acme.pk).update(
        settings={
            "rbac_email_implicit_role_assignments": [{"domain": given.domain, "role_id": given.role_id}],
        }
    )
    connection = factories.scim_connection(acme)
    factories.member(acme, "ada@acme.example", roles=[ADMIN], password=PASSWORD)
    create("bob@sales.example", is_breakglass=True, external_id="crm-1")
    create("cyd@acme.example", mfa_phone_number="+12025550123")
    create("dan@acme.example", status=MemberStatus.PENDING)
    eve, fay = (factories.provisioned(connection, f"{one}@acme.example") for one in ("eve", "fay"))
    inner, outer, fired = factories.scim_groups(connection, ["inner", "outer", "fired"])
    factories.put_in_group(inner, [eve])
    factories.put_group_in(outer, inner)
    factories.put_in_group(fired, [fay])
    factories.group_role(outer, "auditor")
    opened().members.delete(create("gus@acme.example").member_id)
    return acme


def test_operands_match(crowd: models.OrganizationRow) -> None:
    ids = {one.email_address: one.member_id for one in opened().members.search().items}

    assert found() == ["ada", "bob", "cyd", "dan", "eve", "fay"]
    assert found(("member_ids", [ids["ada@acme.example"], ids["eve@acme.example"]])) == ["ada", "eve"]
    assert found(("member_ids", ["crm-1"])) == ["bob"]
    assert found(("member_ids", [])) == []
    assert found(("member_emails", ["ADA@acme.example", "no@acme.example"])) == ["ada"]
    assert found(("member_email_fuzzy", "SALES")) == ["bob"]
    assert found(("member_email_fuzzy", "%%%")) == []
    assert found(("member_is_breakglass", True)) == ["bob"]
    assert found(("member_is_breakglass", False), ("member_email_fuzzy", "@acme")) == [
        "ada",
        "cyd",
        "dan",
        "eve",
        "fay",
    ]
    assert found(("statuses", ["pending", "deleted"])) == ["dan", "gus"]
    assert found(("member_mfa_phone_numbers", ["+12025550123", ""])) == ["cyd"]
    assert found(("member_mfa_phone_number_fuzzy", "5550")) == ["cyd"]
    assert found(("member_phone_number_fuzzy", "5550")) == ["cyd"]
    assert found(("member_password_exists", True)) == ["ada"]
    assert found(("member_password_exists", False), ("statuses", ["pending"])) == ["dan"]
    assert found(("member_totp_exists", True)) == []
    assert found(("member_roles", [ADMIN])) == ["ada"]
    assert found(("member_roles", ["auditor"])) == ["bob", "eve"]
    assert found(("member_roles", ["auditor", ADMIN])) == ["ada", "bob", "eve"]
    assert found(("member_roles", ["stytch_member"]), ("statuses", ["active", "deleted"])) == [
        *("ada", "bob", "cyd", "eve", "fay")
    ]
    assert found(("member_roles", ["' OR 1=1 --"])) == []


@pytest.mark.parametrize(
    ("operand", "expected"),
    [
        (("", "x"), "member_search_missing_filter_name"),
        (("statuses", None), "member_search_missing_filter_value"),
        (("shoe_size", 43), "member_search_filter_name_not_recognized"),
        (("member_emails", "ada"), "member_search_expected_array_of_strings"),
        (("member_email_fuzzy", 1), "member_search_expected_string"),
        (("member_email_fuzzy", "ad"), "member_search_member_email_fuzzy_too_short"),
        (("member_mfa_phone_number_fuzzy", "55"), "member_search_member_mfa_phone_number_fuzzy_too_short"),
        (("member_is_breakglass", "true"), "member_search_expected_boolean"),
        (("statuses", ["asleep"]), "search_invalid_status_filter"),
        (("member_roles", [f"r{n}" for n in range(501)]), ""),
        (
            ("member_ids", ["member-live-1", "crm-1"]),
            "member_search_cannot_mix_internal_and_external_member_ids",
        ),
    ],
)
def test_error_names_the_invalid_operand(acme: models.OrganizationRow, operand: tuple[str, Any], expected: str) -> None:
    assert error_type(partial(found, operand)) == expected


def test_search_for_many_roles(acme: models.OrganizationRow, admin: models.MemberRow) -> None:
    assert found(("member_roles", [ADMIN, *(f"r{n}" for n in range(499))])) == ["ada"]


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_limit_is_1_to_1000(acme: models.OrganizationRow, limit: int) -> None:
    with pytest.raises(Invalid):
        found(limit=limit)


def test_pages_have_each_member_once(crowd: models.OrganizationRow, other_admin: models.MemberRow) -> None:
    project = EmbeddedProject(Origin())
    organizations = project.organizations(BACKEND).get_many(["acme", "globex"])
    seen, cursor = [], ""

    while True:
        page = project.members().search(organizations, cursor=cursor, limit=2)
        assert page.total == 7
        seen += [one.email_address.partition("@")[0] for one in page.items]
        if page.next_cursor is None:
            break
        cursor = page.next_cursor

    assert sorted(seen) == ["ada", "bob", "cyd", "dan", "eve", "fay", "gil"]
    with pytest.raises(InvalidCursor):
        project.members().search(organizations[:1], cursor=cursor, limit=2)
    with pytest.raises(InvalidCursor):
        found(cursor=cursor + "x")


def test_search_takes_a_constant_number_of_queries(crowd: models.OrganizationRow) -> None:
    def cost(limit: int) -> int:
        with CaptureQueriesContext(database) as queries:
            found(limit=limit)
        return len(queries)

    connection = models.ScimConnectionRow.objects.get()
    everybody = [factories.provisioned(connection, f"p{n}@acme.example") for n in range(30)]
    factories.put_in_group(models.ScimGroupRow.objects.get(display_name="inner"), everybody)

    assert cost(6) == cost(30) <= 6


def test_get_takes_a_constant_number_of_queries(
    crowd: models.OrganizationRow, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    members = opened().members
    # The member with the person, what groups give, and the groups themselves.
    with django_assert_num_queries(3):
        members.by_email_address("eve@acme.example")
    with django_assert_num_queries(1):
        members.by_email_address("ada@acme.example")


def test_project_gets_a_member_of_any_organization(admin: models.MemberRow, other_admin: models.MemberRow) -> None:
    members = EmbeddedProject(Origin()).members()

    found_member, organization = members.get(name(other_admin))

    assert (found_member.email_address, organization.organization_slug) == (other_admin.email_address, "globex")
    models.MemberRow.objects.filter(pk=other_admin.pk).update(status=MemberStatus.DELETED)
    with pytest.raises(NotFound):
        members.get(name(other_admin))
    assert members.get(name(other_admin), include_deleted=True)[0].status is MemberStatus.DELETED


def test_the_activity_log_has_no_more_of_a_phone_number_than_its_end(acme: models.OrganizationRow) -> None:
    created = create(mfa_phone_number="+12025550123")
    opened().members.delete_mfa_phone_number(created.member_id)
    update(created, mfa_phone_number="+12025550199")

    entries = models.ActivityEntryRow.objects.filter(target_id=created.member_id).order_by("pk")
    shown = [one.after.get("mfa_phone_number") for one in entries]
    assert shown == ["…23", None, "…99"]
    assert not any("20255501" in str((one.before, one.after)) for one in entries)


# --- A second factor that is confirmed in the meantime ----------------------------------------------------------


@pytest.fixture
def confirmed_meanwhile(member: models.MemberRow, monkeypatch: pytest.MonkeyPatch) -> EmbeddedDirectory:
    """Return the directory of a session with the first factor alone. Before it changes the member, they confirm a number."""
    found, locked = models.MemberRow.objects.filter(pk=member.pk), EmbeddedMembers._locked
    found.update(mfa_phone_number="+12025550123")

    def confirm(*args: Any, **options: Any) -> Any:
        found.update(mfa_phone_number_verified=True, mfa_enrolled=True, default_mfa_method="sms_otp")
        return locked(*args, **options)

    directory = as_member(member)
    monkeypatch.setattr(EmbeddedMembers, "_locked", confirm)
    return directory


@pytest.mark.parametrize(
    "change",
    [
        lambda members, member_id: members.delete_mfa_phone_number(member_id),
        lambda members, member_id: members.update(member_id, Changes(mfa_enrolled=False)),
    ],
)
def test_the_first_factor_alone_removes_no_second_one_that_is_confirmed_at_the_same_moment(
    confirmed_meanwhile: EmbeddedDirectory, member: models.MemberRow, change: Callable[[EmbeddedMembers, str], Member]
) -> None:
    assert error_type(lambda: change(confirmed_meanwhile.members, name(member))) == "insufficient_factors"
    assert not models.ActivityEntryRow.objects.filter(target_id=name(member)).exists()


def test_a_number_that_was_deleted_at_the_same_moment_is_not_deleted_twice(
    member: models.MemberRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, locked = models.MemberRow.objects.filter(pk=member.pk), EmbeddedMembers._locked
    found.update(mfa_phone_number="+12025550123")

    def delete(*args: Any, **options: Any) -> Any:
        found.update(mfa_phone_number="")
        return locked(*args, **options)

    monkeypatch.setattr(EmbeddedMembers, "_locked", delete)
    with pytest.raises(NotFound):
        opened().members.delete_mfa_phone_number(name(member))
    assert not models.ActivityEntryRow.objects.filter(action="member.delete_mfa_phone_number").exists()
