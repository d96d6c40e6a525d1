"""The roles that groups grant."""

from collections.abc import Callable

import pytest

from portal.directory.directory import ScimGateway
from portal.directory.errors import Conflict, Forbidden, Invalid, InvalidCursor, NotFound, Unauthenticated
from portal.directory.policy import Role
from portal.directory.scim.group_roles import (
    MAX_GROUPS_AT_ONCE,
    ScimGroupRoleReviewGateway,
    ScimGroupRolesChange,
    roles_version,
)
from tests.contract.worlds import EMBEDDED_ONLY, STYTCH_ONLY, World, acting, opened

ADMIN = "stytch_admin"
NOTHING = roles_version([])


def review_of(scim: ScimGateway) -> ScimGroupRoleReviewGateway:
    assert scim.group_role_review
    return scim.group_role_review


def requests(scim: ScimGateway, connection_id: str, group: str) -> list[Callable[[], object]]:
    """Return the requests about a group that need permissions; those of a review only if the directory has one."""
    review = scim.group_role_review
    found: list[Callable[[], object]] = [
        lambda: scim.group_roles.get(group),
        lambda: scim.group_roles.page(connection_id),
        lambda: scim.group_roles.change(group, add=[ADMIN], remove=[], version=NOTHING),
        lambda: scim.group_roles.get_several([group]),
        lambda: scim.group_roles.change_several([ScimGroupRolesChange(group, add=(ADMIN,), version=NOTHING)]),
    ]
    if review is None:
        return found
    return [
        *found,
        lambda: review.preview([ScimGroupRolesChange(group, add=(ADMIN,))]),
        lambda: review.confirm(group, version=NOTHING),
        lambda: review.move(group, to_group_id=group, version=NOTHING),
    ]


def groups_of_acme(world: World, *names: str) -> tuple[str, list[str]]:
    connection_id = world.add_connection("acme")
    return connection_id, world.add_groups(connection_id, names)


def test_a_group_grants_a_role_once_it_is_assigned(world: World) -> None:
    connection_id, [group] = groups_of_acme(world, "Support")
    scim = acting(world).scim

    assert scim.group_roles.get(group).role_ids == ()
    after = scim.group_roles.change(group, add=[ADMIN], remove=[], version=NOTHING)

    assert (after.group.group_name, after.role_ids) == ("Support", (ADMIN,))
    assert scim.group_roles.get(group) == after
    assert [one.group.group_id for one in scim.group_roles.page(connection_id).items] == [group]


def test_one_role_is_removed_without_the_others(world: World) -> None:
    connection_id, [first, second] = groups_of_acme(world, "Support", "Sales")
    scim = acting(world).scim
    for group in (first, second):
        scim.group_roles.change(group, add=[ADMIN], remove=[], version=NOTHING)

    scim.group_roles.change(first, add=[], remove=[ADMIN], version=roles_version([ADMIN]))

    assert scim.group_roles.get(first).role_ids == ()
    assert [one.group.group_id for one in scim.group_roles.page(connection_id).items] == [second]


def test_a_change_based_on_other_roles_is_rejected(world: World) -> None:
    _, [group] = groups_of_acme(world, "Support")
    scim = acting(world).scim
    scim.group_roles.change(group, add=[ADMIN], remove=[], version=NOTHING)

    for add, remove in (([ADMIN], []), ([], [ADMIN])):
        with pytest.raises(Conflict) as error:
            scim.group_roles.change(group, add=add, remove=remove, version=NOTHING)
        assert error.value.field == "version"
    assert scim.group_roles.get(group).role_ids == (ADMIN,)


def test_several_groups_change_at_once(world: World) -> None:
    connection_id, [support, sales, other] = groups_of_acme(world, "Support", "Sales", "Other")
    gateway = acting(world).scim.group_roles
    gateway.change(support, add=[ADMIN], remove=[], version=NOTHING)
    gateway.change(other, add=[ADMIN], remove=[], version=NOTHING)

    assert [(one.group.group_name, one.role_ids) for one in gateway.get_several([support, sales])] == [
        ("Sales", ()),
        ("Support", (ADMIN,)),
    ]
    after = gateway.change_several(
        [
            ScimGroupRolesChange(sales, add=(ADMIN,), version=NOTHING),
            ScimGroupRolesChange(support, remove=(ADMIN,), version=roles_version([ADMIN])),
        ]
    )

    assert {one.group.group_id: one.role_ids for one in after} == {sales: (ADMIN,), support: ()}
    held = {one.group.group_id for one in gateway.page(connection_id).items}
    assert held == {sales, other}


def test_a_change_of_several_groups_changes_all_or_none(world: World) -> None:
    _, [support, sales] = groups_of_acme(world, "Support", "Sales")
    gateway = acting(world).scim.group_roles
    gateway.change(sales, add=[ADMIN], remove=[], version=NOTHING)

    stale = [ScimGroupRolesChange(one, add=(ADMIN,), version=NOTHING) for one in (support, sales)]
    with pytest.raises(Conflict) as conflict:
        gateway.change_several(stale)
    assert conflict.value.field == "version"
    with pytest.raises(Invalid):
        gateway.change_several([ScimGroupRolesChange(support, add=("no_such_role",), version=NOTHING)])

    assert [one.role_ids for one in gateway.get_several([support, sales])] == [(ADMIN,), ()]


def test_a_change_is_of_a_limited_number_of_groups(world: World) -> None:
    _, groups = groups_of_acme(world, *(f"Team {n:03}" for n in range(MAX_GROUPS_AT_ONCE + 1)))
    gateway = acting(world).scim.group_roles

    for chosen in (groups, []):
        with pytest.raises(Invalid) as error:
            gateway.get_several(chosen)
        assert error.value.field == "groups"
        with pytest.raises(Invalid):
            gateway.change_several([ScimGroupRolesChange(one, add=(ADMIN,), version=NOTHING) for one in chosen])
    assert len(gateway.get_several(groups[1:])) == MAX_GROUPS_AT_ONCE


def test_a_role_that_does_not_exist_cannot_be_assigned(world: World) -> None:
    _, [group] = groups_of_acme(world, "Support")

    with pytest.raises(Invalid):
        acting(world).scim.group_roles.change(group, add=["no_such_role"], remove=[], version=NOTHING)
    assert acting(world).scim.group_roles.get(group).role_ids == ()


def test_assignments_come_page_by_page_each_once(world: World) -> None:
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

    for request in requests(acting(world).scim, foreign, group):
        with pytest.raises(NotFound):
            request()
    gil = acting(world, "gil@globex.example", "globex").scim
    assert gil.group_roles.get(group).role_ids == ()


def test_without_the_permissions_nothing_is_read_or_changed(world: World) -> None:
    connection_id, [group] = groups_of_acme(world, "Support")
    for directory, error in ((acting(world, "max@acme.example"), Forbidden), (opened(world), Unauthenticated)):
        for request in requests(directory.scim, connection_id, group):
            with pytest.raises(error):
                request()
    assert acting(world).scim.group_roles.get(group).role_ids == ()


def test_a_group_gets_no_role_that_grants_more_than_one_has(world: World) -> None:
    _, [group] = groups_of_acme(world, "Support")
    actions = {"stytch.scim": frozenset({"*"}), "stytch.organization": frozenset({"update.settings.implicit-roles"})}
    acting(world).roles.create(Role("it", actions))
    world.add_member("acme", "eve@acme.example", roles=["it"])
    eve = acting(world, "eve@acme.example").scim.group_roles

    with pytest.raises(Forbidden):
        eve.change(group, add=[ADMIN], remove=[], version=NOTHING)
    assert eve.get(group).role_ids == ()
    assert eve.change(group, add=["it"], remove=[], version=NOTHING).role_ids == ("it",)


@STYTCH_ONLY
def test_stytch_has_no_review_and_forgets_the_roles_of_a_deleted_group(world: World) -> None:
    connection_id, [group] = groups_of_acme(world, "Support")
    scim = acting(world).scim
    scim.group_roles.change(group, add=[ADMIN], remove=[], version=NOTHING)
    world.delete_group(group)
    [again] = world.add_groups(connection_id, ["Support"])

    assert scim.group_role_review is None
    assert scim.group_roles.get(again).role_ids == ()
    assert scim.group_roles.page(connection_id).items == ()


@EMBEDDED_ONLY
def test_a_preview_lists_who_is_affected(world: World) -> None:
    connection_id, [group] = groups_of_acme(world, "Support")
    world.add_user(connection_id, "pia@acme.example", [group])
    scim = acting(world).scim

    preview = review_of(scim).preview([ScimGroupRolesChange(group, add=(ADMIN,))])
    [effect] = preview.effects

    assert preview.users == 1
    assert (effect.role_id, effect.is_gained, effect.number) == (ADMIN, True, 1)
    assert [one.name for one in effect.first] == ["pia@acme.example"]
    assert scim.group_roles.get(group).role_ids == ()


@EMBEDDED_ONLY
def test_the_roles_of_a_deleted_group_move_to_its_replacement_only_on_request(world: World) -> None:
    connection_id, [group] = groups_of_acme(world, "Support")
    scim = acting(world).scim
    scim.group_roles.change(group, add=[ADMIN], remove=[], version=NOTHING)
    world.delete_group(group)
    [again] = world.add_groups(connection_id, ["Support"])

    assert scim.group_roles.get(again).role_ids == ()
    deleted = scim.group_roles.get(group)
    assert (deleted.is_deleted, deleted.group.group_name, deleted.role_ids) == (True, "Support", (ADMIN,))
    assert deleted.replacement
    assert deleted.replacement.group_id == again
    moved = review_of(scim).move(group, to_group_id=again, version=deleted.version)
    assert (moved.group.group_id, moved.role_ids) == (again, (ADMIN,))
    with pytest.raises(NotFound):
        scim.group_roles.get(group)
