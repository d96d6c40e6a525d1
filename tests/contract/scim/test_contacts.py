"""The contacts of a connection."""

from collections.abc import Callable

import pytest

from portal.directory.errors import Conflict, Forbidden, Invalid, InvalidLink, NotFound
from portal.directory.scim.contacts import ScimContactGateway
from tests.contract.worlds import EMBEDDED_ONLY, STYTCH_ONLY, World, acting


@pytest.fixture
def connection_id(world: World) -> str:
    return world.add_connection("acme")


def contacts_of(world: World, email_address: str = "ada@acme.example", slug: str = "acme") -> ScimContactGateway:
    contacts = acting(world, email_address, slug).scim.contacts
    assert contacts
    return contacts


def methods(contacts: ScimContactGateway, connection_id: str) -> list[Callable[[], object]]:
    return [
        lambda: contacts.get(connection_id),
        lambda: contacts.change(connection_id, ["it@acme.example"], version=""),
    ]


def change(contacts: ScimContactGateway, connection_id: str, *addresses: str) -> tuple[str, ...]:
    version = contacts.get(connection_id).version
    return contacts.change(connection_id, addresses, version=version).addresses


@STYTCH_ONLY
def test_stytch_has_no_contacts(world: World) -> None:
    assert acting(world).scim.contacts is None


@EMBEDDED_ONLY
def test_contacts_are_stored_in_their_order_and_once_each(world: World, connection_id: str) -> None:
    contacts = contacts_of(world)

    assert contacts.get(connection_id).addresses == ()
    assert change(contacts, connection_id, "z@acme.example", " a@acme.example ", "Z@acme.example", "") == (
        "Z@acme.example",
        "a@acme.example",
    )
    assert contacts.get(connection_id).addresses == ("Z@acme.example", "a@acme.example")
    assert change(contacts, connection_id) == ()


@EMBEDDED_ONLY
@pytest.mark.parametrize(
    "bad",
    ["not an address", "a@", "a@acme.example\nBcc: x@evil.example", "a@acme.example\0", f"{'a' * 250}@acme.example"],
)
def test_an_invalid_address_is_named_and_nothing_is_saved(world: World, connection_id: str, bad: str) -> None:
    contacts = contacts_of(world)
    change(contacts, connection_id, "good@acme.example")

    with pytest.raises(Invalid) as error:
        change(contacts, connection_id, "other@acme.example", bad)

    assert error.value.field == "addresses"
    assert bad[:20] in error.value.detail
    assert contacts.get(connection_id).addresses == ("good@acme.example",)


@EMBEDDED_ONLY
def test_a_connection_has_ten_contacts_at_most(world: World, connection_id: str) -> None:
    contacts = contacts_of(world)
    addresses = [f"it{n}@acme.example" for n in range(11)]
    assert len(change(contacts, connection_id, *addresses[:10])) == 10

    with pytest.raises(Invalid, match="11 addresses"):
        change(contacts, connection_id, *addresses)


@EMBEDDED_ONLY
def test_the_second_of_two_admins_gets_a_conflict(world: World, connection_id: str) -> None:
    contacts = contacts_of(world)
    seen = contacts.get(connection_id).version
    change(contacts, connection_id, "first@acme.example")

    with pytest.raises(Conflict) as error:
        contacts.change(connection_id, ["second@acme.example"], version=seen)

    assert error.value.field == "version"
    assert contacts.get(connection_id).addresses == ("first@acme.example",)


@EMBEDDED_ONLY
def test_another_organizations_contacts_are_not_found(world: World, connection_id: str) -> None:
    for method in methods(contacts_of(world, "gil@globex.example", "globex"), connection_id):
        with pytest.raises(NotFound):
            method()


@EMBEDDED_ONLY
def test_a_member_without_the_permission_is_rejected(world: World, connection_id: str) -> None:
    for method in methods(contacts_of(world, "max@acme.example"), connection_id):
        with pytest.raises(Forbidden):
            method()


@EMBEDDED_ONLY
@pytest.mark.parametrize("token", ["", "none", "a.b:c"])
def test_a_link_that_was_changed_stops_nothing(world: World, connection_id: str, token: str) -> None:
    contacts = contacts_of(world)
    for method in (contacts.stoppable, contacts.stop):
        with pytest.raises(InvalidLink):
            method(token)
