"""What Google Workspace, OneLogin, JumpCloud, Ping, Rippling and CyberArk send."""

import json
from typing import Any

import pytest

from tests.scim_server.conftest import Idp
from tests.scim_server.test_endpoints import error_of

pytestmark = pytest.mark.connections("okta", "strict", "entra")
# What the RFCs do not have.
tolerant = pytest.mark.connections("okta", "entra")
USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Group"
BARBARA: dict[str, Any] = {
    "schemas": [USER_SCHEMA],
    "userName": "bjensen@example.com",
    "name": {"givenName": "Barbara", "familyName": "Jensen"},
    "emails": [{"value": "bjensen@example.com", "type": "work", "primary": True}],
    "active": True,
}


@pytest.fixture
def barbara(idp: Idp) -> str:
    return str(json.loads(idp.send("POST", "/Users", BARBARA).content)["id"])


def test_google_probes_suspends_and_deletes(idp: Idp, barbara: str) -> None:
    idp.create_user("other@example.com")
    probe = idp.get("/Users", count=1).json()
    assert (len(probe["Resources"]), probe["itemsPerPage"], probe["totalResults"]) == (1, 1, 2)

    assert idp.get("/Users", filter='userName eq "bjensen@example.com"').json()["Resources"][0]["id"] == barbara
    assert json.loads(idp.send("PUT", f"/Users/{barbara}", BARBARA | {"active": False}).content)["active"] is False
    assert idp.patch(f"/Users/{barbara}", {"op": "replace", "path": "active", "value": True}).json()["active"] is True
    assert idp.send("DELETE", f"/Users/{barbara}").status_code == 204


def test_onelogin_writes_spaces_as_plus_and_ends_with_an_ampersand(idp: Idp, barbara: str) -> None:
    answer = idp.send("GET", "/Users?filter=userName+eq+%22bjensen%40example.com%22&")

    assert [one["id"] for one in json.loads(answer.content)["Resources"]] == [barbara]


@tolerant
@pytest.mark.parametrize("schema", ["urn:scim:schemas:core:2.0", "urn:scim:schemas:core:1.0", USER_SCHEMA])
def test_onelogin_names_old_schemas_and_sends_one_address_as_an_object(idp: Idp, schema: str) -> None:
    body = BARBARA | {"schemas": [schema], "emails": {"value": "bjensen@example.com", "primary": True}}
    response = idp.send("POST", "/Users", body)

    document = json.loads(response.content)
    assert (response.status_code, document["schemas"]) == (201, [USER_SCHEMA])
    assert document["emails"] == [{"value": "bjensen@example.com", "primary": True}]
    assert idp.send("PUT", f"/Users/{document['id']}?", body | {"title": "Guide"}).status_code == 200


def test_onelogin_patches_groups_and_deletes_users(idp: Idp, barbara: str) -> None:
    group = idp.create_group("Guides")

    idp.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": barbara}]})
    assert idp.members(group) == {barbara}
    idp.patch(f"/Groups/{group}", {"op": "remove", "path": f'members[value eq "{barbara}"]'})
    assert idp.members(group) == set()
    assert idp.send("DELETE", f"/Users/{barbara}").status_code == 204


def test_jumpcloud_creates_and_deletes_a_test_user_and_group(idp: Idp) -> None:
    body = BARBARA | {"userName": "jumpcloud-test-user@jumpcloud.com", "externalId": "5f0c", "displayName": "Test"}
    user = json.loads(idp.send("POST", "/Users", body).content)["id"]
    group = json.loads(idp.send("POST", "/Groups", {"schemas": [GROUP_SCHEMA], "displayName": "test"}).content)["id"]

    # A strict connection has only the RFC's way.
    named = (
        {"path": f'members[value eq "{user}"]'}
        if idp.connection.is_strict
        else {"path": "members", "value": [{"value": user}]}
    )
    removal = {"op": "remove", **named}
    for response in (
        idp.send("PUT", f"/Users/{user}", body | {"id": user, "displayName": "Changed"}),
        idp.send("PUT", f"/Groups/{group}", {"schemas": [GROUP_SCHEMA], "displayName": "changed", "members": []}),
        idp.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": user}]}),
        idp.patch(f"/Groups/{group}", removal),
        idp.send("PUT", f"/Users/{user}", body | {"active": False}),
        idp.send("DELETE", f"/Groups/{group}"),
        idp.send("DELETE", f"/Users/{user}"),
    ):
        assert response.status_code in {200, 204}, response.content


@pytest.mark.parametrize(
    "text",
    [
        'userName eq "bjensen@example.com"',
        'emails eq "bjensen@example.com"',
        'emails.value eq "bjensen@example.com"',
    ],
)
def test_ping_finds_users_by_name_or_address(idp: Idp, barbara: str, text: str) -> None:
    idp.create_user("other@example.com", emails=[{"value": "other@example.com"}])

    assert [one["id"] for one in idp.get("/Users", filter=text).json()["Resources"]] == [barbara]


def test_ping_disables_or_deletes(idp: Idp, barbara: str) -> None:
    assert json.loads(idp.send("PUT", f"/Users/{barbara}", BARBARA | {"active": False}).content)["active"] is False
    assert idp.send("DELETE", f"/Users/{barbara}").status_code == 204


def test_rippling_reads_discovery_and_creates_twice(idp: Idp) -> None:
    assert idp.get("/ServiceProviderConfig").json()["patch"] == {"supported": True}
    body = BARBARA | {"externalId": "rippling-17"}
    assert idp.send("POST", "/Users", body).status_code == 201

    error_of(idp.send("POST", "/Users", body), 409, "uniqueness")

    assert idp.get("/Users", filter='externalId eq "rippling-17"').json()["totalResults"] == 1


def test_rippling_creates_edits_and_deletes_groups(idp: Idp, barbara: str) -> None:
    group = idp.create_group("Guides", [barbara])

    assert idp.patch(f"/Groups/{group}", {"op": "replace", "value": {"displayName": "Leaders"}}).status_code in {
        200,
        204,
    }
    assert idp.members(group) == {barbara}
    assert idp.send("DELETE", f"/Groups/{group}").status_code == 204


def test_cyberark_reads_discovery_one_resource_at_a_time(idp: Idp) -> None:
    assert idp.get("/Users", count=1).json()["totalResults"] == 0
    assert idp.get("/ServiceProviderConfig").json()["authenticationSchemes"]
    for name, schema in (("User", USER_SCHEMA), ("Group", GROUP_SCHEMA)):
        kind = idp.get(f"/ResourceTypes/{name}").json()
        assert (kind["id"], kind["endpoint"], kind["schema"]) == (name, f"/{name}s", schema)
        assert idp.get(f"/Schemas/{schema}").json()["id"] == schema
    for extension in idp.get("/ResourceTypes/User").json()["schemaExtensions"]:
        assert idp.get(f"/Schemas/{extension['schema']}").json()["id"] == extension["schema"]


def test_cyberark_puts_users_and_patches_groups(idp: Idp, barbara: str) -> None:
    group = idp.create_group("Guides")

    assert json.loads(idp.send("PUT", f"/Users/{barbara}", BARBARA | {"title": "Guide"}).content)["title"] == "Guide"
    idp.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": barbara}]})
    assert idp.members(group) == {barbara}
