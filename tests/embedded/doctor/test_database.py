"""What the doctor says about the database, Redis, clocks, disks and settings."""

import json
import socket
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from pytest_django import Settings

from portal.embedded import models
from portal.embedded.database import readiness
from portal.embedded.doctor import configuration, database, disk, redis, schema
from portal.embedded.doctor.findings import Finding
from portal.embedded.sessions import signing_keys
from tests.conftest import REDIS_URL
from tests.embedded.database.test_pgbouncer import pgbouncer
from tests.servers import ROOT, environment_in, free_port

Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 -- as shutil returns it


def said(findings: Iterable[Finding]) -> list[tuple[str, str]]:
    return [(str(finding.severity), finding.text) for finding in findings]


def severities(findings: Iterable[Finding]) -> set[str]:
    return {str(finding.severity) for finding in findings}


@pytest.mark.django_db
def test_a_database_as_it_must_be_is_ok() -> None:
    assert severities(database.check()) <= {"ok", "warning"}  # the tests' role is a superuser
    assert severities(database.check_pooler()) == {"ok"}
    assert said(schema.check()) == [("ok", "All migrations are applied, and all guards are in place.")]
    assert severities(schema.check_keys()) == {"ok"}


@pytest.mark.django_db
def test_migrations_that_are_missing_or_of_a_later_version_are_reported() -> None:
    MigrationRecorder(connection).record_applied("directory", "9999_later")
    assert "1 migrations of a later version" in said(schema.check())[0][1]

    readiness.stop()
    MigrationRecorder(connection).record_unapplied("directory", readiness.known_migrations()[-1])
    assert ("error", "Migrations are not applied. (directory.E002)") in said(schema.check())
    assert severities(schema.check_keys()) == {"warning"}


@pytest.mark.django_db
def test_a_missing_guard_is_reported() -> None:
    with patch("portal.embedded.database.triggers.faults", return_value=["activity_no_delete"]):
        ((severity, text),) = said(schema.check())

    assert severity == "error"
    assert "activity_no_delete" in text


@pytest.mark.django_db
def test_missing_partitions_are_a_warning() -> None:
    with patch(
        "portal.embedded.database.partitions.gaps", return_value=["directory_x has partitions until today only"]
    ):
        assert said(schema.check()) == [("warning", "directory_x has partitions until today only.")]


@pytest.mark.django_db
def test_keys_that_need_a_fallback_or_cannot_be_read_are_reported(settings: Settings) -> None:
    models.ProjectRow.objects.create(public_token="public-token-live-1")
    signing_keys.current_key()
    previous, settings.SECRET_KEY = settings.SECRET_KEY, "another-" + "zyxwvutsrqponmlkjihgfedcba9876543210" * 2
    assert severities(schema.check_keys()) == {"error"}

    settings.SECRET_KEY_FALLBACKS = [previous]
    assert severities(schema.check_keys()) == {"warning"}


@pytest.mark.django_db
def test_a_database_that_takes_no_writes_is_reported() -> None:
    with patch("portal.embedded.doctor.database.is_read_only", return_value=True):
        assert ("error", "The database is read-only.") in said(database.check())


@pytest.mark.postgresql
@pytest.mark.django_db
def test_a_role_that_lacks_privileges_is_reported() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE gatehouse_of_doctor")
        cursor.execute("GRANT USAGE ON SCHEMA public TO gatehouse_of_doctor")
        cursor.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO gatehouse_of_doctor")
        cursor.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO gatehouse_of_doctor")
        cursor.execute("REVOKE DELETE ON directory_member FROM gatehouse_of_doctor")
        cursor.execute("SET LOCAL ROLE gatehouse_of_doctor")
        found = said(database.check())
        cursor.execute("RESET ROLE")

    assert [text for severity, text in found if severity != "ok"] == [
        "The role can't read and write 1 tables or sequences, such as directory_member."
    ]


@pytest.mark.postgresql
@pytest.mark.django_db
def test_a_superuser_and_an_owner_of_the_tables_are_warned() -> None:
    assert "The role is a superuser" in " ".join(text for _, text in said(database.check()))


@pytest.mark.postgresql
@pytest.mark.django_db
@pytest.mark.parametrize(("accepted", "severity"), [(100, "ok"), (27, "warning"), (18, "error")])
def test_connections_must_suffice_for_the_processes(
    monkeypatch: pytest.MonkeyPatch, accepted: int, severity: str
) -> None:
    monkeypatch.setattr(database, "_LIMITS", f"SELECT {accepted}")
    monkeypatch.setenv("GRANIAN_WORKERS", "1")

    assert [kind for kind, text in said(database.check()) if "connections of this role" in text] == [severity]


@pytest.mark.postgresql
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("number", "seen", "synchronous", "is_not_awaited", "text"),
    [
        (2, 2, 1, False, "Synchronous: 1. A failover to one of these loses no acknowledged write."),
        (
            2,
            2,
            0,
            False,
            "All are asynchronous, so a failover can lose writes that were acknowledged in the moments before it.",
        ),
        (1, 1, 1, True, "synchronous_commit doesn't wait for them, so a failover can lose writes"),
        (1, 0, 0, False, "The role can't see whether any is synchronous."),
    ],
)
def test_standbys_are_information_with_what_a_failover_can_lose(
    monkeypatch: pytest.MonkeyPatch, number: int, seen: int, synchronous: int, text: str, *, is_not_awaited: bool
) -> None:
    monkeypatch.setattr(database, "_STANDBYS", f"SELECT {number}, {seen}, {synchronous}, {is_not_awaited}")

    ((severity, found),) = [one for one in said(database.check()) if "Standbys" in one[1]]
    assert severity == "ok"
    assert f"follow this server: {number}. {text}" in found


@pytest.mark.postgresql
@pytest.mark.django_db
def test_a_server_without_standbys_says_nothing_of_them() -> None:
    assert not [text for _, text in said(database.check()) if "Standbys" in text]


def doctor(environment: dict[str, str], *arguments: str) -> dict[str, list[tuple[str, str]]]:
    """Run the command; return what each check says."""
    done = subprocess.run(
        [sys.executable, "manage.py", "doctor", "--json", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    document = json.loads(done.stdout)
    return {
        check["name"]: [(finding["severity"], finding["text"]) for finding in check["findings"]]
        for check in document["checks"]
    }


def test_a_database_that_is_away_is_one_error_and_a_warning_for_what_needs_it(tmp_path: Path) -> None:
    url = f"postgres://user:a-long-password@127.0.0.1:{free_port()}/gatehouse"
    found = doctor(environment_in(tmp_path) | {"DATABASE_URL": url}, "--skip", "settings")

    assert found["database"] == [("error", "The database can't be reached: connection refused.")]
    assert {found[name][0][0] for name in ("schema", "keys", "pooler", "clock")} == {"warning"}
    assert "a-long-password" not in str(found)


@pytest.mark.postgresql
@pytest.mark.pgbouncer
def test_the_mode_of_a_pooler_must_fit_the_setting(tmp_path: Path) -> None:
    environment = environment_in(tmp_path)
    skip = [word for check in ("settings", "schema", "proxy", "body_size", "metrics") for word in ("--skip", check)]
    with pgbouncer(tmp_path, "transaction") as pooler:
        environment["DATABASE_URL"] = f"{pooler}/postgres"
        wrong = doctor(environment, *skip)
        right = doctor(environment | {"DATABASE_PREPARE": "false"}, *skip)

    assert [severity for severity, _ in wrong["pooler"]] == ["error"]
    assert right["pooler"] == [("ok", "A pooler in transaction mode, as DATABASE_PREPARE says.")]


@pytest.mark.redis
def test_redis_responds_or_is_reported(settings: Settings) -> None:
    settings.REDIS_URL = REDIS_URL
    assert severities(redis.check()) == {"ok"}

    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    assert severities(redis.check()) == {"error"}


@pytest.mark.redis
@pytest.mark.django_db
@pytest.mark.parametrize(("seconds", "severity"), [(0, "ok"), (10, "warning"), (-100, "error")])
def test_a_clock_that_differs_is_reported(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, seconds: int, severity: str
) -> None:
    settings.REDIS_URL = REDIS_URL
    of_redis, of_database = redis._time_of_redis, redis._time_of_database
    monkeypatch.setattr(redis, "_time_of_redis", lambda: of_redis() + seconds)
    monkeypatch.setattr(redis, "_time_of_database", lambda: of_database() + seconds)

    found = severities(redis.check_clocks())
    assert found == {severity}


@pytest.mark.parametrize(("free", "severity"), [(10**11, "ok"), (5 * 10**8, "warning"), (10**7, "error")])
def test_a_disk_that_is_nearly_full_is_reported(free: int, severity: str) -> None:
    with patch("portal.embedded.doctor.disk.shutil.disk_usage", return_value=Usage(10**12, 0, free)):
        assert severities(disk.check()) == {severity}


def test_settings_are_checked_as_check_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTED_PROXYS", "1")

    (finding,) = (one for one in configuration.check() if "TRUSTED_PROXYS" in one.text)
    assert (finding.severity, finding.fix) == ("warning", "Did you mean TRUSTED_PROXIES?")


def test_a_file_of_settings_that_everyone_can_read_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.touch()
    monkeypatch.setattr(configuration, "HOME", tmp_path)

    for mode, is_reported in ((0o644, True), (0o640, False)):
        file.chmod(mode)
        assert any("Every user of this machine" in one.text for one in configuration.check()) is is_reported


def test_a_hanging_database_is_reported_after_a_while(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"postgres://user@127.0.0.1:{silent.getsockname()[1]}/gatehouse?connect_timeout=2"
        found = doctor(environment_in(tmp_path) | {"DATABASE_URL": url}, "--skip", "settings")

    assert found["database"] == [("error", "The database can't be reached: no response.")]
    assert found["disk"][0][0] in {"ok", "warning"}
