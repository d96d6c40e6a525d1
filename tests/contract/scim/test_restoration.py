"""Restoring a deleted connection."""

from collections.abc import Callable

import pytest

from portal.directory.directory import ScimGateway
from portal.directory.errors import Conflict, Forbidden, Invalid, InvalidCursor, NotFound
from portal.directory.scim.restoration import ScimRestorationGateway
from tests.contract.worlds import EMBEDDED_ONLY, STYTCH_ONLY, World, acting, delete_connection


@pytest.fixture
def connection_id(world: World) -> str:
    return world.add_connection("acme")


def restoration_of(scim: ScimGateway) -> ScimRestorationGateway:
    assert scim.restoration
    return scim.restoration


def methods(scim: ScimGateway, connection_id: str) -> list[Callable[[], object]]:
    return [
        lambda: restoration_of(scim).preview(connection_id),
        lambda: restoration_of(scim).restore(connection_id, reactivate=False),
    ]


@STYTCH_ONLY
def test_stytch_cannot_restore_connections(world: World) -> None:
    assert acting(world).scim.restoration is None


@EMBEDDED_ONLY
def test_a_deleted_connection_is_restored(world: World, connection_id: str) -> None:
    scim = acting(world).scim
    world.add_groups(connection_id, ["Engineering"])
    before = scim.connection.get()
    delete_connection(scim, connection_id)

    (deleted,) = restoration_of(scim).page().items
    assert (deleted.connection_id, deleted.display_name) == (connection_id, "Okta production")
    assert deleted.deleted_by == "ada@acme.example"
    assert (deleted.restorable_until - deleted.deleted_at).days == 30
    found = restoration_of(scim).preview(connection_id)
    assert (found.connection, found.groups, found.obstacle) == (deleted, 1, "")

    assert restoration_of(scim).restore(connection_id, reactivate=False) == 0

    assert scim.connection.get() == before
    assert [group.group_name for group in scim.groups.page(connection_id).items] == ["Engineering"]
    assert restoration_of(scim).page().items == ()


@EMBEDDED_ONLY
def test_deleted_connections_are_listed_page_by_page(world: World) -> None:
    scim = acting(world).scim
    created = []
    for _ in range(5):
        created.append(world.add_connection("acme"))
        delete_connection(scim, created[-1])
    seen, cursor = [], ""
    while True:
        page = restoration_of(scim).page(cursor=cursor, limit=2)
        seen += [one.connection_id for one in page.items]
        if page.next_cursor is None:
            break
        cursor = page.next_cursor

    assert seen == created[::-1]
    with pytest.raises(InvalidCursor):
        restoration_of(scim).page(cursor="forged")
    with pytest.raises(Invalid):
        restoration_of(scim).page(limit=0)


@EMBEDDED_ONLY
def test_no_connection_is_restored_while_another_is_active(world: World, connection_id: str) -> None:
    scim = acting(world).scim
    delete_connection(scim, connection_id)
    another = world.add_connection("acme")

    assert "Another connection is active" in restoration_of(scim).preview(connection_id).obstacle
    with pytest.raises(Conflict):
        restoration_of(scim).restore(connection_id, reactivate=True)

    found = scim.connection.get()
    assert found
    assert found.connection_id == another


@EMBEDDED_ONLY
def test_another_organizations_deleted_connection_is_not_found(world: World, connection_id: str) -> None:
    delete_connection(acting(world).scim, connection_id)
    scim = acting(world, "gil@globex.example", "globex").scim

    assert restoration_of(scim).page().items == ()
    for method in methods(scim, connection_id):
        with pytest.raises(NotFound):
            method()


@EMBEDDED_ONLY
def test_an_active_connection_cannot_be_restored(world: World, connection_id: str) -> None:
    for method in methods(acting(world).scim, connection_id):
        with pytest.raises(NotFound):
            method()


@EMBEDDED_ONLY
def test_a_member_without_permission_is_rejected(world: World, connection_id: str) -> None:
    delete_connection(acting(world).scim, connection_id)
    scim = acting(world, "max@acme.example").scim

    for method in [restoration_of(scim).page, *methods(scim, connection_id)]:
        with pytest.raises(Forbidden):
            method()
