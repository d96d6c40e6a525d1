"""What every directory promises of the log of SCIM requests."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from portal.directory.directory import ScimGateway
from portal.directory.errors import Invalid, InvalidCursor, NotFound, NotOffered, Refused, Unauthenticated
from portal.directory.scim.connection import ScimConnection, ScimConnectionStatus, ScimIdentityProvider
from portal.directory.scim.log import ScimLogGateway, ScimOutcome, ScimRequestFilter
from tests.contract.conftest import people
from tests.contract.worlds import EmbeddedWorld, World, acting, opened

NOBODY = "scim-request-live-00000000-0000-7000-8000-000000000000"


@pytest.fixture
def hearing(db: None) -> World:
    """A directory that hears the identity provider itself; one that does not has no log to promise anything of."""
    return people(EmbeddedWorld())


def pages(log: ScimLogGateway, connection_id: str, wanted: ScimRequestFilter, limit: int) -> Iterator[list[str]]:
    cursor: str | None = ""
    while cursor is not None:
        page = log.page(connection_id, wanted, cursor=cursor, limit=limit)
        yield [one.scim_request_id for one in page.items]
        cursor = page.next_cursor


def found(log: ScimLogGateway, connection_id: str, wanted: ScimRequestFilter) -> list[str]:
    return [one for page in pages(log, connection_id, wanted, 2) for one in page]


def connection_of(connection_id: str) -> ScimConnection:
    """Return a connection's value as another directory may have handed it out."""
    return ScimConnection(
        connection_id, "", ScimConnectionStatus.ACTIVE, "Okta", ScimIdentityProvider.OKTA, "", "abcd", None
    )


Call = Callable[[ScimGateway, str], object]
CALLS: dict[str, Call] = {
    "requests": lambda scim, connection_id: scim.log.page(connection_id),
    "request": lambda scim, _: scim.log.get(NOBODY),
    "export": lambda scim, connection_id: list(scim.log.export(connection_id)),
    "progress": lambda scim, connection_id: scim.health.progress(connection_id),
    "health": lambda scim, connection_id: scim.health.get(connection_of(connection_id)),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_member_without_the_right_is_refused_by_the_directory_itself(world: World, call: Call) -> None:
    connection_id = world.add_connection("acme")

    with pytest.raises((Refused, NotOffered)):
        call(acting(world, "max@acme.example").scim, connection_id)
    with pytest.raises((Refused, NotOffered)):
        call(acting(world, "ada@acme.example", "globex").scim, connection_id)
    with pytest.raises((Unauthenticated, NotOffered)):
        call(opened(world).scim, connection_id)


def test_a_directory_without_a_log_says_why(world: World) -> None:
    scim, connection_id = acting(world).scim, world.add_connection("acme")

    with pytest.raises((NotOffered, NotFound)) as refused:
        scim.log.get(NOBODY)

    if isinstance(refused.value, NotOffered):
        assert refused.value.detail.endswith(".")
        for call in CALLS.values():
            with pytest.raises(NotOffered):
                call(scim, connection_id)


def test_calls_come_newest_first_page_by_page_each_once(hearing: World) -> None:
    log, connection_id = acting(hearing).scim.log, hearing.add_connection("acme")
    ids = hearing.add_calls(connection_id, 7)

    assert list(pages(log, connection_id, ScimRequestFilter(), 3)) == [ids[:3], ids[3:6], ids[6:]]


def test_a_connection_without_calls_has_one_empty_page(hearing: World) -> None:
    log = acting(hearing).scim.log

    page = log.page(hearing.add_connection("acme"))

    assert (page.items, page.next_cursor, page.searched_to) == ((), None, None)


def test_a_call_tells_what_was_asked_and_answered(hearing: World) -> None:
    log, connection_id = acting(hearing).scim.log, hearing.add_connection("acme")
    asked = {
        "method": "POST",
        "path": "/Users",
        "status": 409,
        "scim_type": "uniqueness",
        "detail": "Taken.",
        "body": "{}",
    }
    [call_id] = hearing.add_calls(connection_id, 1, **asked)

    call = log.get(call_id)

    assert {name: getattr(call, name) for name in asked} == asked
    assert (call.scim_request_id, call.connection_id, call.outcome) == (call_id, connection_id, ScimOutcome.FAILED)
    assert timezone.now() - call.at < timedelta(minutes=1)
    [listed] = log.page(connection_id).items
    assert (listed.scim_request_id, listed.body) == (call_id, "")


USER = "scim-user-live-01900000-0000-7000-8000-000000000001"
FILTERS: dict[str, tuple[ScimRequestFilter, int]] = {
    "refused": (ScimRequestFilter(outcome=ScimOutcome.FAILED), 2),
    "succeeded": (ScimRequestFilter(outcome=ScimOutcome.SUCCEEDED), 3),
    "people": (ScimRequestFilter(resource_type="User"), 4),
    "groups": (ScimRequestFilter(resource_type="Group"), 1),
    "one person": (ScimRequestFilter(resource_id=USER), 2),
    "one person, refused": (ScimRequestFilter(resource_id=USER, outcome=ScimOutcome.FAILED), 1),
    "one person, succeeded": (ScimRequestFilter(resource_id=USER, outcome=ScimOutcome.SUCCEEDED), 1),
    "method": (ScimRequestFilter(method="PATCH"), 2),
    "method, refused": (ScimRequestFilter(method="PATCH", outcome=ScimOutcome.FAILED), 1),
    "since": (ScimRequestFilter(since=timezone.now() - timedelta(days=1)), 5),
    "until": (ScimRequestFilter(until=timezone.now() - timedelta(days=1)), 0),
    "nobody": (ScimRequestFilter(resource_id=USER[:-1] + "2"), 0),
}


@pytest.mark.parametrize(("wanted", "number"), FILTERS.values(), ids=FILTERS)
def test_calls_are_chosen_by_what_is_wanted(hearing: World, wanted: ScimRequestFilter, number: int) -> None:
    log, connection_id = acting(hearing).scim.log, hearing.add_connection("acme")
    hearing.add_calls(connection_id, 1, resource_type="User", resource_id=USER, method="PATCH")
    hearing.add_calls(connection_id, 1, resource_type="User", resource_id=USER, method="PATCH", status=404)
    hearing.add_calls(connection_id, 1, resource_type="User", method="POST", status=409)
    hearing.add_calls(connection_id, 1, resource_type="User")
    hearing.add_calls(connection_id, 1, resource_type="Group")

    ids = found(log, connection_id, wanted)

    assert len(ids) == len(set(ids)) == number


def test_another_organizations_calls_are_not_found(hearing: World) -> None:
    log, foreign = acting(hearing).scim.log, hearing.add_connection("globex")
    [call_id] = hearing.add_calls(foreign, 1)

    with pytest.raises(NotFound):
        log.get(call_id)
    with pytest.raises(NotFound):
        log.page(foreign)
    with pytest.raises(NotFound):
        log.export(foreign)


@pytest.mark.parametrize("name", ["", "none", "..", NOBODY, "x" * 5000, "scim-request-live-\x00"])
def test_nonsense_names_no_call_and_no_connection(hearing: World, name: str) -> None:
    log = acting(hearing).scim.log

    with pytest.raises(NotFound):
        log.get(name)
    with pytest.raises(NotFound):
        log.page(name)


def test_the_calls_of_a_deleted_connection_stay_readable(hearing: World) -> None:
    log, connection_id = acting(hearing).scim.log, hearing.add_connection("acme")
    [call_id] = hearing.add_calls(connection_id, 1)

    hearing.delete_connection(connection_id)

    assert [one.scim_request_id for one in log.page(connection_id).items] == [call_id]


def test_a_cursor_belongs_to_its_connection_and_its_filter(hearing: World) -> None:
    log, connection_id = acting(hearing).scim.log, hearing.add_connection("acme")
    hearing.add_calls(connection_id, 3)
    cursor = log.page(connection_id, limit=1).next_cursor
    assert cursor

    with pytest.raises(InvalidCursor):
        log.page(connection_id, ScimRequestFilter(method="GET"), cursor=cursor)
    with pytest.raises(InvalidCursor):
        log.page(connection_id, cursor=cursor + "x")
    with pytest.raises(Invalid):
        log.page(connection_id, limit=1001)


def test_an_export_has_every_call_with_its_body(hearing: World) -> None:
    log, connection_id = acting(hearing).scim.log, hearing.add_connection("acme")
    ids = hearing.add_calls(connection_id, 5, body='{"a":1}')
    hearing.add_calls(connection_id, 2, status=404)

    exported = list(log.export(connection_id, ScimRequestFilter(outcome=ScimOutcome.SUCCEEDED)))

    assert [(one.scim_request_id, one.body) for one in exported] == [(one, '{"a":1}') for one in ids]
