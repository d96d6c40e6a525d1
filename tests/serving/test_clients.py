"""What clients without credentials, slow clients and busy clients can do to others: raw sockets against a real server."""

import select
import socket
import sqlite3
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from urllib.parse import urlencode

import pytest

from portal.serving.threads import PATIENCE
from tests.serving.conftest import Answer, Served, received

FORM = "Content-Type: application/x-www-form-urlencoded"
# Without this cookie, forms are rejected before their bodies are read.
COOKIE = "Cookie: csrftoken=0123456789abcdefghijklmnopqrstuv"
UNFINISHED = "Content-Length: 1000"
# As a proxy reports them.
ATTACKER, OTHER = "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 198.51.100.1"
JSON = "Content-Type: application/scim+json"


def everyone_is_served(served: Served) -> None:
    """Assert that health checks, pages and the other organization's provisioning are answered."""
    path, token = served.scim("globex")
    for head in ("GET /healthz", "GET /sign-in/", f"GET {path}/Users\n{token}"):
        answer = served.ask(f"{head}\n{OTHER}")
        assert answer.status == 200, (head, answer.body)
    # Like a load balancer, which asks again: on a busy machine one look at the database can be late.
    assert 200 in (served.ask(f"GET /readyz\n{OTHER}").status for _ in range(3))


@contextmanager
def database_locked(served: Served) -> Iterator[list[socket.socket]]:
    """Keep everyone from writing, so that what writes takes long; yield a list for the requests that are to end with it."""
    # What is noted once a minute, such as the last use of a token, is noted before.
    everyone_is_served(served)
    with ExitStack() as clients:
        sent: list[socket.socket] = []
        with closing(sqlite3.connect(served.folder / "gatehouse.sqlite3", isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            yield sent
            database.execute("ROLLBACK")
        for connection in sent:
            clients.enter_context(closing(connection))
            received(connection)


def rejections(connections: list[socket.socket]) -> list[Answer]:
    """Return what has been answered when the server has lost patience, and drop those connections."""
    time.sleep(PATIENCE)
    ready, _, _ = select.select(connections, [], [], 3)
    answers = []
    for connection in ready:
        connections.remove(connection)
        with closing(connection):
            answers.append(received(connection))
    return answers


def test_a_body_that_arrives_slowly_is_read(served: Served) -> None:
    path, token = served.scim("acme")
    body = b'{"userName": "slow"}'
    with closing(served.send(f"POST {path}/Users\n{token}\n{JSON}\nContent-Length: {len(body)}")) as connection:
        for byte in body:
            time.sleep(0.02)
            connection.sendall(bytes([byte]))
        assert received(connection).status == 201


def test_unfinished_bodies_do_not_block_other_requests(served: Served, clients: ExitStack) -> None:
    path, token = served.scim("acme")
    head = f"POST /sign-in/\n{FORM}\n{COOKIE}\n{UNFINISHED}\n{ATTACKER}"
    scim = f"POST {path}/Users\n{token}\n{JSON}\n{UNFINISHED}\n{ATTACKER}"
    # More than the server has threads.
    waiting = [clients.enter_context(closing(served.send(head, b"x"))) for _ in range(270)]
    waiting += [clients.enter_context(closing(served.send(scim, b"{"))) for _ in range(30)]

    everyone_is_served(served)
    rejected = rejections(waiting)
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
    """The body never comes, and the response does."""
    head = head.replace("{path}", served.scim("acme")[0])

    assert served.ask(f"{head}\nX-Forwarded-For: 192.0.2.77\n{UNFINISHED}", b"{").status in {401, 429}


def test_a_body_that_is_too_large_is_rejected_by_its_length(served: Served) -> None:
    path, token = served.scim("acme")

    assert served.ask(f"POST {path}/Users\n{token}\n{JSON}\nContent-Length: 9999999999", b"{").status == 413


def test_a_slow_reader_occupies_no_thread(served: Served, clients: ExitStack) -> None:
    for _ in range(60):
        clients.enter_context(closing(served.send(f"GET /static/vendor/tabler-1.6.1.min.css\n{ATTACKER}")))

    everyone_is_served(served)


def test_one_connection_leaves_room_for_others(served: Served) -> None:
    path, token = served.scim("acme")
    with database_locked(served) as sent:
        sent += [create(served, path, token, number) for number in range(12)]
        everyone_is_served(served)
        rejected = rejections(sent)

    assert rejected
    for answer in rejected:
        # Before the body has been read, or after it.
        assert answer.status in {429, 503}
        assert answer.json()["status"] == str(answer.status)
        assert int(answer.headers["retry-after"]) >= 1


def test_one_organization_leaves_room_for_others(served: Served) -> None:
    project = served.created["project"]
    secret = b64encode(f"{project['project_id']}:{project['secret']}".encode()).decode()
    head = f"POST /v1/b2b/organizations/acme/members\nAuthorization: Basic {secret}\nContent-Type: application/json"
    # Notes, once a minute, when the secret was last used.
    assert served.ask(f"GET /v1/b2b/organizations/acme\nAuthorization: Basic {secret}").status == 200
    with database_locked(served) as sent:
        bodies = [b'{"email_address": "busy-%d@acme.example"}' % number for number in range(12)]
        sent += [served.send(f"{head}\nContent-Length: {len(body)}", body) for body in bodies]
        everyone_is_served(served)
        rejected = rejections(sent)

    assert rejected
    for answer in rejected:
        assert answer.status in {429, 503}
        assert answer.json()["error_type"] in {"too_many_requests", "service_unavailable"}
        assert int(answer.headers["retry-after"]) >= 1


def test_one_visitor_leaves_room_for_others(served: Served) -> None:
    """Signing in writes a counter, for which the attempts wait here."""
    token = "0123456789abcdefghijklmnopqrstuv"
    form = urlencode({"csrfmiddlewaretoken": token, "email_address": "ada@acme.example", "password": "x"}).encode()
    head = f"POST /sign-in/\n{FORM}\nCookie: csrftoken={token}\n{ATTACKER}\nContent-Length: {len(form)}"
    with database_locked(served) as sent:
        sent += [served.send(head, form) for _ in range(12)]
        everyone_is_served(served)
        rejected = rejections(sent)

    assert rejected
    for answer in rejected:
        assert answer.status in {429, 503}
        assert b"Try again in a few seconds." in answer.body
        assert int(answer.headers["retry-after"]) >= 1


def test_a_full_process_answers_health_checks_and_rejects_the_rest(
    served: Served,
) -> None:
    (acme, acme_token), (globex, globex_token) = served.scim("acme"), served.scim("globex")
    with database_locked(served) as sent:
        for number in range(8):
            sent += [create(served, acme, acme_token, number), create(served, globex, globex_token, number)]
        time.sleep(PATIENCE + 0.5)  # until nothing moves
        for head in ("GET /healthz", "GET /readyz"):
            assert served.ask(head).status == 200
        scim = served.ask(f"GET {globex}/Users\n{globex_token}")
        api = served.ask("GET /v1/b2b/rbac/policy")
        page = served.ask("GET /sign-in/")

    assert [answer.status for answer in (scim, api, page)] == [503, 503, 503]
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in (scim, api, page))
    assert scim.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert api.json()["error_type"] == "service_unavailable"
    assert b"The portal is busy" in page.body


def create(served: Served, path: str, token: str, number: int) -> socket.socket:
    body = b'{"userName": "busy-%d"}' % number
    return served.send(f"POST {path}/Users\n{token}\n{JSON}\nContent-Length: {len(body)}", body)
