"""The doctor signs in to the mail server, and sends nothing."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from django.core import mail as sent
from pytest_django import Settings

from portal.embedded.doctor import mail


class MailServer:
    """Speaks SMTP for one client after the other, and keeps what they said."""

    def __init__(self, *, accepts: bool = True) -> None:
        self.heard: list[str] = []
        self._accepts = accepts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with client, client.makefile("rw", newline="") as stream:
                    self._answer(stream, "220 mail.example ESMTP")
                    for line in stream:
                        word = line.split()[0].upper()
                        self.heard.append(word)
                        self._answer(stream, self._answers().get(word, "500 what?"))

    def _answers(self) -> dict[str, str]:
        login = "235 welcome" if self._accepts else "535 5.7.8 ada@acme.example: wrong"
        return {"EHLO": "250-mail.example\r\n250 AUTH PLAIN", "AUTH": login, "QUIT": "221 bye"}

    @staticmethod
    def _answer(stream: object, text: str) -> None:
        stream.write(f"{text}\r\n")  # type: ignore[attr-defined]  # -- a file
        stream.flush()  # type: ignore[attr-defined]  # -- as above


@pytest.fixture
def server(request: pytest.FixtureRequest, settings: Settings) -> Iterator[MailServer]:
    server = MailServer(accepts=getattr(request, "param", True))
    settings.EMAIL_IS_SET_UP = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "user", "hunter2-hunter2"
    yield server
    server.close()


def said() -> tuple[str, str]:
    (finding,) = mail.check()
    return str(finding.severity), finding.text


def test_it_signs_in_and_sends_nothing(server: MailServer, settings: Settings) -> None:
    assert said() == ("warning", "The password for the mail server is sent unencrypted.")
    assert server.heard == ["EHLO", "AUTH", "QUIT"]

    settings.EMAIL_HOST_USER = ""
    assert said() == ("ok", "The mail server accepts connections.")


@pytest.mark.parametrize("server", [False], indirect=True)
def test_a_rejected_password_is_reported(server: MailServer) -> None:
    assert said() == ("error", "The mail server rejected the user or the password.")


def test_a_server_without_starttls_is_reported(server: MailServer, settings: Settings) -> None:
    settings.EMAIL_USE_TLS = True

    assert said() == ("error", "The mail server doesn't support STARTTLS or passwords at this port.")
    assert "AUTH" not in server.heard


def test_a_server_that_hangs_is_reported(
    server: MailServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.EMAIL_PORT = silent.getsockname()[1]
        assert said() == ("error", "The mail server doesn't respond, or ends the connection.")


def test_email_that_is_not_set_up_is_a_warning(settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP = False

    assert said()[0] == "warning"
    assert mail.send_test("ada@acme.example").severity == "error"


def test_a_test_email_is_sent_only_on_request(settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "Gatehouse <portal@example.com>"

    assert said()[0] == "ok"
    assert sent.outbox == []
    assert mail.send_test("ada@acme.example").severity == "ok"
    assert [message.to for message in sent.outbox] == [["ada@acme.example"]]
