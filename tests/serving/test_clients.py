"""What clients without credentials, slow clients and busy clients can do to others: raw sockets against a real server."""

import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest

from tests.serving.conftest import Served, received

FORM = "Content-Type: application/x-www-form-urlencoded"
# Without this cookie, forms are rejected before their bodies are read.
COOKIE = "Cookie: csrftoken=0123456789abcdefghijklmnopqrstuv"
UNFINISHED = "Content-Length: 1000"
# As a proxy reports them.
ATTACKER, OTHER = "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 198.51.100.1"
JSON = "Content-Type: application/scim+json"
SOON = 3.0  # seconds: a health check's own limit, on a slow machine


def everyone_is_served(served: Served) -> None:
    """Assert that health checks, pages and the other organization's provisioning are answered, and soon."""
    path, token = served.scim("globex")
    for head in ("GET /healthz", "GET /readyz", "GET /sign-in/", f"GET {path}/Users\n{token}"):
        started = time.monotonic()
        assert served.ask(f"{head}\n{OTHER}").status == 200, head
        assert time.monotonic() - started < SOON, head


@contextmanager
def database_locked(served: Served) -> Iterator[None]:
    """Keep everyone from writing, so that what writes takes long."""
    with closing(sqlite3.connect(served.folder / "gatehouse.sqlite3", isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        yield
        database.execute("ROLLBACK")


def test_a_body_that_arrives_slowly_is_read(served: Served) -> None:
    path, token = served.scim("acme")
    body = b'{"userName": "slow"}'
    with closing(served.send(f"POST {path}/Users\n{token}\n{JSON}\nContent-Length: {len(body)}")) as connection:
        for byte in body:
            time.sleep(0.02)
            connection.sendall(bytes([byte]))
        assert received(connection).status == 201


def test_unfinished_bodies_hold_no_thread_that_others_need(served: Served, clients: ExitStack) -> None:
    path, token = served.scim("acme")
    head = f"POST /sign-in/\n{FORM}\n{COOKIE}\n{UNFINISHED}\n{ATTACKER}"
    scim = f"POST {path}/Users\n{token}\n{JSON}\n{UNFINISHED}\n{ATTACKER}"
    # More than the server has threads.
    waiting = [clients.enter_context(closing(served.send(head, b"x"))) for _ in range(270)]
    waiting += [clients.enter_context(closing(served.send(scim, b"{"))) for _ in range(30)]

    everyone_is_served(served)
    rejected = [answer for connection in waiting[-30:] if (answer := received(connection, 0.2)).status]
    assert {answer.status for answer in rejected} <= {429, 503}
    assert all(answer.headers["retry-after"] for answer in rejected)


@pytest.mark.parametrize(
    "head",
    [
        "POST {path}/Users\nContent-Type: application/scim+json",
        "POST {path}/Users\nContent-Type: application/scim+json\nAuthorization: Bearer scim_wrong",
        "POST /v1/b2b/organizations\nContent-Type: application/json",
        "POST /sdk/v1/b2b/sessions/authenticate\nContent-Type: application/json\nAuthorization: Basic eDp5",
    ],
)
def test_without_credentials_no_body_is_read(served: Served, head: str) -> None:
    """The body never comes, and the answer does."""
    head = head.replace("{path}", served.scim("acme")[0])
    started = time.monotonic()

    assert served.ask(f"{head}\nX-Forwarded-For: 192.0.2.77\n{UNFINISHED}", b"{").status in {401, 429}
    assert time.monotonic() - started < SOON


def test_a_body_that_is_too_large_is_rejected_by_its_length(served: Served) -> None:
    path, token = served.scim("acme")

    assert served.ask(f"POST {path}/Users\n{token}\n{JSON}\nContent-Length: 9999999999", b"{").status == 413


def test_a_slow_reader_holds_no_thread(served: Served, clients: ExitStack) -> None:
    for _ in range(60):
        clients.enter_context(closing(served.send(f"GET /static/vendor/tabler-1.6.1.min.css\n{ATTACKER}")))

    everyone_is_served(served)


def test_one_connection_leaves_room_for_others(served: Served, clients: ExitStack) -> None:
    path, token = served.scim("acme")
    with database_locked(served):
        sent = [create(served, clients, path, token, number) for number in range(12)]
        everyone_is_served(served)
        rejected = [answer for connection in sent if (answer := received(connection, 0.1)).status]

    assert rejected
    for answer in rejected:
        # Before the body has been read, or after it.
        assert answer.status in {429, 503}
        assert answer.json()["status"] == str(answer.status)
        assert int(answer.headers["retry-after"]) >= 1


def create(served: Served, clients: ExitStack, path: str, token: str, number: int) -> socket.socket:
    body = b'{"userName": "busy-%d"}' % number
    return clients.enter_context(
        closing(served.send(f"POST {path}/Users\n{token}\n{JSON}\nContent-Length: {len(body)}", body))
    )
