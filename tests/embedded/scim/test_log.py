"""The log at any size: each page reads a bounded number of entries from an index."""

from datetime import datetime, timedelta
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from portal.directory.actor import Origin
from portal.directory.ids import public_id, timestamp_of, uuid7
from portal.directory.scim.log import ScimOutcome, ScimRequestFilter
from portal.embedded import models
from portal.embedded.directory import EmbeddedProvider
from portal.embedded.scim.log import reading
from portal.embedded.scim.log.reading import EmbeddedScimLog
from tests import factories
from tests.plans import without_partitions

USER = "scim-user-live-01900000-0000-7000-8000-000000000001"
GROUPS = ScimRequestFilter(resource_type="Group")


@pytest.fixture
def scim(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)


@pytest.fixture
def log(admin: models.MemberRow) -> EmbeddedScimLog:
    directory = EmbeddedProvider().open("acme", Origin())
    signed_in = directory.sessions.authenticate(factories.session_token(admin))
    return directory.acting_as(signed_in).scim.log


def id_of(scim: models.ScimConnectionRow) -> str:
    return public_id("scim-connection", scim.pk)


def test_a_search_for_rare_requests_stops_and_says_where(log: EmbeddedScimLog, scim: models.ScimConnectionRow) -> None:
    wanted = factories.scim_request(scim, resource_type="Group")
    rows = [factories.scim_request(scim, resource_type="User") for _ in range(25)]

    with patch.object(reading, "MAX_SEARCHED", 10):
        first = log.page(id_of(scim), GROUPS)
        assert first.items == ()
        assert first.searched_to == timestamp_of(rows[15].pk)
        second = log.page(id_of(scim), GROUPS, cursor=first.next_cursor or "")
        assert second.searched_to == timestamp_of(rows[5].pk)
        third = log.page(id_of(scim), GROUPS, cursor=second.next_cursor or "")

    assert [one.scim_request_id for one in third.items] == [public_id("scim-request", wanted.pk)]
    assert (third.next_cursor, third.searched_to) == (None, None)


def test_a_search_that_fills_its_page_continues_after_it(log: EmbeddedScimLog, scim: models.ScimConnectionRow) -> None:
    rows = [factories.scim_request(scim, resource_type="Group") for _ in range(7)]
    found: list[str] = []
    cursor: str | None = ""

    with patch.object(reading, "MAX_SEARCHED", 3):
        while cursor is not None:
            page = log.page(id_of(scim), GROUPS, cursor=cursor, limit=2)
            found += [one.scim_request_id for one in page.items]
            cursor = page.next_cursor

    assert found == [public_id("scim-request", row.pk) for row in reversed(rows)]


def test_an_export_reads_in_batches_up_to_its_limit(log: EmbeddedScimLog, scim: models.ScimConnectionRow) -> None:
    rows = [factories.scim_request(scim, resource_type="Group" if n % 4 else "User") for n in range(23)]
    newest = [public_id("scim-request", row.pk) for row in reversed(rows)]

    with (
        patch.object(reading, "_BATCH", 5),
        patch.object(reading, "MAX_SEARCHED", 3),
        patch.object(reading, "MAX_EXPORTED", 12),
    ):
        everything = [one.scim_request_id for one in log.export(id_of(scim))]
        groups = [one.scim_request_id for one in log.export(id_of(scim), GROUPS)]

    assert everything == newest[:12]
    assert groups == [one for n, one in enumerate(reversed(newest)) if n % 4][::-1][:12]


def test_an_export_is_recorded_in_the_activity_log(log: EmbeddedScimLog, scim: models.ScimConnectionRow) -> None:
    since = timezone.now() - timedelta(days=1)
    log.export(id_of(scim), ScimRequestFilter(outcome=ScimOutcome.FAILED, resource_id=USER, since=since))

    entry = models.ActivityEntryRow.objects.get(action="scim_request.export")
    assert (entry.target_id, entry.target_name) == (id_of(scim), "Okta production")
    assert entry.after == {"outcome": "refused", "resource_id": USER, "since": since.isoformat()}
    assert entry.actor_name == "Ada Admin"


def test_requests_have_the_names_of_their_users_and_groups(
    log: EmbeddedScimLog, scim: models.ScimConnectionRow
) -> None:
    user = factories.scim_user(scim, "ada@acme.example", display_name="Ada Lovelace")
    group = factories.scim_group(scim, "Sales")
    deleted = public_id("scim-user", uuid7())
    for resource_type, key in (
        ("User", public_id("scim-user", user.pk)),
        ("Group", public_id("scim-group", group.pk)),
        ("User", deleted),
    ):
        factories.scim_request(scim, resource_type=resource_type, resource_id=key)

    assert [one.resource_name for one in log.page(id_of(scim)).items] == ["", "Sales", "Ada Lovelace"]


def test_users_of_another_organization_are_not_named(
    log: EmbeddedScimLog, scim: models.ScimConnectionRow, globex: models.OrganizationRow
) -> None:
    foreign = factories.scim_user(factories.scim_connection(globex), "gil@globex.example")
    row = factories.scim_request(scim, resource_type="User", resource_id=public_id("scim-user", foreign.pk))

    assert log.get(public_id("scim-request", row.pk)).resource_name == ""


@pytest.mark.parametrize("number", [3, 120])
@pytest.mark.parametrize("wanted", [ScimRequestFilter(), GROUPS, ScimRequestFilter(outcome=ScimOutcome.FAILED)])
def test_a_page_takes_a_fixed_number_of_queries(
    log: EmbeddedScimLog,
    scim: models.ScimConnectionRow,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    number: int,
    wanted: ScimRequestFilter,
) -> None:
    user, group = factories.scim_user(scim, "ada"), factories.scim_group(scim, "Sales")
    for _ in range(number):
        factories.scim_request(scim, resource_type="User", resource_id=public_id("scim-user", user.pk), status=404)
        factories.scim_request(scim, resource_type="Group", resource_id=public_id("scim-group", group.pk), status=404)

    with django_assert_max_num_queries(4):  # the bound of a search, requests, users, groups
        log.page(id_of(scim), wanted)


INDEXES = {
    "scim_request_newest_first": ScimRequestFilter(),
    "scim_request_refused": ScimRequestFilter(outcome=ScimOutcome.FAILED),
    "scim_request_of_resource": ScimRequestFilter(resource_id=USER),
}


@pytest.mark.parametrize(("index", "wanted"), INDEXES.items(), ids=INDEXES)
def test_a_page_is_read_from_an_index(
    log: EmbeddedScimLog, scim: models.ScimConnectionRow, index: str, wanted: ScimRequestFilter
) -> None:
    factories.scim_request(scim, resource_type="User", resource_id=USER, status=404)
    with CaptureQueriesContext(connection) as queries:
        log.page(id_of(scim), wanted)
    statement = queries[0]["sql"]

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # With few rows PostgreSQL prefers a sequential scan.
            cursor.execute(
                "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off"
            )
        cursor.execute(f"{'EXPLAIN' if connection.vendor == 'postgresql' else 'EXPLAIN QUERY PLAN'} {statement}")
        plan = without_partitions(str(cursor.fetchall()))

    assert index in plan, plan
    assert "TEMP B-TREE" not in plan, (plan, statement)


def test_a_key_has_the_time_of_its_creation() -> None:
    now = datetime.now(tz=timezone.now().tzinfo)

    assert abs(timestamp_of(uuid7()) - now) < timedelta(seconds=1)
