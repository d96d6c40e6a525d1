"""Requests to other servers reach allowed addresses only, and cost what they may at most."""

import gzip
import logging
import socket
import time
import zlib
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest
from pytest_django import Settings

from portal.outbound.client import fetch, post, request_own_server
from portal.outbound.errors import (
    AddressRejected,
    InvalidResponse,
    TimedOut,
    TooLarge,
    Unreachable,
    UrlRejected,
)
from portal.outbound.policy import Limits
from tests.outbound.conftest import OK, Answer, Server, redirects_to, says

Serve = Callable[..., Server]
Names = dict[str, list[list[str]]]
SHORT = Limits(seconds=0.5)


def body(data: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(data)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + data


def test_a_response_is_returned_whole(server: Serve, loopback: Settings) -> None:
    idp = server(says(body(b"<xml/>", "Content-Type: application/samlmetadata+xml", "Set-Cookie: a=1")))

    response = fetch(idp.url + "metadata?x=1", headers={"Accept": "application/xml"})

    assert (response.url, response.status, response.body) == (idp.url + "metadata?x=1", 200, b"<xml/>")
    assert response.headers["content-type"] == "application/samlmetadata+xml"
    head = idp.requests[0].splitlines()
    assert head[0] == "GET /metadata?x=1 HTTP/1.1"
    assert {"User-Agent: Gatehouse (+http://127.0.0.1:8000)", "Accept: application/xml"} <= set(head)


@pytest.mark.parametrize("status", [204, 400, 404, 500])
def test_any_status_is_a_response(server: Serve, loopback: Settings, status: int) -> None:
    idp = server(says(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode()))

    assert fetch(idp.url).status == status


def test_a_body_is_posted(server: Serve, loopback: Settings) -> None:
    hook = server(says(OK))

    response = post(hook.url, b'{"a":1}', content_type="application/json", headers={"webhook-id": "1"})

    assert response.status == 200
    assert {"Content-Type: application/json", "Content-Length: 7", "webhook-id: 1"} <= set(
        hook.requests[0].splitlines()
    )


def test_nothing_comes_from_the_environment(
    server: Serve, loopback: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    password_file = tmp_path / "netrc"
    password_file.write_text("default login ada password secret\n")
    password_file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(password_file))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    idp = server(says(OK))

    assert fetch(idp.url).body == b"ok"
    assert "Authorization" not in idp.requests[0]


# --- Addresses ---


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "%31%32%37.0.0.1"])
def test_this_machine_is_not_requested(server: Serve, open_settings: Settings, host: str) -> None:
    inner = server(says(OK))

    with pytest.raises(AddressRejected, match="isn't on the public internet"):
        fetch(f"http://{host}:{inner.port}/")
    with pytest.raises(AddressRejected):
        post(f"http://{host}:{inner.port}/", b"", content_type="text/plain")
    assert inner.requests == []


def test_a_name_is_judged_by_its_addresses(
    server: Serve, open_settings: Settings, names: Names, caplog: pytest.LogCaptureFixture
) -> None:
    inner = server(says(OK))
    names["inner.example"] = [["127.0.0.1"]]

    with pytest.raises(AddressRejected) as raised:
        fetch(f"http://inner.example:{inner.port}/path?token=secret")

    assert inner.requests == []
    # The one who entered the URL doesn't learn which address a name has inside. The operator does.
    assert "127.0.0.1" not in str(raised.value)
    assert "127.0.0.1" in caplog.text
    assert "OUTBOUND_ALLOWED_NETWORKS" in caplog.text
    assert "secret" not in caplog.text


def test_only_the_allowed_addresses_of_a_name_are_used(server: Serve, loopback: Settings, names: Names) -> None:
    allowed = server(says(OK))
    other = server(says(OK), host="127.0.0.2", port=allowed.port)
    names["idp.example"] = [["127.0.0.2", "10.0.0.1", "127.0.0.1"]]

    assert fetch(f"http://idp.example:{allowed.port}/").status == 200
    assert (len(allowed.requests), other.requests) == (1, [])


def test_the_next_address_is_tried(server: Serve, loopback: Settings, names: Names) -> None:
    loopback.OUTBOUND_ALLOWED_NETWORKS = (ip_network("127.0.0.0/8"),)
    idp = server(says(OK))
    names["idp.example"] = [["127.0.0.3", "127.0.0.1"]]

    assert fetch(f"http://idp.example:{idp.port}/").status == 200


def test_a_name_that_changes_its_address_between_check_and_connection(
    server: Serve, loopback: Settings, names: Names
) -> None:
    checked = server(says(OK))
    inner = server(says(OK), host="127.0.0.2", port=checked.port)
    # The first answer is allowed, every later one leads to a server inside.
    names["rebinding.example"] = [["127.0.0.1"], ["127.0.0.2"]]

    fetch(f"http://rebinding.example:{checked.port}/")

    assert (len(checked.requests), inner.requests) == (1, [])
    assert f"Host: rebinding.example:{checked.port}" in checked.requests[0]
    # The second request looks it up again, and is rejected.
    with pytest.raises(AddressRejected):
        fetch(f"http://rebinding.example:{checked.port}/")


def test_a_server_that_is_down_is_said(loopback: Settings) -> None:
    with pytest.raises(Unreachable, match="doesn't accept connections at port 1"):
        fetch("http://127.0.0.1:1/")


# --- Redirects ---


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(server: Serve, loopback: Settings, status: int) -> None:
    idp = server(redirects_to("/new?x=1", status), says(OK))

    response = fetch(idp.url + "old", headers={"Authorization": "Bearer secret"})

    assert (response.url, response.body) == (idp.url + "new?x=1", b"ok")
    assert "Authorization: Bearer secret" in idp.requests[1]


def test_a_redirect_is_not_followed_to_a_private_address(server: Serve, loopback: Settings, names: Names) -> None:
    inner = server(says(OK), host="127.0.0.2")
    names["inner.example"] = [["127.0.0.2"]]

    for location in (inner.url, f"http://inner.example:{inner.port}/", "http://169.254.169.254/latest/meta-data/"):
        with pytest.raises(AddressRejected):
            fetch(server(redirects_to(location)).url)
    assert inner.requests == []


@pytest.mark.parametrize(
    "location", ["ftp://idp.example/", "file:///etc/passwd", "http://a:b@127.0.0.1/", "http://[::1/"]
)
def test_a_redirect_is_not_followed_to_a_url_that_is_rejected(server: Serve, loopback: Settings, location: str) -> None:
    with pytest.raises(UrlRejected, match="redirects to a URL that isn't allowed"):
        fetch(server(redirects_to(location)).url)


def test_a_redirect_to_another_server_takes_no_secret_along(server: Serve, loopback: Settings) -> None:
    other = server(says(OK))
    first = server(redirects_to(other.url))

    fetch(first.url, headers={"Authorization": "Bearer secret", "X-Api-Key": "secret", "Accept": "application/json"})

    assert "secret" in first.requests[0]
    assert "secret" not in other.requests[0]
    assert "Accept: application/json" in other.requests[0]


def test_cookies_are_not_kept(server: Serve, loopback: Settings) -> None:
    idp = server(says(b"HTTP/1.1 302 Found\r\nLocation: /\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\n\r\n"), says(OK))

    fetch(idp.url)

    assert "Cookie" not in idp.requests[1]


def test_redirects_end(server: Serve, loopback: Settings) -> None:
    cycle = server(redirects_to("/"))

    with pytest.raises(InvalidResponse, match="redirects too often"):
        fetch(cycle.url)
    assert len(cycle.requests) == 4


def test_a_post_is_not_redirected(server: Serve, loopback: Settings) -> None:
    hook = server(redirects_to("/elsewhere", 307))

    assert post(hook.url, b"{}", content_type="application/json").status == 307
    assert len(hook.requests) == 1


# --- Size ---


def endless(client: socket.socket) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        client.sendall(b"10000\r\n" + b"a" * 0x10000 + b"\r\n")


def bomb(encoded: bytes, encoding: str) -> Answer:
    return says(body(encoded, f"Content-Encoding: {encoding}"))


ZEROS = bytes(50_000_000)


@pytest.mark.parametrize(
    "answer",
    [
        says(body(bytes(1_048_577))),
        endless,
        bomb(gzip.compress(ZEROS), "gzip"),
        bomb(zlib.compress(ZEROS), "deflate"),
        bomb(b"".join(gzip.compress(b"") for _ in range(100_000)), "gzip"),
    ],
    ids=["long", "endless", "gzip bomb", "deflate bomb", "empty gzip members"],
)
def test_a_response_that_is_too_large_is_not_read_to_its_end(server: Serve, loopback: Settings, answer: Answer) -> None:
    with pytest.raises(TooLarge, match="larger than 1,048,576 bytes"):
        fetch(server(answer).url)


def test_compressed_responses_are_read(server: Serve, loopback: Settings) -> None:
    text = b"metadata " * 1000

    assert fetch(server(bomb(gzip.compress(text), "gzip")).url).body == text
    assert fetch(server(bomb(zlib.compress(text), "deflate")).url).body == text


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd", "x"])
def test_other_compressions_are_rejected(server: Serve, loopback: Settings, encoding: str) -> None:
    with pytest.raises(InvalidResponse, match="compressed its response"):
        fetch(server(bomb(b"", encoding)).url)


# --- Time ---


def dripping(head: bytes) -> Answer:
    def answer(client: socket.socket) -> None:
        client.sendall(head)
        while True:
            client.sendall(b"a")
            time.sleep(0.02)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        lambda client: client.recv(1),
        dripping(b""),
        dripping(b"HTTP/1.1 200 OK\r\nX: "),
        dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"),
        dripping(b"HTTP/1.1 200 OK\r\n\r\n"),
        redirects_to("/"),
    ],
    ids=["silent", "status", "headers", "body", "body without length", "redirects"],
)
def test_a_slow_server_is_left_at_the_deadline(server: Serve, loopback: Settings, answer: Answer) -> None:
    def slowly(client: socket.socket) -> None:
        time.sleep(0.2)
        answer(client)

    with pytest.raises(TimedOut, match=r"within 0\.5 seconds"):
        fetch(server(slowly).url, limits=Limits(seconds=0.5, redirects=100))


def test_a_server_that_reads_nothing_is_left_at_the_deadline(server: Serve, loopback: Settings) -> None:
    hook = server(lambda _: time.sleep(5))

    with pytest.raises(TimedOut):
        post(hook.url, bytes(50_000_000), content_type="text/plain", limits=SHORT)


# --- Responses that aren't valid ---


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
    ],
    ids=["nothing", "SSH", "half", "bad chunk", "half of the chunks", "not gzip", "many headers", "long header"],
)
def test_an_incomplete_or_invalid_response_is_said(server: Serve, loopback: Settings, data: bytes) -> None:
    with pytest.raises(InvalidResponse, match="didn't send a complete, valid response"):
        fetch(server(says(data)).url)


@pytest.mark.parametrize("headers", [{"X": "a\r\nInjected: 1"}, {"X\r\nInjected": "1"}])
def test_headers_cannot_be_injected(server: Serve, loopback: Settings, headers: dict[str, str]) -> None:
    idp = server(says(OK))

    with pytest.raises(ValueError, match="header"):
        fetch(idp.url, headers=headers)
    assert idp.requests == []


# --- This installation itself ---


def test_the_own_server_is_requested_at_a_private_address(server: Serve, caplog: pytest.LogCaptureFixture) -> None:
    own = server(redirects_to("http://127.0.0.1:1/"))

    with caplog.at_level(logging.INFO):
        response = request_own_server("PATCH", own.url + "readyz", headers={"X-Forwarded-For": "1.2.3.4"}, body=b"{}")

    assert (response.status, response.headers["Location"]) == (302, "http://127.0.0.1:1/")
    assert own.requests[0].startswith("PATCH /readyz HTTP/1.1")
    assert caplog.text == ""


def test_the_own_server_has_limits_too(server: Serve) -> None:
    with pytest.raises(TooLarge):
        request_own_server("GET", server(endless).url)
    with pytest.raises(TimedOut):
        request_own_server("GET", server(dripping(b"")).url, limits=SHORT)
    with pytest.raises(UrlRejected):
        request_own_server("GET", "file:///etc/passwd")
