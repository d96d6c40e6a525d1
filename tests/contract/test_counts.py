"""The numbers of an organization."""

import pytest

from portal.directory.counts import Count, CountGateway, RoleCount
from portal.directory.directory import Directory
from portal.directory.errors import Forbidden, Unauthenticated
from tests.contract.worlds import ADMIN, EMBEDDED_ONLY, STYTCH_ONLY, World, acting, opened


def counts_of(directory: Directory) -> CountGateway:
    assert directory.counts
    return directory.counts


@STYTCH_ONLY
def test_stytch_has_no_numbers(world: World) -> None:
    assert acting(world).counts is None


@EMBEDDED_ONLY
def test_only_permissions_open_them(world: World) -> None:
    connection_id = world.add_connection("acme")
    for directory, error in (
        (acting(world, "max@acme.example"), Forbidden),
        (acting(world, "ada@acme.example", "globex"), Forbidden),
        (opened(world), Unauthenticated),
    ):
        counts = counts_of(directory)
        with pytest.raises(error):
            counts.members()
        with pytest.raises(error):
            counts.scim(connection_id)
        with pytest.raises(error):
            counts.unmanaged_members(connection_id)


@EMBEDDED_ONLY
def test_they_are_right_after_each_change(world: World) -> None:
    counts = counts_of(acting(world))
    assert counts.members().members == Count(2)
    connection_id = world.add_connection("acme")
    (group_id, _) = world.add_groups(connection_id, ["Engineering", "Sales"])
    world.add_user(connection_id, "pia@acme.example", [group_id])
    roles = acting(world).scim.group_roles
    roles.change(group_id, add=[ADMIN], remove=[], version=roles.get(group_id).version)

    counts = counts_of(acting(world))
    found = counts.scim(connection_id)
    assert counts.members().members == Count(3)
    assert counts.unmanaged_members(connection_id) == Count(2)
    assert (found.active_users, found.deactivated_users) == (Count(1), Count(0))
    assert (found.groups, found.granting_groups) == (Count(2), Count(1))
    assert found.roles == (RoleCount(ADMIN, 1, None),)


@EMBEDDED_ONLY
def test_a_connection_of_another_organization_has_none(world: World) -> None:
    connection_id = world.add_connection("globex")
    world.add_groups(connection_id, ["Engineering"])

    assert counts_of(acting(world)).scim(connection_id).groups == Count(0)
