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
from portal.embedded.members import listing
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


def plan_of(statement: str) -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # With few rows PostgreSQL prefers a sequential scan.
            cursor.execute(
                "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off"
            )
        cursor.execute(f"{'EXPLAIN' if connection.vendor == 'postgresql' else 'EXPLAIN QUERY PLAN'} {statement}")
        return without_partitions(str(cursor.fetchall()))


@pytest.mark.parametrize(("wanted", "index"), INDEXES.values(), ids=INDEXES)
def test_a_page_is_read_from_an_index(
    members: EmbeddedMembers, acme: models.OrganizationRow, wanted: MemberFilter, index: str
) -> None:
    factories.member(acme, "ben@acme.example")
    with CaptureQueriesContext(connection) as queries:
        members.page(wanted)
    statements = [one["sql"] for one in queries if '"status"' in one["sql"] and "LIMIT" in one["sql"]]

    # The page itself, or what a search reads: the end of it, and the keys of the members who are found.
    for statement in statements[:2]:
        plan = plan_of(statement)
        assert index in plan, plan


def test_a_word_that_many_have_is_found_in_the_first_members_of_the_list(
    members: EmbeddedMembers, acme: models.OrganizationRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_FIRST", 4)
    for number in range(9):
        factories.member(acme, f"m{number}@acme.example")
    with CaptureQueriesContext(connection) as queries:
        page = members.page(MemberFilter(text="acme"), limit=2)

    assert len(page.items) == 2
    # The end of what is read, the keys, the members, and with what and when they sign in.
    assert len(queries) <= 4
    assert page.next_cursor


@pytest.mark.postgresql
def test_a_word_that_few_have_is_found_by_the_trigram_indexes(
    members: EmbeddedMembers, acme: models.OrganizationRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_FIRST", 4)
    for number in range(9):
        factories.member(acme, f"m{number}@acme.example", name="Grace Hopper" if number == 7 else "")
    with CaptureQueriesContext(connection) as queries:
        page = members.page(MemberFilter(text="hopper"))

    assert [one.member.email_address for one in page.items] == ["m7@acme.example"]
    (statement,) = [one["sql"] for one in queries if "UNION ALL" in one["sql"] and "ILIKE" in one["sql"]]
    own = f'"directory_member"."organization_id" = \'{acme.pk.hex}\'::uuid'
    assert own in statement
    with connection.cursor() as cursor:
        # An organization of so few is read faster as a whole, and so is a small table.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {statement.replace(own, 'true')}")
        plan = without_partitions(str(cursor.fetchall()))
    assert "directory_member_name_parts" in plan, plan
    assert "directory_member_address_parts" in plan, plan


def test_a_member_who_is_deleted_while_a_page_is_read_costs_no_other(
    members: EmbeddedMembers, acme: models.OrganizationRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        factories.member(acme, f"m{number}@acme.example")
    keys = listing._keys

    def deleted_in_between(rows: listing.Rows, limit: int) -> object:
        found = keys(rows, limit)
        models.MemberRow.objects.filter(email_address="m1@acme.example").update(status=MemberStatus.DELETED)
        return found

    monkeypatch.setattr(listing, "_keys", deleted_in_between)
    found = addresses(members, MemberFilter(text="acme"), 2)

    assert [one for page in found for one in page] == [
        "ada@acme.example",
        *(f"m{n}@acme.example" for n in (0, 2, 3, 4, 5)),
    ]
