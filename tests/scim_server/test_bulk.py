"""Several operations in one request (RFC 7644, 3.7)."""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from portal.embedded import models
from portal.embedded.scim.protocol.schemas import ENTERPRISE_USER
from tests.scim_server.conftest import PATCH_OP, Idp
from tests.scim_server.test_endpoints import error_of

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


def bulk(idp: Idp, *operations: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    answer = idp.send("POST", "/Bulk", {"schemas": [BULK], "Operations": list(operations), **more})
    assert answer.status_code == 200, answer.content
    assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"]
    return list(answer.json()["Operations"])


def post(path: str, bulk_id: str, **data: Any) -> dict[str, Any]:
    return {"method": "POST", "path": path, "bulkId": bulk_id, "data": data}


def statuses(results: list[dict[str, Any]]) -> list[str]:
    return [result["status"] for result in results]


def test_each_operation_has_its_result_in_the_order_of_the_request(idp: Idp) -> None:
    ada = idp.create_user("ada")
    bob = idp.create_user("bob")

    results = bulk(
        idp,
        post("/Users", "one", userName="cy"),
        {"method": "PUT", "path": f"/Users/{ada}", "data": {"userName": "ada", "title": "Queen"}},
        {
            "method": "patch",
            "path": f"/Users/{ada}",
            "data": {"schemas": [PATCH_OP], "Operations": [{"op": "add", "path": "nickName", "value": "A"}]},
        },
        {"method": "DELETE", "path": f"/Users/{bob}"},
    )

    assert [(one["method"], one["status"]) for one in results] == [
        ("POST", "201"),
        ("PUT", "200"),
        ("PATCH", "200"),
        ("DELETE", "204"),
    ]
    assert results[0]["bulkId"] == "one"
    assert results[0]["location"].endswith(idp.get("/Users", filter='userName eq "cy"').json()["Resources"][0]["id"])
    assert results[3]["location"].endswith(f"/Users/{bob}")
    ada_now = idp.get(f"/Users/{ada}").json()
    assert (ada_now["title"], ada_now["nickName"]) == ("Queen", "A")
    assert results[2]["version"] == ada_now["meta"]["version"]
    assert idp.get(f"/Users/{bob}").status_code == 404


def test_a_reference_is_resolved_even_before_its_resource(idp: Idp) -> None:
    results = bulk(
        idp,
        post("/Groups", "team", displayName="Team", members=[{"value": "bulkId:ada"}, {"value": "bulkId:inner"}]),
        {
            "method": "PATCH",
            "path": "/Groups/bulkId:inner",
            "data": {"Operations": [{"op": "add", "path": "members", "value": [{"value": "bulkId:bob"}]}]},
        },
        post("/Groups", "inner", displayName="Inner"),
        post("/Users", "ada", userName="ada", **{ENTERPRISE_USER: {"manager": {"value": "bulkId:bob"}}}),
        post("/Users", "bob", userName="bob"),
    )

    assert statuses(results) == ["201", "200", "201", "201", "201"]
    ids = {one["bulkId"]: one["location"].rpartition("/")[2] for one in results if "bulkId" in one}
    assert idp.members(ids["team"]) == {ids["ada"], ids["inner"]}
    assert idp.members(ids["inner"]) == {ids["bob"]}
    assert idp.get(f"/Users/{ids['ada']}").json()[ENTERPRISE_USER]["manager"]["value"] == ids["bob"]


def test_cycles_are_resolved(idp: Idp) -> None:
    results = bulk(
        idp,
        post("/Groups", "a", displayName="A", members=[{"value": "bulkId:b"}]),
        post("/Groups", "b", displayName="B", members=[{"value": "bulkId:a"}]),
        post("/Users", "x", userName="x", **{ENTERPRISE_USER: {"manager": {"value": "bulkId:y"}}}),
        post("/Users", "y", userName="y", **{ENTERPRISE_USER: {"manager": {"value": "bulkId:x"}}}),
    )

    assert statuses(results) == ["201"] * 4
    a, b, x, y = (one["location"].rpartition("/")[2] for one in results)
    assert (idp.members(a), idp.members(b)) == ({b}, {a})
    assert idp.get(f"/Users/{x}").json()[ENTERPRISE_USER]["manager"]["value"] == y
    assert idp.get(f"/Groups/{a}").json()["meta"]["version"] == results[0]["version"]


def test_a_failed_operation_does_not_undo_the_others(idp: Idp) -> None:
    idp.create_user("taken")
    results = bulk(
        idp,
        post("/Users", "a", userName="Taken"),
        post("/Users", "b", userName=""),
        post("/Groups", "c", displayName="C", members=[{"value": "bulkId:a"}]),
        post("/Groups", "d", displayName="D", members=[{"value": "bulkId:nothing"}]),
        post("/Groups", "e", displayName="E", members=[{"value": "bulkId:e"}]),
        post("/Users", "f", userName="f"),
        post("/Nothing", "g"),
        {"method": "POST", "path": "/Users"},
        {"method": "GET", "path": "/Users"},
        {"method": "DELETE", "path": "/Users/unknown"},
    )

    assert statuses(results) == ["409", "400", "409", "409", "400", "201", "404", "400", "400", "404"]
    assert results[0]["response"]["scimType"] == "uniqueness"
    assert "location" not in results[0]
    assert models.ScimGroupRow.objects.count() == 0
    assert models.ScimUserRow.objects.count() == 2


def test_it_stops_after_the_number_of_errors_that_the_client_accepts(idp: Idp) -> None:
    results = bulk(
        idp,
        post("/Users", "a", userName="a"),
        post("/Users", "b", userName=""),
        post("/Users", "c", userName="c"),
        post("/Users", "d", userName=""),
        post("/Users", "e", userName="e"),
        failOnErrors=2,
    )

    assert statuses(results) == ["201", "400", "201", "400"]
    assert models.ScimUserRow.objects.count() == 2


def test_a_version_must_be_the_current_one(idp: Idp) -> None:
    ada = idp.create_user("ada")
    seen = idp.get(f"/Users/{ada}").json()["meta"]["version"]
    change = {"method": "PUT", "path": f"/Users/{ada}", "version": seen}

    results = bulk(
        idp, {**change, "data": {"userName": "a", "title": "1"}}, {**change, "data": {"userName": "a", "title": "2"}}
    )

    assert statuses(results) == ["200", "412"]


def test_users_are_created_together(idp: Idp, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_max_num_queries(10):
        results = bulk(idp, *(post("/Users", f"u{n}", userName=f"user{n}") for n in range(100)))

    assert statuses(results) == ["201"] * 100
    assert models.ActivityEntryRow.objects.filter(action="scim_user.create").count() == 100


def test_errors_name_the_limits(idp: Idp) -> None:
    detail = error_of(idp.send("POST", "/Bulk", {"schemas": [BULK], "Operations": [post("/Users", "a")] * 1001}), 413)
    assert "maxOperations" in detail
    config = idp.get("/ServiceProviderConfig").json()["bulk"]
    assert config["supported"] is True
    assert config["maxOperations"] == 1000


@pytest.mark.parametrize(
    "body",
    [
        {"Operations": []},
        {"schemas": [BULK]},
        {"schemas": [BULK], "Operations": {}},
        {"schemas": [BULK], "Operations": [1]},
        {"schemas": [BULK], "Operations": [], "failOnErrors": "2"},
    ],
)
def test_what_is_not_a_bulk_request_is_rejected(idp: Idp, body: dict[str, Any]) -> None:
    error_of(idp.send("POST", "/Bulk", body), 400, "invalidSyntax")


def test_another_connections_resources_are_unknown(idp: Idp, other_idp: Idp) -> None:
    theirs = other_idp.create_user("theirs")

    results = bulk(
        idp,
        {"method": "DELETE", "path": f"/Users/{theirs}"},
        post("/Groups", "g", displayName="G", members=[{"value": theirs}]),
    )

    assert statuses(results) == ["404", "400"]
    assert other_idp.get(f"/Users/{theirs}").status_code == 200


def test_names_are_read_in_any_case(idp: Idp) -> None:
    operation = {"Method": "post", "PATH": "/Users", "bulkID": "u", "Data": {"USERNAME": "ada"}}

    response = idp.send("POST", "/Bulk", {"Schemas": [BULK.upper()], "operations": [operation]})

    (result,) = response.json()["Operations"]
    assert (result["status"], result["bulkId"]) == ("201", "u")
