"""How often and how much an identity provider may ask."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine
from pytest_django import Settings

from portal.access.memory_storage import ProcessStorage
from portal.embedded import models
from tests.conftest import REDIS_URL
from tests.scim_server.conftest import PATCH_OP, Idp
from tests.scim_server.test_endpoints import error_of


@pytest.fixture(params=["process", pytest.param("redis", marks=pytest.mark.redis)])
def counted(request: pytest.FixtureRequest, settings: Settings) -> None:
    settings.SCIM_RATE_PER_CONNECTION = "3 per minute"
    if request.param == "redis":
        settings.REDIS_URL = REDIS_URL


@pytest.mark.usefixtures("counted")
def test_a_connection_beyond_its_rate_is_asked_to_wait(idp: Idp, other_idp: Idp) -> None:
    assert [idp.get("/Users").status_code for _ in range(3)] == [200] * 3

    rejected = idp.send("POST", "/Users", {"userName": "ada"})

    error_of(rejected, 429)
    assert 1 <= int(rejected["Retry-After"]) <= 60
    assert not models.ScimUserRow.objects.exists()
    assert [entry.status for entry in idp.entries] == [200, 200, 200, 429]
    assert other_idp.get("/Users").status_code == 200


def test_requests_succeed_again_after_the_wait(idp: Idp, settings: Settings) -> None:
    settings.SCIM_RATE_PER_CONNECTION = "1 per minute"
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        idp.tokens.update(expires_at="2100-01-01T00:00:00Z")
        assert idp.get("/Users").status_code == 200
        wait = int(idp.get("/Users")["Retry-After"])

        clock.shift(wait - 1)
        assert idp.get("/Users").status_code == 429
        clock.shift(1)
        assert idp.get("/Users").status_code == 200


def test_by_default_a_hundred_a_second_are_allowed(settings: Settings) -> None:
    assert settings.SCIM_RATE_PER_CONNECTION == "6000 per minute"
    assert settings.SCIM_FAILED_AUTHENTICATION_RATE == "60 per minute"


def test_provisioning_continues_without_redis(idp: Idp, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    assert [idp.get("/Users").status_code for _ in range(3)] == [200, 200, 200]
    assert caplog.text.count("redis_unavailable") == 1


def test_an_address_that_guesses_is_asked_to_wait(idp: Idp, settings: Settings) -> None:
    settings.SCIM_FAILED_AUTHENTICATION_RATE = "2 per minute"
    guesser = Idp(idp.connection, "scim_a-guess-of-the-token")

    assert [guesser.get("/Users").status_code for _ in range(2)] == [401, 401]
    rejected = guesser.get("/Users")

    error_of(rejected, 429)
    assert 1 <= int(rejected["Retry-After"]) <= 60
    # Who has no token cannot fill the log.
    assert [entry.status for entry in idp.entries] == [401, 401]
    # IdPs share addresses: another's wrong token must not shut out the right one.
    assert idp.get("/Users").status_code == 200


def test_the_limit_of_the_portals_forms_is_not_that_of_scim(idp: Idp, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100

    assert idp.send("POST", "/Users", {"userName": "ada", "title": "x" * 200}).status_code == 201


def operations(number: int) -> dict[str, Any]:
    return {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": "active", "value": True}] * number}


def nested(depth: int) -> dict[str, Any]:
    return {"userName": "ada", "x": nested(depth - 1)} if depth > 1 else {"userName": "ada"}


def test_each_limit_is_a_setting(idp: Idp, settings: Settings) -> None:
    user, group = idp.create_user("ada"), idp.create_group("Everyone")
    settings.SCIM_MAX_FILTER_LENGTH, settings.SCIM_MAX_FILTER_TERMS, settings.SCIM_MAX_FILTER_DEPTH = 40, 2, 4
    settings.SCIM_MAX_DEPTH, settings.SCIM_MAX_OPERATIONS, settings.SCIM_MAX_MEMBERS = 6, 2, 2
    two, three = [[{"value": user}] * number for number in (2, 3)]

    def members(value: list[dict[str, str]]) -> dict[str, Any]:
        return {"Operations": [{"op": "add", "path": "members", "value": value}]}

    def filtered(terms: int) -> str:
        return "/Users?filter=" + " or ".join(["active pr"] * terms)

    within: list[tuple[str, str, Any]] = [
        ("GET", filtered(2), None),
        ("GET", "/Users?filter=(active pr)", None),
        ("GET", "/Users?filter=((((title pr))))", None),
        ("PATCH", f"/Users/{user}", operations(2)),
        ("PATCH", f"/Groups/{group}", members(two)),
        ("PUT", f"/Groups/{group}", {"displayName": "Everyone", "members": two}),
        ("POST", "/Users", {**nested(5), "userName": "grace"}),
    ]
    for call in within:
        assert idp.send(*call).status_code < 300, call
    assert "2 terms" in error_of(idp.send("GET", filtered(3)), 400, "invalidFilter")
    deep = "/Users?filter=(((((title pr)))))"
    assert "4 levels deep" in error_of(idp.send("GET", deep), 400, "invalidFilter")
    long = f'/Users?filter=userName eq "{"x" * 40}"'
    assert "40 characters" in error_of(idp.send("GET", long), 400, "invalidFilter")
    assert "2 operations" in error_of(idp.send("PATCH", f"/Users/{user}", operations(3)), 413)
    assert "2 members" in error_of(idp.send("PATCH", f"/Groups/{group}", members(three)), 413)
    pieces = {"Operations": [members(two)["Operations"][0], members([{"value": user}])["Operations"][0]]}
    assert "2 members" in error_of(idp.send("PATCH", f"/Groups/{group}", pieces), 413)
    too_many = {"displayName": "Everyone", "members": three}
    assert "2 members" in error_of(idp.send("PUT", f"/Groups/{group}", too_many), 413)
    assert "6 levels deep" in error_of(idp.send("POST", "/Users", nested(8)), 400, "invalidSyntax")


def test_the_group_size_up_to_which_a_patch_returns_the_group_is_a_setting(idp: Idp, settings: Settings) -> None:
    users = [idp.create_user(f"person{n}") for n in range(3)]
    group = idp.create_group("Everyone", users)
    change = {"op": "replace", "path": "externalId", "value": "x"}

    assert idp.patch(f"/Groups/{group}", change).status_code == 200
    settings.SCIM_MEMBERS_IN_PATCH_ANSWER = 2
    assert idp.patch(f"/Groups/{group}", change | {"value": "y"}).status_code == 204


def test_ended_windows_are_deleted() -> None:
    storage = ProcessStorage()
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        assert [storage.incr("a", 60), storage.incr("a", 60), storage.incr("b", 120)] == [1, 2, 1]
        assert (storage.get("a"), storage.get_expiry("a")) == (2, 1_800_000_060)

        clock.shift(61)
        assert (storage.get("a"), storage.get("b"), storage.get("unknown")) == (0, 1, 0)
        storage.incr("c", 60)
        assert storage._windows.keys() == {"b", "c"}
    storage.clear("b")
    assert storage.check()
    assert (storage.reset(), storage.reset()) == (1, 0)


def test_simultaneous_requests_are_each_counted() -> None:
    storage = ProcessStorage()

    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _: storage.incr("a", 60), range(400)))

    assert sorted(counts) == list(range(1, 401))
