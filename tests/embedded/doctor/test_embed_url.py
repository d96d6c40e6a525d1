"""What the doctor finds out by asking EMBED_URL."""

from unittest.mock import MagicMock, patch
from urllib.parse import urlsplit

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from portal.embedded.doctor import embed_url
from portal.embedded.doctor.findings import Severity
from tests.servers import free_port


@pytest.fixture
def port(transactional_db: None, live_server: LiveServer, settings: Settings) -> int | None:
    settings.ALLOWED_HOSTS = ["*"]
    settings.PUBLIC_URL = f"http://127.0.0.1:{urlsplit(live_server.url).port}"
    return urlsplit(live_server.url).port


def test_a_host_of_frames(port: int | None, settings: Settings) -> None:
    settings.EMBED_URL = f"http://localhost:{port}"

    assert [one.severity for one in embed_url.check()] == [Severity.OK]


@pytest.mark.parametrize("status", [400, 404, 502])
def test_a_proxy_that_leads_elsewhere(settings: Settings, status: int) -> None:
    settings.EMBED_URL = "https://embed.example.com"
    with patch.object(embed_url, "request_own_server", return_value=MagicMock(status=status)):
        (found,) = embed_url.check()

    assert found.severity is Severity.ERROR
    assert f"responds with status {status}" in found.text


def test_nothing_listens(settings: Settings) -> None:
    settings.EMBED_URL = f"http://localhost:{free_port()}"

    (found,) = embed_url.check()
    assert found.severity is Severity.ERROR
    assert "doesn't respond" in found.text


def test_without_frames_nothing_is_asked(settings: Settings) -> None:
    settings.EMBED_URL = ""

    assert [one.severity for one in embed_url.check()] == [Severity.OK]
