"""Pushed groups and their members (RFC 7643, 4.2; RFC 7644, 3.5.2)."""

import json
import tracemalloc
from typing import Any

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from portal.directory.actor import Origin
from portal.embedded import models
from portal.embedded.scim.protocol.client import ScimClient
from portal.embedded.scim.protocol.groups import group_id
from portal.embedded.scim.protocol.users import user_id
from portal.scim_server.rendering import Projection, encoded
from portal.scim_server.resources import GROUPS
from tests import factories
from tests.scim_server.conftest import Idp, log_queries
from tests.scim_server.test_endpoints import error_of


@pytest.fixture
def users(idp: Idp) -> list[str]:
    return [idp.create_user(f"person{n}") for n in range(4)]


@pytest.fixture
def group(idp: Idp, users: list[str]) -> str:
    return idp.create_group("Sales", users[:2])


def values(*ids: str) -> list[dict[str, str]]:
    return [{"value": one} for one in ids]


def counted(group: str) -> int:
    return models.ScimGroupRow.objects.get(pk=group.removeprefix("scim-group-live-")).member_count


def test_a_group_is_created_with_its_members(idp: Idp, users: list[str]) -> None:
    body = {"displayName": "Sales", "externalId": "g1", "members": values(*users[:2], users[0])}
    document = json.loads(idp.send("POST", "/Groups", body).content)

    assert (document["displayName"], document["externalId"]) == ("Sales", "g1")
    assert {member["value"] for member in document["members"]} == set(users[:2])
    assert {member["type"] for member in document["members"]} == {"User"}
    named = idp.get(f"/Groups/{document['id']}", attributes="members.display").json()
    assert {member["display"] for member in named["members"]} == {"person0", "person1"}
    assert document["members"][0]["$ref"].endswith(f"/Users/{document['members'][0]['value']}")
    assert counted(document["id"]) == 2


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({"op": "remove", "path": "members.value"}, "mutability"),
        ({"op": "remove", "path": 'members[type eq "User"].value'}, "mutability"),
        ({"op": "replace", "path": "members.value", "value": "x"}, "mutability"),
        ({"op": "replace", "path": "members"}, "invalidValue"),
    ],
)
def test_an_invalid_change_of_members_removes_no_one(
    idp: Idp, group: str, users: list[str], operation: dict[str, Any], scim_type: str
) -> None:
    error_of(idp.patch(f"/Groups/{group}", operation), 400, scim_type)

    assert idp.members(group) == set(users[:2])


def test_a_name_is_taken_in_any_case(idp: Idp, group: str) -> None:
    error_of(idp.send("POST", "/Groups", {"displayName": "SALES"}), 409, "uniqueness")
    other = idp.create_group("Support")
    error_of(
        idp.patch(f"/Groups/{other}", {"op": "replace", "path": "displayName", "value": "sales"}), 409, "uniqueness"
    )
    error_of(idp.send("PUT", f"/Groups/{other}", {"displayName": "sales"}), 409, "uniqueness")


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ([{"op": "add", "path": "members", "value": [{"value": 2}]}], {0, 1, 2}),
        ([{"op": "Add", "path": "members", "value": [{"value": 2}, {"value": 0}]}], {0, 1, 2}),
        ([{"op": "add", "value": {"members": [{"value": 2}]}}], {0, 1, 2}),
        ([{"op": "add", "path": "members", "value": {"value": 2}}], {0, 1, 2}),
        ([{"op": "replace", "path": "members", "value": [{"value": 2}, {"value": 0}]}], {0, 2}),
        ([{"op": "replace", "value": {"members": [{"value": 3}]}}], {3}),
        ([{"op": "replace", "path": "members", "value": []}], set()),
        ([{"op": "remove", "path": 'members[value eq "0"]'}], {1}),
        ([{"op": "remove", "path": 'members[value eq "0" or value eq "1"]'}], set()),
        ([{"op": "remove", "path": 'members[value eq "3"]'}], {0, 1}),
        ([{"op": "remove", "path": 'members[value eq "nobody"]'}], {0, 1}),
        ([{"op": "remove", "path": 'members[type eq "User" and value eq "0"]'}], {1}),
        ([{"op": "remove", "path": 'members[value eq "0" and type eq "Group"]'}], {0, 1}),
        ([{"op": "remove", "path": 'members[not (value eq "0")]'}], {0}),
        ([{"op": "Remove", "path": "members", "value": [{"value": 0}]}], {1}),
        ([{"op": "remove", "path": "members"}], set()),
        ([{"op": "remove", "path": "members", "value": [{"value": 3}]}], {0, 1}),
        (
            [
                {"op": "add", "path": "members", "value": [{"value": 2}]},
                {"op": "remove", "path": 'members[value eq "2"]'},
            ],
            {0, 1},
        ),
        ([{"op": "remove", "path": "members"}, {"op": "add", "path": "members", "value": [{"value": 0}]}], {0}),
        (
            [
                {"op": "replace", "path": "members", "value": [{"value": 2}]},
                {"op": "add", "path": "members", "value": [{"value": 3}]},
            ],
            {2, 3},
        ),
        (
            [{"op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:Group:members", "value": [{"value": 2}]}],
            {2},
        ),
    ],
    ids=range(21),
)
def test_patching_members(
    idp: Idp, group: str, users: list[str], operations: list[dict[str, Any]], expected: set[int]
) -> None:
    text = json.dumps(operations)
    for n, user in enumerate(users):
        text = text.replace(f'"value": {n}', f'"value": "{user}"').replace(f'eq \\"{n}\\"', f'eq \\"{user}\\"')

    response = idp.patch(f"/Groups/{group}", *json.loads(text))

    assert response.status_code == 200, response.content
    assert idp.members(group) == {users[n] for n in expected}
    assert {member["value"] for member in response.json().get("members", [])} == {users[n] for n in expected}
    assert counted(group) == len(expected)


@pytest.mark.parametrize(
    "value",
    [
        [{"value": "scim-user-live-00000000-0000-0000-0000-000000000000"}],
        [{"value": "nobody"}],
        [{"display": "x"}],
        [{"value": ""}],
        [17.5],
        [["x"]],
    ],
)
def test_an_unknown_member_is_rejected_and_no_one_is_removed(
    idp: Idp, group: str, users: list[str], value: Any
) -> None:
    for kind in ("add", "replace"):
        error_of(idp.patch(f"/Groups/{group}", {"op": kind, "path": "members", "value": value}), 400, "invalidValue")
    error_of(idp.send("PUT", f"/Groups/{group}", {"displayName": "Sales", "members": value}), 400, "invalidValue")

    assert idp.members(group) == set(users[:2])
    assert counted(group) == 2


def test_a_failing_operation_undoes_the_previous_ones(idp: Idp, group: str, users: list[str]) -> None:
    rejected = idp.patch(
        f"/Groups/{group}",
        {"op": "remove", "path": "members"},
        {"op": "replace", "path": "displayName", "value": "Other"},
        {"op": "add", "path": "members", "value": values("nobody")},
    )

    error_of(rejected, 400, "invalidValue")
    assert idp.members(group) == set(users[:2])
    assert idp.get(f"/Groups/{group}").json()["displayName"] == "Sales"


def test_replacing_replaces_the_members(idp: Idp, group: str, users: list[str]) -> None:
    document = json.loads(
        idp.send("PUT", f"/Groups/{group}", {"displayName": "Sales 2", "members": values(users[3])}).content
    )

    assert document["displayName"] == "Sales 2"
    assert idp.members(group) == {users[3]}
    assert counted(group) == 1
    idp.send("PUT", f"/Groups/{group}", {"displayName": "Sales 2"})
    assert idp.members(group) == set()


def test_a_change_without_effect_keeps_the_date_and_records_nothing(idp: Idp, group: str, users: list[str]) -> None:
    before, entries = idp.get(f"/Groups/{group}").json(), models.ActivityEntryRow.objects.count()

    idp.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": values(users[0])})
    idp.patch(f"/Groups/{group}", {"op": "remove", "path": f'members[value eq "{users[3]}"]'})
    idp.patch(f"/Groups/{group}", {"op": "replace", "value": {"id": group, "displayName": "Sales"}})

    assert idp.get(f"/Groups/{group}").json() == before
    assert models.ActivityEntryRow.objects.count() == entries


def test_deleting_a_group_keeps_its_users(idp: Idp, group: str, users: list[str]) -> None:
    assert idp.send("DELETE", f"/Groups/{group}").status_code == 204

    for method in ("GET", "DELETE"):
        error_of(idp.send(method, f"/Groups/{group}"), 404)
    assert idp.get(f"/Users/{users[0]}").status_code == 200
    assert "groups" not in idp.get(f"/Users/{users[0]}").json()
    assert idp.create_group("Sales")


def test_a_group_is_looked_up_without_its_members(
    idp: Idp, group: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(2 + log_queries()):  # the token, the group
        answer = idp.get("/Groups", filter='displayName eq "sales"', excludedAttributes="members").json()

    assert [one["id"] for one in answer["Resources"]] == [group]
    assert "members" not in answer["Resources"][0]


@pytest.mark.parametrize("number", [2, 30])
def test_a_list_takes_the_same_number_of_queries_for_any_number_of_groups(
    idp: Idp, users: list[str], django_assert_num_queries: DjangoAssertNumQueries, number: int
) -> None:
    for n in range(number):
        idp.create_group(f"Group {n}", users)

    with django_assert_num_queries(3 + log_queries()):  # the token, the groups, the people in them
        answer = idp.get("/Groups", count=100).json()
    assert all(len(one["members"]) == 4 for one in answer["Resources"])


def test_adding_a_member_takes_the_same_number_of_queries_in_any_group(
    idp: Idp, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    group = factories.scim_group(idp.connection, "Everyone")
    users = [factories.scim_user(idp.connection, f"u{n}") for n in range(250)]
    factories.put_in_group(group, users)
    one = idp.create_user("one")
    idp.get("/ServiceProviderConfig")  # a token that hasn't changed since the previous request takes fewer queries

    # token; group, person with membership; group, new one, entry; two of the transaction
    with django_assert_num_queries((6 if connection.vendor == "postgresql" else 8) + log_queries()):
        response = idp.patch(
            f"/Groups/scim-group-live-{group.pk}", {"op": "add", "path": "members", "value": values(one)}
        )

    # The response does not repeat a long list, unless it is asked for.
    assert (response.status_code, response.content) == (204, b"")
    assert counted(f"scim-group-live-{group.pk}") == 251


def test_fifty_thousand_members_are_added_in_one_request(idp: Idp) -> None:
    group = idp.create_group("Everyone")
    rows = models.ScimUserRow.objects.bulk_create(
        (
            models.ScimUserRow(
                organization_id=idp.connection.organization_id,
                connection=idp.connection,
                user_name=f"u{n}",
                updated_at=idp.connection.updated_at,
            )
            for n in range(50_000)
        ),
        batch_size=1000,
    )
    if connection.vendor == "postgresql":
        # As autovacuum does in a database that is in use. Here, it may last have seen empty tables.
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE directory_scimuser")
    ids = [f"scim-user-live-{row.pk}" for row in rows]

    response = idp.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": values(*ids)})

    assert response.status_code == 204, response.content
    assert counted(group) == 50_000


def test_entries_say_who_joined_and_left(idp: Idp, group: str, users: list[str]) -> None:
    idp.patch(
        f"/Groups/{group}",
        {"op": "replace", "path": "members", "value": values(users[1], users[2])},
        {"op": "replace", "path": "displayName", "value": "Sales 2"},
    )

    entry = models.ActivityEntryRow.objects.get(action="scim_group.update")
    assert entry.before == {"displayName": "Sales", "members_left": {"number": 1, "ids": [users[0]]}}
    assert entry.after == {"displayName": "Sales 2", "members_joined": {"number": 1, "ids": [users[2]]}}
    assert (entry.target_id, entry.target_name) == (group, "Sales 2")


@pytest.fixture
def large(idp: Idp) -> tuple[str, list[str]]:
    """A group of more people than are written at a time, and their ids in order."""
    group = factories.scim_group(idp.connection, "Large")
    users = [factories.scim_user(idp.connection, f"u{n}") for n in range(2100)]
    factories.put_in_group(group, users)
    return group_id(group.pk), sorted(user_id(user.pk) for user in users)


def test_a_large_group_has_each_member_once_and_in_order(idp: Idp, large: tuple[str, list[str]]) -> None:
    group, users = large
    inner = idp.create_group("Inner")
    (found,) = idp.get("/Groups", filter='displayName eq "Large"').json()["Resources"]
    whole, chosen = (idp.get(f"/Groups/{group}", **how).json() for how in ({}, {"attributes": "members.value"}))
    without = idp.get(f"/Groups/{group}", excludedAttributes="members.$ref").json()

    assert [one["value"] for one in whole["members"]] == users
    assert found == whole
    assert chosen["members"] == [{"value": one} for one in users]
    assert without["members"] == [{"value": one, "type": "User"} for one in users]
    idp.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": values(inner)})
    assert [one["value"] for one in idp.get(f"/Groups/{group}").json()["members"]] == [*users, inner]


def test_a_large_group_takes_at_most_twice_its_size_in_memory(idp: Idp, large: tuple[str, list[str]]) -> None:
    group, _ = large
    client = ScimClient(idp.connection, Origin())
    row = GROUPS.get(client, group)
    peaks = []
    # Three times, as threads of earlier tests count as well.
    for _ in range(3):
        tracemalloc.start()
        try:
            (document,) = GROUPS.documents(client, [row], Projection(client.group_schema, {}))
            size = len(encoded(document))
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()

    # The keys, and what is written; SQLite has the keys as texts first. All documents at once would be three times and more.
    assert min(peaks) < 2.5 * size
