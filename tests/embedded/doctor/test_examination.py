"""`manage.py doctor`: each check has its say in time, and nothing secret is said."""

import json
import re
import threading
from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError
from pytest_django import Settings

from portal.embedded.doctor import examination
from portal.embedded.doctor.findings import Finding, Severity, error, masked, ok, warning
from portal.embedded.management.commands import doctor
from tests.servers import ROOT


def say(finding: Finding) -> Any:
    return lambda: [finding]


def test_a_check_that_hangs_or_fails_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    hangs = threading.Event()

    def hang() -> Iterable[Finding]:
        hangs.wait()
        return []

    def fail() -> Iterable[Finding]:
        raise ZeroDivisionError("ada@acme.example")

    def lose() -> Iterable[Finding]:
        raise OperationalError("server closed the connection unexpectedly")

    checks = {"hangs": hang, "fails": fail, "loses": lose, "works": say(ok("Fine."))}
    monkeypatch.setattr(examination, "CHECKS", checks)
    monkeypatch.setattr(examination, "SECONDS", 1)

    found = examination.examine()
    hangs.set()

    assert [(one.name, one.severity) for one in found] == [
        ("hangs", "error"),
        ("fails", "error"),
        ("loses", "warning"),
        ("works", "ok"),
    ]
    assert found[1].findings[0].text == "The check failed: ZeroDivisionError: ***@acme.example"
    assert "the database" in found[2].findings[0].text


def examined(monkeypatch: pytest.MonkeyPatch, *findings: Finding, **options: Any) -> tuple[int, str]:
    """Return the exit code and the output of the command with these findings."""
    monkeypatch.setattr(examination, "CHECKS", {"mail": lambda: findings, "disk": say(ok("Enough."))})
    out = StringIO()
    try:
        call_command("doctor", stdout=out, **options)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue()
    return 0, out.getvalue()


def test_an_error_is_said_with_its_fix_and_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    code, text = examined(monkeypatch, error("It's broken.", "Mend it."), warning("It's old.", "Renew it."))

    assert code == 1
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert {"error mail It's broken.", "To fix it: Mend it.", "warning mail It's old.", "ok disk Enough."} <= {*lines}
    assert "1 errors, 1 warnings." in lines
    assert "send this output" in text


def test_warnings_alone_exit_with_0(monkeypatch: pytest.MonkeyPatch) -> None:
    assert examined(monkeypatch, warning("It's old.", "Renew it."))[0] == 0


def test_the_document_for_scripts_is_as_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    code, text = examined(monkeypatch, error("It's broken.", "Mend it."), json=True)

    document = json.loads(text)
    assert (code, document["format"], document["severity"]) == (1, 1, "error")
    assert {*document} == {"format", "severity", "about", "checks"}
    assert {*document["about"]} == {"version", "python", "django", "system", "database", "directory"}
    assert [{**check, "seconds": 0} for check in document["checks"]] == [
        {
            "name": "mail",
            "severity": "error",
            "seconds": 0,
            "findings": [{"severity": "error", "text": "It's broken.", "fix": "Mend it."}],
        },
        {
            "name": "disk",
            "severity": "ok",
            "seconds": 0,
            "findings": [{"severity": "ok", "text": "Enough.", "fix": ""}],
        },
    ]


def test_a_check_can_be_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    assert examined(monkeypatch, error("It's broken.", "Mend it."), skip=["mail"])[0] == 0


def test_the_docs_name_each_check() -> None:
    page = (ROOT / "docs/doctor.md").read_text()

    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == [*examination.CHECKS, "test_mail"]
    assert f"`{doctor._FORMAT}`" in page
    assert all(f"`{severity}`" in page for severity in Severity)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Mail to ada.lovelace+x@acme.example failed", "Mail to ***@acme.example failed"),
        ("10.1.2.3 and 192.168.7.8:5432", "10.1.x.x and 192.168.x.x:5432"),
        ("at 2001:db8:1:2::7.", "at 2001:0db8:x."),
        ("at ::1", "at 0000:0000:x"),
        ("version 3.0.20, at 12:30:05, gatehouse::x", "version 3.0.20, at 12:30:05, gatehouse::x"),
        ("password hunter2-hunter2!", "password [hidden]"),
        ("redis://:redis-secret@cache:6379", "redis://:[hidden]@cache:6379"),
    ],
)
def test_addresses_and_secrets_are_hidden(settings: Settings, text: str, hidden: str) -> None:
    settings.EMAIL_HOST_PASSWORD = "hunter2-hunter2!"
    settings.REDIS_URL = "redis://:redis-secret@cache:6379/0"

    assert masked(text) == hidden


def test_keys_are_hidden(settings: Settings) -> None:
    settings.SECRET_KEY_FALLBACKS = ["fallback-" * 8]

    assert masked(f"{settings.SECRET_KEY} {'fallback-' * 8}") == "[hidden] [hidden]"


def test_no_module_of_the_doctor_is_left_out() -> None:
    modules = {path.stem for path in Path(examination.__file__).parent.glob("*.py")} - {"__init__"}
    used = {check.__module__.rpartition(".")[2] for check in examination.CHECKS.values()}

    assert modules - used == {"examination", "findings"}
