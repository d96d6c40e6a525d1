"""Differences between an organization and its identity provider."""

from collections.abc import Callable

import pytest

from portal.directory.errors import Forbidden, NotFound
from portal.directory.scim.drift import ScimDriftGateway
from tests.contract.worlds import EMBEDDED_ONLY, STYTCH_ONLY, World, acting


@pytest.fixture
def connection_id(world: World) -> str:
    return world.add_connection("acme")


def drift_of(world: World, email_address: str = "ada@acme.example", slug: str = "acme") -> ScimDriftGateway:
    drift = acting(world, email_address, slug).scim.drift
    assert drift
    return drift


def methods(drift: ScimDriftGateway, connection_id: str) -> list[Callable[[], object]]:
    return [
        lambda: drift.unmanaged_members(connection_id),
        lambda: drift.drifted_group_roles(connection_id),
        lambda: drift.unmapped_groups(connection_id),
        lambda: drift.changed_users(connection_id),
        lambda: drift.take_idp_values(connection_id, "none", version=""),
    ]


@STYTCH_ONLY
def test_stytch_has_no_drift(world: World) -> None:
    assert acting(world).scim.drift is None


@EMBEDDED_ONLY
def test_each_kind_of_difference_is_listed(world: World, connection_id: str) -> None:
    world.add_groups(connection_id, ["Sales", "Engineering"])
    drift = drift_of(world)

    unmanaged = drift.unmanaged_members(connection_id)

    assert [one.email_address for one in unmanaged.items] == ["ada@acme.example", "max@acme.example"]
    assert unmanaged.items[0].roles == ("stytch_member", "stytch_admin")
    assert [one.group_name for one in drift.unmapped_groups(connection_id).items] == ["Engineering", "Sales"]
    assert drift.drifted_group_roles(connection_id).items == ()
    assert drift.changed_users(connection_id).items == ()


@EMBEDDED_ONLY
def test_pages_list_each_member_once(world: World, connection_id: str) -> None:
    for number in range(5):
        world.add_member("acme", f"person{number}@acme.example")
    drift = drift_of(world)
    found: list[str] = []
    cursor = ""
    while True:
        page = drift.unmanaged_members(connection_id, limit=3, cursor=cursor)
        found += [one.email_address for one in page.items]
        if page.next_cursor is None:
            break
        cursor = page.next_cursor

    assert found == sorted(found)
    assert len(found) == 7


@EMBEDDED_ONLY
def test_another_organizations_drift_is_not_found(world: World, connection_id: str) -> None:
    world.add_connection("globex")

    for method in methods(drift_of(world, "gil@globex.example", "globex"), connection_id):
        with pytest.raises(NotFound):
            method()


@EMBEDDED_ONLY
def test_a_member_without_the_permission_is_rejected(world: World, connection_id: str) -> None:
    for method in methods(drift_of(world, "max@acme.example"), connection_id):
        with pytest.raises(Forbidden):
            method()
