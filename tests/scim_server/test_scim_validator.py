"""The checks of scim-validator, area by area (A1 to A9), in its order and in our own words."""

from typing import Any

import pytest

from tests.scim_server.conftest import Idp

CORE = "urn:ietf:params:scim:schemas:core:2.0"
USER, GROUP = f"{CORE}:User", f"{CORE}:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
MESSAGES = "urn:ietf:params:scim:api:messages:2.0"
BULK, SEARCH = f"{MESSAGES}:BulkRequest", f"{MESSAGES}:SearchRequest"
NAMES = ("alice", "bob", "charlie", "diana", "eve")
INACTIVE = {"charlie", "eve"}


def address(name: str) -> str:
    return f"flt_{name}@test.example"


@pytest.fixture
def user(idp: Idp) -> dict[str, Any]:
    emails = [{"value": "work@test.example", "type": "work"}, {"value": "home@test.example", "type": "home"}]
    answer = idp.send("POST", "/Users", {"schemas": [USER], "userName": "ada@test.example", "emails": emails})
    return dict(answer.json())


@pytest.fixture
def five(idp: Idp) -> dict[str, str]:
    return {
        name: idp.create_user(address(name), externalId=f"flt_{name}", active=name not in INACTIVE) for name in NAMES
    }


def is_error(answer: Any, status: int) -> bool:
    body = answer.json()
    return bool(
        answer.status_code == status and body["schemas"] == [f"{MESSAGES}:Error"] and body["status"] == str(status)
    )


def test_a1_discovery_is_listed_and_found_by_id(idp: Idp) -> None:
    config = idp.get("/ServiceProviderConfig").json()
    assert f"{CORE}:ServiceProviderConfig" in config["schemas"]
    for name in ("patch", "bulk", "filter", "changePassword", "sort", "etag"):
        assert isinstance(config[name]["supported"], bool)
    kinds = idp.get("/ResourceTypes").json()["Resources"]
    assert {(one["name"], one["endpoint"]) for one in kinds} == {("User", "/Users"), ("Group", "/Groups")}
    for path in ("/Schemas", "/ResourceTypes"):
        for one in idp.get(path).json()["Resources"]:
            assert idp.get(f"{path}/{one['id']}").json() == one
        assert is_error(idp.get(f"{path}/1b1f9a7e-5f3c-4c55-a2d4-1d1b2a4e2a11"), 404)
    assert all(idp.get(f"/Schemas/{one['schema']}").status_code == 200 for one in kinds)


@pytest.mark.parametrize("path", ["/ServiceProviderConfig", "/Schemas", "/ResourceTypes"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a1_discovery_is_read_only(idp: Idp, method: str, path: str) -> None:
    assert is_error(idp.send(method, path, {}), 405)


def test_a2_schemas_say_what_the_rfc_says(idp: Idp) -> None:
    core = {one["name"]: one for one in idp.get(f"/Schemas/{USER}").json()["attributes"]}
    more = {one["name"]: one for one in idp.get(f"/Schemas/{ENTERPRISE}").json()["attributes"]}

    wanted = {"required": True, "type": "string", "mutability": "readWrite", "uniqueness": "server", "caseExact": False}
    assert core["userName"].items() >= wanted.items()
    assert core["name"]["type"] == "complex"
    assert {"givenName", "familyName"} <= {one["name"] for one in core["name"]["subAttributes"]}
    assert (core["emails"]["type"], core["emails"]["multiValued"]) == ("complex", True)
    assert (core["active"]["type"], core["groups"]["mutability"]) == ("boolean", "readOnly")
    assert [more[name]["type"] for name in ("employeeNumber", "department", "manager")] == [
        "string",
        "string",
        "complex",
    ]
    assert {one["mutability"] for one in core.values()} <= {"readOnly", "readWrite", "immutable", "writeOnly"}


def test_a3_lifecycle_of_a_user(idp: Idp, user: dict[str, Any]) -> None:
    path = f"/Users/{user['id']}"
    assert {"created", "lastModified", "location", "resourceType"} <= set(user["meta"])
    assert idp.get(path).json() == user
    listed = idp.get("/Users", filter='userName eq "ada@test.example"').json()
    assert [one["id"] for one in listed["Resources"]] == [user["id"]]

    put = idp.send("PUT", path, {"id": "other", "userName": user["userName"], "name": {"givenName": "New"}}).json()
    assert (put["id"], put["name"], "emails" in put) == (user["id"], {"givenName": "New"}, False)
    deleted = idp.send("DELETE", path)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert is_error(idp.get(path), 404)
    assert is_error(idp.send("DELETE", path), 404)
    assert is_error(idp.get("/Me"), 501)


def test_a4_changes_affect_exactly_what_they_name(idp: Idp, user: dict[str, Any]) -> None:
    path = f"/Users/{user['id']}"

    def changed(op: str, attribute: str, value: Any = None) -> dict[str, Any]:
        operation = {"op": op, "path": attribute} | ({} if value is None else {"value": value})
        assert idp.patch(path, operation).status_code == 200
        return dict(idp.get(path).json())

    assert changed("add", "externalId", "EXT-001")["externalId"] == "EXT-001"
    assert "externalId" not in changed("remove", "externalId")
    assert changed("replace", "name.givenName", "Patched")["name"]["givenName"] == "Patched"
    assert changed("replace", "active", value=False)["active"] is False
    assert changed("replace", f"{ENTERPRISE}:employeeNumber", "EMP-999")[ENTERPRISE] == {"employeeNumber": "EMP-999"}
    emails = {
        one["type"]: one["value"] for one in changed("replace", 'emails[type eq "work"].value', "n@w.example")["emails"]
    }
    assert emails == {"work": "n@w.example", "home": "home@test.example"}
    added = changed("add", "emails", [{"value": "o@test.example", "type": "other"}])["emails"]
    assert [one["type"] for one in added] == ["work", "home", "other"]
    assert [one["type"] for one in changed("remove", 'emails[type eq "other"]')["emails"]] == ["work", "home"]
    for attribute in ("nonExistentAttr", "id"):
        assert is_error(idp.patch(path, {"op": "replace", "path": attribute, "value": "x"}), 400)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f'userName eq "{address("alice")}"', "alice"),
        (f'userName eq "{address("ALICE")}"', "alice"),
        (f'UserName EQ "{address("alice")}"', "alice"),
        (f'{USER}:userName eq "{address("alice")}"', "alice"),
        ('userName sw "flt_"', "alice bob charlie diana eve"),
        ('userName co "lice@t"', "alice"),
        ('userName ew "alice@test.example" and userName sw "flt_"', "alice"),
        (f'userName ne "{address("alice")}" and userName sw "flt_"', "bob charlie diana eve"),
        ("externalId pr", "alice bob charlie diana eve"),
        ('active eq false and userName sw "flt_"', "charlie eve"),
        ('not (active eq false) and userName sw "flt_"', "alice bob diana"),
        (f'userName eq "{address("alice")}" or userName eq "{address("bob")}"', "alice bob"),
        (f'(userName eq "{address("alice")}" or userName eq "{address("eve")}") and active eq true', "alice"),
        ('meta.lastModified gt "2000-01-01T00:00:00Z" and userName sw "flt_"', "alice bob charlie diana eve"),
        ('userName eq "nobody@test.example"', ""),
    ],
)
def test_a5_filters(idp: Idp, five: dict[str, str], text: str, found: str) -> None:
    listed = idp.get("/Users", filter=text).json()
    assert listed["schemas"] == [f"{MESSAGES}:ListResponse"]
    assert {one["id"] for one in listed["Resources"]} == {five[name] for name in found.split()}
    assert listed["totalResults"] == len(found.split())

    search = {"schemas": [SEARCH], "filter": text}
    assert idp.send("POST", "/Users/.search", search).json()["totalResults"] == len(found.split())


def test_a5_pages_orders_and_projections(idp: Idp, five: dict[str, str]) -> None:
    pages = [idp.get("/Users", filter='userName sw "flt_"', startIndex=at, count=2).json() for at in (1, 3)]
    assert [(one["startIndex"], one["itemsPerPage"], one["totalResults"]) for one in pages] == [(1, 2, 5), (3, 2, 5)]
    assert len({one["id"] for page in pages for one in page["Resources"]}) == 4
    nobody = idp.get("/Users", count=0).json()
    assert (nobody["totalResults"], nobody["Resources"]) == (5, [])
    for order, names in (("ascending", NAMES), ("descending", NAMES[::-1])):
        listed = idp.get("/Users", sortBy="userName", sortOrder=order).json()["Resources"]
        assert [one["userName"] for one in listed] == [address(name) for name in names]
    assert is_error(idp.get("/Users", filter="not a valid !!! filter [["), 400)

    path = f"/Users/{five['alice']}"
    idp.patch(path, {"op": "add", "path": f"{ENTERPRISE}:department", "value": "Ships"})
    for attributes in ("userName", f"{USER}:userName"):
        assert set(idp.get(path, attributes=attributes).json()) == {"schemas", "id", "userName"}
    assert idp.get(path, attributes=ENTERPRISE).json()[ENTERPRISE] == {"department": "Ships"}
    assert "externalId" not in idp.get(path, excludedAttributes="externalId").json()


def test_a6_lifecycle_of_a_group(idp: Idp, five: dict[str, str]) -> None:
    alice, bob = five["alice"], five["bob"]
    body = {"schemas": [GROUP], "displayName": "Crew", "members": [{"value": alice}]}
    created = idp.send("POST", "/Groups", body)
    assert (created.status_code, created.json()["displayName"]) == (201, "Crew")
    path = f"/Groups/{created.json()['id']}"

    def members(answer: Any) -> set[str]:
        assert answer.status_code == 200
        return {one["value"] for one in answer.json()["members"]}

    assert members(idp.get(path)) == {alice}
    for text in ('displayName eq "Crew"', 'displayName eq "crew"'):
        assert [one["displayName"] for one in idp.get("/Groups", filter=text).json()["Resources"]] == ["Crew"]
        assert idp.send("POST", "/Groups/.search", {"schemas": [SEARCH], "filter": text}).json()["totalResults"] == 1
    assert members(idp.send("PUT", path, {**body, "members": [{"value": alice}, {"value": bob}]})) == {alice, bob}
    assert members(idp.patch(path, {"op": "remove", "path": f'members[value eq "{bob}"]'})) == {alice}
    # The change is answered with the members that it leaves.
    assert members(idp.patch(path, {"op": "add", "path": "members", "value": [{"value": bob}]})) == {alice, bob}
    assert idp.send("DELETE", path).status_code == 204
    assert is_error(idp.get(path), 404)


def test_a7_bulk_requests(idp: Idp) -> None:
    def bulk(operations: list[dict[str, Any]], **more: Any) -> Any:
        return idp.send("POST", "/Bulk", {"schemas": [BULK], "Operations": operations, **more})

    def post(name: str) -> dict[str, Any]:
        return {"method": "POST", "path": "/Users", "bulkId": name, "data": {"schemas": [USER], "userName": name}}

    done = bulk([post("one@test.example"), post("two@test.example")]).json()["Operations"]
    assert [one["status"] for one in done] == ["201", "201"]
    paths = [f"/Users/{one['location'].rpartition('/')[2]}" for one in done]
    assert bulk([{"method": "DELETE", "path": path} for path in paths]).status_code == 200
    assert [idp.get(path).status_code for path in paths] == [404, 404]
    maximum = idp.get("/ServiceProviderConfig").json()["bulk"]["maxOperations"]
    assert is_error(bulk([post("x")] * (maximum + 1)), 413)
    failing = [{"method": "DELETE", "path": f"/Users/nobody-{number}"} for number in range(3)]
    assert len(bulk(failing, failOnErrors=1).json()["Operations"]) == 1
    for schemas in ({}, {"schemas": [USER]}):
        assert is_error(idp.send("POST", "/Bulk", {**schemas, "Operations": [post("three")]}), 400)


@pytest.mark.parametrize("authorization", ["", "Bearer INVALID_TOKEN_12345"])
def test_a8_a_request_without_a_token_gets_the_authentication_scheme(idp: Idp, authorization: str) -> None:
    answer = idp.send("GET", "/Users", Authorization=authorization)

    assert is_error(answer, 401)
    assert "Bearer" in answer.headers["WWW-Authenticate"]


def test_a8_versions_and_addresses_of_answers(idp: Idp, user: dict[str, Any]) -> None:
    path = f"/Users/{user['id']}"
    read = idp.get(path)
    tag = read.headers["ETag"]
    assert (tag, "password" in read.json()) == (user["meta"]["version"], False)
    assert "application/scim+json" in read.headers["Content-Type"]
    for known, status in ((tag, 304), ("*", 304), ('W/"99999"', 200)):
        assert idp.send("GET", path, **{"If-None-Match": known}).status_code == status
    put = idp.send("PUT", path, user, **{"If-Match": tag})
    patched = idp.patch(path, {"op": "replace", "path": "displayName", "value": "Patched"})
    created = idp.send("POST", "/Users", {"userName": "new@test.example"})
    assert [one.status_code for one in (put, patched, created)] == [200, 200, 201]
    assert all(one.headers["Content-Location"].endswith(path) for one in (read, put, patched))
    assert created.headers["Content-Location"].endswith(f"/Users/{created.json()['id']}")
    assert is_error(idp.patch(path, {"op": "replace", "path": "id", "value": "fake"}), 400)


def test_a9_invalid_requests_get_a_scim_error(idp: Idp, user: dict[str, Any]) -> None:
    nobody = "/Users/non-existent-id-00000000"
    assert is_error(idp.send("POST", "/Users", {"schemas": [USER], "userName": user["userName"]}), 409)
    for body in ({"schemas": [USER]}, b"{this is not valid json!!!", b""):
        assert is_error(idp.send("POST", "/Users", body), 400)
    assert is_error(idp.send("PUT", nobody, {"schemas": [USER], "userName": "ghost"}), 404)
    assert is_error(idp.patch(nobody, {"op": "replace", "path": "active", "value": False}), 404)
    for method in ("GET", "DELETE"):
        assert is_error(idp.send(method, nobody), 404)
    for path in ("/NonExistentEndpoint", "/1b1f9a7e-5f3c-4c55-a2d4-1d1b2a4e2a11"):
        assert is_error(idp.get(path), 404)
