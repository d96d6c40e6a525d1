"""Text messages as the services get them: over TLS, through the guarded client."""

import json
import stat
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import pytest
import structlog
from pytest_django import Settings

from portal.outbound.errors import AddressRejected, OutboundError
from portal.sms.delivery import ServiceError, UndeliverableError, send_sms
from portal.sms.url import parse_sms_url

SID = "AC" + "0123456789abcdef" * 2
NUMBER, TEXT = "+12025550123", "123456 is your code for Äcme."


@dataclass
class Service:
    """A server that takes text messages, with what it got."""

    port: int = 0
    status: int = 201
    answer: bytes = b"{}"
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def running(context: Any) -> Iterator[Service]:
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            service.requests.append((self.path, dict(self.headers.items()), body))
            self.send_response(service.status)
            self.send_header("Content-Length", str(len(service.answer)))
            self.end_headers()
            self.wfile.write(service.answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        service.port = server.server_port
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield service
        finally:
            server.shutdown()


@pytest.fixture
def service(authority: Callable[..., Any], loopback: Settings, names: dict[str, list[list[str]]]) -> Iterator[Service]:
    loopback.OUTBOUND_CA_FILE = authority.file  # type: ignore[attr-defined]  # -- one fixture for both
    names["sms.example"] = [["127.0.0.1"]]
    with running(authority("sms.example")) as server:
        yield server


def use_webhook(settings: Settings, service: Service) -> None:
    settings.SMS_SERVICE = parse_sms_url(f"webhook+https://:hunter2@sms.example:{service.port}/send?project=acme")


def test_a_webhook_gets_json_and_the_secret(service: Service, settings: Settings) -> None:
    use_webhook(settings, service)

    send_sms(NUMBER, TEXT)

    ((path, headers, body),) = service.requests
    assert path == "/send?project=acme"
    assert headers["Authorization"] == "Bearer hunter2"
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body) == {"to": NUMBER, "body": TEXT}


@pytest.mark.parametrize(
    ("sender", "named"),
    [("+12025550100", {"From": ["+12025550100"]}), ("MG" + "0" * 32, {"MessagingServiceSid": ["MG" + "0" * 32]})],
)
def test_twilio_gets_a_form_and_the_token(
    service: Service, settings: Settings, sender: str, named: dict[str, list[str]]
) -> None:
    settings.SMS_SERVICE = parse_sms_url(f"twilio://{SID}:hunter2@sms.example:{service.port}/{sender}")

    send_sms(NUMBER, TEXT)

    ((path, headers, body),) = service.requests
    assert path == f"/2010-04-01/Accounts/{SID}/Messages.json"
    assert b64decode(headers["Authorization"].removeprefix("Basic ")).decode() == f"{SID}:hunter2"
    assert parse_qs(body.decode()) == {"To": [NUMBER], "Body": [TEXT], **named}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, UndeliverableError),
        (404, UndeliverableError),
        (422, UndeliverableError),
        (401, ServiceError),
        (429, ServiceError),
        (302, ServiceError),
        (500, ServiceError),
    ],
)
def test_what_a_service_does_not_take_says_whether_to_try_again(
    service: Service, settings: Settings, status: int, error: type[Exception]
) -> None:
    use_webhook(settings, service)
    service.status = status
    service.answer = json.dumps({"code": 21211, "message": f"The 'To' number {NUMBER} is not valid."}).encode()

    with structlog.testing.capture_logs() as logged, pytest.raises(error) as caught:
        send_sms(NUMBER, TEXT)

    (entry,) = [one for one in logged if one["event"] == "sms_rejected"]
    assert (entry["status"], entry["code"]) == (status, 21211)
    for secret in (NUMBER, "123456", "hunter2"):
        assert secret not in str(logged) + str(caught.value)


@pytest.mark.parametrize("answer", [b"", b"oops", b"[]", b'{"code": "x"}'])
def test_an_answer_that_is_not_understood_is_an_error_too(service: Service, settings: Settings, answer: bytes) -> None:
    use_webhook(settings, service)
    service.status, service.answer = 500, answer

    with pytest.raises(ServiceError):
        send_sms(NUMBER, TEXT)


def test_a_webhook_in_a_private_network_must_be_allowed(service: Service, settings: Settings) -> None:
    use_webhook(settings, service)
    settings.OUTBOUND_ALLOWED_NETWORKS = ()

    with pytest.raises(AddressRejected):
        send_sms(NUMBER, TEXT)
    assert service.requests == []


def test_a_service_that_is_away_may_come_back(service: Service, settings: Settings) -> None:
    settings.SMS_SERVICE = parse_sms_url("webhook+https://sms.example:1/send")

    with pytest.raises(OutboundError):
        send_sms(NUMBER, TEXT)


def test_each_message_is_a_file_for_this_user(tmp_path: Path, settings: Settings) -> None:
    settings.SMS_SERVICE = parse_sms_url(f"filesms://{tmp_path}/texts")

    send_sms(NUMBER, TEXT)
    send_sms(NUMBER, "Another one")

    first, second = sorted((tmp_path / "texts").iterdir())
    assert (first.suffix, stat.S_IMODE(first.stat().st_mode)) == (".json", 0o600)
    document = json.loads(first.read_text())
    assert (document["to"], document["body"]) == (NUMBER, TEXT)
    assert json.loads(second.read_text())["body"] == "Another one"


def test_the_console_gets_a_line(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    settings.SMS_SERVICE = parse_sms_url("console:")

    send_sms(NUMBER, TEXT)

    assert json.loads(capsys.readouterr().out) == {"to": NUMBER, "body": TEXT}
