"""What a directory promises of a connection's contacts."""

from collections.abc import Callable

import pytest

from portal.directory.directory import ScimGateway
from portal.directory.errors import Conflict, Invalid, NotFound, NotOffered, Refused
from portal.directory.scim.features import ScimFeature
from tests.contract.worlds import World, acting

OFFERED = pytest.mark.parametrize("world", ["embedded"], indirect=True)


@pytest.fixture
def connection_id(world: World) -> str:
    return world.add_connection("acme")


def calls(scim: ScimGateway, connection_id: str) -> list[Callable[[], object]]:
    return [
        lambda: scim.contacts.get(connection_id),
        lambda: scim.contacts.change(connection_id, ["it@acme.example"], version=""),
    ]


def change(scim: ScimGateway, connection_id: str, *addresses: str) -> tuple[str, ...]:
    version = scim.contacts.get(connection_id).version
    return scim.contacts.change(connection_id, addresses, version=version).addresses


def test_contacts_are_kept_or_it_is_said_that_they_are_not(world: World, connection_id: str) -> None:
    scim = acting(world).scim

    if ScimFeature.CONTACTS not in scim.offers:
        for call in calls(scim, connection_id):
            with pytest.raises(NotOffered) as refused:
                call()
            assert refused.value.detail.endswith(".")
        return
    assert scim.contacts.get(connection_id).addresses == ()
    # In their order, each once.
    assert change(scim, connection_id, "z@acme.example", " a@acme.example ", "Z@acme.example", "") == (
        "Z@acme.example",
        "a@acme.example",
    )
    assert scim.contacts.get(connection_id).addresses == ("Z@acme.example", "a@acme.example")
    assert change(scim, connection_id) == ()


@OFFERED
@pytest.mark.parametrize(
    "bad",
    ["not an address", "a@", "a@acme.example\nBcc: x@evil.example", "a@acme.example\0", f"{'a' * 250}@acme.example"],
)
def test_what_is_no_address_is_named_and_nothing_is_saved(world: World, connection_id: str, bad: str) -> None:
    scim = acting(world).scim
    change(scim, connection_id, "good@acme.example")

    with pytest.raises(Invalid) as refused:
        change(scim, connection_id, "other@acme.example", bad)

    assert refused.value.field == "addresses"
    assert bad[:20] in refused.value.detail
    assert scim.contacts.get(connection_id).addresses == ("good@acme.example",)


@OFFERED
def test_ten_are_enough(world: World, connection_id: str) -> None:
    scim = acting(world).scim
    addresses = [f"it{n}@acme.example" for n in range(11)]
    assert len(change(scim, connection_id, *addresses[:10])) == 10

    with pytest.raises(Invalid, match="11 addresses"):
        change(scim, connection_id, *addresses)


@OFFERED
def test_of_two_who_save_at_once_the_second_is_told(world: World, connection_id: str) -> None:
    scim = acting(world).scim
    seen = scim.contacts.get(connection_id).version
    change(scim, connection_id, "first@acme.example")

    with pytest.raises(Conflict) as refused:
        scim.contacts.change(connection_id, ["second@acme.example"], version=seen)

    assert refused.value.field == "version"
    assert scim.contacts.get(connection_id).addresses == ("first@acme.example",)


@OFFERED
def test_another_organizations_contacts_are_not_found(world: World, connection_id: str) -> None:
    for call in calls(acting(world, "gil@globex.example", "globex").scim, connection_id):
        with pytest.raises(NotFound):
            call()


@OFFERED
def test_a_member_without_the_right_is_refused(world: World, connection_id: str) -> None:
    for call in calls(acting(world, "max@acme.example").scim, connection_id):
        with pytest.raises(Refused):
            call()
