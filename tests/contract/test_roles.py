"""The organization's own roles, and roles by email domain (portal.directory.roles)."""

from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from portal.directory.errors import Conflict, Forbidden, NotFound, StepUpRequired
from portal.directory.organizations import EmailImplicitRoleAssignment as Rule
from portal.directory.policy import Role
from portal.directory.roles import assignments_version, role_version
from portal.directory.scim.group_roles import ScimGroupRolesChange, roles_version
from tests.contract.worlds import ADMIN, PASSWORD, World, acting, opened

pytestmark = pytest.mark.django_db
BILLING = Role("billing", {"stytch.scim": frozenset({"get"})}, "Sees invoices")
MAKER = Role("maker", {"stytch.custom-org-roles": frozenset({"*"})})


def test_an_organization_has_roles_of_its_own(world: World) -> None:
    created = acting(world).roles.create(BILLING)

    assert acting(world).roles.own() == (created,) == (BILLING,)
    assert acting(world, "gil@globex.example", "globex").roles.own() == ()

    wider = replace(BILLING, permissions={"stytch.scim": frozenset({"get", "update"})}, description="More")
    assert acting(world).roles.update(wider, version=role_version(created)) == wider
    acting(world).roles.delete("billing", version=role_version(wider))
    assert acting(world).roles.own() == ()


def test_pages_check_an_organizations_own_roles_as_its_directory_does(world: World) -> None:
    acting(world).roles.create(BILLING)
    world.add_connection("acme")
    world.add_member("acme", "eve@acme.example", roles=["billing"])
    eve = acting(world, "eve@acme.example")

    assert eve.rbac.policy().allows(["billing"], "stytch.scim:get")
    assert eve.scim.connection.get() is not None
    assert [role.role_id for role in eve.rbac.policy().roles_granting("stytch.scim:get")] == ["billing", ADMIN]
    assert "billing" not in acting(world, "gil@globex.example", "globex").rbac.policy().roles


def test_an_own_role_is_assigned_within_ones_own_permissions(world: World) -> None:
    acting(world).roles.create(BILLING)
    acting(world).roles.create(Role("helper", {"stytch.member": frozenset({"update.settings.roles", "search"})}))
    world.add_member("acme", "eve@acme.example", roles=["helper"])
    member_id = world.add_member("acme", "new@acme.example")

    with pytest.raises(Forbidden):
        acting(world, "eve@acme.example").member_roles.add(member_id, "billing")
    assert acting(world, "eve@acme.example").member_roles.add(member_id, "helper").direct_role_ids == ("helper",)
    assert set(acting(world).member_roles.add(member_id, "billing").direct_role_ids) == {"helper", "billing"}


def test_roles_by_email_domain_are_added_and_removed(world: World) -> None:
    acting(world).roles.create(BILLING)
    version = assignments_version(acting(world).roles.email_assignments())
    rules = [Rule("acme.example", "billing"), Rule("other.example", "billing")]

    added = acting(world).roles.change_email_assignments(add=rules, version=version)
    assert set(acting(world).roles.email_assignments()) == set(added) == set(rules)
    with pytest.raises(Conflict) as stale:
        acting(world).roles.change_email_assignments(remove=rules, version=version)
    assert stale.value.field == "version"
    kept = acting(world).roles.change_email_assignments(remove=rules[1:], version=assignments_version(added))
    assert acting(world).roles.email_assignments() == kept == (rules[0],)
    of_max = acting(world, "max@acme.example").roles
    with pytest.raises(Forbidden):
        of_max.change_email_assignments(remove=kept, version=assignments_version(kept))


def test_a_role_that_changed_in_the_meantime_is_a_conflict(world: World) -> None:
    created = acting(world).roles.create(BILLING)
    changed = acting(world).roles.update(replace(BILLING, description="New"), version=role_version(created))

    with pytest.raises(Conflict) as stale:
        acting(world).roles.update(BILLING, version=role_version(created))
    assert stale.value.field == "version"
    with pytest.raises(Conflict):
        acting(world).roles.delete("billing", version=role_version(created))
    for taken in ("billing", "stytch_admin"):
        with pytest.raises(Conflict):
            acting(world).roles.create(replace(BILLING, role_id=taken))
    assert acting(world).roles.own() == (changed,)


def test_a_role_of_the_project_or_another_organization_is_not_found(world: World) -> None:
    acting(world, "gil@globex.example", "globex").roles.create(BILLING)

    for role in (BILLING, replace(BILLING, role_id="stytch_member")):
        with pytest.raises(NotFound):
            acting(world).roles.update(role, version=role_version(role))
        with pytest.raises(NotFound):
            acting(world).roles.delete(role.role_id, version=role_version(role))


def test_changing_roles_needs_permission(world: World) -> None:
    created = acting(world).roles.create(BILLING)
    roles = acting(world, "max@acme.example").roles

    with pytest.raises(Forbidden):
        roles.own()
    with pytest.raises(Forbidden):
        roles.create(replace(BILLING, role_id="other"))
    with pytest.raises(Forbidden):
        roles.update(BILLING, version=role_version(created))
    with pytest.raises(Forbidden):
        roles.delete("billing", version=role_version(created))


def test_a_permission_that_one_does_not_have_cannot_be_put_into_a_role(world: World) -> None:
    acting(world).roles.create(MAKER)
    world.add_member("acme", "eve@acme.example", roles=["maker"])
    roles = acting(world, "eve@acme.example").roles

    with pytest.raises(Forbidden):
        roles.create(BILLING)
    wider = replace(MAKER, permissions={**MAKER.permissions, "stytch.member": frozenset({"update.settings.roles"})})
    with pytest.raises(Forbidden):
        roles.update(wider, version=role_version(MAKER))
    assert roles.create(replace(MAKER, role_id="other"))


def test_the_rule_that_makes_the_last_admin_stays(world: World) -> None:
    directory = acting(world)
    rule = Rule("acme.example", ADMIN)
    rules = directory.roles.change_email_assignments(add=[rule], version=assignments_version(()))
    ada = opened(world).sessions.sign_in(email_address="ada@acme.example", password=PASSWORD).member
    # The rule keeps her an admin.
    directory.member_roles.remove(ada.member_id, ADMIN)

    with pytest.raises(Conflict, match="Make a member an admin first"):
        acting(world).roles.change_email_assignments(remove=[rule], version=assignments_version(rules))
    assert acting(world).roles.email_assignments() == rules

    world.add_member("acme", "root@other.example", roles=[ADMIN])
    assert acting(world).roles.change_email_assignments(remove=[rule], version=assignments_version(rules)) == ()


def test_roles_change_only_after_a_recent_proof(world: World) -> None:
    created = acting(world).roles.create(BILLING)
    rule, none = Rule("acme.example", "billing"), assignments_version(())
    [group] = world.add_groups(world.add_connection("acme"), ["Support"])
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        who = opened(world).sessions.sign_in(email_address="ada@acme.example", password=PASSWORD)
    with time_machine.travel(start + timedelta(minutes=6), tick=False):
        directory = opened(world).acting_as(opened(world).sessions.authenticate(who.session_token))
        roles, groups = directory.roles, directory.scim.group_roles
        for change in (
            lambda: roles.create(MAKER),
            lambda: roles.update(replace(BILLING, description="x"), version=role_version(created)),
            lambda: roles.delete("billing", version=role_version(created)),
            lambda: roles.change_email_assignments(add=[rule], version=none),
            lambda: groups.change(group, add=["billing"], remove=[], version=roles_version([])),
            lambda: groups.change_several([ScimGroupRolesChange(group, add=("billing",), version=roles_version([]))]),
        ):
            with pytest.raises(StepUpRequired):
                change()
        assert roles.own() == (created,)
