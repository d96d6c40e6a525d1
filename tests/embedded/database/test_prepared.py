"""The cursor that is kept: PostgreSQL's own words for what goes wrong, and transactions that begin and end with a statement."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.utils import DataError

from portal.embedded.database.postgresql import prepared

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]

INSERT = "INSERT INTO notes (text) VALUES (%s)"


@pytest.fixture(autouse=True)
def _notes() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE notes (text text PRIMARY KEY)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE notes")


def run(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    cursor = connection.kept_cursor()  # type: ignore[attr-defined]  # -- of our backend
    cursor.execute(sql, parameters)
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def run_last(sql: str, *parameters: Any) -> None:
    connection.run_last(sql, parameters)  # type: ignore[attr-defined]  # -- as above


def another_connection() -> "psycopg.Connection[tuple[Any, ...]]":
    known = connection.get_connection_params()
    return psycopg.connect(
        **{one: known[one] for one in ("dbname", "host", "port", "user", "password") if one in known}
    )


def committed() -> list[str]:
    """Return what another connection sees."""
    with another_connection() as other:
        return [text for (text,) in other.execute("SELECT text FROM notes ORDER BY text")]


HOSTILE = ("'; DROP TABLE notes; --", "\\'; SELECT 1; --", "$$x$$", "%s %% {}", "\N{SNOWMAN}\n\t", "")


@pytest.mark.parametrize("text", HOSTILE)
def test_a_value_stays_a_value_however_it_is_sent(text: str) -> None:
    run(INSERT, text)
    with transaction.atomic():  # where it goes along with BEGIN
        assert run("SELECT text FROM notes WHERE text = %s", text) == [(text,)]
        run("DELETE FROM notes WHERE text = %s", text)
        run_last(INSERT, text)

    assert committed() == [text]


@pytest.mark.parametrize(
    "text", ["2026-11-28 23:59:59.000001+00", "2026-07-01 12:00:00+02", "0001-01-01 00:00:00+00", None]
)
def test_a_moment_is_the_one_that_django_reads(text: str | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz", [text])
        ((expected,),) = cursor.fetchall()

    ((found,),) = run("SELECT %s::timestamptz", text)

    assert found == expected
    assert found is None or (found.isoformat(), found.utcoffset()) == (expected.isoformat(), timedelta(0))


def test_the_last_statement_commits_the_transaction() -> None:
    with transaction.atomic():
        run(INSERT, "first")
        assert committed() == []
        run_last(INSERT, "last")
        assert committed() == ["first", "last"]
    run(INSERT, "later")

    assert committed() == ["first", "last", "later"]


def test_the_last_statement_of_a_part_leaves_the_rest_of_the_transaction_open() -> None:
    with transaction.atomic():
        with transaction.atomic():
            run_last(INSERT, "part")
        assert committed() == []
        transaction.set_rollback(True)

    assert committed() == []


def test_nothing_is_left_of_a_transaction_whose_last_statement_fails() -> None:
    @transaction.atomic
    def change() -> None:
        run(INSERT, "first")
        run_last(INSERT, "there")

    run(INSERT, "there")
    with pytest.raises(IntegrityError):
        change()

    assert committed() == ["there"]


@pytest.mark.parametrize("is_whole", [True, False])
def test_statements_can_be_run_again_after_a_rollback(is_whole: bool) -> None:
    # psycopg has prepared some itself, and then lets go of all that the server has.
    for _ in range(3):
        with connection.cursor() as cursor:
            cursor.execute("SELECT text FROM notes WHERE text <> %s", ["x"])
    for text in ("a", "b"):
        with transaction.atomic():
            run(INSERT, text)
            if is_whole:
                transaction.set_rollback(True)
            else:
                with pytest.raises(IntegrityError), transaction.atomic():
                    run(INSERT, text)

    run(INSERT, "c")
    assert committed() == (["c"] if is_whole else ["a", "b", "c"])


def test_only_so_many_statements_stay_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "_MOST_PREPARED", 3)
    for number in (1, 2, 3, 4, 5, 1):
        assert run(f"SELECT {number}, %s::int", 7) == [(number, 7)]

    assert run("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE %s", "kept%") == [(3,)]


def test_nothing_is_prepared_where_that_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "prepare_threshold", None)
    with transaction.atomic():
        run_last(INSERT, "first")
        run_last(INSERT, "last")

    assert committed() == ["first", "last"]
    assert run("SELECT count(*) FROM pg_prepared_statements") == [(0,)]
    monkeypatch.undo()
    connection.close()


def test_what_the_server_refuses_is_djangos_error() -> None:
    with pytest.raises(DataError):
        run("SELECT %s::int", "no number")
    with pytest.raises(DataError):
        run(INSERT, "\0")

    assert run("SELECT 1") == [(1,)]


def test_a_server_that_is_gone_is_an_operational_error() -> None:
    ((process,),) = run("SELECT pg_backend_pid()")
    with another_connection() as other:
        other.execute("SELECT pg_terminate_backend(%s)", [process])
    try:
        with pytest.raises(OperationalError):
            run("SELECT 1")
    finally:
        connection.close()
    assert run("SELECT 1") == [(1,)]
