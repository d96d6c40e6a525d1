"""A strict connection rejects what isn't in the RFCs. A tolerant one accepts what identity providers mean."""

from typing import Any

import pytest
from django.core.management import call_command

from tests.scim_server.conftest import PATCH_OP, Idp
from tests.scim_server.test_endpoints import error_of

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"


@pytest.fixture
def ada(idp: Idp) -> str:
    call_command("updatescimconnection", "--organization", "acme", "--strict", "--json")
    created = idp.send("POST", "/Users", {"schemas": [USER], "userName": "ada", "active": True, "meta": {}, "id": "x"})
    assert created.status_code == 201, created.content
    return str(created.json()["id"])


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize(
    ("body", "scim_type"),
    [
        ({"userName": "b"}, "invalidSyntax"),
        ({"schemas": [], "userName": "b"}, "invalidSyntax"),
        ({"schemas": [USER], "userName": "b", "active": "True"}, "invalidValue"),
        ({"schemas": [USER], "userName": "b", "emails": {"value": "a@b.example"}}, "invalidValue"),
        ({"schemas": [USER], "userName": "b", "emails": ["a@b.example"]}, "invalidValue"),
        ({"schemas": [USER], "userName": "b", "title": 5}, "invalidValue"),
        ({"schemas": [USER], "userName": "b", "colour": "red"}, "invalidPath"),
        ({"schemas": [USER], "userName": "b", "name": {"nick": "x"}}, "invalidPath"),
        ({"schemas": [USER], USER: {"userName": "b"}}, "invalidPath"),
        ({"schemas": [USER], "userName": "b", "emails": [{"value": "a", "primary": True}] * 2}, "invalidValue"),
        ({"schemas": [USER], "userName": "b", "title": ["x"]}, "invalidValue"),
        ({"schemas": [USER], "userName": "b", ENTERPRISE: {"manager": "boss"}}, "invalidValue"),
        ({"schemas": [USER], "userName": "b", ENTERPRISE: {"colour": "red"}}, "invalidPath"),
    ],
)
def test_a_resource_must_be_as_its_schema_says(idp: Idp, body: dict[str, Any], scim_type: str) -> None:
    error_of(idp.send("POST", "/Users", body), 400, scim_type)


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({"op": "Replace", "path": "title", "value": "x"}, "invalidSyntax"),
        ({"op": "replace", "path": "active", "value": "False"}, "invalidValue"),
        ({"op": "replace", "value": {"name.givenName": "x"}}, "invalidPath"),
        ({"op": "remove", "path": "emails", "value": [{"value": "a"}]}, "invalidSyntax"),
        ({"op": "replace", "path": 'emails[type eq "work"].value', "value": "a@b.example"}, "noTarget"),
    ],
)
def test_an_operation_must_be_as_the_rfc_says(idp: Idp, ada: str, operation: dict[str, Any], scim_type: str) -> None:
    error_of(idp.patch(f"/Users/{ada}", operation), 400, scim_type)


def test_what_is_as_the_rfc_says_is_done(idp: Idp, ada: str) -> None:
    answer = idp.patch(
        f"/Users/{ada}",
        {"op": "add", "path": "emails", "value": [{"value": "a@b.example", "type": "work"}]},
        {"op": "replace", "value": {"title": "Queen", "name": {"givenName": "Ada"}}},
        {"op": "replace", "path": 'emails[type eq "work"].value', "value": "b@b.example"},
    )
    assert answer.status_code == 200, answer.content
    assert answer.json()["emails"] == [{"value": "b@b.example", "type": "work"}]
    error_of(
        idp.send("PATCH", f"/Users/{ada}", {"Operations": [{"op": "remove", "path": "title"}]}), 400, "invalidSyntax"
    )
    assert (
        idp.send("PATCH", f"/Users/{ada}", {"schemas": [PATCH_OP], "Operations": [{"op": "remove", "path": "title"}]})
        .json()
        .get("title")
        is None
    )


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("urn", [ENTERPRISE, ENTERPRISE.upper(), ENTERPRISE.lower()])
def test_extensions_and_a_password_are_in_the_rfcs(idp: Idp, urn: str) -> None:
    extension = {urn: {"department": "Tours", "manager": {"value": "boss"}}}
    body = {"schemas": [USER, urn], "userName": "bo", "password": "secret", **extension}

    created = idp.send("POST", "/Users", body)
    assert created.status_code == 201, created.content
    whole = created.json()
    assert whole[ENTERPRISE] == extension[urn]
    assert b"secret" not in created.content

    path = f"/Users/{whole['id']}"
    assert idp.send("PUT", path, whole).json() == whole
    assert idp.patch(path, {"op": "replace", "value": extension}).json() == whole
    assert idp.patch(path, {"op": "replace", "path": "password", "value": "x"}).json() == whole
    changed = idp.patch(path, {"op": "add", "value": {urn: {"department": "Sales"}}}).json()
    assert changed[ENTERPRISE] == {"department": "Sales", "manager": {"value": "boss"}}


@pytest.mark.usefixtures("ada")
def test_a_schema_of_the_operators_own_is_known_too(idp: Idp) -> None:
    urn = "urn:Acme:scim:2.0:Badge"
    schema = {"id": urn, "name": "Badge", "attributes": [{"name": "number", "type": "integer"}]}
    idp.connection.refresh_from_db()
    idp.connection.extension_schemas = [{"resourceType": "User", "schema": schema}]
    idp.connection.save()

    created = idp.send("POST", "/Users", {"schemas": [USER, urn], "userName": "bo", urn: {"number": 7}})

    assert created.json()[urn] == {"number": 7}
    assert idp.send("PUT", f"/Users/{created.json()['id']}", created.json()).json() == created.json()


def test_names_of_a_message_are_read_in_any_case(idp: Idp, ada: str) -> None:
    body = {"SCHEMAS": [PATCH_OP.upper()], "operations": [{"OP": "replace", "PATH": "title", "VALUE": "x"}]}

    assert idp.send("PATCH", f"/Users/{ada}", body).json()["title"] == "x"


def test_a_request_without_operations_is_rejected(idp: Idp, ada: str) -> None:
    error_of(idp.patch(f"/Users/{ada}"), 400, "invalidSyntax")
