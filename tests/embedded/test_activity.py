"""The activity log at any size: each page reads a bounded number of entries from an index."""

from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from portal.directory.activity import ActivityFilter, ActivityKind
from portal.directory.actor import ActorType, Origin
from portal.directory.ids import public_id, timestamp_of
from portal.embedded import activity, models
from portal.embedded.activity import EmbeddedActivity
from portal.embedded.directory import EmbeddedProvider
from tests import factories
from tests.plans import without_partitions

GROUP = "scim-group-live-01900000-0000-7000-8000-000000000001"
NORA = "member-live-01900000-0000-7000-8000-000000000002"
CONNECTION = "scim-connection-live-01900000-0000-7000-8000-000000000003"
NAMED = ActivityFilter(text="wanted")


@pytest.fixture
def log(admin: models.MemberRow) -> EmbeddedActivity:
    directory = EmbeddedProvider().open("acme", Origin())
    return directory.acting_as(directory.sessions.authenticate(factories.session_token(admin))).activity


def test_a_search_for_rare_entries_stops_and_says_where(log: EmbeddedActivity, acme: models.OrganizationRow) -> None:
    wanted = factories.activity_entry(acme, target_name="wanted")
    rows = [factories.activity_entry(acme) for _ in range(25)]

    with patch.object(activity, "MAX_SEARCHED", 10):
        first = log.page(NAMED)
        assert (first.items, first.searched_to) == ((), timestamp_of(rows[15].pk))
        second = log.page(NAMED, cursor=first.next_cursor or "")
        assert (second.items, second.searched_to) == ((), timestamp_of(rows[5].pk))
        third = log.page(NAMED, cursor=second.next_cursor or "")

    assert [one.activity_id for one in third.items] == [public_id("activity", wanted.pk)]
    assert (third.next_cursor, third.searched_to) == (None, None)


def test_an_export_reads_in_batches_up_to_its_limit(log: EmbeddedActivity, acme: models.OrganizationRow) -> None:
    rows = [factories.activity_entry(acme, target_name="wanted" if n % 4 else "other") for n in range(23)]
    found = [public_id("activity", row.pk) for row in reversed(rows) if row.target_name == "wanted"]

    with (
        patch.object(activity, "_BATCH", 5),
        patch.object(activity, "MAX_SEARCHED", 3),
        patch.object(activity, "MAX_EXPORTED", 12),
    ):
        assert [one.activity_id for one in log.export(NAMED)] == found[:12]


@pytest.mark.parametrize("number", [3, 120])
@pytest.mark.parametrize("wanted", [ActivityFilter(), NAMED, ActivityFilter(kind=ActivityKind.MEMBERS)])
def test_a_page_takes_a_fixed_number_of_queries(
    log: EmbeddedActivity,
    acme: models.OrganizationRow,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    number: int,
    wanted: ActivityFilter,
) -> None:
    for _ in range(number):
        factories.activity_entry(acme)

    with django_assert_max_num_queries(2):  # the bound of a search, and entries
        log.page(wanted)


# The index of each filter. What identity providers do all the time is found soon in the list of all entries.
INDEXES = {
    "everything": (ActivityFilter(), "activity_listed"),
    "target": (ActivityFilter(target_id=GROUP), "activity_of_target"),
    "target in the text": (ActivityFilter(text=GROUP), "activity_of_target"),
    "member": (ActivityFilter(actor_id=NORA), "activity_by_actor"),
    "members": (ActivityFilter(actor_type=ActorType.MEMBER), "activity_by_actor_type"),
    "identity provider": (ActivityFilter(actor_type=ActorType.SCIM), "activity_listed"),
    "connection": (ActivityFilter(actor_id=CONNECTION), "activity_listed"),
    "roles": (ActivityFilter(kind=ActivityKind.ROLES), "activity_not_routine"),
    "connections": (ActivityFilter(kind=ActivityKind.SCIM), "activity_not_routine"),
    "organization": (ActivityFilter(kind=ActivityKind.ORGANIZATION), "activity_not_routine"),
    "people": (ActivityFilter(kind=ActivityKind.USERS), "activity_listed"),
    "notable": (ActivityFilter(without_routine=True), "activity_not_routine"),
    "text": (NAMED, "activity_listed"),
}


@pytest.mark.parametrize(("wanted", "index"), INDEXES.values(), ids=INDEXES)
def test_a_page_is_read_from_an_index(
    log: EmbeddedActivity, acme: models.OrganizationRow, wanted: ActivityFilter, index: str
) -> None:
    factories.activity_entry(acme)
    with CaptureQueriesContext(connection) as queries:
        log.page(wanted)

    for query in queries:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                # With few rows PostgreSQL prefers a sequential scan.
                cursor.execute(
                    "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off"
                )
            explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
            cursor.execute(f"{explain} {query['sql']}")
            plan = without_partitions(str(cursor.fetchall()))
        assert f"{index} " in plan.replace("_id_idx", " "), plan
        assert "TEMP B-TREE" not in plan, plan
