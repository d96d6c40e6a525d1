"""Users that the identity provider pushed."""

from collections.abc import Callable

import pytest

from portal.directory.errors import Forbidden, Invalid, InvalidCursor, NotFound, Unauthenticated
from portal.directory.members import RoleSourceType
from portal.directory.scim.users import ScimObstacle, ScimUserGateway, ScimUserState
from tests.contract.worlds import EMBEDDED_ONLY, STYTCH_ONLY, World, acting, opened


def users_of(world: World) -> ScimUserGateway:
    users = acting(world).scim.users
    assert users
    return users


def reads(users: ScimUserGateway, connection_id: str, user_id: str) -> list[Callable[[], object]]:
    return [
        lambda: users.page(connection_id),
        lambda: users.get(user_id),
        lambda: users.groups(user_id),
        lambda: users.roles(user_id),
    ]


@STYTCH_ONLY
def test_stytch_has_no_users(world: World) -> None:
    assert acting(world).scim.users is None


@EMBEDDED_ONLY
def test_users_come_page_by_page_each_once(world: World) -> None:
    connection_id = world.add_connection("acme")
    expected = [world.add_user(connection_id, f"person{n}@acme.example") for n in range(5)]
    users = users_of(world)

    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = users.page(connection_id, cursor=cursor, limit=2)
        seen += [one.user.user_id for one in page.items]
        cursor = page.next_cursor

    assert seen == expected


@EMBEDDED_ONLY
def test_a_user_has_groups_and_roles_with_their_sources(world: World) -> None:
    connection_id = world.add_connection("acme")
    group_ids = world.add_groups(connection_id, ["Support"])
    user_id = world.add_user(connection_id, "pia@acme.example", group_ids)
    users = users_of(world)

    assert users.get(user_id).email_address == "pia@acme.example"
    assert [(one.group.group_name, one.is_direct) for one in users.groups(user_id).items] == [("Support", True)]
    [role] = users.roles(user_id)
    assert (role.role_id, role.sources[0].type) == ("stytch_member", RoleSourceType.DIRECT_ASSIGNMENT)


@EMBEDDED_ONLY
def test_listed_users_have_their_direct_groups_by_name_and_can_be_filtered_by_one(world: World) -> None:
    connection_id = world.add_connection("acme")
    support, billing = world.add_groups(connection_id, ["Support", "Billing"])
    pia = world.add_user(connection_id, "pia@acme.example", [support, billing])
    tom = world.add_user(connection_id, "tom@acme.example", [support])
    foreign = world.add_groups(world.add_connection("globex"), ["Theirs"])[0]
    users = users_of(world)

    listed = {one.user.user_id: one for one in users.page(connection_id).items}
    assert [group.group_name for group in listed[pia].groups] == ["Billing", "Support"]
    assert (listed[pia].more_groups, listed[tom].more_groups, listed[tom].role_ids) == (1, 0, ())
    for group_id, expected in ((billing, [pia]), (support, [pia, tom]), (foreign, []), ("made-up", [])):
        found = users.page(connection_id, group_id=group_id)
        assert [one.user.user_id for one in found.items] == expected, group_id
    first = users.page(connection_id, group_id=support, limit=1)
    assert first.next_cursor
    with pytest.raises(InvalidCursor):
        users.page(connection_id, group_id=billing, cursor=first.next_cursor)


@EMBEDDED_ONLY
def test_active_users_who_cannot_sign_in_are_counted_and_listed_with_the_reason(world: World) -> None:
    connection_id = world.add_connection("acme")
    world.add_user(connection_id, "pia@acme.example")
    without = world.add_user_without_address(connection_id, "robot")
    foreign = world.add_connection("globex")
    world.add_user_without_address(foreign, "theirs")
    users = users_of(world)

    assert users.count_without_access(connection_id) == 1
    assert users.count_without_access(foreign) == 0
    [one] = users.page(connection_id, state=ScimUserState.CANNOT_SIGN_IN).items
    assert (one.user.user_id, one.user.state) == (without, ScimUserState.CANNOT_SIGN_IN)
    assert one.user.obstacle
    assert one.user.obstacle.reason == ScimObstacle.NO_ADDRESS
    details = users.get(without)
    assert (details.user, details.can_sign_in) == (one.user, False)
    assert [listed.user.obstacle for listed in users.page(connection_id).items] == [None, one.user.obstacle]


@EMBEDDED_ONLY
def test_another_organizations_users_are_not_found(world: World) -> None:
    foreign = world.add_connection("globex")
    user_id = world.add_user(foreign, "gus@globex.example")
    users = users_of(world)

    for read in reads(users, foreign, user_id):
        with pytest.raises(NotFound):
            read()


@EMBEDDED_ONLY
def test_a_member_without_the_permission_sees_no_users(world: World) -> None:
    connection_id = world.add_connection("acme")
    user_id = world.add_user(connection_id, "pia@acme.example")
    for directory, error in ((acting(world, "max@acme.example"), Forbidden), (opened(world), Unauthenticated)):
        users = directory.scim.users
        assert users
        for read in reads(users, connection_id, user_id):
            with pytest.raises(error):
                read()
        with pytest.raises(error):
            users.count_without_access(connection_id)


@EMBEDDED_ONLY
def test_invalid_limits_and_cursors_are_rejected(world: World) -> None:
    connection_id = world.add_connection("acme")
    user_id = world.add_user(connection_id, "pia@acme.example")
    users = users_of(world)
    for limit in (0, 1001):
        with pytest.raises(Invalid):
            users.page(connection_id, limit=limit)
        with pytest.raises(Invalid):
            users.groups(user_id, limit=limit)
    with pytest.raises(InvalidCursor):
        users.page(connection_id, cursor="made-up")
