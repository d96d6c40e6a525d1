"""Provisioned people (RFC 7643, 4.1; RFC 7644, 3)."""

import json
from typing import Any

import pytest

from portal.embedded import models
from tests.scim_server.conftest import Idp
from tests.scim_server.test_endpoints import error_of

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ADA: dict[str, Any] = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
    "userName": "Ada@Acme.example",
    "externalId": "00u1",
    "name": {"givenName": "Ada", "familyName": "Lovelace"},
    "emails": [
        {"value": "ada@acme.example", "type": "work", "primary": True},
        {"value": "ada@home.example", "type": "home"},
    ],
    ENTERPRISE: {"department": "Engineering", "manager": {"value": "26118915"}},
}


@pytest.fixture
def ada(idp: Idp) -> str:
    return str(json.loads(idp.send("POST", "/Users", ADA).content)["id"])


def test_a_user_is_created_and_read_back_as_sent(idp: Idp) -> None:
    response = idp.send("POST", "/Users", ADA)

    document = json.loads(response.content)
    assert response.status_code == 201
    assert (
        response["Location"]
        == document["meta"]["location"]
        == f"http://127.0.0.1:8000{idp.base}/Users/{document['id']}"
    )
    assert {name: document[name] for name in ADA} == ADA
    assert document["active"] is True
    assert document["meta"]["resourceType"] == "User"
    assert idp.get(f"/Users/{document['id']}").json() == document


def test_a_password_is_neither_kept_nor_returned(idp: Idp) -> None:
    response = idp.send("POST", "/Users", ADA | {"password": "hunter2-secret"})

    assert b"hunter2" not in response.content
    assert "hunter2" not in str(
        list(models.ScimUserRow.objects.values()) + list(models.ActivityEntryRow.objects.values())
    )


def test_read_only_attributes_are_ignored(idp: Idp, ada: str) -> None:
    other = idp.send(
        "POST", "/Users", {"userName": "b", "id": ada, "meta": {"version": "1"}, "groups": [{"value": "x"}]}
    )

    document = json.loads(other.content)
    assert document["id"] != ada
    assert "groups" not in document
    assert document["meta"]["version"].startswith('W/"')


@pytest.mark.parametrize("user_name", ["ada@acme.example", "ADA@ACME.EXAMPLE", "Ada@Acme.example"])
def test_a_user_name_is_taken_in_any_case(idp: Idp, ada: str, user_name: str) -> None:
    assert "userName" in error_of(idp.send("POST", "/Users", {"userName": user_name}), 409, "uniqueness")
    assert models.ScimUserRow.objects.count() == 1


def test_the_same_user_name_elsewhere_is_not_a_conflict(ada: str, other_idp: Idp) -> None:
    assert other_idp.send("POST", "/Users", ADA).status_code == 201


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "userName"),
        ({"userName": ""}, "userName"),
        ({"userName": "  "}, "userName"),
        ({"userName": None}, "userName"),
        ({"userName": ["a", "b"]}, "userName"),
        ({"userName": {"a": 1}}, "userName"),
        ({"userName": "x" * 257}, "userName"),
        ({"userName": "\U0001d160" * 200}, "userName"),  # 600 characters once it is composed (NFC)
        ({"userName": "a", "externalId": "x" * 257}, "externalId"),
        ({"userName": "a", "active": "maybe"}, "active"),
        ({"userName": "a", "active": 1}, "active"),
        ({"userName": "a", "name": "Ada"}, "name"),
        ({"userName": "a", "emails": [1]}, "emails"),
        ({"userName": "a", "emails": [{"value": {"a": 1}}]}, "value"),
    ],
)
def test_an_invalid_value_is_named(idp: Idp, body: dict[str, Any], named: str) -> None:
    assert f'"{named}"' in error_of(idp.send("POST", "/Users", body), 400, "invalidValue")
    assert not models.ScimUserRow.objects.exists()


def test_names_of_attributes_are_read_in_any_case(idp: Idp) -> None:
    document = json.loads(idp.send("POST", "/Users", {"USERNAME": "ada", "Name": {"GIVENNAME": "Ada"}}).content)

    assert (document["userName"], document["name"]) == ("ada", {"givenName": "Ada"})


def test_replacing_clears_what_is_left_out_but_not_the_state(idp: Idp, ada: str) -> None:
    idp.patch(f"/Users/{ada}", {"op": "replace", "path": "active", "value": False})

    document = json.loads(idp.send("PUT", f"/Users/{ada}", {"userName": "ada2", "title": "Countess"}).content)

    assert (document["userName"], document["title"], document["active"]) == ("ada2", "Countess", False)
    assert "emails" not in document
    assert "externalId" not in document
    assert ENTERPRISE not in document["schemas"]


def test_a_deleted_user_is_not_found_and_the_name_is_free(idp: Idp, ada: str) -> None:
    group = idp.create_group("Everyone", [ada])

    assert idp.send("DELETE", f"/Users/{ada}").status_code == 204

    for method in ("GET", "DELETE"):
        error_of(idp.send(method, f"/Users/{ada}"), 404)
    assert idp.members(group) == set()
    assert models.ScimGroupRow.objects.get().member_count == 0
    assert idp.send("POST", "/Users", ADA).status_code == 201


def test_a_user_lists_their_groups(idp: Idp, ada: str) -> None:
    group = idp.create_group("Everyone", [ada])

    assert idp.get(f"/Users/{ada}").json()["groups"] == [
        {
            "value": group,
            "$ref": f"http://127.0.0.1:8000{idp.base}/Groups/{group}",
            "display": "Everyone",
            "type": "direct",
        }
    ]


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ([{"op": "replace", "path": "active", "value": False}], {"active": False}),
        ([{"op": "Replace", "path": "active", "value": "False"}], {"active": False}),
        ([{"op": "replace", "value": {"active": False}}], {"active": False}),
        ([{"op": "replace", "value": {"id": "echoed", "displayName": "Ada"}}], {"displayName": "Ada"}),
        ([{"op": "add", "path": "title", "value": "Countess"}], {"title": "Countess"}),
        ([{"op": "remove", "path": "externalId"}], {"externalId": None}),
        ([{"op": "replace", "path": "title", "value": ""}, {"op": "remove", "path": "title"}], {"title": None}),
        (
            [{"op": "replace", "path": "name.familyName", "value": "King"}],
            {"name": {"givenName": "Ada", "familyName": "King"}},
        ),
        (
            [{"op": "replace", "value": {"name.familyName": "King"}}],
            {"name": {"givenName": "Ada", "familyName": "King"}},
        ),
        (
            [{"op": "add", "path": "name", "value": {"familyName": "King"}}],
            {"name": {"givenName": "Ada", "familyName": "King"}},
        ),
        ([{"op": "remove", "path": "name.givenName"}, {"op": "remove", "path": "name.familyName"}], {"name": None}),
        (
            [{"op": "replace", "path": f"{ENTERPRISE}:department", "value": "Maths"}],
            {ENTERPRISE: {"department": "Maths", "manager": {"value": "26118915"}}},
        ),
        (
            [{"op": "replace", "value": {ENTERPRISE: {"department": "Maths"}}}],
            {ENTERPRISE: {"department": "Maths", "manager": {"value": "26118915"}}},
        ),
        (
            [{"op": "replace", "value": {f"{ENTERPRISE}:department": "Maths"}}],
            {ENTERPRISE: {"department": "Maths", "manager": {"value": "26118915"}}},
        ),
        (
            [{"op": "add", "path": f"{ENTERPRISE}:manager", "value": "7"}],
            {ENTERPRISE: {"department": "Engineering", "manager": {"value": "7"}}},
        ),
        ([{"op": "remove", "path": ENTERPRISE}], {ENTERPRISE: None}),
        ([{"op": "replace", "value": {CORE: {"title": "Countess"}}}], {"title": "Countess"}),
        ([{"op": "replace", "path": CORE, "value": {"title": "Countess"}}], {"title": "Countess"}),
        (
            [{"op": "replace", "path": 'emails[type eq "home"].value', "value": "new@home.example"}],
            {"emails": [ADA["emails"][0], {"value": "new@home.example", "type": "home"}]},
        ),
        (
            [{"op": "add", "path": 'emails[type eq "other"].value', "value": "o@x.example"}],
            {"emails": [*ADA["emails"], {"type": "other", "value": "o@x.example"}]},
        ),
        ([{"op": "remove", "path": 'emails[type eq "home"]'}], {"emails": [ADA["emails"][0]]}),
        ([{"op": "remove", "path": 'emails[value co "@"]'}], {"emails": None}),
        ([{"op": "remove", "path": "emails"}], {"emails": None}),
        (
            [{"op": "remove", "path": "emails", "value": [{"value": "ada@home.example"}]}],
            {"emails": [ADA["emails"][0]]},
        ),
        (
            [{"op": "add", "path": "emails", "value": [{"value": "n@x.example", "primary": True}]}],
            {
                "emails": [
                    ADA["emails"][0] | {"primary": False},
                    ADA["emails"][1],
                    {"value": "n@x.example", "primary": True},
                ]
            },
        ),
        ([{"op": "add", "path": "emails", "value": ADA["emails"]}], {"emails": ADA["emails"]}),
        (
            [{"op": "replace", "path": "emails", "value": {"value": "one@x.example"}}],
            {"emails": [{"value": "one@x.example"}]},
        ),
        ([{"op": "add", "value": {"unknown": 1, "urn:x:custom:2.0:User": {"a": 1}}}], {"userName": "Ada@Acme.example"}),
    ],
    ids=range(28),
)
def test_patching(idp: Idp, ada: str, operations: list[dict[str, Any]], expected: dict[str, Any]) -> None:
    response = idp.patch(f"/Users/{ada}", *operations)

    assert response.status_code == 200, response.content
    assert {name: response.json().get(name) for name in expected} == expected
    assert idp.get(f"/Users/{ada}").json() == response.json()


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({"op": "move", "path": "title"}, "invalidSyntax"),
        ({"op": "remove"}, "noTarget"),
        ({"op": "add", "value": "x"}, "invalidValue"),
        ({"op": "add", "path": "title"}, "invalidValue"),
        ({"op": "replace", "path": "emails"}, "invalidValue"),
        ({"op": "add", "path": 'emails[type eq "\\u0000"].value', "value": "x"}, "invalidFilter"),
        ({"op": "replace", "path": "nothing", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": "name.nothing", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": "emails[", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": 'title[value eq "x"]', "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": 'emails[type xx "work"].value', "value": "x"}, "invalidFilter"),
        ({"op": "replace", "path": 'emails[nothing eq "work"].value', "value": "x"}, "invalidFilter"),
        ({"op": "replace", "path": 'emails[type co "none"].value', "value": "x"}, "noTarget"),
        ({"op": "replace", "path": "id", "value": "x"}, "mutability"),
        ({"op": "add", "path": "groups", "value": [{"value": "x"}]}, "mutability"),
        ({"op": "remove", "path": "userName"}, "mutability"),
        ({"op": "replace", "path": "userName", "value": ""}, "invalidValue"),
        ({"op": "replace", "path": "active", "value": "maybe"}, "invalidValue"),
    ],
)
def test_an_invalid_patch_changes_nothing(idp: Idp, ada: str, operation: dict[str, Any], scim_type: str) -> None:
    before = idp.get(f"/Users/{ada}").json()

    rejected = idp.patch(f"/Users/{ada}", {"op": "replace", "path": "title", "value": "Countess"}, operation)

    error_of(rejected, 400, scim_type)
    assert idp.get(f"/Users/{ada}").json() == before


@pytest.mark.parametrize("body", [{}, {"Operations": {}}, {"Operations": ["x"]}])
def test_a_patch_without_operations_is_rejected(idp: Idp, ada: str, body: dict[str, Any]) -> None:
    error_of(idp.send("PATCH", f"/Users/{ada}", body), 400, "invalidSyntax")


def test_a_rename_to_a_taken_name_is_a_conflict(idp: Idp, ada: str) -> None:
    other = idp.create_user("other")

    error_of(
        idp.patch(f"/Users/{other}", {"op": "replace", "path": "userName", "value": "ADA@acme.example"}),
        409,
        "uniqueness",
    )
    error_of(idp.send("PUT", f"/Users/{other}", {"userName": "ada@acme.example"}), 409, "uniqueness")
    assert idp.get(f"/Users/{other}").json()["userName"] == "other"


def test_a_change_without_effect_keeps_the_date_and_records_nothing(idp: Idp, ada: str) -> None:
    before, entries = idp.get(f"/Users/{ada}").json(), models.ActivityEntryRow.objects.count()

    idp.patch(f"/Users/{ada}", {"op": "replace", "path": "active", "value": True})
    idp.send("PUT", f"/Users/{ada}", ADA)

    assert idp.get(f"/Users/{ada}").json() == before
    assert models.ActivityEntryRow.objects.count() == entries


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('userName eq "person1@x.example"', {1}),
        ('USERNAME EQ "PERSON1@x.example"', {1}),
        ('urn:ietf:params:scim:schemas:core:2.0:User:userName eq "person1@x.example"', {1}),
        ('externalId eq "ext1"', {1}),
        ('externalId eq "EXT1"', set()),
        ('userName eq "person1@x.example" and active eq true', {1}),
        ('userName eq "person1@x.example" or userName eq "person2@x.example"', {1, 2}),
        ('active eq "False"', {2}),
        ("not (active eq true)", {2}),
        ('userName sw "person" and not (userName eq "person0@x.example")', {1, 2}),
        ('userName ew "0@x.example"', {0}),
        ('userName co "SON1"', {1}),
        ('userName ne "person1@x.example"', {0, 2}),
        ("externalId pr", {0, 1, 2}),
        ('meta.created gt "2020-01-01T00:00:00Z"', {0, 1, 2}),
        ('meta.lastModified lt "2020-01-01T00:00:00+02:00"', set()),
        ('userName eq "nobody"', set()),
        ('userName eq "%"', set()),
        ('id eq "nonsense"', set()),
    ],
)
def test_filters(idp: Idp, text: str, found: set[int]) -> None:
    for n in range(3):
        idp.create_user(f"person{n}@x.example", externalId=f"ext{n}", active=n != 2)

    answer = idp.get("/Users", filter=text).json()

    assert {int(user["externalId"][-1]) for user in answer["Resources"]} == found
    assert answer["totalResults"] == len(found)


@pytest.mark.parametrize(
    "text",
    [
        "userName",
        "userName eq",
        'userName is "x"',
        'userName eq "x',
        "userName eq x",
        'userName eq "x" and',
        '(userName eq "x"',
        'userName eq "x") or (active pr',
        'name eq "x"',
        'nothing eq "x"',
        "userName eq 5",
        'active eq "maybe"',
        "active gt true",
        'meta.created gt "yesterday"',
        'title[type eq "work"]',
        "(" * 100,
        "not " * 50 + 'userName eq "x"',
        " or ".join(['userName eq "x"'] * 300),
        "x" * 9000,
        'userName eq "x"; DROP TABLE users',
        'userName eq "a\\u0000b"',
        'title co "a\\u0000b"',
        'emails[value eq "\\ud800"]',
    ],
    ids=range(23),
)
def test_an_invalid_filter_is_rejected_and_never_ignored(idp: Idp, text: str) -> None:
    idp.create_user("x")

    error_of(idp.get("/Users", filter=text), 400, "invalidFilter")


def test_pages_by_index_return_everyone_once(idp: Idp) -> None:
    ids = [idp.create_user(f"person{n}") for n in range(7)]
    seen: list[str] = []
    for start in (1, 4, 7):
        answer = idp.get("/Users", startIndex=start, count=3).json()
        assert (answer["totalResults"], answer["startIndex"]) == (7, start)
        assert answer["itemsPerPage"] == len(answer["Resources"])
        seen += [user["id"] for user in answer["Resources"]]

    assert sorted(seen) == sorted(ids)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"count": 0}, (3, 0)),
        ({"count": -5}, (3, 0)),
        ({"startIndex": 0}, (3, 3)),
        ({"startIndex": -9, "count": 2}, (3, 2)),
        ({"startIndex": 99}, (3, 0)),
        ({"count": 10**11}, (3, 3)),
    ],
)
def test_unusual_page_parameters(idp: Idp, query: dict[str, int], expected: tuple[int, int]) -> None:
    for n in range(3):
        idp.create_user(f"person{n}")

    answer = idp.get("/Users", **query).json()

    assert (answer["totalResults"], len(answer["Resources"])) == expected


@pytest.mark.parametrize("query", [{"count": "many"}, {"startIndex": "1.5"}])
def test_a_page_that_is_not_a_number_is_rejected(idp: Idp, query: dict[str, str]) -> None:
    error_of(idp.get("/Users", **query), 400, "invalidValue")


def test_responses_have_the_requested_attributes(idp: Idp, ada: str) -> None:
    wanted = idp.get(f"/Users/{ada}", attributes="username,emails.value").json()
    assert wanted.keys() == {"schemas", "id", "userName", "emails"}
    assert wanted["emails"] == [{"value": "ada@acme.example"}, {"value": "ada@home.example"}]

    assert idp.get(f"/Users/{ada}", attributes="nothing").json().keys() == {"schemas", "id"}

    without = idp.get("/Users", excludedAttributes=f"emails.type,id,{ENTERPRISE}").json()["Resources"][0]
    assert without["id"] == ada
    assert ENTERPRISE not in without
    assert without["emails"][1] == {"value": "ada@home.example"}

    error_of(idp.get("/Users", attributes="id", excludedAttributes="id,name"), 400, "invalidValue")


def test_each_change_records_who_did_what(idp: Idp, ada: str) -> None:
    idp.patch(f"/Users/{ada}", {"op": "replace", "path": "active", "value": False})
    idp.send("DELETE", f"/Users/{ada}")

    entries = list(models.ActivityEntryRow.objects.filter(action__startswith="scim_user").order_by("id").values())
    assert [entry["action"] for entry in entries] == ["scim_user.create", "scim_user.update", "scim_user.delete"]
    assert {entry["actor_type"] for entry in entries} == {"scim"}
    assert {entry["actor_id"] for entry in entries} == {f"scim-connection-live-{idp.connection.pk}"}
    assert {entry["target_id"] for entry in entries} == {ada}
    assert (entries[1]["before"], entries[1]["after"]) == ({"active": True}, {"active": False})
    assert all(entry["request_id"] for entry in entries)
