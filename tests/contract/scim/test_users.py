"""What every directory promises of the people whom the IdP pushed."""

from collections.abc import Callable
from typing import Any

import pytest

from portal.directory.directory import ScimGateway
from portal.directory.errors import Invalid, InvalidCursor, NotFound, NotOffered, Refused, Unauthenticated
from portal.directory.members import RoleSourceType
from portal.directory.scim.features import ScimFeature
from portal.directory.scim.users import ScimObstacle, ScimUserState
from tests.contract.worlds import World, acting, opened

ONE_PERSON: tuple[Callable[[ScimGateway, str], Any], ...] = (
    lambda scim, user_id: scim.users.get(user_id),
    lambda scim, user_id: scim.users.groups(user_id),
    lambda scim, user_id: scim.users.roles(user_id),
)


def offers_people(world: World) -> bool:
    return ScimFeature.PEOPLE in acting(world).scim.offers


def test_people_are_told_by_cursor_each_once_or_said_not_to_be(world: World) -> None:
    connection_id = world.add_connection("acme")
    expected = [world.add_person(connection_id, f"person{n}@acme.example") for n in range(5)]
    scim = acting(world).scim
    if not offers_people(world):
        for call in (
            lambda scim, _: scim.users.page(connection_id),
            lambda scim, _: scim.users.without_access(connection_id),
            *ONE_PERSON,
        ):
            with pytest.raises(NotOffered) as refused:
                call(scim, "any")
            assert refused.value.detail.endswith(".")
        return

    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = scim.users.page(connection_id, cursor=cursor, limit=2)
        seen += [one.user_id for one in page.items]
        cursor = page.next_cursor

    assert seen == expected


def test_a_person_tells_groups_and_why_each_role_is_there(world: World) -> None:
    connection_id = world.add_connection("acme")
    group_ids = world.add_groups(connection_id, ["Support"])
    user_id = world.add_person(connection_id, "pia@acme.example", group_ids)
    if not offers_people(world):
        return
    scim = acting(world).scim

    assert scim.users.get(user_id).email_address == "pia@acme.example"
    assert [(one.group.group_name, one.is_direct) for one in scim.users.groups(user_id).items] == [("Support", True)]
    [role] = scim.users.roles(user_id)
    assert (role.role_id, role.sources[0].type) == ("stytch_member", RoleSourceType.DIRECT_ASSIGNMENT)


def test_active_people_who_cannot_sign_in_are_counted_and_listed_with_the_reason(world: World) -> None:
    connection_id = world.add_connection("acme")
    world.add_person(connection_id, "pia@acme.example")
    without = world.add_person_without_address(connection_id, "robot")
    foreign = world.add_connection("globex")
    world.add_person_without_address(foreign, "theirs")
    if not offers_people(world):
        return
    scim = acting(world).scim

    assert scim.users.without_access(connection_id) == 1
    assert scim.users.without_access(foreign) == 0
    [one] = scim.users.page(connection_id, state=ScimUserState.CANNOT_SIGN_IN).items
    assert (one.user_id, one.obstacle and one.obstacle.reason) == (without, ScimObstacle.NO_ADDRESS)
    details = scim.users.get(without)
    assert (details.person.obstacle, details.can_sign_in) == (one.obstacle, False)
    assert [person.obstacle for person in scim.users.page(connection_id).items] == [None, one.obstacle]


def test_another_organizations_people_are_not_found(world: World) -> None:
    foreign = world.add_connection("globex")
    user_id = world.add_person(foreign, "gus@globex.example")
    scim = acting(world).scim

    with pytest.raises((NotFound, NotOffered)):
        scim.users.page(foreign)
    for call in ONE_PERSON:
        with pytest.raises((NotFound, NotOffered)):
            call(scim, user_id)


def test_a_member_without_the_right_sees_nobody(world: World) -> None:
    connection_id = world.add_connection("acme")
    user_id = world.add_person(connection_id, "pia@acme.example")
    for directory, error in ((acting(world, "max@acme.example"), Refused), (opened(world), Unauthenticated)):
        for call in (
            lambda scim, _: scim.users.page(connection_id),
            lambda scim, _: scim.users.without_access(connection_id),
            *ONE_PERSON,
        ):
            with pytest.raises((error, NotOffered)):
                call(directory.scim, user_id)


def test_limits_and_cursors_that_are_not_good_are_refused(world: World) -> None:
    connection_id = world.add_connection("acme")
    user_id = world.add_person(connection_id, "pia@acme.example")
    scim = acting(world).scim
    for limit in (0, 1001):
        with pytest.raises((Invalid, NotOffered)):
            scim.users.page(connection_id, limit=limit)
        with pytest.raises((Invalid, NotOffered)):
            scim.users.groups(user_id, limit=limit)
    with pytest.raises((InvalidCursor, NotOffered)):
        scim.users.page(connection_id, cursor="made-up")


def test_the_groups_of_a_group_are_told_where_that_is_offered(world: World) -> None:
    connection_id = world.add_connection("acme")
    [group_id] = world.add_groups(connection_id, ["Support"])
    scim = acting(world).scim
    for call in (scim.groups.nested, scim.groups.parents):
        if ScimFeature.GROUP_MEMBERS in scim.offers:
            assert call(group_id).items == ()
        else:
            with pytest.raises(NotOffered):
                call(group_id)
