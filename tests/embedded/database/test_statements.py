"""Statements read what the same queryset reads, and the cursor they use on PostgreSQL fails and recovers as Django's does."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import DEFAULT_DB_ALIAS, IntegrityError, OperationalError, connection, connections, transaction
from django.db.models import BooleanField, F, Q, QuerySet
from django.db.models.expressions import ExpressionWrapper
from django.db.utils import DataError

from portal.embedded import models
from portal.embedded.database.statements import Statement, columns_of, execute, run
from portal.embedded.database.writes import Writes
from tests import factories

USER = models.ScimUserRow._meta
INSERT = "INSERT INTO notes (text) VALUES (%s)"


@pytest.fixture
def scim(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)


@pytest.fixture
def ada(scim: models.ScimConnectionRow) -> models.ScimUserRow:
    return factories.scim_user(scim, "Ada", member=factories.member(scim.organization, "ada@acme.example"))


def users(organization: UUID, name: str) -> "QuerySet[models.ScimUserRow]":
    """Return the users of a name, each with whether they are active members."""
    is_in = ExpressionWrapper(Q(active=True) & Q(member__isnull=False), output_field=BooleanField())
    found = models.ScimUserRow.objects.annotate(is_in=is_in, address=F("member__email_address"))
    return found.filter(organization_id=organization).filter(user_name_folded=name)


def statement(*columns: str) -> Statement[models.ScimUserRow]:
    parameters = (USER.get_field("organization"), UUID(int=1)), (USER.get_field("user_name_folded"), "example")
    return Statement(users, columns, *parameters)


@pytest.mark.django_db
def test_rows_are_those_of_the_queryset(ada: models.ScimUserRow) -> None:
    columns = (*columns_of(models.ScimUserRow), "is_in", "address", "member__status")

    found = statement(*columns).rows(ada.organization_id, "ada")

    assert found == list(users(ada.organization_id, "ada").values_list(*columns))
    assert len(found) == 1


@pytest.mark.django_db
def test_an_object_has_its_related_object_and_its_annotations(ada: models.ScimUserRow) -> None:
    columns = columns_of(models.ScimUserRow, without=["document", "search"])
    read = statement(*columns, *columns_of(models.MemberRow, "member__"), "is_in")

    row = read.first_object(ada.organization_id, "ada")

    assert row == ada
    assert row is not None
    assert row.get_deferred_fields() == {"document", "search"}
    assert vars(row)["is_in"] is True
    with connection.execute_wrapper(reject):
        assert row.member == ada.member
        assert row.member
        assert row.member.scim_user == ada
    assert row.document == ada.document
    row.display_name = "Ada"
    row.save(update_fields=["display_name"])
    assert models.ScimUserRow.objects.get().display_name == "Ada"


def reject(*_: Any) -> None:
    raise AssertionError("It should have been read already.")


@pytest.mark.django_db
def test_an_object_without_a_related_one_has_none(scim: models.ScimConnectionRow) -> None:
    factories.scim_user(scim, "Bob")
    read = statement(*columns_of(models.ScimUserRow), *columns_of(models.MemberRow, "member__"))

    row = read.first_object(scim.organization_id, "bob")

    assert row is not None
    assert row.member is None
    assert read.first_object(scim.organization_id, "nobody") is None


@pytest.mark.django_db
def test_parameters_in_another_order_than_in_the_sql_are_an_error() -> None:
    parameters = (USER.get_field("user_name_folded"), "example"), (USER.get_field("organization"), UUID(int=1))
    read: Statement[models.ScimUserRow] = Statement(lambda name, key: users(key, name), ("pk",), *parameters)

    with pytest.raises(TypeError, match="another order"):
        read.rows("ada", UUID(int=1))


@pytest.mark.django_db
@pytest.mark.parametrize("model", [models.MemberRow, models.ScimUserRow, models.ScimGroupRow])
def test_an_insert_stores_what_saving_stores(scim: models.ScimConnectionRow, model: type[Any]) -> None:
    values: dict[str, Any] = {"organization_id": scim.organization_id}
    for number in range(2):
        if model is models.MemberRow:
            values |= {"email_address": f"Ada{number}@Acme.example"}
        else:
            name = "user_name" if model is models.ScimUserRow else "display_name"
            values |= {"connection_id": scim.pk, name: f"Ada{number}", "updated_at": scim.created_at}
        row = model(**values)
        if number:
            row.save(force_insert=True)
        else:
            writes = Writes()
            writes.insert(row)
            writes.send()
        assert not row._state.adding

    written, saved = model.objects.order_by("pk").values()
    differing = {name for name in written if written[name] != saved[name]}
    assert differing <= {
        "id",
        "created_at",
        "updated_at",
        *(name for name in values if isinstance(values[name], str)),
    } | {
        "email_address_folded",
        "user_name_folded",
        "display_name_folded",
    }


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


@pytest.fixture
def notes(transactional_db: None) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE notes (text text PRIMARY KEY)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE notes")


def write(sql: str, *parameters: Any) -> None:
    execute(sql, parameters)


def another_connection() -> "psycopg.Connection[tuple[Any, ...]]":
    known = connection.get_connection_params()
    return psycopg.connect(
        **{one: known[one] for one in ("dbname", "host", "port", "user", "password") if one in known}
    )


def committed() -> list[str]:
    """Return what another connection sees."""
    with another_connection() as other:
        return [text for (text,) in other.execute("SELECT text FROM notes ORDER BY text")]


@pytest.mark.postgresql
@pytest.mark.usefixtures("notes")
@pytest.mark.parametrize(
    "text", ["'; DROP TABLE notes; --", "\\'; SELECT 1; --", "$$x$$", "%s %% {}", "\N{SNOWMAN}\n\t", ""]
)
def test_values_are_not_read_as_sql(text: str) -> None:
    for _ in range(3):  # as it is, and prepared
        with transaction.atomic():
            write(INSERT, text)
            assert run("SELECT text FROM notes WHERE text = %s", [text]) == [(text,)]
        assert committed() == [text]
        write("DELETE FROM notes")


@pytest.mark.postgresql
@pytest.mark.django_db
@pytest.mark.parametrize(
    "text", ["2026-11-28 23:59:59.000001+00", "2026-07-01 12:00:00+02", "0001-01-01 00:00:00+00", None]
)
def test_a_timestamp_is_the_one_that_django_reads(text: str | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz", [text])
        ((expected,),) = cursor.fetchall()

    ((found,),) = run("SELECT %s::timestamptz", [text])

    assert found == expected
    assert found is None or (found.isoformat(), found.utcoffset()) == (expected.isoformat(), timedelta(0))


@pytest.mark.postgresql
@pytest.mark.usefixtures("notes")
def test_a_statement_is_part_of_the_transaction() -> None:
    with transaction.atomic():
        write(INSERT, "first")
        assert committed() == []
    write(INSERT, "second")
    assert committed() == ["first", "second"]


@pytest.mark.postgresql
@pytest.mark.usefixtures("notes")
@pytest.mark.parametrize("is_whole", [True, False])
def test_statements_can_be_run_again_after_a_rollback(is_whole: bool) -> None:
    # psycopg then lets go of all that is prepared.
    for text in ("a", "b", "c"):
        with transaction.atomic():
            write(INSERT, text)
            if is_whole:
                transaction.set_rollback(True)
            else:
                with pytest.raises(IntegrityError), transaction.atomic():
                    write(INSERT, text)

    write(INSERT, "d")
    assert committed() == (["d"] if is_whole else ["a", "b", "c", "d"])


@pytest.mark.postgresql
@pytest.mark.usefixtures("notes")
@pytest.mark.parametrize("is_prepared", [True, False])
def test_statements_are_prepared_unless_that_is_switched_off(
    is_prepared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.close()
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "prepare_threshold", 1 if is_prepared else None)
    for text in ("a", "b", "c"):
        with transaction.atomic():
            write(INSERT, text)

    assert committed() == ["a", "b", "c"]
    ((number,),) = run("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'INSERT INTO notes%%'", [])
    assert number == (1 if is_prepared else 0)
    monkeypatch.undo()
    connection.close()


@pytest.mark.postgresql
@pytest.mark.usefixtures("notes")
def test_errors_of_the_server_are_djangos_errors() -> None:
    with pytest.raises(DataError):
        run("SELECT %s::int", ["no number"])
    with pytest.raises(DataError):
        write(INSERT, "\0")

    assert run("SELECT 1", []) == [(1,)]


@pytest.mark.postgresql
@pytest.mark.usefixtures("notes")
def test_a_lost_connection_is_an_operational_error_and_the_next_statement_connects_again() -> None:
    ((process,),) = run("SELECT pg_backend_pid()", [])
    with another_connection() as other:
        other.execute("SELECT pg_terminate_backend(%s)", [process])
    try:
        with pytest.raises(OperationalError):
            run("SELECT 1", [])
    finally:
        connection.close()
    assert run("SELECT 1", []) == [(1,)]


@pytest.mark.postgresql
@pytest.mark.usefixtures("notes")
def test_cursors_of_many_rows_are_not_kept() -> None:
    for number in (1000, 3, 1000):
        assert len(run("SELECT generate_series(1, %s)", [number])) == number
        kept = vars(connections[DEFAULT_DB_ALIAS])["_cursors"]
        assert ("SELECT generate_series(1, %s)" in kept) == (number == 3)
