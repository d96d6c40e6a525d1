"""What every directory promises of the roles that groups give."""

from collections.abc import Callable
from typing import Any

import pytest

from portal.directory.directory import ScimGateway
from portal.directory.errors import Conflict, Invalid, InvalidCursor, NotFound, NotOffered, Refused, Unauthenticated
from portal.directory.scim.features import ScimFeature
from portal.directory.scim.group_roles import roles_version
from tests.contract.worlds import World, acting, opened

ADMIN = "stytch_admin"
NOTHING = roles_version([])
CHANGES: tuple[Callable[[ScimGateway, str], Any], ...] = (
    lambda scim, group: scim.group_roles.change(group, add=[ADMIN], remove=[], version=NOTHING),
    lambda scim, group: scim.group_roles.confirm(group, version=NOTHING),
    lambda scim, group: scim.group_roles.move(group, to_group_id=group, version=NOTHING),
)


def groups_of_acme(world: World, *names: str) -> tuple[str, list[str]]:
    connection_id = world.add_connection("acme")
    return connection_id, world.add_groups(connection_id, names)


def test_a_group_gives_no_role_until_one_is_given(world: World) -> None:
    connection_id, [group] = groups_of_acme(world, "Support")
    scim = acting(world).scim

    assert scim.group_roles.get(group).role_ids == ()
    after = scim.group_roles.change(group, add=[ADMIN], remove=[], version=NOTHING)

    assert (after.group.group_name, after.role_ids) == ("Support", (ADMIN,))
    assert scim.group_roles.get(group) == after
    assert [one.group.group_id for one in scim.group_roles.page(connection_id).items] == [group]


def test_a_role_is_taken_away_by_itself(world: World) -> None:
    connection_id, [first, second] = groups_of_acme(world, "Support", "Sales")
    scim = acting(world).scim
    for group in (first, second):
        scim.group_roles.change(group, add=[ADMIN], remove=[], version=NOTHING)

    scim.group_roles.change(first, add=[], remove=[ADMIN], version=roles_version([ADMIN]))

    assert scim.group_roles.get(first).role_ids == ()
    assert [one.group.group_id for one in scim.group_roles.page(connection_id).items] == [second]


def test_who_has_seen_other_roles_is_refused_and_changes_nothing(world: World) -> None:
    _, [group] = groups_of_acme(world, "Support")
    scim = acting(world).scim
    scim.group_roles.change(group, add=[ADMIN], remove=[], version=NOTHING)

    for add, remove in (([ADMIN], []), ([], [ADMIN])):
        with pytest.raises(Conflict) as refused:
            scim.group_roles.change(group, add=add, remove=remove, version=NOTHING)
        assert refused.value.field == "version"
    assert scim.group_roles.get(group).role_ids == (ADMIN,)


def test_a_role_that_there_is_not_cannot_be_given(world: World) -> None:
    _, [group] = groups_of_acme(world, "Support")

    with pytest.raises(Invalid):
        acting(world).scim.group_roles.change(group, add=["no_such_role"], remove=[], version=NOTHING)
    assert acting(world).scim.group_roles.get(group).role_ids == ()


def test_assignments_come_by_cursor_each_once(world: World) -> None:
    connection_id, groups = groups_of_acme(world, *(f"Team {n}" for n in range(5)))
    scim = acting(world).scim
    for group in groups:
        scim.group_roles.change(group, add=[ADMIN], remove=[], version=NOTHING)

    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = scim.group_roles.page(connection_id, cursor=cursor, limit=2)
        seen += [one.group.group_id for one in page.items]
        cursor = page.next_cursor

    assert sorted(seen) == sorted(groups)
    assert len(seen) == 5
    with pytest.raises(InvalidCursor):
        scim.group_roles.page(connection_id, cursor="made-up")
    for limit in (0, 1001):
        with pytest.raises(Invalid):
            scim.group_roles.page(connection_id, limit=limit)


def test_another_organizations_groups_are_not_found(world: World) -> None:
    groups_of_acme(world, "Support")
    foreign = world.add_connection("globex")
    [group] = world.add_groups(foreign, ["Support"])
    scim = acting(world).scim

    reads: tuple[Callable[[ScimGateway, str], Any], ...] = (
        lambda scim, group: scim.group_roles.get(group),
        lambda scim, group: scim.group_roles.page(foreign),
        lambda scim, group: scim.group_roles.preview(group, add=[ADMIN], remove=[]),
    )
    for call in (*reads, *CHANGES):
        with pytest.raises((NotFound, NotOffered)):
            call(scim, group)
    gil = acting(world, "gil@globex.example", "globex").scim
    assert gil.group_roles.get(group).role_ids == ()


def test_without_the_rights_nothing_is_seen_and_nothing_changed(world: World) -> None:
    connection_id, [group] = groups_of_acme(world, "Support")
    for directory, error in ((acting(world, "max@acme.example"), Refused), (opened(world), Unauthenticated)):
        for call in (
            lambda scim, group: scim.group_roles.get(group),
            lambda scim, group: scim.group_roles.page(connection_id),
            *CHANGES,
        ):
            with pytest.raises((error, NotOffered)):
                call(directory.scim, group)
    assert acting(world).scim.group_roles.get(group).role_ids == ()


def test_who_is_affected_is_told_beforehand_or_said_not_to_be(world: World) -> None:
    connection_id, [group] = groups_of_acme(world, "Support")
    world.add_person(connection_id, "pia@acme.example", [group])
    scim = acting(world).scim
    if ScimFeature.ROLE_PREVIEW not in scim.offers:
        with pytest.raises(NotOffered) as refused:
            scim.group_roles.preview(group, add=[ADMIN], remove=[])
        assert refused.value.detail.endswith(".")
        return

    [effect] = scim.group_roles.preview(group, add=[ADMIN], remove=[])

    assert (effect.role_id, effect.is_gained, effect.number) == (ADMIN, True, 1)
    assert [one.name for one in effect.first] == ["pia@acme.example"]
    assert scim.group_roles.get(group).role_ids == ()


def test_the_roles_of_a_group_outlive_it_or_are_forgotten_but_never_reach_another(world: World) -> None:
    connection_id, [group] = groups_of_acme(world, "Support")
    scim = acting(world).scim
    scim.group_roles.change(group, add=[ADMIN], remove=[], version=NOTHING)
    world.delete_group(group)
    [again] = world.add_groups(connection_id, ["Support"])

    assert scim.group_roles.get(again).role_ids == ()
    if ScimFeature.ROLE_PREVIEW not in scim.offers:
        assert scim.group_roles.page(connection_id).items == ()
        return
    gone = scim.group_roles.get(group)
    assert (gone.is_gone, gone.group.group_name, gone.role_ids) == (True, "Support", (ADMIN,))
    assert gone.replacement
    assert gone.replacement.group_id == again
    moved = scim.group_roles.move(group, to_group_id=again, version=gone.version)
    assert (moved.group.group_id, moved.role_ids) == (again, (ADMIN,))
    with pytest.raises(NotFound):
        scim.group_roles.get(group)
