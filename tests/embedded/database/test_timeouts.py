"""How long the portal waits for its database."""

from typing import Any

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from portal import settings


def options(monkeypatch: pytest.MonkeyPatch, url: str, **environment: str) -> dict[str, Any]:
    for name, value in {"DATABASE_URL": url, **environment}.items():
        monkeypatch.setenv(name, value)
    return settings.database()


def test_connecting_to_an_unresponsive_server_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    found = options(monkeypatch, "postgres://gatehouse@db.internal/gatehouse")["OPTIONS"]

    assert found["connect_timeout"] == 5
    assert (found["keepalives_idle"], found["keepalives_interval"], found["keepalives_count"]) == (30, 10, 3)
    assert found["tcp_user_timeout"] == 30_000


def test_parameters_in_the_url_override_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    found = options(monkeypatch, "postgres://gatehouse@db.internal/gatehouse?connect_timeout=2&tcp_user_timeout=9000")

    assert (found["OPTIONS"]["connect_timeout"], found["OPTIONS"]["tcp_user_timeout"]) == (2, 9000)


def test_a_url_names_several_servers_and_how_they_are_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = "target_session_attrs=read-write&sslmode=verify-full&sslrootcert=/etc/ssl/db.pem"
    found = options(
        monkeypatch, f"postgres://gatehouse:p%40ss@db1.internal:5432,db2.internal:6432/gatehouse?{parameters}"
    )

    assert (found["HOST"], found["PORT"], found["NAME"]) == ("db1.internal,db2.internal", "5432,6432", "gatehouse")
    assert (found["USER"], found["PASSWORD"]) == ("gatehouse", "p@ss")
    assert parameters.split("&") == [
        f"{name}={found['OPTIONS'][name]}" for name in ("target_session_attrs", "sslmode", "sslrootcert")
    ]


@pytest.mark.postgresql
def test_the_server_that_takes_writes_is_found_among_several(monkeypatch: pytest.MonkeyPatch) -> None:
    known = connection.settings_dict
    host, port = known["HOST"] or "127.0.0.1", known["PORT"] or 5432
    url = f"postgres://{known['USER']}:{known['PASSWORD']}@{host}:1,{host}:{port}/postgres?target_session_attrs=read-write"
    wrapper = connection.copy()
    wrapper.settings_dict = {**known, **options(monkeypatch, url)}

    parameters = wrapper.get_connection_params()
    with psycopg.connect(**parameters) as found:
        assert found.info.port == int(port)


@pytest.mark.postgresql
@pytest.mark.django_db
def test_statements_locks_and_idle_transactions_have_timeouts() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name LIKE '%%timeout'", [])
        found = dict(cursor.fetchall())

    assert (found["statement_timeout"], found["lock_timeout"]) == ("60000", "10000")
    assert found["idle_in_transaction_session_timeout"] == "60000"


@pytest.mark.postgresql
def test_no_timeout_is_set_behind_a_pooler(monkeypatch: pytest.MonkeyPatch) -> None:
    wrapper = connection.copy()
    wrapper.settings_dict = {**wrapper.settings_dict, "NAME": "postgres"}
    wrapper.settings_dict["OPTIONS"] = {**wrapper.settings_dict["OPTIONS"], "prepare_threshold": None}

    raw_connection = wrapper.get_new_connection(wrapper.get_connection_params())
    try:
        assert raw_connection.execute("SHOW lock_timeout").fetchone() == ("0",)
    finally:
        raw_connection.close()


@pytest.mark.parametrize(
    "name", ["DATABASE_STATEMENT_TIMEOUT", "DATABASE_LOCK_TIMEOUT", "DATABASE_IDLE_TRANSACTION_TIMEOUT"]
)
def test_an_invalid_timeout_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=name):
        options(monkeypatch, "postgres://gatehouse@db.internal/gatehouse", **{name: "soon"})
