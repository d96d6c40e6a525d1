"""TLS is verified for the name, although the connection goes to a pinned address; and the operator's proxy."""

import re
import socket
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from ssl import SSLContext
from threading import Thread
from typing import Any

import pytest
from pytest_django import Settings

from portal.outbound.client import fetch
from portal.outbound.errors import AddressRejected, CertificateRejected, TimedOut, Unreachable, UrlRejected
from portal.outbound.policy import Limits
from tests.outbound.conftest import OK, Server, redirects_to, says, serve

Serve = Callable[..., Server]
Names = dict[str, list[list[str]]]


@pytest.fixture
def trusting(loopback: Settings, authority: Any, names: Names) -> Settings:
    loopback.OUTBOUND_CA_FILE = authority.file
    names["idp.example"] = names["idp.example."] = names["other.example"] = [["127.0.0.1"]]
    return loopback


def test_the_certificate_is_that_of_the_name(server: Serve, authority: Any, trusting: Settings) -> None:
    asked: list[str | None] = []
    context: SSLContext = authority("idp.example")
    context.sni_callback = lambda _, name, __: asked.append(name)
    idp = server(says(OK), tls=context)

    assert fetch(f"https://idp.example:{idp.port}/").body == b"ok"
    assert fetch(f"https://idp.example.:{idp.port}/").body == b"ok"
    assert asked == ["idp.example", "idp.example"]
    assert f"Host: idp.example:{idp.port}" in idp.requests[0]


@pytest.mark.parametrize("host", ["other.example", "127.0.0.1"])
def test_a_certificate_of_another_name_is_rejected(
    server: Serve, authority: Any, trusting: Settings, host: str
) -> None:
    idp = server(says(OK), tls=authority("idp.example"))

    with pytest.raises(CertificateRejected, match="mismatch"):
        fetch(f"https://{host}:{idp.port}/", headers={"Authorization": "Bearer secret"})
    assert idp.requests == []


def test_a_certificate_of_an_unknown_authority_is_rejected(server: Serve, authority: Any, trusting: Settings) -> None:
    trusting.OUTBOUND_CA_FILE = ""
    idp = server(says(OK), tls=authority("idp.example"))

    with pytest.raises(CertificateRejected, match="unable to get local issuer certificate"):
        fetch(f"https://idp.example:{idp.port}/")
    assert idp.requests == []


def test_a_server_without_tls_is_said(trusting: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mail:
        Thread(target=lambda: mail.accept()[0].sendall(b"220 mail.example ESMTP\r\n"), daemon=True).start()

        with pytest.raises(CertificateRejected, match="didn't complete TLS"):
            fetch(f"https://idp.example:{mail.getsockname()[1]}/")


def test_a_slow_handshake_ends_with_the_deadline(server: Serve, trusting: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimedOut):
        fetch(f"https://idp.example:{silent.getsockname()[1]}/", limits=Limits(seconds=0.3))


def test_a_slow_response_over_tls_ends_with_the_deadline(server: Serve, authority: Any, trusting: Settings) -> None:
    def drip(client: socket.socket) -> None:
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            client.sendall(b"a")
            time.sleep(0.02)

    idp = server(drip, tls=authority("idp.example"))

    with pytest.raises(TimedOut):
        fetch(f"https://idp.example:{idp.port}/", limits=Limits(seconds=0.5))


def test_a_redirect_never_leaves_https(server: Serve, authority: Any, trusting: Settings) -> None:
    plain = server(says(OK))
    idp = server(redirects_to(plain.url), tls=authority("idp.example"))

    with pytest.raises(UrlRejected, match="from https to http"):
        fetch(f"https://idp.example:{idp.port}/")
    assert plain.requests == []


# --- Through the operator's proxy ---


def relay(client: socket.socket, head: str) -> None:
    """Connect a client of a proxy to what it asked for: at this machine, under any name."""
    port = int(re.match(r"CONNECT [^ ]+:(\d+) ", head)[1])  # type: ignore[index]  # -- the test fails without it
    with socket.create_connection(("127.0.0.1", port)) as other:
        client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        back = Thread(target=copy, args=(other, client), daemon=True)
        back.start()
        copy(client, other)


def copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while read := source.recv(65_536):
            target.sendall(read)
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def proxy(trusting: Settings, names: Names) -> Iterator[Server]:
    # Here the names don't exist. The proxy knows them.
    names.clear()
    with serve(lambda client: relay(client, running.requests[-1])) as running:
        trusting.OUTBOUND_PROXY = f"http://ada:s%40crt@127.0.0.1:{running.port}"
        yield running


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_proxy_looks_the_name_up(server: Serve, authority: Any, proxy: Server, scheme: str) -> None:
    idp = server(says(OK), tls=authority("idp.example") if scheme == "https" else None)

    assert fetch(f"{scheme}://idp.example:{idp.port}/").body == b"ok"

    assert proxy.requests[0].startswith(f"CONNECT idp.example:{idp.port} ")
    assert f"Proxy-Authorization: Basic {b64encode(b'ada:s@crt').decode()}" in proxy.requests[0]
    assert "Proxy-Authorization" not in idp.requests[0]


def test_an_address_is_checked_although_there_is_a_proxy(server: Serve, proxy: Server) -> None:
    with pytest.raises(AddressRejected):
        fetch("http://127.0.0.2:1/")
    assert proxy.requests == []


def test_a_proxy_that_rejects_is_said(trusting: Settings, server: Serve) -> None:
    rejecting = server(says(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"))
    trusting.OUTBOUND_PROXY = f"http://127.0.0.1:{rejecting.port}"

    with pytest.raises(Unreachable, match="through this server's proxy"):
        fetch("https://idp.example/")
