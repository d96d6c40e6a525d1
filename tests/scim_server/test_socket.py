"""What only a real server and a socket show: bodies without a length, lengths that are wrong, methods nobody offers."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.scim_server.test_endpoints import error_of
from tests.servers import environment_in, manage, migrate, serve

MAXIMUM = 65_536  # bytes of a body
Connections = list[tuple[str, str]]


@pytest.fixture(scope="module")
def connections(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connections]:
    """The addresses and the tokens of two connections, behind a server of their own."""
    folder: Path = tmp_path_factory.mktemp("served")
    environment = environment_in(folder) | {
        "SCIM_MAX_BODY_BYTES": str(MAXIMUM),
        "SCIM_RATE_PER_CONNECTION": "60 per minute",
    }
    migrate(environment)
    connections = [connection_of(environment, slug) for slug in ("acme", "globex")]
    server = serve(environment)
    yield connections
    os.killpg(server.pid, signal.SIGTERM)
    server.wait()


def connection_of(environment: dict[str, str], slug: str) -> tuple[str, str]:
    manage(environment, "createorganization", "--name", slug, "--slug", slug)
    created = manage(environment, "createscimconnection", "--organization", slug, "--display-name", "Okta", "--json")
    return json.loads(created)["base_url"], json.loads(created)["bearer_token"]


@pytest.fixture
def served(connections: Connections) -> tuple[str, str]:
    return connections[0]


@pytest.fixture
def http(served: tuple[str, str]) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers.update({"Authorization": f"Bearer {served[1]}", "Content-Type": "application/scim+json"})
        yield session


def in_chunks(content: bytes, size: int = 1000) -> Iterator[bytes]:
    """Yield a body piece by piece, so that it is sent without a length."""
    for start in range(0, len(content), size):
        yield content[start : start + size]


def raw(served: tuple[str, str], head: str, body: bytes = b"") -> bytes:
    """Send a request as it is written, and return the beginning of the response."""
    address = urlsplit(served[0])
    line, *headers = head.replace("{path}", address.path).split("\n")
    sent = [f"{line} HTTP/1.1", f"Host: {address.netloc}", f"Authorization: Bearer {served[1]}", *headers, "", ""]
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as connection:
        connection.sendall("\r\n".join(sent).encode("latin-1") + body)
        return connection.recv(65_536)


def test_a_body_without_a_length_is_read(served: tuple[str, str], http: requests.Session) -> None:
    content = json.dumps({"userName": "grace", "title": "x" * 5000}).encode()

    created = http.post(f"{served[0]}/Users", data=in_chunks(content), timeout=10)

    assert created.status_code == 201, created.text
    assert created.json()["title"] == "x" * 5000


@pytest.mark.parametrize("send", [bytes, in_chunks], ids=["with its length", "without"])
@pytest.mark.parametrize("too_much", [1, 1_000_000])
def test_a_body_that_is_too_large_is_rejected(
    served: tuple[str, str], http: requests.Session, send: Any, too_much: int
) -> None:
    content = json.dumps({"userName": "grace", "title": "x" * MAXIMUM}).encode()[: MAXIMUM - 2]
    content = content[:-1] + b"x" * too_much + b'x"}'

    rejected = http.post(f"{served[0]}/Users", data=send(content), timeout=10)

    assert str(MAXIMUM) in error_of(rejected, 413)


def test_a_body_at_the_size_limit_is_read(served: tuple[str, str], http: requests.Session) -> None:
    content = b'{"userName": "large"}'.ljust(MAXIMUM)

    assert http.post(f"{served[0]}/Users", data=content, timeout=10).status_code == 201
    again = http.post(f"{served[0]}/Users", data=in_chunks(content, 8000), timeout=10)
    error_of(again, 409, "uniqueness")


@pytest.mark.parametrize("length", ["abc", "-1", "1\nContent-Length: 2"])
def test_an_invalid_length_is_rejected(served: tuple[str, str], length: str) -> None:
    assert b" 400 " in raw(served, f"POST {{path}}/Users\nContent-Length: {length}", b"{}")[:20]


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PROPFIND", "CONNECT"])
def test_an_unknown_method_is_rejected(served: tuple[str, str], http: requests.Session, method: str) -> None:
    rejected = http.request(method, f"{served[0]}/Users", timeout=10)

    error_of(rejected, 405)
    assert rejected.headers["Allow"] == "GET, HEAD, POST"


def test_head_is_get_without_the_body(served: tuple[str, str], http: requests.Session) -> None:
    answer = http.head(f"{served[0]}/ServiceProviderConfig", timeout=10)

    assert (answer.status_code, answer.content, answer.headers["Content-Type"]) == (200, b"", "application/scim+json")


@pytest.mark.parametrize(
    ("path", "status", "scim_type"),
    [
        ("/Users/%FF%FE", 404, ""),
        ("/Users/%00", 404, ""),
        ("/%00", 404, ""),
        ("/Users?filter=%FF", 400, "invalidFilter"),
        ("/Users?filter=userName%20eq%20%22%5Cu0000%22", 400, "invalidFilter"),
        ("/Users?filter=emails%20eq%20%22%5Cud800%22", 400, "invalidFilter"),
        ("/Users?cursor=%FF%00", 400, "invalidCursor"),
    ],
)
def test_a_url_that_is_not_text_is_rejected(
    served: tuple[str, str], http: requests.Session, path: str, status: int, scim_type: str
) -> None:
    error_of(http.get(served[0] + path, timeout=10), status, scim_type)


def test_too_many_requests_get_429_with_retry_after(connections: Connections, http: requests.Session) -> None:
    base_url, token = connections[1]
    http.headers["Authorization"] = f"Bearer {token}"

    for _ in range(130):  # more than two windows' worth, in case one ends during the loop
        answer = http.get(f"{base_url}/ServiceProviderConfig", timeout=10)
        if answer.status_code != 200:
            break

    error_of(answer, 429)
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert http.get(f"{base_url}/ServiceProviderConfig", timeout=10).status_code == 429
