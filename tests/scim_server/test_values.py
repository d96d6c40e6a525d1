"""How a PATCH reads values: null, empty, repeated, or in another form than the schema's."""

import json
from typing import Any

import pytest

from tests.scim_server.conftest import Idp
from tests.scim_server.test_endpoints import error_of

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
WORK = {"value": "a@acme.example", "type": "work", "primary": True}
HOME = {"value": "a@acme.example", "type": "home"}
PHONE = {"value": "+1 555", "type": "work"}
ADDRESS = {"type": "work", "country": "US", "locality": "Here"}
KIM: dict[str, Any] = {
    "userName": "kim",
    "title": "Guide",
    "name": {"givenName": "Kim", "middleName": "M"},
    "emails": [WORK, HOME],
    "phoneNumbers": [PHONE],
    "addresses": [ADDRESS],
    ENTERPRISE: {"department": "Tours", "manager": {"value": "boss", "$ref": "https://idp.example/boss"}},
}


@pytest.fixture
def kim(idp: Idp) -> str:
    return idp.create_user(**{"user_name": "kim"} | KIM)


def after(idp: Idp, kim: str, **operation: Any) -> dict[str, Any]:
    response = idp.patch(f"/Users/{kim}", operation)
    assert response.status_code == 200, response.content
    return dict(response.json())


@pytest.mark.parametrize(
    ("path", "value", "name", "expected"),
    [
        ("name", {"givenName": "B", "middleName": None}, "name", {"givenName": "B"}),
        ("name", {"GIVENNAME": None}, "name", {"middleName": "M"}),
        ("name", {"givenName": None, "middleName": None}, "name", None),
        ("name", {"givenName": "B"}, "name", {"givenName": "B", "middleName": "M"}),
        ("name", {}, "name", KIM["name"]),
        ("", {"name": {"middleName": None}}, "name", {"givenName": "Kim"}),
        ("", {"title": None, "name": None}, "name", None),
        ('emails[type eq "home"]', {"value": None}, "emails", [WORK, {"type": "home"}]),
        ('emails[type eq "home"]', {"value": None, "type": None}, "emails", [WORK]),
        ('emails[type eq "home"]', None, "emails", [WORK]),
        ('addresses[type eq "work"]', {"locality": None}, "addresses", [{"type": "work", "country": "US"}]),
        (ENTERPRISE, {"department": None}, ENTERPRISE, {"manager": KIM[ENTERPRISE]["manager"]}),
        ("", {ENTERPRISE: {"manager": None}}, ENTERPRISE, {"department": "Tours"}),
        ("", {ENTERPRISE: {"manager": {"value": None, "$ref": None}}}, ENTERPRISE, {"department": "Tours"}),
        ("", {ENTERPRISE: {"manager": {"displayName": "Boss"}}}, ENTERPRISE, KIM[ENTERPRISE]),
        ("", {ENTERPRISE: {"manager": {"value": "x"}}}, ENTERPRISE, {"department": "Tours", "manager": {"value": "x"}}),
        ("", {ENTERPRISE: {"department": None, "manager": None}}, ENTERPRISE, None),
    ],
)
@pytest.mark.parametrize("op", ["replace", "add"])
def test_null_clears_and_other_parts_stay(
    idp: Idp, kim: str, op: str, path: str, value: Any, name: str, expected: Any
) -> None:
    """RFC 7643, 2.5: null is unassigned, wherever it stands."""
    document = after(idp, kim, op=op, **({"path": path} if path else {}), value=value)

    assert document.get(name) == expected
    assert idp.get(f"/Users/{kim}").json().get(name) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([{"value": "a@acme.example", "type": "work"}], [WORK, HOME]),
        ([{"value": "A@ACME.example", "type": "Work"}], [WORK, HOME]),
        ([WORK, HOME], [WORK, HOME]),
        ([HOME | {"primary": True}], [WORK | {"primary": False}, HOME | {"primary": True}]),
        ([HOME | {"display": "Kim"}], [WORK, HOME | {"display": "Kim"}]),
        ([{"value": "a@acme.example"}], [WORK, HOME, {"value": "a@acme.example"}]),
        ([{"value": "b@acme.example"}] * 2, [WORK, HOME, {"value": "b@acme.example"}]),
    ],
)
def test_an_element_is_stored_once(idp: Idp, kim: str, value: Any, expected: Any) -> None:
    """RFC 7643, 2.4: no pair of type and value more than once; RFC 7644, 3.5.2.1: adding what is there changes nothing."""
    before = idp.get(f"/Users/{kim}").json()
    document = after(idp, kim, op="add", path="emails", value=value)

    assert document["emails"] == expected
    assert (document["meta"] == before["meta"]) is (expected == [WORK, HOME])


def test_an_element_that_is_sent_twice_is_kept_once(idp: Idp) -> None:
    twice = [{"value": "a@acme.example", "type": "work"}, {"value": "A@acme.example", "type": "work", "primary": True}]

    created = json.loads(idp.send("POST", "/Users", {"userName": "bo", "emails": twice}).content)

    assert created["emails"] == [WORK]


@pytest.mark.parametrize("name", ["emails", "phoneNumbers", "addresses"])
def test_removing_an_empty_list_removes_nothing(idp: Idp, kim: str, name: str) -> None:
    assert after(idp, kim, op="remove", path=name, value=[])[name] == KIM[name]
    assert name not in after(idp, kim, op="remove", path=name)


@pytest.mark.parametrize(
    ("value", "kept"),
    [([HOME], [WORK]), ([{"value": "A@acme.example"}], None), ([WORK | {"display": "x"}], [HOME]), (HOME, [WORK])],
)
def test_elements_that_are_sent_are_removed(idp: Idp, kim: str, value: Any, kept: Any) -> None:
    assert after(idp, kim, op="remove", path="emails", value=value).get("emails") == kept


@pytest.mark.parametrize("name", ["emails", "phoneNumbers"])
@pytest.mark.parametrize("value", ["just a string", ["just a string"], 5, True])
def test_an_invalid_address_is_not_read_as_one(idp: Idp, kim: str, name: str, value: Any) -> None:
    before = idp.get(f"/Users/{kim}").json()

    error_of(idp.send("POST", "/Users", {"userName": "bo", name: value}), 400, "invalidValue")
    error_of(idp.patch(f"/Users/{kim}", {"op": "replace", "path": name, "value": value}), 400, "invalidValue")
    assert idp.get(f"/Users/{kim}").json() == before


@pytest.mark.parametrize(
    ("path", "value", "name", "expected"),
    [
        ("title", ["Chief"], "title", "Chief"),
        ("title", [{"$ref": None, "value": "Chief"}], "title", "Chief"),
        ("active", [{"$ref": None, "value": "False"}], "active", False),
        ("name", [{"givenName": "B"}], "name", {"givenName": "B", "middleName": "M"}),
        ("name.givenName", [{"$ref": None, "value": "B"}], "name", {"givenName": "B", "middleName": "M"}),
        (
            f"{ENTERPRISE}:manager",
            [{"$ref": None, "value": "x"}],
            ENTERPRISE,
            {"department": "Tours", "manager": {"value": "x"}},
        ),
        ('emails[type eq "home"]', [{"value": "h@acme.example"}], "emails", [WORK, HOME | {"value": "h@acme.example"}]),
        ('emails[type eq "home"].value', ["h@acme.example"], "emails", [WORK, HOME | {"value": "h@acme.example"}]),
    ],
)
def test_a_list_of_one_is_read_as_the_single_value(
    idp: Idp, kim: str, path: str, value: Any, name: str, expected: Any
) -> None:
    """As Entra sends it without aadOptscim062020, and SAP for an element that a filter chooses."""
    assert after(idp, kim, op="replace", path=path, value=value)[name] == expected


def test_a_list_of_two_is_not_a_single_value(idp: Idp, kim: str) -> None:
    error_of(idp.patch(f"/Users/{kim}", {"op": "replace", "path": "title", "value": ["a", "b"]}), 400, "invalidValue")


def test_a_request_without_operations_changes_nothing(idp: Idp, kim: str) -> None:
    before = idp.get(f"/Users/{kim}").json()

    assert idp.patch(f"/Users/{kim}").json() == before


@pytest.mark.parametrize("op", ["add", "replace", "remove"])
def test_a_password_is_dropped_by_its_path_too(idp: Idp, kim: str, op: str) -> None:
    before = idp.get(f"/Users/{kim}").json()

    assert after(idp, kim, op=op, path="password", value="x") == before


@pytest.mark.parametrize("schemas", [5, "x", True, {}, None])
@pytest.mark.parametrize("path", ["/.search", "/Users/.search", "/Bulk"])
def test_schemas_that_are_not_a_list_are_rejected(idp: Idp, path: str, schemas: Any) -> None:
    error_of(idp.send("POST", path, {"schemas": schemas, "Operations": []}), 400, "invalidSyntax")


def test_a_search_may_name_the_schema_of_its_response(idp: Idp, kim: str) -> None:
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "filter": 'userName eq "kim"'}

    assert idp.send("POST", "/Users/.search", body).json()["totalResults"] == 1
    idp.connection.is_strict = True
    idp.connection.save()
    error_of(idp.send("POST", "/Users/.search", body), 400, "invalidSyntax")
