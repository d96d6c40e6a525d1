"""Pausing a connection."""

from collections.abc import Callable

import pytest

from portal.directory.errors import Conflict, Forbidden, NotFound
from portal.directory.scim.pause import ScimPauseGateway
from tests.contract.worlds import EMBEDDED_ONLY, STYTCH_ONLY, World, acting


@pytest.fixture
def connection_id(world: World) -> str:
    return world.add_connection("acme")


def pause_of(world: World, email_address: str = "ada@acme.example", slug: str = "acme") -> ScimPauseGateway:
    pause = acting(world, email_address, slug).scim.pause
    assert pause
    return pause


def methods(pause: ScimPauseGateway, connection_id: str) -> list[Callable[[], object]]:
    return [lambda: pause.pause(connection_id), lambda: pause.resume(connection_id)]


@STYTCH_ONLY
def test_stytch_has_no_pause(world: World, connection_id: str) -> None:
    scim = acting(world).scim
    connection = scim.connection.get()

    assert scim.pause is None
    assert connection
    assert (connection.paused_at, connection.paused_by) == (None, "")


@EMBEDDED_ONLY
def test_a_connection_is_paused_and_resumed(world: World, connection_id: str) -> None:
    scim = acting(world).scim
    connection = scim.connection.get()
    assert connection
    assert (connection.paused_at, connection.paused_by) == (None, "")

    paused = pause_of(world).pause(connection_id)
    assert paused.paused_at
    assert paused.paused_by == "ada@acme.example"
    assert scim.connection.get() == paused
    assert pause_of(world).resume(connection_id).paused_at is None
    assert scim.connection.get() == connection


@EMBEDDED_ONLY
def test_the_second_of_two_admins_gets_a_conflict(world: World, connection_id: str) -> None:
    pause = pause_of(world)
    with pytest.raises(Conflict):
        pause.resume(connection_id)
    pause.pause(connection_id)
    with pytest.raises(Conflict, match=r"ada@acme\.example"):
        pause.pause(connection_id)


@EMBEDDED_ONLY
def test_another_organizations_connection_is_not_found(world: World, connection_id: str) -> None:
    world.add_connection("globex")

    for method in methods(pause_of(world, "gil@globex.example", "globex"), connection_id):
        with pytest.raises(NotFound):
            method()


@EMBEDDED_ONLY
def test_a_deleted_connection_is_not_found(world: World, connection_id: str) -> None:
    world.delete_connection(connection_id)

    for method in methods(pause_of(world), connection_id):
        with pytest.raises(NotFound):
            method()


@EMBEDDED_ONLY
def test_a_member_without_the_permission_is_rejected(world: World, connection_id: str) -> None:
    for method in methods(pause_of(world, "max@acme.example"), connection_id):
        with pytest.raises(Forbidden):
            method()
