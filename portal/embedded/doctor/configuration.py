"""Settings, as `manage.py check --deploy` sees them, and who can read them."""

import stat
from collections.abc import Iterable, Iterator

from django.conf import settings
from django.core.checks import ERROR, WARNING, CheckMessage, run_checks

from portal.embedded.doctor.findings import Finding, Severity, ok, warning
from portal.folders import HOME


def check() -> Iterator[Finding]:
    """Report settings that are misspelled, contradict each other or are risky, and static files that aren't collected."""
    messages = run_checks(include_deployment_checks=True)
    # Django's advice about https is of no use without it, which the check of TLS reports.
    useful = [one for one in messages if settings.IS_HTTPS or not str(one.id).startswith("security.")]
    found = [*from_messages(useful), *_readers()]
    yield from found or [ok("All settings are known and fit together. Static files are collected.")]


def from_messages(messages: Iterable[CheckMessage]) -> Iterator[Finding]:
    """Return the findings of Django's system checks."""
    for message in messages:
        if message.level >= WARNING:
            severity = Severity.ERROR if message.level >= ERROR else Severity.WARNING
            yield Finding(severity, f"{message.msg} ({message.id})", message.hint or "")


def _readers() -> Iterator[Finding]:
    file = HOME / ".env"
    if file.is_file() and file.stat().st_mode & stat.S_IROTH:
        yield warning(
            "Every user of this machine can read .env, which has SECRET_KEY and passwords.",
            f"Run chmod o= {file.resolve()}.",
        )
