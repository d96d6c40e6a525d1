"""What a directory promises of the safeguard."""

from collections.abc import Callable

import pytest

from portal.directory.directory import ScimGateway
from portal.directory.errors import Conflict, NotFound, NotOffered, Refused
from portal.directory.scim.features import ScimFeature
from portal.directory.scim.safeguard import ScimSafeguardDecision
from tests.contract.worlds import World, acting

OFFERED = pytest.mark.parametrize("world", ["embedded"], indirect=True)


@pytest.fixture
def connection_id(world: World) -> str:
    return world.add_connection("acme")


def calls(scim: ScimGateway, connection_id: str) -> list[Callable[[], object]]:
    """Return every call, to be made."""
    return [
        lambda: scim.safeguard.get(connection_id),
        lambda: scim.safeguard.held_users(connection_id),
        lambda: scim.safeguard.held_groups(connection_id),
        lambda: scim.safeguard.held_number(connection_id),
        lambda: scim.safeguard.decide(connection_id, ScimSafeguardDecision.RELEASE, version=""),
    ]


def test_a_new_connection_is_not_held_or_it_is_said_that_there_is_no_safeguard(
    world: World, connection_id: str
) -> None:
    scim = acting(world).scim
    connection = scim.connection.get()
    assert connection
    assert connection.hold_started_at is None

    if ScimFeature.SAFEGUARD not in scim.offers:
        for call in calls(scim, connection_id):
            with pytest.raises(NotOffered) as refused:
                call()
            assert refused.value.detail.endswith(".")
        return
    safeguard = scim.safeguard.get(connection_id)
    assert (safeguard.stopped_at, safeguard.released_until, safeguard.waiting) == (None, None, 0)
    assert (safeguard.share, safeguard.least) == (20, 10)
    assert scim.safeguard.held_users(connection_id).items == ()
    assert scim.safeguard.held_groups(connection_id).items == ()
    assert scim.safeguard.held_number(connection_id) == 0


@OFFERED
def test_nothing_can_be_decided_where_nobody_waits(world: World, connection_id: str) -> None:
    scim = acting(world).scim

    for decision in ScimSafeguardDecision:
        with pytest.raises(Conflict):
            scim.safeguard.decide(connection_id, decision, version=scim.safeguard.get(connection_id).version)


@OFFERED
def test_another_organizations_safeguard_is_not_found(world: World, connection_id: str) -> None:
    world.add_connection("globex")

    for call in calls(acting(world, "gil@globex.example", "globex").scim, connection_id):
        with pytest.raises(NotFound):
            call()


@OFFERED
def test_a_member_without_the_right_is_refused(world: World, connection_id: str) -> None:
    for call in calls(acting(world, "max@acme.example").scim, connection_id):
        with pytest.raises(Refused):
            call()
