"""What a directory promises of deleting a connection, and of the way back."""

from collections.abc import Callable

import pytest

from portal.directory.directory import ScimGateway
from portal.directory.errors import Conflict, Invalid, InvalidCursor, NotFound, NotOffered, Refused
from portal.directory.scim.deletion import ScimUserChoice
from portal.directory.scim.features import ScimFeature
from tests.contract.worlds import World, acting

OFFERED = pytest.mark.parametrize("world", ["embedded"], indirect=True)
KEEP, DEACTIVATE = ScimUserChoice.KEEP, ScimUserChoice.DEACTIVATE


@pytest.fixture
def connection_id(world: World) -> str:
    return world.add_connection("acme")


def delete(scim: ScimGateway, connection_id: str, people: ScimUserChoice = KEEP) -> None:
    scim.deletion.delete(connection_id, people=people, version=scim.deletion.preview(connection_id).version)


def calls_of_deletion(scim: ScimGateway, connection_id: str) -> list[Callable[[], object]]:
    return [
        lambda: scim.deletion.preview(connection_id),
        lambda: scim.deletion.delete(connection_id, people=KEEP, version=""),
    ]


def calls_of_restoration(scim: ScimGateway, connection_id: str) -> list[Callable[[], object]]:
    return [
        lambda: scim.restoration.preview(connection_id),
        lambda: scim.restoration.restore(connection_id, reactivate=False),
    ]


def test_a_deleted_connection_is_gone_and_another_can_be_made(world: World, connection_id: str) -> None:
    world.add_groups(connection_id, ["Engineering"])
    scim = acting(world).scim
    seen = scim.deletion.preview(connection_id)
    assert seen.display_name == "Okta production"
    assert seen.obstacle == ""

    done = scim.deletion.delete(connection_id, people=KEEP, version=seen.version)

    assert done.display_name == "Okta production"
    assert scim.connection.get() is None
    for call in calls_of_deletion(scim, connection_id):
        with pytest.raises(NotFound):
            call()
    another = world.add_connection("acme")
    found = scim.connection.get()
    assert found
    assert found.connection_id == another != connection_id
    assert scim.groups.page(another).items == ()


def test_what_was_not_seen_is_not_deleted(world: World, connection_id: str) -> None:
    scim = acting(world).scim
    (group_id,) = world.add_groups(connection_id, ["Engineering"])
    version = scim.deletion.preview(connection_id).version
    scim.group_roles.change(group_id, add=["stytch_admin"], remove=[], version=scim.group_roles.get(group_id).version)

    with pytest.raises(Conflict) as refused:
        scim.deletion.delete(connection_id, people=KEEP, version=version)

    assert refused.value.field == "version"
    assert scim.connection.get()


def test_another_organizations_connection_is_not_found(world: World, connection_id: str) -> None:
    world.add_connection("globex")

    for call in calls_of_deletion(acting(world, "gil@globex.example", "globex").scim, connection_id):
        with pytest.raises(NotFound):
            call()
    assert acting(world).scim.connection.get()


def test_a_member_without_the_right_is_refused(world: World, connection_id: str) -> None:
    for call in calls_of_deletion(acting(world, "max@acme.example").scim, connection_id):
        with pytest.raises(Refused):
            call()
    assert acting(world).scim.connection.get()


def test_people_are_deactivated_or_it_is_said_that_they_cannot_be(world: World, connection_id: str) -> None:
    scim = acting(world).scim
    world.add_person(connection_id, "pia@acme.example")
    seen = scim.deletion.preview(connection_id)

    if ScimFeature.PEOPLE_CHOICE not in scim.offers:
        assert (seen.people, seen.groups, seen.active_members) == (None, None, None)
        with pytest.raises(NotOffered) as refused:
            delete(scim, connection_id, DEACTIVATE)
        assert refused.value.detail.endswith(".")
        assert scim.connection.get()
        return
    assert (seen.people, seen.groups, seen.active_members, seen.deactivated) == (1, 0, 1, 1)
    delete(scim, connection_id, DEACTIVATE)
    assert scim.restoration.preview(connection_id).may_return == 1


def test_a_deleted_connection_comes_back_or_it_is_said_that_it_does_not(world: World, connection_id: str) -> None:
    scim = acting(world).scim
    world.add_groups(connection_id, ["Engineering"])
    before = scim.connection.get()
    delete(scim, connection_id)

    if ScimFeature.RESTORE not in scim.offers:
        for call in [scim.restoration.page, *calls_of_restoration(scim, connection_id)]:
            with pytest.raises(NotOffered) as refused:
                call()
            assert refused.value.detail.endswith(".")
        return
    (deleted,) = scim.restoration.page().items
    assert (deleted.connection_id, deleted.display_name) == (connection_id, "Okta production")
    assert deleted.deleted_by == "ada@acme.example"
    assert (deleted.restorable_until - deleted.deleted_at).days == 30
    found = scim.restoration.preview(connection_id)
    assert (found.connection, found.groups, found.obstacle) == (deleted, 1, "")

    assert scim.restoration.restore(connection_id, reactivate=False) == 0

    assert scim.connection.get() == before
    assert [group.group_name for group in scim.groups.page(connection_id).items] == ["Engineering"]
    assert scim.restoration.page().items == ()


@OFFERED
def test_deleted_connections_come_page_by_page_each_once(world: World) -> None:
    scim = acting(world).scim
    made = []
    for _ in range(5):
        made.append(world.add_connection("acme"))
        delete(scim, made[-1])
    seen, cursor = [], ""
    while True:
        page = scim.restoration.page(cursor=cursor, limit=2)
        seen += [one.connection_id for one in page.items]
        if page.next_cursor is None:
            break
        cursor = page.next_cursor

    assert seen == made[::-1]
    with pytest.raises(InvalidCursor):
        scim.restoration.page(cursor="forged")
    with pytest.raises(Invalid):
        scim.restoration.page(limit=0)


@OFFERED
def test_nothing_is_restored_beside_an_active_connection(world: World, connection_id: str) -> None:
    scim = acting(world).scim
    delete(scim, connection_id)
    another = world.add_connection("acme")

    assert "Another connection is active" in scim.restoration.preview(connection_id).obstacle
    with pytest.raises(Conflict):
        scim.restoration.restore(connection_id, reactivate=True)

    found = scim.connection.get()
    assert found
    assert found.connection_id == another


@OFFERED
def test_another_organizations_deleted_connection_is_not_found(world: World, connection_id: str) -> None:
    delete(acting(world).scim, connection_id)
    scim = acting(world, "gil@globex.example", "globex").scim

    assert scim.restoration.page().items == ()
    for call in calls_of_restoration(scim, connection_id):
        with pytest.raises(NotFound):
            call()


@OFFERED
def test_an_active_connection_is_no_deleted_one(world: World, connection_id: str) -> None:
    for call in calls_of_restoration(acting(world).scim, connection_id):
        with pytest.raises(NotFound):
            call()


@OFFERED
def test_who_lacks_the_right_restores_nothing(world: World, connection_id: str) -> None:
    delete(acting(world).scim, connection_id)
    scim = acting(world, "max@acme.example").scim

    for call in [scim.restoration.page, *calls_of_restoration(scim, connection_id)]:
        with pytest.raises(Refused):
            call()
