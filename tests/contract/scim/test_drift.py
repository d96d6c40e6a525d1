"""What a directory promises of where it is not as the identity provider says."""

from collections.abc import Callable

import pytest

from portal.directory.directory import ScimGateway
from portal.directory.errors import NotFound, NotOffered, Refused
from portal.directory.scim.features import ScimFeature
from tests.contract.worlds import World, acting

OFFERED = pytest.mark.parametrize("world", ["embedded"], indirect=True)


@pytest.fixture
def connection_id(world: World) -> str:
    return world.add_connection("acme")


def calls(scim: ScimGateway, connection_id: str) -> list[Callable[[], object]]:
    """Return every call, to be made."""
    return [
        lambda: scim.drift.unmanaged_members(connection_id),
        lambda: scim.drift.drifted_group_roles(connection_id),
        lambda: scim.drift.unmapped_groups(connection_id),
        lambda: scim.drift.changed_users(connection_id),
        lambda: scim.drift.take_idp_values(connection_id, "none", version=""),
    ]


def test_drift_is_told_or_it_is_said_that_it_is_not(world: World, connection_id: str) -> None:
    world.add_groups(connection_id, ["Sales", "Engineering"])
    scim = acting(world).scim

    if ScimFeature.DRIFT not in scim.offers:
        for call in calls(scim, connection_id):
            with pytest.raises(NotOffered) as refused:
                call()
            assert refused.value.detail.endswith(".")
        return
    unmanaged = scim.drift.unmanaged_members(connection_id)
    assert [one.email_address for one in unmanaged.items] == ["ada@acme.example", "max@acme.example"]
    assert unmanaged.items[0].roles == ("stytch_member", "stytch_admin")
    assert [one.group_name for one in scim.drift.unmapped_groups(connection_id).items] == ["Engineering", "Sales"]
    assert scim.drift.drifted_group_roles(connection_id).items == ()
    assert scim.drift.changed_users(connection_id).items == ()


@OFFERED
def test_a_page_at_a_time_is_told_each_once(world: World, connection_id: str) -> None:
    for number in range(5):
        world.add_member("acme", f"person{number}@acme.example")
    scim = acting(world).scim
    found: list[str] = []
    cursor = ""
    while True:
        page = scim.drift.unmanaged_members(connection_id, limit=3, cursor=cursor)
        found += [one.email_address for one in page.items]
        if page.next_cursor is None:
            break
        cursor = page.next_cursor

    assert found == sorted(found)
    assert len(found) == 7


@OFFERED
def test_another_organizations_drift_is_not_found(world: World, connection_id: str) -> None:
    world.add_connection("globex")

    for call in calls(acting(world, "gil@globex.example", "globex").scim, connection_id):
        with pytest.raises(NotFound):
            call()


@OFFERED
def test_a_member_without_the_right_is_refused(world: World, connection_id: str) -> None:
    for call in calls(acting(world, "max@acme.example").scim, connection_id):
        with pytest.raises(Refused):
            call()
