"""What a directory promises of pausing a connection."""

from collections.abc import Callable

import pytest

from portal.directory.directory import ScimGateway
from portal.directory.errors import Conflict, NotFound, NotOffered, Refused
from portal.directory.scim.features import ScimFeature
from tests.contract.worlds import World, acting

OFFERED = pytest.mark.parametrize("world", ["embedded"], indirect=True)


@pytest.fixture
def connection_id(world: World) -> str:
    return world.add_connection("acme")


def calls(scim: ScimGateway, connection_id: str) -> list[Callable[[], object]]:
    """Return every call, to be made."""
    return [lambda: scim.pause.pause(connection_id), lambda: scim.pause.resume(connection_id)]


def test_it_pauses_and_resumes_or_it_is_said_that_it_does_not(world: World, connection_id: str) -> None:
    scim = acting(world).scim
    connection = scim.connection.get()
    assert connection
    assert (connection.paused_at, connection.paused_by) == (None, "")

    if ScimFeature.PAUSE not in scim.offers:
        for call in calls(scim, connection_id):
            with pytest.raises(NotOffered) as refused:
                call()
            assert refused.value.detail.endswith(".")
        return
    paused = scim.pause.pause(connection_id)
    assert paused.paused_at
    assert paused.paused_by == "ada@acme.example"
    assert scim.connection.get() == paused
    assert scim.pause.resume(connection_id).paused_at is None
    assert scim.connection.get() == connection


@OFFERED
def test_of_two_who_do_it_the_second_is_told(world: World, connection_id: str) -> None:
    scim = acting(world).scim
    with pytest.raises(Conflict):
        scim.pause.resume(connection_id)
    scim.pause.pause(connection_id)
    with pytest.raises(Conflict, match=r"ada@acme\.example"):
        scim.pause.pause(connection_id)


@OFFERED
def test_another_organizations_connection_is_not_found(world: World, connection_id: str) -> None:
    world.add_connection("globex")

    for call in calls(acting(world, "gil@globex.example", "globex").scim, connection_id):
        with pytest.raises(NotFound):
            call()


@OFFERED
def test_a_deleted_connection_is_not_found(world: World, connection_id: str) -> None:
    world.delete_connection(connection_id)

    for call in calls(acting(world).scim, connection_id):
        with pytest.raises(NotFound):
            call()


@OFFERED
def test_a_member_without_the_right_is_refused(world: World, connection_id: str) -> None:
    for call in calls(acting(world, "max@acme.example").scim, connection_id):
        with pytest.raises(Refused):
            call()
