"""What the whole suite shares: databases that can be emptied, and personas."""

import os
import shutil
import sys
import time
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management.color import Style
from django.core.management.sql import sql_flush
from django.core.signals import request_finished, request_started
from django.db import OperationalError, close_old_connections, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.operations import BaseDatabaseOperations
from django.test import Client
from django.utils import timezone
from limits.storage import storage_from_string
from pytest_django import Settings

# With the URLs of the embedded directory, even if the first test is one of Stytch.
from portal import urls  # noqa: F401
from portal.access import rate_limits
from portal.embedded import figures, models
from portal.embedded.database import readiness, triggers
from portal.pages.operations import health
from portal.serving import probe
from tests import factories
from tests.servers import migrated_file
from tests.text_messages import TextMessages

# Playwright's event loop makes Django believe that the tests are asynchronous.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

JAVASCRIPT = Path(__file__).parent / "api" / "javascript"
PASSWORD = "correct horse battery staple"
REDIS_URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")
# Where the whole suite must run, nothing may be left out.
NO_SKIP = os.environ.get("REQUIRE_EVERYTHING") == "1"

PROGRAMS = {
    "browser": "chromium",
    "bubblewrap": "bwrap",
    "firefox": "firefox-esr",
    "haproxy": "haproxy",
    "nginx": "nginx",
    "promtool": "promtool",
    "systemd": "systemd-analyze",
}


def _lacks_of_database(marker: str) -> str:
    is_postgresql, is_partitioned = connection.vendor == "postgresql", bool(settings.DATABASE_PARTITIONS)
    problems = {
        "postgresql": "" if is_postgresql else "the database is not PostgreSQL; set TEST_DATABASE_URL",
        "partitioned": "" if is_partitioned else "the database isn't partitioned; set TEST_DATABASE_PARTITIONS",
        "sqlite": "the database is not SQLite" if is_postgresql else "",
        "unpartitioned": "the database is partitioned" if is_postgresql and is_partitioned else "",
    }
    return problems[marker]


@cache
def missing(marker: str) -> str:
    """Return what a test with this marker lacks on this machine, or ""."""
    if program := PROGRAMS.get(marker):
        return "" if shutil.which(program) else f"{program} is not installed"
    match marker:
        case "node":
            is_installed = shutil.which("node") and (JAVASCRIPT / "node_modules").is_dir()
            return "" if is_installed else "Node.js or `npm ci --prefix tests/api/javascript` is missing"
        case "redis":
            return "" if storage_from_string(REDIS_URL).check() else "Redis does not answer"
        case "postgresql" | "partitioned" | "sqlite" | "unpartitioned":
            return _lacks_of_database(marker)
        case "pgbouncer":
            return "" if shutil.which("pgbouncer") else "PgBouncer is not installed"
        case _:
            return ""


def pytest_unconfigure() -> None:
    """Delete the database that `servers.migrate()` copies."""
    for suffix in (".sqlite3", ".lock"):
        migrated_file().with_suffix(suffix).unlink(missing_ok=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that ask for no database: on a second database they would do the same again."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if not item.get_closest_marker("django_db") and not {"db", "transactional_db", "live_server"} & set(fixtures):
            item.add_marker("no_database")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers():
        if reason := missing(marker.name):
            pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and NO_SKIP:
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be: {report.longrepr}"
    return report


def _delete_all_rows(connection: BaseDatabaseWrapper) -> list[str]:
    # A test fills few tables, and TRUNCATE writes files for each partition of all of them.
    quote = connection.ops.quote_name
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    has_rows = [f"SELECT '{table}' WHERE EXISTS (SELECT FROM {quote(table)})" for table in tables]  # noqa: S608 -- names of our tables
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(has_rows))
        filled = [table for (table,) in cursor.fetchall()]
    # As a replica, the database checks no foreign keys and runs no triggers.
    return ["SET LOCAL session_replication_role = replica", *(f"DELETE FROM {quote(table)}" for table in filled)]  # noqa: S608 -- the same


@pytest.fixture(autouse=True, scope="session")
def _emptying_tables_is_for_tests_alone() -> Iterator[None]:
    """Let the test runner empty the tables between tests, which the database itself otherwise rejects."""

    def without_guards(style: Style, connection: BaseDatabaseWrapper, **options: bool) -> list[str]:
        if connection.vendor == "postgresql":
            return _delete_all_rows(connection)
        triggers.remove(connection.alias)
        return sql_flush(style, connection, **options)

    empty = BaseDatabaseOperations.execute_sql_flush

    def patiently(operations: BaseDatabaseOperations, statements: list[str]) -> None:
        # A page that a test left may still have a request in progress. PostgreSQL ends a deadlock by canceling one of the two.
        for seconds in (0.2, 1):
            try:
                return empty(operations, statements)
            except OperationalError:
                time.sleep(seconds)
        return empty(operations, statements)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.core.management.commands.flush.sql_flush", without_guards)
        patch.setattr(BaseDatabaseOperations, "execute_sql_flush", patiently)
        yield


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Start the machine's own Chromium, which asks nobody else for anything."""
    quiet = ("no-first-run", "disable-background-networking", "disable-component-update", "disable-sync")
    flags = [f"--{flag}" for flag in ("no-sandbox", "disable-gpu", "disable-quic", *quiet)]
    return {**browser_type_launch_args, "executable_path": shutil.which("chromium"), "args": flags}


@pytest.fixture
def texts(settings: Settings, tmp_path: Path) -> TextMessages:
    """Text messages, which are written to files."""
    messages = TextMessages(tmp_path / "texts")
    settings.SMS_SERVICE = messages.service
    return messages


@pytest.fixture(autouse=True)
def _fresh_rate_limits() -> None:
    for cached in (rate_limits._limiter, rate_limits._request_limiter, rate_limits._built_storage):
        cached.cache_clear()


@pytest.fixture(autouse=True)
def _fresh_signing_keys() -> None:
    """Forget the keys of the test before; who has not loaded them knows none."""
    if keys := sys.modules.get("portal.embedded.sessions.signing_keys"):
        keys.forget()


@pytest.fixture(autouse=True)
def _start_of_this_test(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a module's START be the time when the test begins: the module was read long before, at the start of the suite."""
    if hasattr(request.module, "START"):
        monkeypatch.setattr(request.module, "START", timezone.now().replace(microsecond=0))


@pytest.fixture(autouse=True)
def _no_probe_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """End the threads of probes: their connections would keep the database from being dropped."""
    # A machine that runs tests can be slow.
    monkeypatch.setattr(probe, "PATIENCE", 30)
    yield
    readiness.stop()
    health.stop()
    figures.stop()


@pytest.fixture
def connection_stays() -> Iterator[None]:
    """Keep the test's transaction over requests to the application itself, as Django's own test client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def acme(db: None) -> models.OrganizationRow:
    return factories.organization("acme", name="Acme")


@pytest.fixture
def globex(db: None) -> models.OrganizationRow:
    return factories.organization("globex", name="Globex")


@pytest.fixture
def admin(acme: models.OrganizationRow) -> models.MemberRow:
    return factories.member(acme, "ada@acme.example", name="Ada Admin", roles=["stytch_admin"], password=PASSWORD)


@pytest.fixture
def member(acme: models.OrganizationRow) -> models.MemberRow:
    """A member without SCIM rights."""
    return factories.member(acme, "max@acme.example", name="Max Member", password=PASSWORD)


@pytest.fixture
def other_admin(globex: models.OrganizationRow) -> models.MemberRow:
    return factories.member(globex, "gil@globex.example", name="Gil Globex", roles=["stytch_admin"], password=PASSWORD)


@pytest.fixture
def visitor() -> Client:
    return Client()


@pytest.fixture
def admin_client(admin: models.MemberRow) -> Client:
    return factories.signed_in(admin)


@pytest.fixture
def member_client(member: models.MemberRow) -> Client:
    return factories.signed_in(member)


@pytest.fixture
def other_admin_client(other_admin: models.MemberRow) -> Client:
    return factories.signed_in(other_admin)
