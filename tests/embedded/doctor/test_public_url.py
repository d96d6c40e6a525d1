"""What the doctor finds out by asking PUBLIC_URL, through proxies that are set up well and badly."""

import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from unittest.mock import MagicMock, patch

import pytest
from django.core.signing import TimestampSigner
from django.test import Client
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from portal.access import arrival
from portal.embedded.doctor import public_url
from portal.embedded.doctor.findings import Finding
from tests.deploy.serving import program
from tests.servers import free_port

GOOD = "proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;"
NGINX = """
{user} daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; events {{}}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{
        listen 127.0.0.1:{port}; client_max_body_size {size};
        location / {{ proxy_pass {server}; proxy_set_header Host $http_host; {headers} }}
    }}
}}
"""


@pytest.fixture
def portal(live_server: LiveServer, settings: Settings, tmp_path: Path) -> "Proxied":
    settings.TRUSTED_PROXIES, settings.ALLOWED_HOSTS = 1, ["*"]
    return Proxied(live_server.url, settings, tmp_path)


class Proxied:
    """The portal behind nginx."""

    def __init__(self, url: str, settings: Settings, folder: Path) -> None:
        self._url, self._settings, self._folder = url, settings, folder

    def behind(self, headers: str = GOOD, *, size: str = "25m") -> AbstractContextManager[object]:
        port = free_port()
        self._settings.PUBLIC_URL = f"http://127.0.0.1:{port}"
        user = "user root;" if os.geteuid() == 0 else ""
        file = self._folder / "nginx.conf"
        file.write_text(
            NGINX.format(
                user=user,
                folder=self._folder,
                port=port,
                size=size,
                server=self._url,
                headers=headers,
            )
        )
        return program(["nginx", "-e", f"{self._folder}/nginx.log", "-c", str(file)], port)


def only(found: Iterator[Finding]) -> tuple[str, str]:
    (finding,) = found
    return str(finding.severity), finding.text


@pytest.mark.nginx
@pytest.mark.parametrize(
    ("headers", "trusted", "expected"),
    [
        (GOOD, 1, "ok: Client addresses and https arrive"),
        (GOOD.replace("$remote_addr", "$proxy_add_x_forwarded_for"), 1, "ok: Client addresses and https arrive"),
        (GOOD.replace("$remote_addr", '""'), 1, "error: The proxy sends no X-Forwarded-For"),
        (
            GOOD.replace("$remote_addr", "$http_x_forwarded_for"),
            1,
            "error: Clients can invent their address: the",
        ),
        (
            GOOD.replace("$remote_addr", '"$remote_addr, 10.0.0.9"'),
            1,
            "warning: Requests come through 2 proxies",
        ),
        (
            GOOD.replace("$remote_addr", "$proxy_add_x_forwarded_for"),
            2,
            "error: Clients can invent their address: the",
        ),
        (GOOD, 0, "warning: A proxy sends X-Forwarded-For, but TRUSTED_PROXIES is 0"),
        (
            GOOD.replace("$scheme", "$http_x_forwarded_proto"),
            1,
            "error: The proxy passes on the X-Forwarded-Proto",
        ),
    ],
)
def test_headers_that_are_missing_or_can_be_invented_are_reported(
    portal: Proxied, settings: Settings, headers: str, trusted: int, expected: str
) -> None:
    settings.TRUSTED_PROXIES = trusted
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if trusted else None
    with portal.behind(headers):
        severity, text = only(public_url.check_headers())

    assert f"{severity}: {text}".startswith(expected)


@pytest.mark.nginx
@pytest.mark.parametrize(("size", "severity"), [("25m", "ok"), ("1m", "error")])
def test_a_proxy_that_rejects_bodies_is_reported(portal: Proxied, size: str, severity: str) -> None:
    with portal.behind(size=size):
        assert only(public_url.check_body_size())[0] == severity


@pytest.mark.nginx
def test_public_metrics_are_reported(portal: Proxied, settings: Settings) -> None:
    settings.METRICS_ALLOWED_FROM = (ip_network("127.0.0.0/8"),)
    with portal.behind():
        assert only(public_url.check_metrics())[0] == "ok"
    with portal.behind('proxy_set_header X-Forwarded-For "";'):
        assert only(public_url.check_metrics()) == ("error", "Everyone can read /metrics at PUBLIC_URL.")


def test_a_server_that_is_away_is_reported(settings: Settings) -> None:
    settings.PUBLIC_URL = f"http://127.0.0.1:{free_port()}"

    for check in (public_url.check_headers, public_url.check_body_size, public_url.check_metrics):
        severity, text = only(check())
        assert severity == "error"
        assert "can't be reached" in text or "doesn't respond" in text


def test_another_secret_key_at_the_server_is_reported(live_server: LiveServer, settings: Settings) -> None:
    settings.PUBLIC_URL = live_server.url
    with patch("portal.access.arrival.proof", return_value=TimestampSigner(key="x" * 60).sign("arrival")):
        assert "has another SECRET_KEY" in only(public_url.check_headers())[1]


@pytest.mark.parametrize(
    "value",
    ["", "x", "arrival", "another:signature", TimestampSigner(key="y" * 60).sign("arrival")],
    ids=["none", "short", "unsigned", "unknown", "another-key"],
)
def test_no_one_else_learns_how_requests_arrive(visitor: Client, value: str) -> None:
    assert visitor.get(arrival.PATH, headers={arrival.HEADER: value}).status_code == 404


def test_a_proof_ends_after_minutes(visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    proof = arrival.proof()
    response = visitor.get(arrival.PATH, headers={arrival.HEADER: proof, "X-Forwarded-For": "192.0.2.123"})
    assert response.json() == {
        "client_address": "127.0.0.1",
        "is_secure": False,
        "hops": ["192.0.2.123"],
        "version": response.json()["version"],
    }

    now = time.time()
    monkeypatch.setattr("django.core.signing.time.time", lambda: now + 600)
    assert visitor.get(arrival.PATH, headers={arrival.HEADER: proof}).status_code == 404


@pytest.mark.parametrize(("days", "severity"), [(60, "ok"), (20, "warning"), (3, "error")])
def test_a_certificate_that_ends_soon_is_reported(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, days: int, severity: str
) -> None:
    ends = (datetime.now(UTC) + timedelta(days=days)).strftime("%b %d %H:%M:%S %Y GMT")
    connected = MagicMock()
    connected.return_value.__enter__.return_value.getpeercert.return_value = {"notAfter": ends}
    settings.IS_HTTPS = True
    monkeypatch.setattr(public_url, "_connected", connected)
    assert only(public_url.check_certificate())[0] == severity
