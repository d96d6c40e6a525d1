"""A server that is killed has kept every answered write, whole."""

import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import requests

from tests.servers import environment_in, manage, migrate, postgresql_database, serve

WRITERS, SECONDS = 4, 1.5
_END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A portal of its own, in a database of its own."""
    if request.param == "sqlite":
        yield environment_in(tmp_path)
        return
    with postgresql_database() as url:
        yield environment_in(tmp_path) | {"DATABASE_URL": url}


def write_until_killed(base_url: str, token: str, writer: int) -> list[str]:
    """Create users, each in a group of their own, until the server is gone. Return the URLs of responses with 201."""
    answered = []
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        for number in range(10_000):
            name = f"person-{writer}-{number}"
            try:
                user = session.post(f"{base_url}/Users", json={"userName": name}, timeout=10)
                assert user.status_code == 201, user.text
                group = {"displayName": name, "members": [{"value": user.json()["id"]}]}
                answered.append(f"/Users/{user.json()['id']}")
                response = session.post(f"{base_url}/Groups", json=group, timeout=10)
                answered.append(f"/Groups/{response.json()['id']}")
            except requests.RequestException:
                break
    return answered


@pytest.fixture
def connection(environment: dict[str, str]) -> tuple[str, str]:
    """The address and the token of a new connection."""
    migrate(environment)
    manage(environment, "createorganization", "--name", "Acme", "--slug", "acme")
    options = ("--organization", "acme", "--display-name", "Okta", "--json")
    created = json.loads(manage(environment, "createscimconnection", *options))
    return created["base_url"], created["bearer_token"]


def test_a_killed_server_loses_no_answered_write_and_keeps_no_partial_one(
    environment: dict[str, str], connection: tuple[str, str]
) -> None:
    base_url, token = connection
    server = serve(environment)
    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(write_until_killed, base_url, token, writer) for writer in range(WRITERS)]
        time.sleep(SECONDS)
        os.killpg(server.pid, signal.SIGKILL)
        answered = [path for writer in writers for path in writer.result()]
    server.wait()
    assert len(answered) > WRITERS

    server = serve(environment)
    try:
        check(base_url, token, answered)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def check(base_url: str, token: str, answered: list[str]) -> None:
    """Assert that everything that got 201 exists, and that each group has its member."""
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        assert {session.get(base_url + path, timeout=10).status_code for path in answered} == {200}
        groups = session.get(f"{base_url}/Groups", params={"count": 1000}, timeout=30).json()["Resources"]
        assert {len(group.get("members", [])) for group in groups} == {1}
        ids = session.get(f"{base_url}/Users", params={"count": 0}, timeout=30).json()["totalResults"]
        assert ids >= len([path for path in answered if path.startswith("/Users")])


def write_until(end: float, base_url: str, token: str, writer: int) -> tuple[list[str], set[int]]:
    """Create users and groups as above, even after failures. Return the URLs of responses with 201, and all statuses."""
    answered: list[str] = []
    statuses: set[int] = set()

    def post(path: str, body: dict[str, object]) -> str:
        response = session.post(base_url + path, json=body, timeout=20)
        statuses.add(response.status_code)
        if response.status_code != 201:
            return ""
        answered.append(f"{path}/{response.json()['id']}")
        return str(response.json()["id"])

    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        number = 0
        while time.monotonic() < end:
            number += 1
            name = f"person-{writer}-{number}"
            if key := post("/Users", {"userName": name}):
                post("/Groups", {"displayName": name, "members": [{"value": key}]})
    return answered, statuses


@pytest.mark.parametrize("environment", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True)
def test_no_answered_write_is_lost_if_the_database_ends_every_connection(
    environment: dict[str, str], connection: tuple[str, str]
) -> None:
    """As PostgreSQL does when it is restarted."""
    base_url, token = connection
    server, (url, _, name) = serve(environment), environment["DATABASE_URL"].rpartition("/")
    end = time.monotonic() + 2 * SECONDS
    ended = 0
    try:
        with ThreadPoolExecutor(WRITERS) as pool, psycopg.connect(f"{url}/postgres", autocommit=True) as database:
            writers = [pool.submit(write_until, end, base_url, token, writer) for writer in range(WRITERS)]
            while time.monotonic() < end - SECONDS / 2:
                time.sleep(0.2)
                ended += len(database.execute(_END_ALL, [name]).fetchall())
            results = [writer.result() for writer in writers]
        answered = [path for paths, _ in results for path in paths]
        assert ended > WRITERS
        assert len(answered) > WRITERS
        # Interrupted requests get 503, which asks to try again, and never 500.
        assert {status for _, statuses in results for status in statuses} <= {201, 503}
        check(base_url, token, answered)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def test_a_stopped_server_writes_its_pending_log_entries(
    environment: dict[str, str], connection: tuple[str, str]
) -> None:
    base_url, token = connection
    waiting = environment | {"SCIM_LOG_DELAY": "10000"}
    server = serve(waiting)
    requests.get(f"{base_url}/Users", headers={"Authorization": f"Bearer {token}"}, timeout=10).raise_for_status()
    server.terminate()
    server.wait(timeout=30)

    count = "from portal.embedded.models import ScimRequestRow; print(ScimRequestRow.objects.count())"
    assert manage(environment, "shell", "--no-imports", "-c", count).strip() == "1"
