"""The list of members at any size: read from an index, a bounded number at a time."""

from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.directory.actor import Origin
from portal.directory.members import MemberFilter, MemberState, MemberStatus
from portal.embedded import models
from portal.embedded.database import keyset
from portal.embedded.directory import EmbeddedProvider
from portal.embedded.members.members import EmbeddedMembers
from tests import factories
from tests.plans import without_partitions


@pytest.fixture
def members(admin: models.MemberRow) -> EmbeddedMembers:
    directory = EmbeddedProvider().open("acme", Origin())
    return directory.acting_as(directory.sessions.authenticate(factories.session_token(admin))).members


def addresses(members: EmbeddedMembers, wanted: MemberFilter, limit: int) -> list[list[str]]:
    found, cursor = [], ""
    while True:
        page = members.page(wanted, cursor=cursor, limit=limit)
        found.append([one.member.email_address for one in page.items])
        if page.next_cursor is None:
            return found
        cursor = page.next_cursor


def test_deactivated_members_with_the_same_address_are_each_listed_once(
    members: EmbeddedMembers, acme: models.OrganizationRow
) -> None:
    for _ in range(5):
        row = factories.member(acme, "eve@acme.example")
        models.MemberRow.objects.filter(pk=row.pk).update(status=MemberStatus.DELETED)

    found = addresses(members, MemberFilter(state=MemberState.DEACTIVATED), 2)

    assert [len(page) for page in found] == [2, 2, 1]


@pytest.mark.sqlite
def test_a_search_reads_a_bounded_number_and_continues(members: EmbeddedMembers, acme: models.OrganizationRow) -> None:
    for number in range(9):
        factories.member(acme, f"m{number}@acme.example", name="Wanted" if number == 7 else "")

    with patch.object(keyset, "MAX_SEARCHED", 3):
        found = addresses(members, MemberFilter(text="wanted"), 2)

    assert [one for page in found for one in page] == ["m7@acme.example"]
    assert len(found) > 1


@pytest.mark.parametrize("state", [MemberState.ACTIVE, MemberState.INVITED])
def test_a_list_of_a_state_reads_a_bounded_number_and_continues(
    members: EmbeddedMembers, acme: models.OrganizationRow, state: MemberState
) -> None:
    for number in range(9):
        row = factories.member(acme, f"m{number}@acme.example")
        status = state.statuses[0] if number == 7 else MemberStatus.PENDING if state is MemberState.ACTIVE else "active"
        models.MemberRow.objects.filter(pk=row.pk).update(status=status)

    with patch.object(keyset, "MAX_SEARCHED", 3):
        found = addresses(members, MemberFilter(state=state), 2)

    others = ["ada@acme.example"] if state is MemberState.ACTIVE else []
    assert [one for page in found for one in page] == [*others, "m7@acme.example"]
    assert len(found) > 2


INDEXES = {
    "everyone": (MemberFilter(), "member_email_unique"),
    "active": (MemberFilter(state=MemberState.ACTIVE), "member_email_unique"),
    "deactivated": (MemberFilter(state=MemberState.DEACTIVATED), "member_deactivated"),
    "text": (MemberFilter(text="ben"), "member_email_unique"),
}


@pytest.mark.parametrize(("wanted", "index"), INDEXES.values(), ids=INDEXES)
def test_a_page_is_read_from_an_index(
    members: EmbeddedMembers, acme: models.OrganizationRow, wanted: MemberFilter, index: str
) -> None:
    factories.member(acme, "ben@acme.example")
    with CaptureQueriesContext(connection) as queries:
        members.page(wanted)
    (statement,) = [
        one["sql"] for one in queries if '"status"' in one["sql"] and "LIMIT" in one["sql"] and "JOIN" in one["sql"]
    ][-1:]

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # With few rows PostgreSQL prefers a sequential scan.
            cursor.execute(
                "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off"
            )
        cursor.execute(f"{'EXPLAIN' if connection.vendor == 'postgresql' else 'EXPLAIN QUERY PLAN'} {statement}")
        plan = without_partitions(str(cursor.fetchall()))

    assert index in plan, plan
