"""The organization's own roles (portal.directory.roles)."""

from dataclasses import replace

import pytest

from portal.directory.errors import Conflict, Forbidden, NotFound
from portal.directory.policy import Role
from portal.directory.roles import role_version
from tests.contract.worlds import World, acting

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
