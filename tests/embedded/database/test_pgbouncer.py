"""PgBouncer in transaction mode between the portal and PostgreSQL: each transaction has another connection."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import psycopg
import pytest
import requests
from scim_sanity.probe.runner import run_probe_api

from portal.embedded.database.postgresql.pooler import changes_connections
from tests.conftest import PASSWORD
from tests.servers import ROOT, environment_in, free_port, manage, postgresql_database, serve, wait_for_port

pytestmark = [pytest.mark.postgresql, pytest.mark.pgbouncer]

CLIENTS, ROUNDS, SERVER_CONNECTIONS = 6, 8, 3
CONFIGURATION = """
[databases]
* = host={host} port={port} user={user}{password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = any
pool_mode = {pool_mode}
default_pool_size = {size}
server_round_robin = {round_robin}
"""


@contextmanager
def pgbouncer(folder: Path, pool_mode: str, *, size: int = SERVER_CONNECTIONS, round_robin: int = 0) -> Iterator[str]:
    """Run PgBouncer in front of the tests' PostgreSQL; yield its URL without a database's name."""
    server = urlsplit(os.environ["TEST_DATABASE_URL"])
    listen_port = free_port()
    file = folder / "pgbouncer.ini"
    file.write_text(
        CONFIGURATION.format(
            host=server.hostname,
            port=server.port or 5432,
            user=server.username,
            password=f" password='{server.password}'" if server.password else "",
            listen_port=listen_port,
            pool_mode=pool_mode,
            size=size,
            round_robin=round_robin,
        )
    )
    # It doesn't run as root, which it is started as in containers.
    user = ["-u", "postgres"] if os.getuid() == 0 else []
    command = [str(shutil.which("pgbouncer")), "--quiet", *user, str(file)]
    process = subprocess.Popen(command)
    try:
        wait_for_port(listen_port, process)
        yield f"postgres://{server.username}@127.0.0.1:{listen_port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


@pytest.fixture
def database() -> Iterator[str]:
    """The URL of an empty database."""
    with postgresql_database() as url:
        yield url


@dataclass(frozen=True)
class Portal:
    url: str
    base_url: str
    token: str
    project: tuple[str, str]


@pytest.fixture
def portal(database: str, tmp_path: Path) -> Iterator[Portal]:
    """A server behind a pooler with fewer connections than the server has threads."""
    direct = environment_in(tmp_path) | {"DATABASE_URL": database}
    manage(direct, "migrate")
    manage(direct, "createorganization", "--name", "Acme", "--slug", "acme")
    member = ("--organization", "acme", "--email", "ada@acme.example", "--name", "Ada", "--role", "stytch_admin")
    command = [sys.executable, "manage.py", "createmember", *member, "--password-stdin"]
    subprocess.run(command, cwd=ROOT, env=direct, input=PASSWORD, text=True, check=True, capture_output=True)
    create_connection = ("createscimconnection", "--organization", "acme", "--display-name", "Okta", "--json")
    scim, project = (
        json.loads(manage(direct, *create_connection)),
        json.loads(manage(direct, "createproject", "--json")),
    )
    # What scim-sanity asks for.
    manage(direct, "updatescimconnection", "--organization", "acme", "--skip-unknown-members")
    with pgbouncer(tmp_path, "transaction") as pooler:
        pooled = direct | {"DATABASE_URL": f"{pooler}/{database.rpartition('/')[2]}", "DATABASE_PREPARE": "false"}
        server = serve(pooled)
        try:
            credentials = project["project_id"], project["secret"]
            yield Portal(direct["PUBLIC_URL"], scim["base_url"], scim["bearer_token"], credentials)
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait()
        # What iterates over many rows outside of requests.
        manage(pooled, "prunescimconnections")


def provision(portal: Portal, client: int) -> set[tuple[str, int]]:
    """Do what an identity provider does, and return each kind of request with its status."""
    seen = set()
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {portal.token}"

        def ask(method: str, path: str, body: Any = None) -> Any:
            response = session.request(method, portal.base_url + path, json=body, timeout=30)
            seen.add((f"{method} {re.split('[/?]', path)[1]}", response.status_code))
            return response.json() if response.content else {}

        for number in range(ROUNDS):
            name = f"person-{client}-{number}"
            user = ask("POST", "/Users", {"userName": name})["id"]
            ask("POST", "/Groups", {"displayName": name, "members": [{"value": user}]})
            change = {"op": "replace", "path": "displayName", "value": f"{name} again"}
            ask("PATCH", f"/Users/{user}", {"Operations": [change]})
            cursor = ask("GET", "/Groups?count=2&cursor").get("nextCursor")
            ask("GET", f"/Groups?count=2&cursor={cursor}" if cursor else "/Groups")
            ask("GET", "/Users?count=2&cursor")
            operations = [{"method": "POST", "path": "/Users", "data": {"userName": f"{name}-{n}"}} for n in range(3)]
            bulk = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations}
            seen |= {("bulk", int(one["status"])) for one in ask("POST", "/Bulk", bulk)["Operations"]}
    return seen


def look(portal: Portal, _: int) -> set[tuple[str, int]]:
    """Sign in, and look at pages."""
    seen = set()
    with requests.Session() as session:
        page = session.get(f"{portal.url}/o/acme/sign-in/", timeout=30).text
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        assert found
        form = {"csrfmiddlewaretoken": found[1], "email_address": "ada@acme.example", "password": PASSWORD}
        session.post(f"{portal.url}/o/acme/sign-in/", form, timeout=30).raise_for_status()
        for _ in range(ROUNDS):
            for path in ("/o/acme/", "/o/acme/scim/groups/", "/o/acme/scim/people/"):
                seen.add((path, session.get(portal.url + path, timeout=30, allow_redirects=False).status_code))
    return seen


def program(portal: Portal, _: int) -> set[tuple[str, int]]:
    """Do what a product's backend does."""
    seen = set()
    with requests.Session() as session:
        session.auth = portal.project
        for _ in range(ROUNDS):
            response = session.post(f"{portal.url}/v1/b2b/organizations/search", json={}, timeout=30)
            seen.add(("organizations", response.status_code))
    return seen


def conform(portal: Portal, _: int) -> set[tuple[str, int]]:
    """Run a conformance suite, beside all others."""
    report = cast("dict[str, Any]", run_probe_api(portal.base_url, token=portal.token, strict=True))
    bad = [one for one in report["results"] if one["status"].upper() in {"FAIL", "ERROR", "WARN"}]
    assert not bad, bad
    return {("scim-sanity", 200)}


def test_identity_providers_pages_and_the_api_work_simultaneously(portal: Portal) -> None:
    clients: list[tuple[Callable[[Portal, int], set[tuple[str, int]]], int]] = [
        *((provision, number) for number in range(CLIENTS - 3)),
        (look, 0),
        (program, 0),
        (conform, 0),
    ]
    with ThreadPoolExecutor(CLIENTS) as pool:
        seen = set().union(*pool.map(lambda one: one[0](portal, one[1]), clients))

    assert {status for _, status in seen} <= {200, 201}, seen
    assert len(seen) == 12


def connect(url: str) -> "psycopg.Connection[Any]":
    return psycopg.connect(f"{url}/postgres")


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("round_robin", [0, 1])
def test_a_pooler_that_changes_connections_is_detected(tmp_path: Path, size: int, round_robin: int) -> None:
    with pgbouncer(tmp_path, "transaction", size=size, round_robin=round_robin) as url, connect(url) as own:
        assert changes_connections(own, lambda: connect(url)) is True


def test_a_pooler_that_keeps_each_clients_connection_is_accepted(tmp_path: Path) -> None:
    with pgbouncer(tmp_path, "session") as url, connect(url) as own:
        assert changes_connections(own, lambda: connect(url)) is False


def test_no_second_connection_is_opened_without_a_pooler() -> None:
    url = os.environ["TEST_DATABASE_URL"].rpartition("/")[0]

    def another() -> "psycopg.Connection[Any]":
        raise AssertionError("another connection")

    with connect(url) as own:
        assert changes_connections(own, another) is False


def test_a_server_does_not_start_behind_an_undeclared_pooler(database: str, tmp_path: Path) -> None:
    with pgbouncer(tmp_path, "transaction") as pooler:
        environment = environment_in(tmp_path) | {"DATABASE_URL": f"{pooler}/{database.rpartition('/')[2]}"}
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", "0", "portal.wsgi:application"]
        answer = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        command = [sys.executable, "manage.py", "createproject"]
        other = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert (other.returncode, other.stderr.partition(": ")[0]) == (1, "Gatehouse cannot start"), other.stderr
    assert answer.returncode != 0
    assert "Gatehouse cannot start: A pooler gives each transaction another connection" in answer.stderr
    assert "DATABASE_PREPARE=false" in answer.stderr
