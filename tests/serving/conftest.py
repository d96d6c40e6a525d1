"""A server as it is documented, with two organizations, and clients that behave as no library does."""

import json
import os
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.servers import environment_in, migrate, operate, serve

SECONDS = 30  # a busy machine answers late
# What an operator enters once.
FILL = """
created = {"project": json.loads(answer("createproject", "--json"))}
for slug in ("acme", "globex"):
    answer("createorganization", "--name", slug, "--slug", slug)
    created[slug] = json.loads(
        answer("createscimconnection", "--organization", slug, "--display-name", "Okta", "--json")
    )
print(json.dumps(created))
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; status 0 if nothing did."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Served:
    """A running server, and what an operator has created there."""

    port: int
    folder: Path
    created: Mapping[str, Any]
    environment: Mapping[str, str]

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS)

    def send(self, head: str, body: bytes = b"", connection: socket.socket | None = None) -> socket.socket:
        """Send a request as it is written, with a Host header unless it has one, and leave the connection open."""
        line, *headers = head.strip().split("\n")
        if not any(header.lower().startswith("host:") for header in headers):
            headers.insert(0, f"Host: 127.0.0.1:{self.port}")
        connection = connection or self.connect()
        connection.sendall("\r\n".join([f"{line} HTTP/1.1", *headers, "", ""]).encode("latin-1") + body)
        return connection

    def ask(self, head: str, body: bytes = b"") -> Answer:
        """Send a request, and return the answer to it."""
        with closing(self.send(head, body)) as connection:
            return received(connection)

    def scim(self, slug: str) -> tuple[str, str]:
        """Return the path below which an organization's connection is, and its Authorization header."""
        created = self.created[slug]
        return created["base_url"].partition(f":{self.port}")[2], f"Authorization: Bearer {created['bearer_token']}"


def received(connection: socket.socket, seconds: float = SECONDS) -> Answer:
    """Return the response on a connection, or an empty one if none comes in time."""
    connection.settimeout(seconds)
    content = b""
    try:
        while b"\r\n\r\n" not in content:
            if not (piece := connection.recv(65_536)):
                return Answer()
            content += piece
        head, _, body = content.partition(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in lines)}
        while len(body) < int(headers.get("content-length", 0)):
            body += connection.recv(65_536)
    except TimeoutError:
        return Answer()
    return Answer(int(line.split()[1]), headers, body)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    environment = environment_in(folder) | {
        "TRUSTED_PROXIES": "1",
        "METRICS_ALLOWED_FROM": "127.0.0.0/8,10.0.0.0/8",
        "API_FAILED_AUTHENTICATION_RATE": "3 per hour",
        "REQUESTS_AT_ONCE": "6",
        "LOG_LEVEL": "INFO",
    }
    migrate(environment)
    created = operate(environment, FILL)
    with (folder / "log").open("wb") as log:
        server = serve(environment, log=log)
        yield Served(int(environment["PUBLIC_URL"].rpartition(":")[2]), folder, created, environment)
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


@pytest.fixture
def clients() -> Iterator[ExitStack]:
    """Connections that stay open until the test ends."""
    with ExitStack() as stack:
        yield stack
