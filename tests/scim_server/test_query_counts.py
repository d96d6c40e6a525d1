"""Frequent requests take the same number of statements in a large organization as in a small one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.embedded import models
from portal.embedded.scim.protocol.groups import group_id
from portal.embedded.scim.protocol.users import user_id
from tests import factories
from tests.plans import analyze
from tests.scim_server.conftest import Idp
from tests.scim_server.test_bulk import BULK
from tests.scim_server.test_groups import values

NAMED = 'displayName eq "group 0000"'


@dataclass(frozen=True)
class Company:
    """What there is to call for, by id; the cursors are behind the first two."""

    group: str
    member: str
    outsider: str
    user_cursor: str
    group_cursor: str


def fill(idp: Idp, users: int, groups: int) -> Company:
    """Give a connection so many groups, and so many people, who are all in the first group but one."""
    organization, names = idp.connection.organization_id, [f"user{n:04}@acme.example" for n in range(users)]
    signing_in = [models.MemberRow(organization_id=organization, email_address=name) for name in names]
    models.MemberRow.objects.bulk_create(signing_in)
    outsider, *members = [
        factories.scim_user(idp.connection, name, member=member) for name, member in zip(names, signing_in, strict=True)
    ]
    group, *_ = factories.scim_groups(idp.connection, (f"Group {n:04}" for n in range(groups)))
    factories.put_in_group(group, members)
    cursors = [idp.get(endpoint, cursor="", count=2).json()["nextCursor"] for endpoint in ("/Users", "/Groups")]
    return Company(group_id(group.pk), user_id(members[0].pk), user_id(outsider.pk), *cursors)


def replace(path: str, value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}


def _creations(number: int) -> dict[str, Any]:
    operation = {"method": "POST", "path": "/Users"}
    users = [operation | {"bulkId": f"u{n}", "data": {"userName": f"bulk{n}@acme.example"}} for n in range(number)]
    return {"schemas": [BULK], "Operations": users}


REQUESTS: dict[str, Callable[[Idp, Company], Any]] = {
    "userName eq": lambda idp, _: idp.get("/Users", filter='userName eq "user0003@acme.example"'),
    "externalId eq": lambda idp, _: idp.get("/Users", filter='externalId eq "none"'),
    "emails eq": lambda idp, _: idp.get("/Users", filter='emails.value eq "none@acme.example"'),
    "emails eq, in brackets": lambda idp, _: idp.get(
        "/Users", filter='emails[type eq "work" and value eq "user0003@acme.example"]'
    ),
    "id eq": lambda idp, company: idp.get("/Users", filter=f'id eq "{company.member}" and active eq true'),
    "userName eq, and more": lambda idp, _: idp.get(
        "/Users", filter='userName eq "user0003@acme.example" and active eq true'
    ),
    "externalId eq of a group": lambda idp, _: idp.get("/Groups", filter='externalId eq "none"'),
    "displayName eq": lambda idp, _: idp.get("/Groups", filter=NAMED, excludedAttributes="members"),
    "displayName eq, with members": lambda idp, _: idp.get("/Groups", filter=NAMED),
    "get a person": lambda idp, company: idp.get(f"/Users/{company.member}"),
    "get a group": lambda idp, company: idp.get(f"/Groups/{company.group}"),
    "get a group without members": lambda idp, company: idp.get(
        f"/Groups/{company.group}", excludedAttributes="members"
    ),
    "first page of people": lambda idp, _: idp.get("/Users", count=4),
    "second page of people": lambda idp, _: idp.get("/Users", count=2, startIndex=3),
    "next page of people": lambda idp, company: idp.get("/Users", count=2, cursor=company.user_cursor),
    "first page of groups": lambda idp, _: idp.get("/Groups", count=2),
    "second page of groups": lambda idp, _: idp.get("/Groups", count=2, startIndex=3),
    "next page of groups": lambda idp, company: idp.get("/Groups", count=2, cursor=company.group_cursor),
    "create a person": lambda idp, _: idp.send("POST", "/Users", {"userName": "new@acme.example"}),
    "create who is there": lambda idp, _: idp.send("POST", "/Users", {"userName": "user0001@acme.example"}),
    "create who has the address of another": lambda idp, _: idp.send(
        "POST", "/Users", {"userName": "x", "emails": [{"value": "user0003@acme.example"}]}
    ),
    "replace a person": lambda idp, company: idp.send(
        "PUT", f"/Users/{company.member}", {"userName": "x", "title": "x"}
    ),
    "change a person": lambda idp, company: idp.patch(f"/Users/{company.member}", replace("title", "x")),
    "deactivate": lambda idp, company: idp.patch(f"/Users/{company.member}", replace("active", False)),
    "delete a person": lambda idp, company: idp.send("DELETE", f"/Users/{company.member}"),
    "create a group": lambda idp, company: idp.send(
        "POST", "/Groups", {"displayName": "New", "members": values(company.member)}
    ),
    "rename a group": lambda idp, company: idp.patch(f"/Groups/{company.group}", replace("displayName", "Renamed")),
    "add a member": lambda idp, company: idp.patch(
        f"/Groups/{company.group}", {"op": "add", "path": "members", "value": values(company.outsider)}
    ),
    "remove a member": lambda idp, company: idp.patch(
        f"/Groups/{company.group}", {"op": "remove", "path": "members", "value": values(company.member)}
    ),
    "remove a member by a filter": lambda idp, company: idp.patch(
        f"/Groups/{company.group}", {"op": "remove", "path": f'members[value eq "{company.member}"]'}
    ),
    "delete a group": lambda idp, company: idp.send("DELETE", f"/Groups/{company.group}"),
    "create in bulk": lambda idp, _: idp.send("POST", "/Bulk", _creations(10)),
}


@pytest.mark.parametrize("call", REQUESTS)
def test_a_request_takes_the_same_number_of_statements_at_any_size(idp: Idp, other_idp: Idp, call: str) -> None:
    taken = []
    for one, users, groups in ((idp, 6, 6), (other_idp, 150, 40)):
        company = fill(one, users, groups)
        one.get("/ServiceProviderConfig")  # the token's last use is noted once a minute
        with CaptureQueriesContext(connection) as captured:
            response = REQUESTS[call](one, company)
        assert response.status_code in {200, 201, 204, 409}, response.content
        taken.append([query["sql"].partition(" ")[0] for query in captured])

    assert taken[0] == taken[1]


@pytest.mark.postgresql
@pytest.mark.parametrize("call", ["create a person", "deactivate", "add a member", "create a group", "create in bulk"])
def test_a_change_is_written_in_one_statement(idp: Idp, call: str) -> None:
    company = fill(idp, 6, 3)
    for user in (company.member, company.outsider):
        idp.patch(f"/Users/{user}", replace("title", "x"))  # which makes the member
    idp.patch(f"/Users/{company.outsider}", replace("active", False))  # which makes the safeguard's row
    with CaptureQueriesContext(connection) as captured:
        assert REQUESTS[call](idp, company).status_code in {200, 201, 204}

    statements = [query["sql"] for query in captured if models.ScimRequestRow._meta.db_table not in query["sql"]]
    writing = [sql for sql in statements if sql.startswith(("WITH part0 ", "INSERT ", "UPDATE ", "DELETE "))]
    assert len(writing) == 1
    assert models.ActivityEntryRow._meta.db_table in writing[0]


BY_ID_OR_NAME = (
    *("userName eq", "userName eq, and more", "externalId eq", "externalId eq of a group", "displayName eq", "id eq"),
    *("emails eq", "emails eq, in brackets", "get a person", "get a group without members"),
    *(
        "create who is there",
        "create who has the address of another",
        "replace a person",
        "change a person",
        "deactivate",
        "delete a person",
        "rename a group",
    ),
    *("add a member", "remove a member", "remove a member by a filter"),
)


COUNTED = [
    model._meta.db_table
    for model in (models.ScimUserRow, models.ScimGroupRow, models.ScimMembershipRow, models.MemberRow)
]


def rows_read() -> dict[str, int]:
    """Return how many people, groups, memberships and members PostgreSQL has read in this transaction, by table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname, seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables")
        found = dict(cursor.fetchall())
    return {table: found[table] for table in COUNTED}


def forget_statistics() -> None:
    """Undo what autovacuum may have found out in the tests before: that the tables are empty, and large."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE relname = ANY(%s)", [COUNTED])
        cursor.execute("DELETE FROM pg_statistic WHERE starelid::regclass::text = ANY(%s)", [COUNTED])


@pytest.mark.postgresql
@pytest.mark.parametrize("call", BY_ID_OR_NAME)
def test_a_lookup_reads_few_rows_without_statistics(idp: Idp, call: str) -> None:
    """As while an identity provider fills a new directory: what a transaction has written nobody has analysed."""
    forget_statistics()
    company = fill(idp, 600, 600)
    idp.get("/ServiceProviderConfig")
    before = rows_read()
    assert REQUESTS[call](idp, company).status_code in {200, 201, 204, 409}

    assert all(read - before[table] < 30 for table, read in rows_read().items())


@pytest.mark.postgresql
@pytest.mark.parametrize("call", BY_ID_OR_NAME)
def test_a_lookup_reads_few_rows_with_statistics_of_another_connection(idp: Idp, other_idp: Idp, call: str) -> None:
    """As while the people of a new customer arrive: what they add to all that is there is too little to be analysed."""
    fill(other_idp, 600, 600)
    analyze()
    company = fill(idp, 300, 300)
    idp.get("/ServiceProviderConfig")
    before = rows_read()
    assert REQUESTS[call](idp, company).status_code in {200, 201, 204, 409}

    assert all(read - before[table] < 30 for table, read in rows_read().items())


def test_creating_in_bulk_takes_the_same_number_of_statements_for_ten_and_a_hundred(idp: Idp, other_idp: Idp) -> None:
    taken = []
    for one, number in ((idp, 10), (other_idp, 100)):
        one.get("/ServiceProviderConfig")
        with CaptureQueriesContext(connection) as captured:
            assert one.send("POST", "/Bulk", _creations(number)).status_code == 200
        taken.append(len(captured))

    assert models.ScimUserRow.objects.count() == 110
    assert taken[1] < taken[0] + 10  # SQLite takes a limited number of values in a statement


def test_adding_members_takes_the_same_number_of_statements_for_two_and_a_hundred(idp: Idp) -> None:
    group = idp.create_group("Everyone")
    users = [user_id(factories.scim_user(idp.connection, f"u{n}").pk) for n in range(102)]
    taken = []
    for some in (users[:2], users[2:]):
        with CaptureQueriesContext(connection) as captured:
            answer = idp.patch(
                f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": one} for one in some]}
            )
        assert answer.status_code == 200
        taken.append(len(captured))

    assert taken[1] <= taken[0] + 10  # as above
