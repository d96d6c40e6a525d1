"""What load balancers and monitoring ask, and what the log says."""

import io
import json
import logging
import re
import socket
from collections.abc import Iterator
from contextlib import closing
from ipaddress import ip_network
from unittest.mock import patch

import pytest
import structlog
from django.db import InterfaceError, InternalError, OperationalError
from django.test import Client
from pytest_django import Settings

from portal.directory.errors import Unavailable
from portal.embedded import models
from portal.embedded.members.sign_in_links import new_link
from tests import factories
from tests.conftest import PASSWORD


def test_healthz_needs_no_database(visitor: Client) -> None:
    assert visitor.get("/healthz").json() == {"status": "ok"}


def test_readyz_says_whether_the_process_can_serve(db: None, visitor: Client) -> None:
    assert (visitor.get("/readyz").status_code, visitor.get("/readyz").json()["status"]) == (200, "ok")

    with patch("portal.pages.operations.health.readiness_faults", return_value={"database": "is read-only"}):
        response = visitor.get("/readyz")
    assert (response.status_code, response.json()) == (503, {"status": "unavailable", "database": "is read-only"})


def test_readyz_reports_a_redis_that_hangs_and_still_sends_requests_here(
    db: None, visitor: Client, settings: Settings
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        response = visitor.get("/readyz")

    assert (response.status_code, response.json()) == (
        200,
        {"status": "ok", "database": "ok", "redis": "doesn't respond"},
    )


def test_metrics_do_not_exist_unless_allowed(visitor: Client, settings: Settings) -> None:
    assert visitor.get("/metrics").status_code == 404

    settings.METRICS_ALLOWED_FROM = (ip_network("127.0.0.0/8"),)
    visitor.get("/healthz")
    text = visitor.get("/metrics").content.decode()
    assert 'gatehouse_requests_total{method="GET",route="operations:healthz",status="200"}' in text

    settings.METRICS_ALLOWED_FROM = (ip_network("10.0.0.0/8"),)
    assert visitor.get("/metrics").status_code == 404


def test_invented_methods_add_no_metrics(visitor: Client, settings: Settings) -> None:
    settings.METRICS_ALLOWED_FROM = (ip_network("127.0.0.0/8"),)
    visitor.generic("INVENTED", "/healthz")

    text = visitor.get("/metrics").content.decode()
    assert 'method="other",route="operations:healthz",status="405"' in text
    assert "INVENTED" not in text


def test_metrics_are_not_answered_through_a_proxy(visitor: Client, settings: Settings) -> None:
    """What a proxy reports can be forged on the way to it; that there is a proxy can't be hidden."""
    settings.METRICS_ALLOWED_FROM = (ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"))
    settings.TRUSTED_PROXIES = 1

    for header in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Via"):
        for value in ("10.0.0.1", "127.0.0.1", ""):
            assert visitor.get("/metrics", headers={header: value}).status_code == 404
    assert visitor.get("/metrics").status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_are_answered_on_any_host_and_over_plain_http(
    db: None, visitor: Client, settings: Settings, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    settings.ALLOWED_HOSTS = ["portal.example.com"]
    settings.SECURE_SSL_REDIRECT = True
    settings.METRICS_ALLOWED_FROM = (ip_network("127.0.0.0/8"),)

    for host in ("10.0.0.7:8000", "", "[::1", "not a host"):
        assert visitor.get(path, headers={"Host": host}).status_code == 200
    rejected = visitor.post(path)
    assert (rejected.status_code, rejected["Allow"]) == (405, "GET, HEAD")
    assert "Traceback" not in caplog.text
    assert visitor.get("/sign-in/", headers={"Host": "10.0.0.7:8000"}, secure=True).status_code == 400


def test_every_response_has_its_own_request_id(visitor: Client) -> None:
    ids = {visitor.get("/healthz")["X-Request-ID"] for _ in range(3)}

    assert len(ids) == 3
    assert all(re.fullmatch(r"request-id-live-[0-9a-f-]{36}", request_id) for request_id in ids)


def test_the_error_page_and_the_log_name_the_same_request(visitor: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        response = visitor.get("/nothing/here/")

    assert response.status_code == 404
    assert response["X-Request-ID"] in response.content.decode()
    assert response["X-Request-ID"] in caplog.text


def test_maintenance_is_a_page_while_health_checks_continue(admin_client: Client, settings: Settings) -> None:
    settings.MAINTENANCE = True

    response = admin_client.get("/o/acme/")

    assert (response.status_code, response["Retry-After"]) == (503, "120")
    assert "down for maintenance" in response.content.decode()
    assert admin_client.get("/healthz").status_code == 200
    assert admin_client.get("/readyz").status_code == 200


@pytest.mark.parametrize("error", [OperationalError, InterfaceError, InternalError])
@pytest.mark.parametrize("path", ["/o/acme/", "/o/acme/sign-in/"])
def test_an_unavailable_or_read_only_database_shows_a_page_that_offers_to_retry(
    admin_client: Client, path: str, error: type[Exception]
) -> None:
    with patch("portal.embedded.directory.EmbeddedProvider.open", side_effect=error("gone")):
        response = admin_client.get(path)

    content = response.content.decode()
    assert (response.status_code, response["Retry-After"]) == (503, "2")
    assert "Not available right now" in content
    assert f'href="{path}"' in content
    assert "gone" not in content


def test_an_unresponsive_directory_shows_a_page_that_offers_to_retry(admin_client: Client) -> None:
    with patch(
        "portal.embedded.sessions.sessions.EmbeddedSessions.authenticate", side_effect=Unavailable("Try again soon.")
    ):
        response = admin_client.get("/o/acme/scim/")

    assert response.status_code == 503
    assert "Try again soon." in response.content.decode()
    assert 'href="/o/acme/scim/"' in response.content.decode()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What is written to the log, at its most talkative."""
    root = logging.getLogger()
    handler = next(h for h in root.handlers if isinstance(h.formatter, structlog.stdlib.ProcessorFormatter))
    assert isinstance(handler, logging.StreamHandler)
    written = io.StringIO()
    level, stream = root.level, handler.setStream(written)
    root.setLevel(logging.DEBUG)
    yield written
    root.setLevel(level)
    handler.setStream(stream)


def test_no_secret_is_logged(admin: models.MemberRow, log: io.StringIO) -> None:
    client = Client(raise_request_exception=False)
    link = new_link(factories.member(admin.organization, "ines@acme.example")).url
    client.get(link)
    client.get(link.replace("/link/", "/lnk/"))
    client.post("/o/acme/sign-in/", {"email_address": "ada@acme.example", "password": PASSWORD})
    token = next(cookie.value for name, cookie in client.cookies.items() if "session" in name)
    with patch("portal.pages.session.views.SignInForm", side_effect=RuntimeError("broken")):
        client.post("/o/acme/sign-in/", {"email_address": "ada@acme.example", "password": PASSWORD})

    written = log.getvalue()
    assert "broken" in written
    for secret in (PASSWORD, token, link.partition("token=")[2]):
        assert secret not in written


def test_a_log_line_is_json_and_masks_what_is_named_like_a_secret(log: io.StringIO) -> None:
    structlog.get_logger("gatehouse.test").warning("something", password="hunter2", token="abc", user="ada")

    line = json.loads(log.getvalue().splitlines()[-1])
    assert (line["event"], line["password"], line["token"], line["user"]) == (
        "something",
        "[hidden]",
        "[hidden]",
        "ada",
    )
