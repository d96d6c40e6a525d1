"""Deleting the connection."""

from collections.abc import Callable

import pytest

from portal.directory.directory import ScimGateway
from portal.directory.errors import Conflict, Forbidden, NotFound
from tests.contract.worlds import EMBEDDED_ONLY, STYTCH_ONLY, World, acting


@pytest.fixture
def connection_id(world: World) -> str:
    return world.add_connection("acme")


def methods(scim: ScimGateway, connection_id: str) -> list[Callable[[], object]]:
    return [
        lambda: scim.deletion.preview(connection_id),
        lambda: scim.deletion.delete(connection_id, version=""),
    ]


def test_another_connection_can_be_created_after_a_deletion(world: World, connection_id: str) -> None:
    world.add_groups(connection_id, ["Engineering"])
    scim = acting(world).scim
    seen = scim.deletion.preview(connection_id)
    assert seen.display_name == "Okta production"
    assert seen.obstacle == ""

    done = scim.deletion.delete(connection_id, version=seen.version)

    assert done.display_name == "Okta production"
    assert scim.connection.get() is None
    for method in methods(scim, connection_id):
        with pytest.raises(NotFound):
            method()
    another = world.add_connection("acme")
    found = scim.connection.get()
    assert found
    assert found.connection_id == another != connection_id
    assert scim.groups.page(another).items == ()


def test_a_connection_that_changed_is_not_deleted(world: World, connection_id: str) -> None:
    scim = acting(world).scim
    (group_id,) = world.add_groups(connection_id, ["Engineering"])
    version = scim.deletion.preview(connection_id).version
    scim.group_roles.change(group_id, add=["stytch_admin"], remove=[], version=scim.group_roles.get(group_id).version)

    with pytest.raises(Conflict) as conflict:
        scim.deletion.delete(connection_id, version=version)

    assert conflict.value.field == "version"
    assert scim.connection.get()


def test_another_organizations_connection_is_not_found(world: World, connection_id: str) -> None:
    world.add_connection("globex")

    for method in methods(acting(world, "gil@globex.example", "globex").scim, connection_id):
        with pytest.raises(NotFound):
            method()
    assert acting(world).scim.connection.get()


def test_a_member_without_permission_is_rejected(world: World, connection_id: str) -> None:
    for method in methods(acting(world, "max@acme.example").scim, connection_id):
        with pytest.raises(Forbidden):
            method()
    assert acting(world).scim.connection.get()


@STYTCH_ONLY
def test_stytch_reports_no_users_and_cannot_deactivate_them(world: World, connection_id: str) -> None:
    deletion = acting(world).scim.deletion
    found = deletion.preview(connection_id)

    assert deletion.deactivation is None
    assert (found.users, found.groups, found.active_members) == (None, None, None)


@EMBEDDED_ONLY
def test_users_are_deactivated_with_the_connection(world: World, connection_id: str) -> None:
    scim = acting(world).scim
    assert scim.deletion.deactivation
    assert scim.restoration
    world.add_user(connection_id, "pia@acme.example")
    found = scim.deletion.preview(connection_id)
    assert (found.users, found.groups, found.active_members, found.deactivated_count) == (1, 0, 1, 1)

    scim.deletion.deactivation.delete(connection_id, version=found.version)

    assert scim.restoration.preview(connection_id).may_return == 1
