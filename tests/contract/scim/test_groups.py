"""Groups that the identity provider pushed."""

from collections.abc import Callable, Iterator

import pytest

from portal.directory.directory import Directory, ScimGateway
from portal.directory.errors import Forbidden, Invalid, InvalidCursor, NotFound, Unauthenticated
from portal.directory.pages import Page
from portal.directory.scim.groups import ScimGroup, ScimGroupDetailGateway
from tests.contract.worlds import EMBEDDED_ONLY, STYTCH_ONLY, World, acting, opened


def team_names(number: int, first: int = 0) -> list[str]:
    return [f"Team {n:04}" for n in range(first, first + number)]


def pages(scim: ScimGateway, connection_id: str, limit: int) -> Iterator[Page[ScimGroup]]:
    cursor: str | None = ""
    while cursor is not None:
        page = scim.groups.page(connection_id, cursor=cursor, limit=limit)
        yield page
        cursor = page.next_cursor


def all_ids(scim: ScimGateway, connection_id: str, limit: int = 1000) -> list[str]:
    return [group.group_id for page in pages(scim, connection_id, limit) for group in page.items]


def as_gil(world: World) -> Directory:
    return acting(world, "gil@globex.example", "globex")


def test_a_deleted_connections_groups_are_not_found(world: World) -> None:
    connection_id = world.add_connection("acme")
    world.add_groups(connection_id, team_names(3))
    world.delete_connection(connection_id)

    with pytest.raises(NotFound):
        acting(world).scim.groups.page(connection_id)


def test_the_directory_itself_rejects_a_member_without_the_permission(world: World) -> None:
    connection_id = world.add_connection("acme")

    with pytest.raises(Forbidden):
        acting(world, "max@acme.example").scim.groups.page(connection_id)


def test_a_permission_in_one_organization_is_not_valid_in_another(world: World) -> None:
    connection_id = world.add_connection("globex")

    with pytest.raises(Forbidden):
        acting(world, "ada@acme.example", "globex").scim.groups.page(connection_id)


def test_no_one_sees_groups_without_signing_in(world: World) -> None:
    connection_id = world.add_connection("acme")

    with pytest.raises(Unauthenticated):
        opened(world).scim.groups.page(connection_id)


def test_a_connection_without_groups_has_one_empty_page(world: World) -> None:
    page = acting(world).scim.groups.page(world.add_connection("acme"))

    assert (page.items, page.next_cursor) == ((), None)


def test_a_group_has_its_name_connection_and_organization(world: World) -> None:
    connection_id = world.add_connection("acme")
    [group_id] = world.add_groups(connection_id, ["Ingénieurs <b>&amp;"])

    [group] = acting(world).scim.groups.page(connection_id).items

    assert (group.group_id, group.group_name, group.connection_id) == (group_id, "Ingénieurs <b>&amp;", connection_id)
    assert group.organization_id == opened(world).organization.get().organization_id


@pytest.mark.parametrize(("number", "limit"), [(7, 3), (6, 3), (3, 3), (5, 1), (2, 1000)])
def test_pages_hold_every_group_once_and_only_the_last_has_no_next(world: World, number: int, limit: int) -> None:
    connection_id = world.add_connection("acme")
    ids = world.add_groups(connection_id, team_names(number))

    found = list(pages(acting(world).scim, connection_id, limit))

    assert [len(page.items) for page in found] == [min(limit, number - n) for n in range(0, number, limit)]
    assert sorted(group.group_id for page in found for group in page.items) == sorted(ids)


def test_a_page_has_a_hundred_groups_by_default(world: World) -> None:
    connection_id = world.add_connection("acme")
    world.add_groups(connection_id, team_names(101))

    page = acting(world).scim.groups.page(connection_id)

    assert len(page.items) == 100
    assert page.next_cursor


@pytest.mark.parametrize("limit", [0, -1, 1001, 10**9])
def test_a_limit_outside_1_to_1000_is_invalid(world: World, limit: int) -> None:
    connection_id = world.add_connection("acme")

    with pytest.raises(Invalid) as invalid:
        acting(world).scim.groups.page(connection_id, limit=limit)

    assert invalid.value.field == "limit"


@pytest.mark.parametrize("cursor", ["made-up", "!", "..", "é", "x" * 2000, "MTIz", "\x00"])
def test_a_forged_cursor_is_rejected(world: World, cursor: str) -> None:
    connection_id = world.add_connection("acme")
    world.add_groups(connection_id, team_names(3))

    with pytest.raises(InvalidCursor):
        acting(world).scim.groups.page(connection_id, cursor=cursor)


def test_a_changed_cursor_is_rejected(world: World) -> None:
    connection_id = world.add_connection("acme")
    world.add_groups(connection_id, team_names(3))
    scim = acting(world).scim
    cursor = scim.groups.page(connection_id, limit=1).next_cursor
    assert cursor

    changed = cursor[:10] + ("A" if cursor[10] != "A" else "B") + cursor[11:]

    with pytest.raises(InvalidCursor):
        scim.groups.page(connection_id, cursor=changed)


def test_another_organizations_cursor_is_rejected(world: World) -> None:
    foreign, own = world.add_connection("globex"), world.add_connection("acme")
    world.add_groups(foreign, team_names(3))
    world.add_groups(own, team_names(3))
    cursor = as_gil(world).scim.groups.page(foreign, limit=1).next_cursor
    assert cursor

    with pytest.raises(InvalidCursor):
        acting(world).scim.groups.page(own, cursor=cursor)


@pytest.mark.parametrize(
    "connection_id", ["made-up", "..", "", "../../organizations", "scim-connection-live-1", "a\x00"]
)
def test_a_connection_that_does_not_exist_is_not_found(world: World, connection_id: str) -> None:
    world.add_connection("acme")

    with pytest.raises(NotFound):
        acting(world).scim.groups.page(connection_id)


def test_another_organizations_connection_is_not_found(world: World) -> None:
    foreign = world.add_connection("globex")
    world.add_groups(foreign, team_names(3))

    with pytest.raises(NotFound):
        acting(world).scim.groups.page(foreign)


def test_organizations_see_only_their_own_groups(world: World) -> None:
    own, foreign = world.add_connection("acme"), world.add_connection("globex")
    mine, theirs = world.add_groups(own, team_names(5)), world.add_groups(foreign, team_names(5))

    assert sorted(all_ids(acting(world).scim, own, 2)) == sorted(mine)
    assert sorted(all_ids(as_gil(world).scim, foreign, 2)) == sorted(theirs)


@pytest.mark.parametrize("limit", [1, 4, 7])
def test_changes_between_pages_neither_duplicate_nor_lose_unchanged_groups(world: World, limit: int) -> None:
    connection_id = world.add_connection("acme")
    ids = world.add_groups(connection_id, team_names(28))
    renamed, deleted = {ids[2], ids[20]}, {ids[1], ids[4], ids[12], ids[27]}
    unchanged = set(ids) - renamed - deleted
    found: list[str] = []

    for number, page in enumerate(pages(acting(world).scim, connection_id, limit)):
        found += [group.group_id for group in page.items]
        if number == 0:
            world.rename_group(ids[2], "Zebras")
            world.rename_group(ids[20], "Aardvarks")
            for group_id in deleted:
                world.delete_group(group_id)
            world.add_groups(connection_id, ["A new one", "Team 0010 and a half", "Z, the last"])

    assert sorted(group_id for group_id in found if group_id in unchanged) == sorted(unchanged)


def test_a_cursor_stays_valid_when_its_group_is_deleted(world: World) -> None:
    connection_id = world.add_connection("acme")
    ids = world.add_groups(connection_id, team_names(4))
    scim = acting(world).scim
    first = scim.groups.page(connection_id, limit=2)

    world.delete_group(first.items[-1].group_id)

    rest = scim.groups.page(connection_id, limit=2, cursor=first.next_cursor or "")
    assert {group.group_id for group in (*first.items, *rest.items)} == set(ids)


def details_of(world: World, email_address: str = "ada@acme.example") -> ScimGroupDetailGateway:
    details = acting(world, email_address).scim.group_details
    assert details
    return details


def reads(details: ScimGroupDetailGateway, connection_id: str, group_id: str) -> list[Callable[[], object]]:
    return [
        lambda: details.search(connection_id, "sales"),
        lambda: details.get(group_id),
        lambda: details.members(group_id),
        lambda: details.nested(group_id),
        lambda: details.parents(group_id),
    ]


@STYTCH_ONLY
def test_stytch_has_no_search_and_no_members_of_groups(world: World) -> None:
    assert acting(world).scim.group_details is None


@EMBEDDED_ONLY
def test_groups_are_searched_by_name(world: World) -> None:
    connection_id = world.add_connection("acme")
    ids = world.add_groups(connection_id, ["Sales Berlin", "SALES Boston", "Product", "Presales"])
    details = details_of(world)

    assert {group.group_id for group in details.search(connection_id, "sales").items} == {*ids[:2], ids[3]}
    cursor = details.search(connection_id, "sales", limit=1).next_cursor
    with pytest.raises(InvalidCursor):
        acting(world).scim.groups.page(connection_id, cursor=cursor or "")


@EMBEDDED_ONLY
def test_a_group_has_members_nested_groups_and_parents(world: World) -> None:
    connection_id = world.add_connection("acme")
    [group_id] = world.add_groups(connection_id, ["Sales"])
    user_id = world.add_user(connection_id, "pia@acme.example", [group_id])
    details = details_of(world)

    assert details.get(group_id).group_name == "Sales"
    assert [one.user_id for one in details.members(group_id).items] == [user_id]
    assert details.nested(group_id).items == details.parents(group_id).items == ()


@EMBEDDED_ONLY
def test_another_organizations_group_is_not_found(world: World) -> None:
    foreign = world.add_connection("globex")
    [group_id] = world.add_groups(foreign, ["Sales"])
    details = details_of(world)

    for read in reads(details, foreign, group_id):
        with pytest.raises(NotFound):
            read()


@EMBEDDED_ONLY
def test_a_member_without_the_permission_sees_no_group(world: World) -> None:
    connection_id = world.add_connection("acme")
    [group_id] = world.add_groups(connection_id, ["Sales"])
    details = details_of(world, "max@acme.example")

    for read in reads(details, connection_id, group_id):
        with pytest.raises(Forbidden):
            read()
