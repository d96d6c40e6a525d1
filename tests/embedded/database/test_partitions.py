"""A partitioned database: what an organization has is in one partition of each table, and logs are partitioned by time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from pytest_django import Settings
from structlog.testing import capture_logs

from portal.directory.actor import Actor, ActorType, Origin
from portal.embedded import models
from portal.embedded.audit import Caller, record
from portal.embedded.database import partitioning, partitions, triggers
from portal.embedded.database.postgresql import online
from portal.embedded.scim.log import pruning
from tests import factories

pytestmark = [pytest.mark.partitioned, pytest.mark.django_db]
REQUESTS, ACTIVITY = models.ScimRequestRow._meta.db_table, models.ActivityEntryRow._meta.db_table


@pytest.fixture
def scim(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)


def ask(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def partition_of(row: models.ScimRequestRow | models.ActivityEntryRow) -> str:
    table = row._meta.db_table
    ((name,),) = ask(f"SELECT tableoid::regclass::text FROM {table} WHERE id = %s", row.pk)  # noqa: S608 -- our own table
    return str(name)


def by_key(row: models.ScimRequestRow) -> str:
    (name,) = [one.name for one in partitions.partitions_of(type(row)) if one.lower <= row.pk < one.upper]
    return name


def record_change(organization: models.OrganizationRow) -> models.ActivityEntryRow:
    record(Caller(Actor(ActorType.OPERATOR), Origin()), "x.create", organization_id=organization.pk, target_id="x")
    newest = models.ActivityEntryRow.objects.order_by("pk").last()
    assert newest
    return newest


def in_days(days: int) -> time_machine.travel:
    return time_machine.travel(timezone.now() + timedelta(days=days), tick=False)


def days_left(table: str) -> int:
    return (partitions._end(table) or timezone.now()).toordinal() - timezone.now().toordinal()


@pytest.mark.parametrize("model", partitioning.HASHED)
def test_tables_of_people_are_partitioned_by_organization(model: type[models.MemberRow]) -> None:
    ((method,),) = ask("SELECT pg_get_partkeydef(%s::regclass)", model._meta.db_table)

    assert method == "HASH (organization_id)"


def test_a_table_has_the_same_keys_indexes_and_guards_as_an_ordinary_one() -> None:
    assert triggers.faults(connection.alias) == []
    for model in (*partitioning.HASHED, *partitions.LOGS):
        with connection.cursor() as cursor:
            found = connection.introspection.get_constraints(cursor, model._meta.db_table)
        named = {one.name for one in (*model._meta.constraints, *model._meta.indexes)}
        assert named <= set(found)
        assert any(one["primary_key"] for one in found.values())


def test_rows_are_in_the_partition_of_their_time(scim: models.ScimConnectionRow) -> None:
    with in_days(20):
        request, change = factories.scim_request(scim), record_change(scim.organization)
        names = partition_of(request), partition_of(change)
        assert names[0] == by_key(request)
        assert names[1] == f"{ACTIVITY}_{partitions.next_month(partitions.month_of(timezone.now())):%Y%m%d}"


def test_no_row_is_rejected_for_its_time(scim: models.ScimConnectionRow) -> None:
    for at in (datetime(1990, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)):
        with time_machine.travel(at, tick=False):
            assert factories.scim_request(scim).pk
            assert record_change(scim.organization).pk

    assert partitions.gaps() == [f"{ACTIVITY}_default has rows", f"{REQUESTS}_default has rows"]


def test_partitions_are_created_ahead() -> None:
    assert partitions.gaps() == []
    assert min(days_left(table) for table in (ACTIVITY, REQUESTS)) >= 35

    with in_days(30):
        assert f"{REQUESTS} has partitions" in [gap.partition(" until ")[0] for gap in partitions.gaps()]
        assert partitions.create() >= 3
        assert partitions.gaps() == []
        assert partitions.create() == 0


def test_a_default_partition_becomes_the_partition_of_the_time_that_was_missed(scim: models.ScimConnectionRow) -> None:
    with in_days(120):
        request, change = factories.scim_request(scim), record_change(scim.organization)
        assert partition_of(request) == f"{REQUESTS}_default"
        assert len(partitions.gaps()) == 4
        partitions.create()

        assert partitions.gaps() == []
        assert partition_of(request) == by_key(request)
        assert partition_of(change).startswith(f"{ACTIVITY}_2")
        assert partition_of(factories.scim_request(scim)) == partition_of(request)
        assert triggers.faults(connection.alias) == []


def test_rows_from_a_clock_that_was_wrong_hold_up_no_one(scim: models.ScimConnectionRow) -> None:
    with in_days(5000):
        factories.scim_request(scim)
    with in_days(120):
        factories.scim_request(scim)
        with capture_logs() as logs:
            partitions.create()
        assert [(entry["event"], entry["table"]) for entry in logs] == [("partition_not_created", REQUESTS)]
        assert factories.scim_request(scim).pk
        with pytest.raises(CommandError, match="_default has rows"):
            call_command("createpartitions")


def test_old_requests_are_dropped_with_their_partition(scim: models.ScimConnectionRow) -> None:
    old = [factories.scim_request(scim) for _ in range(3)]
    with in_days(20):
        kept = factories.scim_request(scim)
        assert pruning.prune() == 0
    with in_days(100):
        assert pruning.prune() == 3
        assert pruning.prune() == 0
    assert list(models.ScimRequestRow.objects.all()) == [kept]
    names = [one.name for one in partitions.partitions_of(models.ScimRequestRow)]
    assert partition_of(kept) in names
    assert old[0].pk < partitions.partitions_of(models.ScimRequestRow)[0].lower


def test_a_connection_keeps_a_limited_number_of_entries(scim: models.ScimConnectionRow, settings: Settings) -> None:
    settings.SCIM_LOG_ENTRIES = 2
    requests = [factories.scim_request(scim) for _ in range(3)]
    with in_days(20):
        requests.append(factories.scim_request(scim))

    assert pruning.prune() == 2
    assert list(models.ScimRequestRow.objects.order_by("pk")) == requests[2:]


def test_the_activity_log_is_append_only_in_each_partition(acme: models.OrganizationRow) -> None:
    partition = partition_of(record_change(acme))
    for statement in (f"DELETE FROM {partition}", f"UPDATE {partition} SET action = ''"):  # noqa: S608 -- our own table
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            ask(statement)


def test_a_guard_that_is_disabled_in_one_partition_is_reported(acme: models.OrganizationRow) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {partition_of(record_change(acme))} DISABLE TRIGGER activity_no_delete")

    assert triggers.gaps(connection.alias) == ["activity_no_delete"]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT gatehouse_add_partition('directory_member', 'directory_member_20300101', NULL, NULL)",
        f"SELECT gatehouse_add_partition('{REQUESTS}', 'mine', NULL, NULL)",
        f"SELECT gatehouse_close_default('{REQUESTS}', '{ACTIVITY}_20300101', NULL, NULL)",
        f"SELECT gatehouse_drop_requests('{ACTIVITY}_20300101')",
        f"SELECT gatehouse_drop_requests('{REQUESTS}')",
    ],
)
def test_the_functions_do_nothing_else(statement: str) -> None:
    with pytest.raises(DatabaseError, match="not a partition of"), transaction.atomic():
        ask(statement)


def test_each_organization_is_in_one_partition() -> None:
    for number in range(20):
        organization = factories.organization(f"org-{number}")
        for name in ("ada", "max"):
            factories.member(organization, f"{name}@acme.example")

    found = ask("SELECT organization_id, count(DISTINCT tableoid) FROM directory_member GROUP BY organization_id")

    assert {number for _, number in found} == {1}
    assert len({name for (name,) in ask("SELECT DISTINCT tableoid FROM directory_member")}) > 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", ["directory_member", REQUESTS, "directory_scimconflict"])
def test_a_migration_builds_an_index_on_partitioned_tables_too(table: str) -> None:
    for number in range(2):
        online.build_index(connection, "of_this_test", f"{table} (organization_id, id)")
        is_valid = ask("SELECT indisvalid FROM pg_index WHERE indexrelid = 'of_this_test'::regclass")
        assert is_valid == [(True,)], number
    online.drop_index(connection, "of_this_test")
    assert ask("SELECT relname FROM pg_class WHERE starts_with(relname, 'of_this_test')") == []


@pytest.mark.django_db(transaction=True)
def test_an_index_that_was_interrupted_is_completed() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE INDEX of_this_test ON ONLY directory_member (organization_id, id)")
        cursor.execute("CREATE INDEX of_this_test_0 ON directory_member_0 (organization_id, id)")

    online.build_index(connection, "of_this_test", "directory_member (organization_id, id)")

    assert ask("SELECT indisvalid FROM pg_index WHERE indexrelid = 'of_this_test'::regclass") == [(True,)]
    online.drop_index(connection, "of_this_test")
