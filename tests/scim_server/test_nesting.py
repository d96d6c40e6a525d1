"""Groups in groups (RFC 7643, 4.2)."""

from itertools import product
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.embedded import models
from tests.scim_server.conftest import Idp
from tests.scim_server.test_endpoints import error_of


def groups_of(idp: Idp, user: str) -> dict[str, str]:
    return {one["display"]: one["type"] for one in idp.get(f"/Users/{user}").json().get("groups", [])}


def test_a_user_is_in_the_groups_above_as_well(idp: Idp) -> None:
    ada = idp.create_user("ada")
    inner = idp.create_group("Inner", [ada])
    middle = idp.create_group("Middle", [inner])
    idp.create_group("Outer", [middle, ada])

    assert groups_of(idp, ada) == {"Inner": "direct", "Outer": "direct", "Middle": "indirect"}
    member = idp.get(f"/Groups/{middle}").json()["members"][0]
    assert (member["type"], member["value"]) == ("Group", inner)
    named = idp.get(f"/Groups/{middle}", attributes="members.display").json()["members"]
    assert named == [{"display": "Inner"}]
    assert member["$ref"].endswith(f"/Groups/{inner}")


def test_a_cycle_ends(idp: Idp) -> None:
    ada = idp.create_user("ada")
    one = idp.create_group("One", [ada])
    two = idp.create_group("Two", [one])
    add = {"op": "add", "path": "members", "value": [{"value": two}]}
    assert idp.patch(f"/Groups/{one}", add).status_code == 200

    assert groups_of(idp, ada) == {"One": "direct", "Two": "indirect"}
    assert idp.send("DELETE", f"/Groups/{one}").status_code == 204
    assert groups_of(idp, ada) == {}


@pytest.fixture
def nested(idp: Idp, other_idp: Idp) -> dict[str, str]:
    """Groups by name: Ada is in Inner, which is in Middle, which is in Outer, where Bob is; Dan is Aside, Cy nowhere."""
    ada, bob, _, dan = (idp.create_user(name) for name in ("ada", "bob", "cy", "dan"))
    groups = {"Inner": idp.create_group("Inner", [ada])}
    groups["Middle"] = idp.create_group("Middle", [groups["Inner"]])
    groups["Outer"] = idp.create_group("Outer", [groups["Middle"], bob])
    groups["Aside"] = idp.create_group("Aside", [dan])
    theirs = other_idp.create_group("Inner", [other_idp.create_user("ada")])
    return groups | {"Theirs": other_idp.create_group("Outer", [theirs])}


def found(idp: Idp, text: str) -> list[str]:
    answer = idp.get("/Users", filter=text, attributes="userName")
    assert answer.status_code == 200, answer.content
    return [one["userName"] for one in answer.json()["Resources"]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('groups eq "{Outer}"', ["ada", "bob"]),
        ('groups.value eq "{Middle}"', ["ada"]),
        ('groups[value eq "{Outer}" and type eq "direct"]', ["bob"]),
        ('groups[value eq "{Outer}" and type eq "indirect"]', ["ada"]),
        ('groups[type eq "indirect"]', ["ada"]),
        ('groups[type eq "direct" and not (value eq "{Inner}")]', ["bob", "dan"]),
        ('groups[type eq "indirect" and not (value eq "{Middle}")]', ["ada"]),
        ('groups.type ne "indirect"', ["bob", "cy", "dan"]),
        ('groups.display eq "MIDDLE"', ["ada"]),
        ('groups.display sw "out"', ["ada", "bob"]),
        ('groups.$ref eq "https://gatehouse.example/Groups/{Outer}"', ["ada", "bob"]),
        ("not (groups pr)", ["cy"]),
        ('groups ne "{Outer}"', ["cy", "dan"]),
        ('not (groups.value eq "{Outer}") and userName sw "d"', ["dan"]),
        ('groups.value eq "{Theirs}"', []),
    ],
)
def test_users_are_found_by_the_groups_above_as_well(
    idp: Idp, nested: dict[str, str], text: str, expected: list[str]
) -> None:
    assert found(idp, text.format(**nested)) == expected


@pytest.mark.parametrize("upper", ["Inner", "Middle", "Outer"])
def test_filters_agree_with_the_groups_of_users_even_in_cycles(idp: Idp, nested: dict[str, str], upper: str) -> None:
    for lower in ("Inner", "Outer", "Aside"):
        idp.patch(f"/Groups/{nested[lower]}", {"op": "add", "path": "members", "value": [{"value": nested[upper]}]})
    users: list[dict[str, Any]] = idp.get("/Users").json()["Resources"]

    for group, kind in product(nested.values(), ("direct", "indirect")):
        say_so = [
            one["userName"]
            for one in users
            if any((of["value"], of["type"]) == (group, kind) for of in one.get("groups", []))
        ]
        assert found(idp, f'groups[value eq "{group}" and type eq "{kind}"]') == say_so


def test_finding_users_by_groups_takes_the_same_number_of_statements_at_any_depth(
    idp: Idp, nested: dict[str, str]
) -> None:
    def statements(group: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert found(idp, f'groups[value eq "{group}"]') == ["ada", "bob"]
        return len(captured)

    above = nested["Outer"]
    statements(above)
    shallow = statements(above)
    for number in range(5):
        above = idp.create_group(f"Level {number}", [above])
    assert statements(above) == shallow


def test_no_group_is_in_itself(idp: Idp) -> None:
    group = idp.create_group("One")

    error_of(
        idp.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": group}]}),
        400,
        "invalidValue",
    )
    assert idp.members(group) == set()


def test_a_deleted_group_is_removed_from_its_groups(idp: Idp) -> None:
    ada = idp.create_user("ada")
    inner = idp.create_group("Inner")
    outer = idp.create_group("Outer", [inner, ada])
    before = idp.get(f"/Groups/{outer}").json()["meta"]["version"]

    idp.send("DELETE", f"/Groups/{inner}")

    assert idp.members(outer) == {ada}
    assert models.ScimGroupRow.objects.get(display_name="Outer").member_count == 1
    assert idp.get(f"/Groups/{outer}").json()["meta"]["version"] != before


def test_members_of_both_types_are_changed_one_by_one(idp: Idp) -> None:
    ada, bob = idp.create_user("ada"), idp.create_user("bob")
    inner = idp.create_group("Inner")
    outer = idp.create_group("Outer", [ada])

    idp.patch(f"/Groups/{outer}", {"op": "add", "path": "members", "value": [{"value": inner}, {"value": bob}]})
    assert idp.members(outer) == {ada, bob, inner}
    idp.patch(f"/Groups/{outer}", {"op": "remove", "path": f'members[value eq "{inner}"]'})
    assert idp.members(outer) == {ada, bob}
    idp.patch(f"/Groups/{outer}", {"op": "replace", "path": "members", "value": [{"value": inner}]})
    assert idp.members(outer) == {inner}
    idp.patch(f"/Groups/{outer}", {"op": "remove", "path": 'members[type eq "Group"]'})
    assert idp.members(outer) == set()
    assert models.ScimGroupRow.objects.get(display_name="Outer").member_count == 0


def test_another_connections_group_is_unknown(idp: Idp, other_idp: Idp) -> None:
    theirs = other_idp.create_group("Theirs")

    answer = idp.send("POST", "/Groups", {"displayName": "Ours", "members": [{"value": theirs}]})

    assert theirs in error_of(answer, 400, "invalidValue")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_the_first_group_within_another_is_in_the_response_of_its_own_request(idp: Idp, method: str) -> None:
    inner = idp.create_group("Inner")
    body = {"displayName": "Outer", "members": [{"value": inner}]}
    if method == "POST":
        response = idp.send("POST", "/Groups", body)
    else:
        outer = idp.create_group("Outer")
        add = {"op": "add", "path": "members", "value": body["members"]}
        response = idp.send("PUT", f"/Groups/{outer}", body) if method == "PUT" else idp.patch(f"/Groups/{outer}", add)

    document = response.json()
    assert [one["value"] for one in document["members"]] == [inner]
    assert idp.get(f"/Groups/{document['id']}").json() == document
