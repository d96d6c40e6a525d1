"""`manage.py doctor`: find what is wrong with this installation, and how to fix it."""

import platform
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import asdict
from json import dumps
from textwrap import fill
from typing import Any

import django
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection

from portal.embedded.doctor import mail
from portal.embedded.doctor.examination import CHECKS, Examined, examine
from portal.embedded.doctor.findings import Finding, Severity, masked
from portal.version import version

# Of the output for scripts. A higher number means that something was renamed or removed.
_FORMAT = 1
_WIDTH, _INDENT = 110, 20
_HELP = """\
To get help, send this output with the log lines of a request that fails (search for its request ID) and say what you
changed last. It contains no passwords or keys. IP and email addresses are masked. It contains names of hosts and tables."""


class Command(BaseCommand):
    """Find what is wrong with this installation, and say how to fix it."""

    help = __doc__
    # They are part of what is reported.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--json", action="store_true", help="print one JSON object, for scripts")
        parser.add_argument(
            "--skip", action="append", default=[], choices=[*CHECKS], help="leave out a check; can be repeated"
        )
        parser.add_argument("--send-test-mail", metavar="ADDRESS", help="send an email to this address, too")

    def handle(self, *_: Any, json: bool, skip: list[str], send_test_mail: str | None, **__: Any) -> None:
        """Examine the installation, and exit with 1 if there is an error."""
        results = examine(skip)
        if send_test_mail:
            found = mail.send_test(send_test_mail)
            hidden = Finding(found.severity, masked(found.text), masked(found.fix))
            results.append(Examined("test_mail", (hidden,), 0.0))
        worst = max((result.severity for result in results), key=[*Severity].index, default=Severity.OK)
        self.stdout.write(dumps(_document(results, worst), indent=2) if json else _text(results))
        self.stdout.flush()
        if worst is Severity.ERROR:
            sys.exit(1)


def _about() -> dict[str, str]:
    return {
        "version": version(),
        "python": platform.python_version(),
        "django": django.get_version(),
        "system": f"{platform.system()} {platform.release()}",
        "database": connection.vendor,
        "directory": settings.DIRECTORY,
    }


def _document(results: Sequence[Examined], worst: Severity) -> dict[str, object]:
    checks = [
        {
            "name": result.name,
            "severity": result.severity,
            "seconds": result.seconds,
            "findings": [asdict(finding) for finding in result.findings],
        }
        for result in results
    ]
    return {"format": _FORMAT, "severity": worst, "about": _about(), "checks": checks}


def _text(results: Sequence[Examined]) -> str:
    about = ", ".join(f"{name} {value}" for name, value in _about().items())
    lines = [f"Gatehouse: {about}", ""]
    for result in results:
        for finding in result.findings:
            lines.append(_wrapped(f"{finding.severity:<8}{result.name:<12}{finding.text}"))
            if finding.fix:
                lines.append(_wrapped(f"{'':<{_INDENT}}To fix it: {finding.fix}"))
    findings = [finding.severity for result in results for finding in result.findings]
    errors, warnings = findings.count(Severity.ERROR), findings.count(Severity.WARNING)
    return "\n".join([*lines, "", f"{errors} errors, {warnings} warnings.", *(["", _HELP] if errors else [])])


def _wrapped(line: str) -> str:
    return fill(line, _WIDTH, subsequent_indent=" " * _INDENT, break_long_words=False, break_on_hyphens=False)
