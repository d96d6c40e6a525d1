"""Checks of `manage.py check --deploy`: settings that are valid, but probably a mistake."""

import ast
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

from portal.access.rate_limits import is_shared_storage_available
from portal.environment import RENAMED_SETTINGS, SECRET_FILES
from portal.folders import HOME, ROOT
from portal.mail.own_templates import own_templates
from portal.mail.own_texts import read

_READERS = frozenset(
    "certificates file flag header_name key list networks one_of origins policy ports proxy rate rates required resolvers secret secrets str "
    "whole_number".split()
)
# These also read the name with _FILE.
_SECRET_READERS = frozenset({"key", "proxy", "secret", "secrets"})
# A lower ratio would match names of other programs.
_SIMILAR = 0.85
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=")
# Variables of other programs that may be in `.env`.
_OTHERS = re.compile(r"(GRANIAN_|PROMETHEUS_|PYTHON|PG|DJANGO_|TZ$|PATH$|LANG$|LC_)")


@register(Tags.security, deploy=True)
def proxies_are_counted(**_: Any) -> list[CheckMessage]:
    """Warn about https without a proxy: the portal would take every request for plain http and redirect it forever."""
    if not settings.IS_HTTPS or settings.TRUSTED_PROXIES:
        return []
    return [
        checks.Warning(
            "PUBLIC_URL is https, but TRUSTED_PROXIES is 0. Behind a proxy that speaks TLS, the portal takes every "
            "request for plain http, and every client for the proxy.",
            hint="Set TRUSTED_PROXIES to the number of your proxies. Ignore this where granian itself speaks TLS.",
            id="portal.W010",
        )
    ]


@register(Tags.security, deploy=True)
def metrics_of_all_workers_are_added_up(**_: Any) -> list[CheckMessage]:
    """Report metrics that several workers don't share, and a metrics directory that can't be used."""
    directory = settings.METRICS_DIRECTORY
    if directory and not (Path(directory).is_dir() and os.access(directory, os.W_OK)):
        return [
            Error(
                f"PROMETHEUS_MULTIPROC_DIR is {directory}, which isn't a directory that the server can write to.",
                hint="Create it, and empty it at each start.",
                id="portal.E011",
            )
        ]
    if directory or not settings.METRICS_ALLOWED_FROM or os.environ.get("GRANIAN_WORKERS") == "1":
        return []
    return [
        checks.Warning(
            "METRICS_ALLOWED_FROM is set, but PROMETHEUS_MULTIPROC_DIR isn't. With several workers, /metrics returns "
            "the numbers of the worker that happens to answer.",
            hint="Set PROMETHEUS_MULTIPROC_DIR to an empty directory, or GRANIAN_WORKERS=1.",
            id="portal.W011",
        )
    ]


@register(Tags.security, deploy=True)
def names_of_settings_exist(**_: Any) -> list[CheckMessage]:
    """Warn about environment variables that resemble a setting, and about any unknown name in `.env`."""
    file = HOME / ".env"
    listed = names_in(file.read_text(encoding="utf-8")) if file.is_file() else []
    return [
        checks.Warning(
            f"{name} isn't a setting.",
            hint=f"Did you mean {similar}?" if similar else "docs/configure.md lists all settings.",
            id="portal.W012",
        )
        for name, similar in unknown_names(os.environ, listed)
    ]


@register(Tags.database, deploy=True)
def redis_responds(databases: Iterable[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Warn if Redis doesn't respond. Checked with `--database`, like the databases."""
    if not databases or not settings.REDIS_URL or is_shared_storage_available():
        return []
    return [
        checks.Warning(
            "Redis doesn't respond at REDIS_URL. Until it does, each process counts attempts and requests on its own.",
            hint="Start Redis, or correct REDIS_URL.",
            id="portal.W013",
        )
    ]


@register(Tags.security, deploy=True)
def secrets_are_kept_from_others(**_: Any) -> list[CheckMessage]:
    """Warn about files with secrets that every user of the machine can read."""
    return [
        checks.Warning(
            f"{name} is {path}, which every user of this machine can read.",
            hint="Run `chmod o= FILE`. Ignore this in a container with one user.",
            id="portal.W014",
        )
        for name, path in SECRET_FILES.items()
        if path.is_file() and path.stat().st_mode & stat.S_IROTH
    ]


def unknown_names(environment: Iterable[str], listed: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each name that is probably a misspelled setting, with the setting that it resembles, or ""."""
    known, file = setting_names(), frozenset(listed)
    for name in sorted({*environment, *file} - known):
        if _OTHERS.match(name):
            continue
        similar = next(iter(get_close_matches(name.upper(), known, 1, _SIMILAR)), "")
        if similar or name in file:
            yield name, similar


def names_in(text: str) -> list[str]:
    """Return the names that a `.env` file sets."""
    return [found[1] for found in map(_LINE.match, text.splitlines()) if found]


@cache
def setting_names() -> frozenset[str]:
    """Return the name of each setting that portal/settings.py reads, old names included."""
    tree = ast.parse((ROOT / "portal" / "settings.py").read_text(encoding="utf-8"))
    return frozenset(name for node in ast.walk(tree) for name in _names_read(node)).union(RENAMED_SETTINGS)


def _names_read(node: ast.AST) -> Sequence[str]:
    if not isinstance(node, ast.Call) or not node.args:
        return ()
    reader = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
    name = getattr(node.args[0], "value", "")
    if reader not in _READERS or not isinstance(name, str) or not name.isupper():
        return ()
    return (name, f"{name}_FILE") if reader in _SECRET_READERS else (name,)


@register(Tags.compatibility)
def own_texts_of_emails_can_be_used(**_: Any) -> list[CheckMessage]:
    """Report texts of emails that can't be used. The built-in ones are sent in their place."""
    return [
        checks.Warning(
            f"A text of emails can't be used: {problem}",
            hint="Correct it in the folder that mail.texts in PROJECT_FILE names. Until then the built-in text is sent.",
            id="portal.W015",
        )
        for problem in read(settings.PROJECT.mail.texts).problems
    ]


@register(Tags.compatibility)
def own_templates_of_emails_can_be_used(**_: Any) -> list[CheckMessage]:
    """Report whole emails of one's own that can't be used. The built-in ones are sent in their place."""
    return [
        checks.Warning(
            f"A template of emails can't be used: {problem}",
            hint="Correct it in the folder that mail.templates in PROJECT_FILE names. Until then the built-in email is sent.",
            id="portal.W016",
        )
        for problem in own_templates().problems
    ]
