"""Readiness reports why a process can't serve, and responds within a second even if the database hangs."""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
import requests
from django.core.checks import Tags, run_checks
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test.utils import CaptureQueriesContext
from psycopg import errors
from psycopg.sql import SQL, Identifier
from pytest_django import Settings

from portal.directory.actor import Origin
from portal.embedded import models
from portal.embedded.database import readiness
from portal.embedded.database.postgresql.pooler import changes_connections
from portal.embedded.sessions import signing_keys
from portal.outages import reason
from tests.servers import environment_in, manage, postgresql_database, serve


@pytest.mark.django_db
def test_a_complete_database_is_ready() -> None:
    assert readiness.find_faults() == {}


@pytest.mark.django_db
def test_new_code_on_an_old_schema_is_not_ready() -> None:
    MigrationRecorder(connection).record_unapplied("directory", readiness.known_migrations()[-1])

    assert readiness.find_faults() == {"migrations": "are not applied"}


@pytest.mark.django_db
def test_old_code_on_a_new_schema_is_ready() -> None:
    MigrationRecorder(connection).record_applied("directory", "9999_later")

    assert readiness.find_faults() == {}


@pytest.mark.django_db
def test_a_missing_guard_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    with patch("portal.embedded.database.triggers.gaps", return_value=["activity_no_delete"]):
        assert readiness.find_faults() == {"guards": "are missing, disabled or changed"}

    assert "activity_no_delete" in caplog.text


@pytest.mark.django_db
def test_a_signing_key_that_cannot_be_read_is_reported(settings: Settings) -> None:
    models.ProjectRow.objects.create(public_token="public-token-live-1")
    signing_keys.current_key()
    assert readiness.find_faults() == {}

    readiness.stop()
    settings.SECRET_KEY = "another-" + "zyxwvutsrqponmlkjihgfedcba9876543210" * 2
    assert readiness.find_faults() == {"signing_key": "can't be decrypted"}


def reported() -> list[str]:
    found = run_checks(databases=["default"], tags=[Tags.database], include_deployment_checks=True)
    return [str(message.id) for message in found]


@pytest.mark.django_db
def test_check_reports_the_same(settings: Settings) -> None:
    assert reported() == []

    with patch("portal.embedded.database.triggers.gaps", return_value=["activity_no_delete"]):
        readiness.stop()
        assert reported() == ["directory.E003"]
    readiness.stop()
    MigrationRecorder(connection).record_unapplied("directory", readiness.known_migrations()[-1])
    assert reported() == ["directory.E002"]


@pytest.mark.django_db
def test_check_reports_secrets_under_a_fallback(settings: Settings) -> None:
    models.ProjectRow.objects.create(public_token="public-token-live-1")
    signing_keys.current_key()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-" + "zyxwvutsrqponmlkjihgfedcba9876543210" * 2

    assert reported() == ["directory.W002"]
    signing_keys.reencrypt(Origin())
    assert reported() == []


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_check_reports_missing_timeouts() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 0")

    assert reported() == ["directory.W001"]
    connection.close()


@pytest.mark.django_db
def test_migrate_repairs_what_check_reports() -> None:
    with patch("portal.embedded.database.triggers.gaps", return_value=["activity_no_delete"]):
        call_command("migrate", verbosity=0, skip_checks=False)


@pytest.mark.django_db
def test_frequent_probes_run_few_queries() -> None:
    readiness.find_faults()

    with CaptureQueriesContext(connection) as queries:
        readiness.find_faults()

    # A savepoint in the test's transaction, the time-out, and the question.
    assert len(queries) <= 4


@pytest.mark.sqlite
@pytest.mark.django_db(transaction=True)
def test_a_file_that_cannot_be_written_is_read_only() -> None:
    assert readiness.find_faults() == {}
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA busy_timeout").fetchone() > (0,)
        cursor.execute("PRAGMA query_only = 1")
    assert readiness.find_faults() == {"database": "is read-only"}


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_table_that_an_operator_locks_does_not_make_the_process_unready(monkeypatch: pytest.MonkeyPatch) -> None:
    assert readiness.find_faults() == {}
    monkeypatch.setattr(readiness, "_SECONDS_THOROUGH", -1)
    database = connection.get_connection_params()
    with psycopg.connect(**{name: database[name] for name in ("host", "port", "user", "dbname")}) as operator:
        operator.execute("LOCK TABLE directory_signingkey")
        assert readiness.find_faults() == {}

        # A process that has never seen the table can't know.
        readiness.stop()
        assert readiness.find_faults() == {"database": "doesn't answer"}


@pytest.mark.parametrize(
    ("cause", "meaning"),
    [
        (errors.DiskFull("INSERT of ada@acme.example"), "disk full"),
        (errors.TooManyConnections("x"), "too many connections"),
        (errors.ReadOnlySqlTransaction("x"), "read-only"),
        (errors.LockNotAvailable("x"), "lock not available in time"),
        (errors.QueryCanceled("x"), "statement took too long"),
        (errors.AdminShutdown("x"), "shutting down or starting"),
        (psycopg.OperationalError("FATAL:  sorry, too many clients already"), "too many connections"),
        (psycopg.OperationalError("FATAL:  the database system is starting up"), "shutting down or starting"),
        (psycopg.OperationalError("server closed the connection unexpectedly"), "connection lost or failed"),
    ],
)
def test_the_log_names_the_kind_of_outage_without_values(cause: Exception, meaning: str) -> None:
    error = OperationalError(str(cause))
    error.__cause__ = cause

    logged = reason(error)

    assert (logged["reason"], logged["error"]) == (meaning, type(cause).__name__)
    assert "ada@acme.example" not in str(logged)


class Relay:
    """Passes connections on to PostgreSQL, until it is frozen: then it keeps them open, and silent."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._flows = threading.Event()
        self._flows.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self) -> None:
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    def close(self) -> None:
        self._flows.set()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError), closing(target):
            while data := source.recv(65_536):
                self._flows.wait()
                target.sendall(data)


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    relay = Relay(connection.settings_dict["PORT"] or 5432)
    yield relay
    relay.close()


@pytest.fixture(scope="module")
def database(relay: Relay) -> Iterator[tuple[str, str]]:
    """The URLs of an empty database: straight, and through the relay."""
    with postgresql_database() as url:
        server, _, name = url.rpartition("/")
        credentials = server.partition("//")[2].rpartition("@")[0]
        yield url, f"postgres://{credentials}@127.0.0.1:{relay.port}/{name}"


def ready(url: str) -> tuple[int, Any]:
    response = requests.get(f"{url}/readyz", timeout=10)
    return response.status_code, response.json()


@dataclass(frozen=True)
class Server:
    url: str
    base_url: str
    token: str
    project: tuple[str, str]


@pytest.fixture(scope="module")
def running(database: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that reaches its database through the relay."""
    environment = environment_in(tmp_path_factory.mktemp("running")) | {"DATABASE_URL": database[0]}
    manage(environment, "migrate")
    manage(environment, "createorganization", "--name", "Acme", "--slug", "acme")
    create_connection = ("createscimconnection", "--organization", "acme", "--display-name", "Okta", "--json")
    scim, project = (
        json.loads(manage(environment, *create_connection)),
        json.loads(manage(environment, "createproject", "--json")),
    )
    server = serve(environment | {"DATABASE_URL": database[1]})
    credentials = project["project_id"], project["secret"]
    yield Server(environment["PUBLIC_URL"], scim["base_url"], scim["bearer_token"], credentials)
    os.killpg(server.pid, signal.SIGTERM)
    server.wait()


OK = (200, {"status": "ok", "database": "ok"})


@pytest.mark.postgresql
def test_a_worker_keeps_the_documented_number_of_connections(running: Server, database: tuple[str, str]) -> None:
    headers, at_once = {"Authorization": f"Bearer {running.token}"}, 6

    def ask(_: int) -> int:
        return requests.get(f"{running.base_url}/Users", headers=headers, timeout=10).status_code

    with ThreadPoolExecutor(2 * at_once) as pool:
        assert 200 in set(pool.map(ask, range(10 * at_once)))
    assert ready(running.url) == OK

    with psycopg.connect(database[0]) as operator:
        counted = operator.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()
    assert counted
    assert 2 < counted[0] <= at_once + 2


@pytest.mark.postgresql
def test_a_frozen_and_then_read_only_database_is_reported_and_writes_get_503(
    running: Server, database: tuple[str, str], relay: Relay
) -> None:
    assert ready(running.url) == OK

    relay.freeze()
    time.sleep(0.6)
    assert ready(running.url) == (503, {"status": "unavailable", "database": "doesn't answer"})
    relay.thaw()
    time.sleep(1)
    assert ready(running.url) == OK

    make_read_only(database[0])
    time.sleep(0.6)
    assert ready(running.url) == (503, {"status": "unavailable", "database": "is read-only"})
    check_scim_without_writes(running)
    body = {"organization_name": "Globex", "organization_slug": "globex"}
    answer = requests.post(f"{running.url}/v1/b2b/organizations", json=body, auth=running.project, timeout=10)
    assert (answer.status_code, answer.json()["error_type"]) == (503, "service_unavailable")


def make_read_only(url: str) -> None:
    """As if the server had been demoted, which ends its connections."""
    with psycopg.connect(url, autocommit=True) as operator:
        name = Identifier(url.rpartition("/")[2])
        operator.execute(SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
        operator.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def check_scim_without_writes(running: Server) -> None:
    headers, users = {"Authorization": f"Bearer {running.token}"}, f"{running.base_url}/Users"
    answer = requests.post(users, json={"userName": "ada"}, headers=headers, timeout=10)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert requests.get(users, headers=headers, timeout=10).status_code == 200


@pytest.mark.postgresql
def test_detecting_a_pooler_times_out_if_the_database_hangs(relay: Relay, database: tuple[str, str]) -> None:
    with closing(psycopg.connect(database[1])) as hanging:
        relay.freeze()
        with pytest.raises(psycopg.OperationalError, match="timeout expired"):
            changes_connections(hanging, lambda: hanging)
        relay.thaw()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("wanted", ["read-write", "any"])
def test_a_connection_to_a_demoted_server_is_closed_if_writes_are_needed(
    monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "target_session_attrs", wanted)
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
        assert connection.is_usable()
        with pytest.raises(Exception, match="read-only"):
            models.OrganizationRow.objects.create(slug="acme", name="Acme")

    assert connection.is_usable() is (wanted == "any")
    connection.close()
