"""What /metrics counts, and that the docs and the alert rules name what exists."""

import os
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from unittest.mock import Mock, patch

import psycopg
import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from portal import metrics
from portal.access.rate_limits import Attempt, admit
from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import figures, models
from portal.pages.operations.exposition import exposition
from portal.pages.operations.health import Health
from portal.serving import probe
from tests import factories
from tests.conftest import PASSWORD

DOCS = Path(__file__).parents[3] / "docs"
RULES = DOCS / "deploy/prometheus/gatehouse.rules.yml"
NAME = re.compile(r"gatehouse_[a-z_]+")


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0


def samples(text: bytes) -> Mapping[str, list[Mapping[str, str]]]:
    """Return the labels of the samples of each of our metrics."""
    families = list(text_string_to_metric_families(text.decode()))
    ours = (family for family in families if family.name.startswith("gatehouse_"))
    return {
        f"{family.name}_total" if family.type == "counter" else family.name: [
            sample.labels for sample in family.samples
        ]
        for family in ours
    }


@pytest.fixture
def scraped(transactional_db: None, visitor: Client, settings: Settings) -> Mapping[str, list[Mapping[str, str]]]:
    """What Prometheus reads from a portal with one connection, with Redis."""
    factories.scim_connection(factories.organization("acme"))
    settings.METRICS_ALLOWED_FROM = (ip_network("127.0.0.0/8"),)
    metrics.start()
    visitor.get("/sign-in/")
    visitor.get("/v1/b2b/scim/none/Users")
    metrics.DATABASE_ERRORS.labels("other")
    metrics.REQUEST_SLOTS.labels("limit")
    with patch("portal.pages.operations.exposition.health", return_value=Health({}, has_redis=True)):
        return samples(visitor.get("/metrics").content)


def documented() -> Iterator[tuple[str, set[str]]]:
    """Yield each metric in the tables of docs/metrics.md, with its labels."""
    for name, labels in re.findall(
        r"^\| `(gatehouse_\w+)` \| ([^|]+) \|", (DOCS / "metrics.md").read_text(), re.MULTILINE
    ):
        yield name, set(re.findall(r"`(\w+)`", labels))


def test_the_docs_list_every_metric_with_its_labels(scraped: Mapping[str, list[Mapping[str, str]]]) -> None:
    missing_here = {"gatehouse_database_server_connections"} if connection.vendor == "sqlite" else set()
    expected = dict(documented())

    assert set(scraped) == set(expected) - missing_here
    for name, found in scraped.items():
        assert {label for labels in found for label in labels} - {"le"} == expected[name], name


def test_rules_and_docs_name_metrics_that_exist() -> None:
    known = set(dict(documented()))
    texts = [page.read_text() for page in (*DOCS.glob("*.md"), *DOCS.glob("deploy/**/*.yml"))]
    # Roles of the database have such names, too.
    named = {name for text in texts for name in NAME.findall(text)} - {"gatehouse_owner", "gatehouse_drill"}

    assert {name.removesuffix("_bucket") for name in named} - known == set()


def test_each_alert_is_tested_and_says_what_to_do() -> None:
    rules, tests = RULES.read_text(), RULES.with_name("gatehouse.rules.test.yml").read_text()
    alerts = re.findall(r"alert: (\w+)", rules)

    assert len(alerts) == len(set(alerts)) > 10
    assert [alert for alert in alerts if alert not in tests] == []
    assert rules.count("runbook: ") == rules.count("summary: ") == len(alerts)


def test_labels_are_of_known_values_however_requests_are_invented(
    db: None, visitor: Client, settings: Settings
) -> None:
    settings.METRICS_ALLOWED_FROM = (ip_network("127.0.0.0/8"),)
    for path in ("/made-up/", "/o/made-up/", "/v1/b2b/scim/made-up/Users", "/v1/b2b/made-up"):
        visitor.get(path, headers={"Authorization": "Bearer made-up"})

    with (
        patch("portal.pages.operations.exposition.figures", return_value=None),
        patch("portal.pages.operations.exposition.health", return_value=Health({}, None)),
    ):
        assert "made-up" not in visitor.get("/metrics").content.decode()


@pytest.mark.django_db
def test_figures_are_of_active_connections_and_live_tokens() -> None:
    now, acme, globex = timezone.now(), factories.organization("acme"), factories.organization("globex")
    connected, other = factories.scim_connection(acme), factories.scim_connection(globex)
    factories.scim_conflict(connected, factories.member(acme, "ada@acme.example"))
    models.ScimConnectionRow.objects.filter(pk=connected.pk).update(waiting_conflicts=1)
    models.ScimConnectionRow.objects.filter(pk=other.pk).update(paused_at=now)
    soon = now + timedelta(days=3)
    models.ScimTokenRow.objects.filter(connection=connected).update(expires_at=soon)
    factories.scim_token(connected, "scim_next", is_next=True, expires_at=now + timedelta(days=20))
    models.ScimTokenRow.objects.filter(connection=other).update(expires_at=now - timedelta(days=1))
    factories.scim_token(connected, "scim_old", revoked_at=now, expires_at=now - timedelta(days=1))

    with CaptureQueriesContext(connection) as queries:
        found = figures.read_figures()

    assert found.connections == {"active": 1, "paused": 1, "on_hold": 0}
    assert found.open_conflicts == 1
    tokens = found.tokens
    assert (tokens.expired, tokens.within_7_days, tokens.within_30_days, tokens.next_at) == (1, 1, 2, soon)
    # People and requests are many, so their tables aren't asked, except for rows outside all partitions by time.
    asked = [query["sql"] for query in queries if "WHERE id < " not in query["sql"]]
    tables = {name for sql in asked for name in re.findall(r"FROM \"?(directory_\w+)", sql)}
    assert {"directory_scimconnection", "directory_scimtoken"} <= tables
    assert not tables & {"directory_member", "directory_scimuser", "directory_scimrequest", "directory_activityentry"}

    models.ScimConnectionRow.objects.filter(pk=other.pk).update(status=ScimConnectionStatus.DELETED)
    assert figures.read_figures().tokens.expired == 0


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_scrape_has_the_last_figures_while_the_database_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures._probe, "_fresh_seconds", -1)
    first = figures.figures()
    assert first is not None

    monkeypatch.setattr(probe, "PATIENCE", 0.1)
    database = connection.get_connection_params()
    with psycopg.connect(**{name: database[name] for name in ("host", "port", "user", "dbname")}) as operator:
        operator.execute("LOCK TABLE directory_scimconnection")
        assert figures.figures() == first
        assert b"gatehouse_scim_connections{" in exposition()


def test_failed_sign_ins_are_counted_by_reason(admin: models.MemberRow, visitor: Client, settings: Settings) -> None:
    settings.SIGN_IN_RATE_PER_MEMBER, settings.SIGN_IN_RATE_PER_ADDRESS = "2 per hour", "4 per hour"
    reasons = ("wrong_password", "member_limit", "address_limit")
    before = [value("gatehouse_failed_sign_ins_total", reason=reason) for reason in reasons]

    for password in ("wrong", PASSWORD, "wrong", "wrong", "wrong"):
        visitor.post("/o/acme/sign-in/", {"email_address": "ada@acme.example", "password": password})

    after = [value("gatehouse_failed_sign_ins_total", reason=reason) for reason in reasons]
    # The right password takes its attempt back.
    assert [new - old for new, old in zip(after, before, strict=True)] == [2, 1, 1]


@pytest.mark.django_db
def test_a_paused_password_is_a_reason_of_its_own(settings: Settings) -> None:
    settings.SIGN_IN_TOTAL_PER_MEMBER = "1 per hour"
    before = value("gatehouse_failed_sign_ins_total", reason="paused")

    assert [admit(Attempt(f"10.0.0.{n}", "acme", "ada@acme.example")) for n in range(2)] == [True, False]
    assert value("gatehouse_failed_sign_ins_total", reason="paused") == before + 1


@pytest.mark.django_db
def test_statements_are_timed_and_failures_counted_by_reason() -> None:
    metrics.database_time.take()
    before = value("gatehouse_database_errors_total", reason="connection lost or failed")

    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert metrics.database_time.take() > 0
        assert metrics.database_time.take() == 0
        failing = Mock(side_effect=OperationalError("x"))
        with connection.execute_wrapper(failing), pytest.raises(OperationalError):
            cursor.execute("SELECT 1")

    assert value("gatehouse_database_errors_total", reason="connection lost or failed") == before + 1


def test_gauges_of_processes_that_ended_are_forgotten(tmp_path: Path, settings: Settings) -> None:
    settings.METRICS_DIRECTORY = str(tmp_path)
    ended = tmp_path / "gauge_livesum_4194305.db"  # above the largest process id of Linux
    running = tmp_path / f"gauge_livesum_{os.getpid()}.db"
    for file in (ended, running):
        file.write_bytes(bytes(8))

    with (
        patch("portal.pages.operations.exposition.figures", return_value=None),
        patch("portal.pages.operations.exposition.health", return_value=Health({"database": "x"}, None)),
    ):
        text = exposition().decode()

    assert (ended.exists(), running.exists()) == (False, True)
    assert "gatehouse_ready 0.0" in text
    assert 'gatehouse_part_ready{part="database"} 0.0' in text
    assert 'gatehouse_part_ready{part="guards"} 1.0' in text
