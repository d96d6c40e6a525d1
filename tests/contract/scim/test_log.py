"""Log and health of a connection."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise

import pytest
from django.utils import timezone

from portal.directory.directory import ScimGateway
from portal.directory.errors import Forbidden, Invalid, InvalidCursor, NotFound, Unauthenticated
from portal.directory.scim.connection import ScimConnection, ScimConnectionStatus, ScimIdentityProvider
from portal.directory.scim.log import ScimLogGateway, ScimOutcome, ScimRequestFilter, ScimRequestNeighbors
from tests.contract.worlds import EMBEDDED_ONLY, STYTCH_ONLY, World, acting, opened

UNKNOWN_ID = "scim-request-live-00000000-0000-7000-8000-000000000000"


def log_of(scim: ScimGateway) -> ScimLogGateway:
    assert scim.log
    return scim.log


def pages(log: ScimLogGateway, connection_id: str, wanted: ScimRequestFilter, limit: int) -> Iterator[list[str]]:
    cursor: str | None = ""
    while cursor is not None:
        page = log.page(connection_id, wanted, cursor=cursor, limit=limit)
        yield [one.scim_request_id for one in page.items]
        cursor = page.next_cursor


def found(log: ScimLogGateway, connection_id: str, wanted: ScimRequestFilter) -> list[str]:
    return [one for page in pages(log, connection_id, wanted, 2) for one in page]


def methods(scim: ScimGateway, connection_id: str) -> list[Callable[[], object]]:
    log, health = log_of(scim), scim.health
    assert health
    connection = ScimConnection(
        connection_id, "", ScimConnectionStatus.ACTIVE, "Okta", ScimIdentityProvider.OKTA, "", "abcd", None
    )
    return [
        lambda: log.hours(connection_id),
        lambda: log.page(connection_id),
        lambda: log.get(UNKNOWN_ID),
        lambda: log.neighbors(connection_id, UNKNOWN_ID),
        lambda: log.export(connection_id),
        lambda: log.replay(UNKNOWN_ID),
        lambda: health.progress(connection_id),
        lambda: health.get(connection),
    ]


@STYTCH_ONLY
def test_stytch_has_no_log(world: World) -> None:
    scim = acting(world).scim

    assert (scim.log, scim.health) == (None, None)


@EMBEDDED_ONLY
def test_a_member_without_the_permission_is_rejected(world: World) -> None:
    connection_id = world.add_connection("acme")

    for scim, error in (
        (acting(world, "max@acme.example").scim, Forbidden),
        (acting(world, "ada@acme.example", "globex").scim, Forbidden),
        (opened(world).scim, Unauthenticated),
    ):
        for method in methods(scim, connection_id):
            with pytest.raises(error):
                method()


@EMBEDDED_ONLY
def test_pages_list_every_request_once_newest_first(world: World) -> None:
    log, connection_id = log_of(acting(world).scim), world.add_connection("acme")
    ids = world.add_requests(connection_id, 7)

    assert list(pages(log, connection_id, ScimRequestFilter(), 3)) == [ids[:3], ids[3:6], ids[6:]]
    assert log.neighbors(connection_id, ids[1]) == ScimRequestNeighbors(newer_id=ids[0], older_id=ids[2])
    assert log.neighbors(connection_id, ids[0]) == ScimRequestNeighbors(newer_id="", older_id=ids[1])
    assert log.neighbors(connection_id, ids[6]).older_id == ""


@EMBEDDED_ONLY
def test_a_connection_without_requests_has_one_empty_page(world: World) -> None:
    log = log_of(acting(world).scim)

    page = log.page(world.add_connection("acme"))

    assert (page.items, page.next_cursor, page.searched_to) == ((), None, None)


@EMBEDDED_ONLY
def test_a_request_has_its_request_and_response(world: World) -> None:
    log, connection_id = log_of(acting(world).scim), world.add_connection("acme")
    values = {
        "method": "POST",
        "path": "/Users",
        "status": 409,
        "scim_type": "uniqueness",
        "detail": "Taken.",
        "body": "{}",
    }
    [request_id] = world.add_requests(connection_id, 1, **values)

    request = log.get(request_id)

    assert {name: getattr(request, name) for name in values} == values
    assert (request.scim_request_id, request.connection_id, request.outcome) == (
        request_id,
        connection_id,
        ScimOutcome.FAILED,
    )
    assert timezone.now() - request.at < timedelta(minutes=1)
    [listed] = log.page(connection_id).items
    assert (listed.scim_request_id, listed.body) == (request_id, "")


USER = "scim-user-live-01900000-0000-7000-8000-000000000001"
FILTERS: dict[str, tuple[ScimRequestFilter, int]] = {
    "failed": (ScimRequestFilter(outcome=ScimOutcome.FAILED), 2),
    "succeeded": (ScimRequestFilter(outcome=ScimOutcome.SUCCEEDED), 3),
    "users": (ScimRequestFilter(resource_type="User"), 4),
    "groups": (ScimRequestFilter(resource_type="Group"), 1),
    "one user": (ScimRequestFilter(resource_id=USER), 2),
    "one user, failed": (ScimRequestFilter(resource_id=USER, outcome=ScimOutcome.FAILED), 1),
    "one user, succeeded": (ScimRequestFilter(resource_id=USER, outcome=ScimOutcome.SUCCEEDED), 1),
    "method": (ScimRequestFilter(method="PATCH"), 2),
    "method, failed": (ScimRequestFilter(method="PATCH", outcome=ScimOutcome.FAILED), 1),
    "changes": (ScimRequestFilter(changes_only=True), 3),
    "request ID": (ScimRequestFilter(text="request-id-test"), 1),
    "name in a failed request": (ScimRequestFilter(text="LENA"), 1),
    "unknown name": (ScimRequestFilter(text="nobody"), 0),
    "since": (ScimRequestFilter(since=timezone.now() - timedelta(days=1)), 5),
    "until": (ScimRequestFilter(until=timezone.now() - timedelta(days=1)), 0),
    "unknown user": (ScimRequestFilter(resource_id=USER[:-1] + "2"), 0),
}


@EMBEDDED_ONLY
@pytest.mark.parametrize(("wanted", "number"), FILTERS.values(), ids=FILTERS)
def test_requests_are_filtered(world: World, wanted: ScimRequestFilter, number: int) -> None:
    log, connection_id = log_of(acting(world).scim), world.add_connection("acme")
    world.add_requests(connection_id, 1, resource_type="User", resource_id=USER, method="PATCH")
    world.add_requests(connection_id, 1, resource_type="User", resource_id=USER, method="PATCH", status=404)
    world.add_requests(connection_id, 1, resource_type="User", method="POST", status=409, subject="lena")
    world.add_requests(connection_id, 1, resource_type="User")
    world.add_requests(connection_id, 1, resource_type="Group", request_id="request-id-test")

    ids = found(log, connection_id, wanted)

    assert len(ids) == len(set(ids)) == number


@EMBEDDED_ONLY
def test_another_organizations_requests_are_not_found(world: World) -> None:
    log, foreign = log_of(acting(world).scim), world.add_connection("globex")
    [request_id] = world.add_requests(foreign, 1)

    with pytest.raises(NotFound):
        log.get(request_id)
    with pytest.raises(NotFound):
        log.page(foreign)
    with pytest.raises(NotFound):
        log.export(foreign)


@EMBEDDED_ONLY
@pytest.mark.parametrize("name", ["", "none", "..", UNKNOWN_ID, "x" * 5000, "scim-request-live-\x00"])
def test_invalid_ids_are_not_found(world: World, name: str) -> None:
    log = log_of(acting(world).scim)

    with pytest.raises(NotFound):
        log.get(name)
    with pytest.raises(NotFound):
        log.page(name)


@EMBEDDED_ONLY
def test_the_requests_of_a_deleted_connection_stay_readable(world: World) -> None:
    log, connection_id = log_of(acting(world).scim), world.add_connection("acme")
    [request_id] = world.add_requests(connection_id, 1)

    world.delete_connection(connection_id)

    assert [one.scim_request_id for one in log.page(connection_id).items] == [request_id]


@EMBEDDED_ONLY
def test_a_cursor_belongs_to_its_connection_and_its_filter(world: World) -> None:
    log, connection_id = log_of(acting(world).scim), world.add_connection("acme")
    world.add_requests(connection_id, 3)
    cursor = log.page(connection_id, limit=1).next_cursor
    assert cursor

    with pytest.raises(InvalidCursor):
        log.page(connection_id, ScimRequestFilter(method="GET"), cursor=cursor)
    with pytest.raises(InvalidCursor):
        log.page(connection_id, cursor=cursor + "x")
    with pytest.raises(Invalid):
        log.page(connection_id, limit=1001)


@EMBEDDED_ONLY
def test_an_export_has_every_request_with_its_body(world: World) -> None:
    log, connection_id = log_of(acting(world).scim), world.add_connection("acme")
    ids = world.add_requests(connection_id, 5, body='{"a":1}')
    world.add_requests(connection_id, 2, status=404)

    exported = list(log.export(connection_id, ScimRequestFilter(outcome=ScimOutcome.SUCCEEDED)))

    assert [(one.scim_request_id, one.body) for one in exported] == [(one, '{"a":1}') for one in ids]


@EMBEDDED_ONLY
def test_requests_are_counted_by_the_hour(world: World) -> None:
    connection_id, other_id = world.add_connection("acme"), world.add_connection("globex")
    world.add_requests(connection_id, 3)
    world.add_requests(connection_id, 2, status=409)
    world.add_requests(other_id, 4)
    log = log_of(acting(world).scim)

    hours = log.hours(connection_id)
    assert len(hours) == 24
    assert sum(hour.succeeded for hour in hours) == 3
    assert sum(hour.failed for hour in hours) == 2
    assert {later.start - earlier.start for earlier, later in pairwise(hours)} == {timedelta(hours=1)}
    assert sum(hour.requests for hour in log.hours(other_id)) == 0
