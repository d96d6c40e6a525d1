"""The deactivation safeguard of a connection."""

from collections.abc import Callable

import pytest

from portal.directory.errors import Conflict, Forbidden, NotFound
from portal.directory.scim.safeguard import ScimSafeguardDecision, ScimSafeguardGateway
from tests.contract.worlds import EMBEDDED_ONLY, STYTCH_ONLY, World, acting


@pytest.fixture
def connection_id(world: World) -> str:
    return world.add_connection("acme")


def safeguard_of(world: World, email_address: str = "ada@acme.example", slug: str = "acme") -> ScimSafeguardGateway:
    safeguard = acting(world, email_address, slug).scim.safeguard
    assert safeguard
    return safeguard


def methods(safeguard: ScimSafeguardGateway, connection_id: str) -> list[Callable[[], object]]:
    return [
        lambda: safeguard.get(connection_id),
        lambda: safeguard.held_users(connection_id),
        lambda: safeguard.held_groups(connection_id),
        lambda: safeguard.held_count(connection_id),
        lambda: safeguard.decide(connection_id, ScimSafeguardDecision.RELEASE, version=""),
    ]


@STYTCH_ONLY
def test_stytch_has_no_safeguard(world: World, connection_id: str) -> None:
    scim = acting(world).scim
    connection = scim.connection.get()

    assert scim.safeguard is None
    assert connection
    assert connection.hold_started_at is None


@EMBEDDED_ONLY
def test_a_new_connection_has_no_hold(world: World, connection_id: str) -> None:
    connection = acting(world).scim.connection.get()
    assert connection
    assert connection.hold_started_at is None

    gateway = safeguard_of(world)
    safeguard = gateway.get(connection_id)
    assert (safeguard.hold_started_at, safeguard.approved_until, safeguard.held_user_count) == (None, None, 0)
    assert (safeguard.share, safeguard.minimum) == (20, 10)
    assert gateway.held_users(connection_id).items == ()
    assert gateway.held_groups(connection_id).items == ()
    assert gateway.held_count(connection_id) == 0


@EMBEDDED_ONLY
def test_a_decision_without_a_hold_is_a_conflict(world: World, connection_id: str) -> None:
    gateway = safeguard_of(world)

    for decision in ScimSafeguardDecision:
        with pytest.raises(Conflict):
            gateway.decide(connection_id, decision, version=gateway.get(connection_id).version)


@EMBEDDED_ONLY
def test_another_organizations_safeguard_is_not_found(world: World, connection_id: str) -> None:
    world.add_connection("globex")

    for method in methods(safeguard_of(world, "gil@globex.example", "globex"), connection_id):
        with pytest.raises(NotFound):
            method()


@EMBEDDED_ONLY
def test_a_member_without_the_permission_is_rejected(world: World, connection_id: str) -> None:
    for method in methods(safeguard_of(world, "max@acme.example"), connection_id):
        with pytest.raises(Forbidden):
            method()
