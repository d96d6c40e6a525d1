"""What went wrong on other servers, by number: forty reports from their users. Missing numbers are not about this endpoint.

12 is in test_concurrency, 27 in test_other_idps.
"""

import json
from typing import Any

import pytest
from pytest_django import Settings

from portal.embedded import models
from tests.scim_server.conftest import Idp
from tests.scim_server.test_endpoints import error_of

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CUSTOM = "urn:ietf:params:scim:schemas:extension:acme:2.0:User"


@pytest.fixture
def users(idp: Idp) -> list[str]:
    return [idp.create_user(f"person{n}@x.example") for n in range(3)]


@pytest.fixture
def group(idp: Idp, users: list[str]) -> str:
    return idp.create_group("Sales", users[:2])


@pytest.fixture
def ada(idp: Idp) -> str:
    return idp.create_user("Ada@X.example", emails=[{"value": "a@x.example", "type": "work"}], externalId="ada")


def change(idp: Idp, path: str, *operations: dict[str, Any]) -> dict[str, Any]:
    """Patch, and be sure that the response is what is then read (lesson 30)."""
    response = idp.patch(path, *operations)
    assert response.status_code == 200, response.content
    assert idp.get(path).json() == response.json()
    return dict(response.json())


@pytest.mark.parametrize("op", ["remove", "Remove"])
def test_01_removing_with_a_value_keeps_the_other_members(idp: Idp, group: str, users: list[str], op: str) -> None:
    change(idp, f"/Groups/{group}", {"op": op, "path": "members", "value": [{"value": users[0]}]})

    assert idp.members(group) == {users[1]}


@pytest.mark.parametrize("quoted", ['members[value eq "{}"]', 'Members[Value EQ "{}"]', 'members[ value eq "{}" ]'])
def test_02_an_id_in_the_path_is_removed(idp: Idp, group: str, users: list[str], quoted: str) -> None:
    change(idp, f"/Groups/{group}", {"op": "remove", "path": quoted.format(users[0])})

    assert idp.members(group) == {users[1]}


def test_03_adding_appends(idp: Idp, group: str, users: list[str], ada: str) -> None:
    change(idp, f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": users[2]}]})
    more = {"value": "b@x.example", "type": "home"}
    document = change(idp, f"/Users/{ada}", {"op": "add", "path": "emails", "value": [more]})

    assert idp.members(group) == set(users)
    assert document["emails"] == [{"value": "a@x.example", "type": "work"}, more]


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "displayName", "value": "Support"},
        {"op": "replace", "value": {"displayName": "Support"}},
        {"op": "add", "value": {"displayName": "Support"}},
    ],
)
def test_04_a_rename_keeps_the_members(idp: Idp, group: str, users: list[str], operation: dict[str, Any]) -> None:
    assert change(idp, f"/Groups/{group}", operation)["displayName"] == "Support"
    assert idp.members(group) == set(users[:2])


@pytest.mark.parametrize("op", ["Replace", "REPLACE", "Add", "add", "replace"])
@pytest.mark.parametrize("value", ["False", "false", False])
@pytest.mark.parametrize("with_path", [True, False])
def test_05_to_08_every_form_of_deactivation_is_stored(
    idp: Idp, ada: str, op: str, value: Any, *, with_path: bool
) -> None:
    operation = {"path": "active", "value": value} if with_path else {"value": {"active": value}}

    assert change(idp, f"/Users/{ada}", {"op": op, **operation})["active"] is False
    assert models.ScimUserRow.objects.get().active is False


def test_09_a_deactivated_user_can_be_reactivated(idp: Idp, ada: str) -> None:
    for active in (False, True):
        operation = {"op": "replace", "path": "active", "value": active}
        assert change(idp, f"/Users/{ada}", operation)["active"] is active


@pytest.mark.parametrize("kind", ["work", "other"])
def test_10_and_11_an_address_is_set_by_its_type_even_if_it_is_new(idp: Idp, ada: str, kind: str) -> None:
    path = f'emails[type eq "{kind}"].value'

    # As Entra spells it. For any other client, RFC 7644 wants an error because there is no such element.
    document = change(idp, f"/Users/{ada}", {"op": "Replace", "path": path, "value": "new@x.example"})

    assert {"value": "new@x.example", "type": kind} in document["emails"]
    assert len(document["emails"]) == (1 if kind == "work" else 2)
    unknown = {"op": "replace", "path": 'emails[type eq "unknown"].value', "value": "x@x.example"}
    error_of(idp.patch(f"/Users/{ada}", unknown), 400, "noTarget")


def test_13_and_14_an_unknown_member_is_named_and_nothing_is_lost(
    idp: Idp, group: str, users: list[str], other_idp: Idp
) -> None:
    stranger = other_idp.create_user("gil")
    value = [{"value": users[2]}, {"value": stranger}]

    for kind in ("add", "replace"):
        rejected = idp.patch(f"/Groups/{group}", {"op": kind, "path": "members", "value": value})
        assert stranger in error_of(rejected, 400, "invalidValue")
    assert stranger in error_of(
        idp.send("PUT", f"/Groups/{group}", {"displayName": "Sales", "members": value}), 400, "invalidValue"
    )
    assert idp.members(group) == set(users[:2])


def test_15_putting_a_group_replaces_its_members(idp: Idp, group: str, users: list[str]) -> None:
    for members in (users[1:], users[:1], []):
        body = {"id": group, "displayName": "Sales", "members": [{"value": one} for one in members]}
        assert idp.send("PUT", f"/Groups/{group}", body).status_code == 200
        assert idp.members(group) == set(members)


def test_16_put_creates_no_user_and_names_keep_their_case(idp: Idp, ada: str) -> None:
    error_of(idp.send("PUT", "/Users/00u1", {"userName": "new@x.example"}), 404)

    assert models.ScimUserRow.objects.count() == 1
    assert idp.get(f"/Users/{ada}").json()["userName"] == "Ada@X.example"


def test_17_names_are_found_in_any_case(idp: Idp, ada: str) -> None:
    for text in ('userName eq "ADA@x.EXAMPLE"', 'username EQ "ada@x.example"'):
        assert idp.get("/Users", filter=text).json()["totalResults"] == 1


@pytest.mark.parametrize(
    "name", ['O"Neill and or not (x)', "back\\slash", "a  b ", "100%_[x]", "Zoë+tag@x.example", 'eq "x" pr', "日本"]
)
def test_18_any_name_can_be_looked_up(idp: Idp, name: str, ada: str) -> None:
    idp.create_user(f"x{name}x")

    for raw in (False, True):
        text = json.dumps(f"x{name}x", ensure_ascii=raw)
        answer = idp.get("/Users", filter=f"userName eq {text}").json()
        assert [one["userName"] for one in answer["Resources"]] == [f"x{name}x"]


def test_19_every_clause_of_a_filter_counts(idp: Idp, ada: str, users: list[str]) -> None:
    assert idp.get("/Users", filter='userName sw "person" and externalId eq "ada"').json()["totalResults"] == 0
    assert idp.get("/Users", filter='userName sw "person" and not (userName co "1")').json()["totalResults"] == 2
    assert (
        idp.get("/Users", filter='(externalId eq "ada" or userName co "0") and active eq true').json()["totalResults"]
        == 2
    )


def test_20_and_21_pages_have_a_lasting_order_and_true_totals(idp: Idp) -> None:
    created = sorted(idp.create_user(f"person{n}") for n in range(9))
    first = idp.get("/Users", startIndex=1, count=4).json()["Resources"]
    idp.patch(f"/Users/{first[0]['id']}", {"op": "replace", "path": "title", "value": "changed"})
    idp.send("DELETE", f"/Users/{created[8]}")
    second = idp.get("/Users", startIndex=5, count=4).json()["Resources"]

    assert sorted(one["id"] for one in first + second) == created[:8]
    page = idp.get("/Users", filter='userName co "person"', startIndex=7, count=4).json()
    assert (page["totalResults"], page["itemsPerPage"], len(page["Resources"])) == (8, 2, 2)


def test_22_duplicates_are_reported(idp: Idp, ada: str, group: str) -> None:
    error_of(idp.send("POST", "/Users", {"userName": "ada@x.example"}), 409, "uniqueness")
    error_of(idp.send("POST", "/Groups", {"displayName": "sales"}), 409, "uniqueness")


def test_23_a_deleted_user_can_be_provisioned_again(idp: Idp, ada: str) -> None:
    idp.send("DELETE", f"/Users/{ada}")

    assert idp.create_user("ada@x.example", externalId="ada") != ada


@pytest.mark.parametrize(
    "operation",
    [
        {"path": f"{ENTERPRISE}:department", "value": "Maths"},
        {"path": ENTERPRISE, "value": {"department": "Maths"}},
        {"value": {ENTERPRISE: {"department": "Maths"}}},
        {"value": {f"{ENTERPRISE}:department": "Maths"}},
        {"path": f"{ENTERPRISE.upper()}:DEPARTMENT", "value": "Maths"},
    ],
)
@pytest.mark.parametrize("op", ["add", "replace"])
def test_24_extensions_are_found_in_every_spelling(idp: Idp, ada: str, op: str, operation: dict[str, Any]) -> None:
    document = change(idp, f"/Users/{ada}", {"op": op, **operation})

    assert document[ENTERPRISE] == {"department": "Maths"}
    assert ENTERPRISE in document["schemas"]
    cleared = change(idp, f"/Users/{ada}", {"op": "remove", "path": f"{ENTERPRISE}:department"})
    assert ENTERPRISE not in cleared.keys() | set(cleared["schemas"])


def test_25_removing_by_a_path_needs_no_value(idp: Idp, ada: str) -> None:
    assert "emails" not in change(idp, f"/Users/{ada}", {"op": "remove", "path": 'emails[type eq "work"]'})


def test_26_a_group_is_found_by_its_id_and_a_member(idp: Idp, group: str, users: list[str]) -> None:
    for user, number in ((users[0], 1), (users[2], 0)):
        answer = idp.get("/Groups", filter=f'id eq "{group}" and members eq "{user}"')
        assert answer.json()["totalResults"] == number


def test_28_a_group_may_be_sent_its_own_id(idp: Idp, group: str, users: list[str]) -> None:
    change(idp, f"/Groups/{group}", {"op": "replace", "value": {"id": group, "displayName": "Sales"}})

    assert idp.members(group) == set(users[:2])


def test_29_an_existing_member_is_kept_once_and_a_bad_path_is_400(idp: Idp, group: str, users: list[str]) -> None:
    document = change(idp, f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": users[0]}] * 2})

    assert len(document["members"]) == 2
    for path in (
        "members[",
        "nothing",
        "members[value eq",
        "members[value eq 1].x",
        "..",
        "members]",
        "members.nothing",
    ):
        assert idp.patch(f"/Groups/{group}", {"op": "remove", "path": path}).status_code == 400


def test_30_the_external_id_can_be_set(idp: Idp, ada: str, group: str) -> None:
    for path in (f"/Users/{ada}", f"/Groups/{group}"):
        assert change(idp, path, {"op": "add", "path": "externalId", "value": "new"})["externalId"] == "new"


def test_32_an_id_chosen_by_the_client_overwrites_no_user(idp: Idp, ada: str) -> None:
    assert idp.create_user("eve@x.example", id=ada) != ada
    assert idp.get(f"/Users/{ada}").json()["userName"] == "Ada@X.example"


def test_34_many_members_come_in_one_request_and_an_error_names_the_limit(
    idp: Idp, group: str, settings: Settings
) -> None:
    members = [{"value": idp.create_user(f"many{n}")} for n in range(1100)]

    assert idp.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": members}).status_code in {200, 204}
    assert len(idp.members(group)) == 1102
    assert idp.patch(f"/Groups/{group}", {"op": "remove", "path": "members", "value": members}).status_code in {
        200,
        204,
    }
    assert len(idp.members(group)) == 2
    settings.SCIM_MAX_BODY_BYTES = 10_000
    error_of(idp.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": members}), 413)


def test_35_a_group_of_one_has_a_list_and_every_response_its_type(idp: Idp, users: list[str]) -> None:
    group = idp.create_group("One", users[:1])
    answers = [idp.get(f"/Groups/{group}"), idp.get("/Users"), idp.get("/Schemas"), idp.get("/Users/none")]

    assert isinstance(answers[0].json()["members"], list)
    assert {answer["Content-Type"] for answer in answers} == {"application/scim+json"}


@pytest.mark.parametrize("text", ['nothing eq "x"', f'{CUSTOM}:level eq "x"', "userName near 5", 'userName eq "x" xor'])
def test_40_an_invalid_filter_is_rejected(idp: Idp, ada: str, text: str) -> None:
    error_of(idp.get("/Users", filter=text), 400, "invalidFilter")
