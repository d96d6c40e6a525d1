"""What belongs to another connection is answered exactly as what there is not."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from portal.embedded import models
from tests.scim_server.conftest import PATCH_OP, Idp
from tests.scim_server.test_bulk import BULK
from tests.scim_server.test_lists import SEARCH

Answer = tuple[int, str]
NOBODY = "scim-user-live-01900000-0000-7000-8000-00000000dead"
NO_GROUP = "scim-group-live-01900000-0000-7000-8000-00000000dead"


def answer(response: Any, key: str) -> Answer:
    """Return what a client can distinguish: the status, and the body without the requested id."""
    return response.status_code, response.content.decode().replace(key, "…")


def bulk(idp: Idp, operation: dict[str, Any]) -> Any:
    return idp.send("POST", "/Bulk", {"schemas": [BULK], "Operations": [operation]})


REQUESTS: dict[str, Callable[[Idp, str, str], Any]] = {
    "read": lambda idp, kind, key: idp.get(f"/{kind}/{key}"),
    "read, if changed": lambda idp, kind, key: idp.send("GET", f"/{kind}/{key}", **{"If-None-Match": "*"}),
    "replace": lambda idp, kind, key: idp.send("PUT", f"/{kind}/{key}", {"userName": "x", "displayName": "x"}),
    "replace, any version": lambda idp, kind, key: idp.send(
        "PUT", f"/{kind}/{key}", {"userName": "x", "displayName": "x"}, **{"If-Match": "*"}
    ),
    "replace, a wrong version": lambda idp, kind, key: idp.send(
        "PUT", f"/{kind}/{key}", {"userName": "x", "displayName": "x"}, **{"If-Match": 'W/"1"'}
    ),
    "change": lambda idp, kind, key: idp.patch(f"/{kind}/{key}", {"op": "add", "path": "displayName", "value": "x"}),
    "change, a wrong version": lambda idp, kind, key: idp.patch(
        f"/{kind}/{key}", {"op": "add", "path": "displayName", "value": "x"}, **{"If-Match": 'W/"1"'}
    ),
    "delete": lambda idp, kind, key: idp.send("DELETE", f"/{kind}/{key}"),
    "delete, a wrong version": lambda idp, kind, key: idp.send("DELETE", f"/{kind}/{key}", **{"If-Match": 'W/"1"'}),
    "filter by id": lambda idp, kind, key: idp.get(f"/{kind}", filter=f'id eq "{key}"'),
    "filter by address": lambda idp, kind, key: idp.get(
        f"/{kind}", filter=f'meta.location ew "{key}" or id eq "{key}"'
    ),
    "filter by groups": lambda idp, _, key: idp.get("/Users", filter=f'groups.value eq "{key}"'),
    "filter by indirect groups": lambda idp, _, key: idp.get(
        "/Users", filter=f'groups[type eq "indirect" and value eq "{key}"]'
    ),
    "filter by members": lambda idp, _, key: idp.get("/Groups", filter=f'members[value eq "{key}"]'),
    "search of a kind": lambda idp, kind, key: idp.send(
        "POST", f"/{kind}/.search", {"schemas": [SEARCH], "filter": f'id eq "{key}"'}
    ),
    "search of everything": lambda idp, _, key: idp.send(
        "POST", "/.search", {"schemas": [SEARCH], "filter": f'id eq "{key}"'}
    ),
    "bulk, replace": lambda idp, kind, key: bulk(
        idp, {"method": "PUT", "path": f"/{kind}/{key}", "data": {"userName": "x", "displayName": "x"}}
    ),
    "bulk, change": lambda idp, kind, key: bulk(
        idp,
        {
            "method": "PATCH",
            "path": f"/{kind}/{key}",
            "data": {"schemas": [PATCH_OP], "Operations": [{"op": "add", "path": "displayName", "value": "x"}]},
        },
    ),
    "bulk, delete": lambda idp, kind, key: bulk(
        idp, {"method": "DELETE", "path": f"/{kind}/{key}", "version": 'W/"1"'}
    ),
    "a new group with a member": lambda idp, _, key: idp.send(
        "POST", "/Groups", {"displayName": "New", "members": [{"value": key}]}
    ),
    "a member added": lambda idp, _, key: idp.patch(
        f"/Groups/{own_group(idp)}", {"op": "add", "path": "members", "value": [{"value": key}]}
    ),
    "members replaced": lambda idp, _, key: idp.send(
        "PUT", f"/Groups/{own_group(idp)}", {"displayName": "Own", "members": [{"value": key}]}
    ),
    "a member removed": lambda idp, _, key: idp.patch(
        f"/Groups/{own_group(idp)}?attributes=displayName", {"op": "remove", "path": f'members[value eq "{key}"]'}
    ),
    "bulk, a new group with a member": lambda idp, _, key: bulk(
        idp,
        {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"displayName": "N", "members": [{"value": key}]}},
    ),
}


def own_group(idp: Idp) -> str:
    """Return the id of the group that the connection has."""
    return str(idp.get("/Groups", filter='displayName eq "Own"').json()["Resources"][0]["id"])


def everything(idp: Idp) -> Any:
    """Return all that a connection has, members and versions included."""
    return [idp.get(endpoint).json() for endpoint in ("/Users", "/Groups")]


@pytest.fixture
def theirs(idp: Idp, other_idp: Idp) -> dict[str, str]:
    """A person and a group of another connection, nested as ours are."""
    for one in (other_idp, idp):
        user = one.create_user("gil")
        group = one.create_group("Inner", [user])
        one.create_group("Own", [group])
    return {
        "Users": str(other_idp.get("/Users").json()["Resources"][0]["id"]),
        "Groups": str(other_idp.get("/Groups", filter='displayName eq "Inner"').json()["Resources"][0]["id"]),
    }


@pytest.mark.parametrize(
    "wanted",
    [
        'emails.value eq "gil@acme.example"',
        'emails[type eq "work" and value eq "gil@acme.example"]',
        'emails[type eq "work"].value eq "gil@acme.example"',
        'externalId eq "00u-gil"',
        'externalId eq "00u-gil" and active eq true',
        'userName eq "gil"',
        'userName eq "gil" and active eq true',
    ],
)
def test_an_indexed_filter_finds_no_user_of_another_connection(idp: Idp, other_idp: Idp, wanted: str) -> None:
    gil = {"userName": "gil", "externalId": "00u-gil", "emails": [{"type": "work", "value": "gil@acme.example"}]}
    assert other_idp.send("POST", "/Users", gil).status_code == 201

    assert idp.get("/Users", filter=wanted).json()["totalResults"] == 0
    assert other_idp.get("/Users", filter=wanted).json()["totalResults"] == 1


@pytest.mark.parametrize("call", REQUESTS)
@pytest.mark.parametrize("kind", ["Users", "Groups"])
def test_resources_of_another_connection_are_unknown(
    idp: Idp, other_idp: Idp, theirs: dict[str, str], kind: str, call: str
) -> None:
    before, ours = everything(other_idp), everything(idp)
    unknown = NOBODY if kind == "Users" else NO_GROUP

    of_theirs, of_nobody = (answer(REQUESTS[call](idp, kind, key), key) for key in (theirs[kind], unknown))

    assert of_theirs == of_nobody
    # A member that is not there is not removed, which changes nothing.
    assert of_theirs[0] in {404, 400} or '"totalResults":0' in of_theirs[1] or "removed" in call or "bulk" in call
    if "bulk" in call:
        assert json.loads(of_theirs[1])["Operations"][0]["status"] in {"400", "404"}
    assert (everything(other_idp), everything(idp)) == (before, ours)
    assert not models.ScimGroupRow.objects.filter(display_name__in=("New", "N", "x")).exists()


def test_each_of_these_requests_finds_own_resources(idp: Idp, theirs: dict[str, str]) -> None:
    """Otherwise the test above could pass because its requests are invalid."""
    for name, call in REQUESTS.items():
        key = idp.create_group(f"Known {name}", [idp.create_user(name.replace(" ", "-").replace(",", ""))])
        response = call(idp, "Groups", key)
        body = response.content.decode()
        assert response.status_code != 404, name
        assert '"status":"404"' not in body, name
        assert "There is no" not in body, name
    assert theirs


def test_a_reference_to_a_manager_reveals_no_user_of_another_connection(idp: Idp, theirs: dict[str, str]) -> None:
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

    answers = [
        answer(idp.send("POST", "/Users", {"userName": name, enterprise: {"manager": {"value": key}}}), key)
        for name, key in (("x", theirs["Users"]), ("y", NOBODY))
    ]

    shown = [json.loads(body)[enterprise] for status, body in answers if status == 201]
    assert shown == [{"manager": {"value": "…"}}] * 2
    found = idp.get("/Users", filter=f'{enterprise}:manager.value eq "{theirs["Users"]}"').json()["Resources"]
    assert [one["userName"] for one in found] == ["x"]


def test_a_cursor_of_another_connection_is_not_a_cursor(idp: Idp, other_idp: Idp, theirs: dict[str, str]) -> None:
    other_idp.create_user("x")
    for endpoint in ("/Users", "/Groups"):
        cursor = other_idp.get(endpoint, cursor="", count=1).json()["nextCursor"]
        rejected, forged = (idp.get(endpoint, cursor=text, count=1) for text in (cursor, "forged"))
        assert (rejected.status_code, rejected.content) == (forged.status_code, forged.content)
        assert json.loads(rejected.content)["scimType"] == "invalidCursor"
    searched = {"schemas": [SEARCH], "count": 1}
    cursor = other_idp.send("POST", "/.search", searched | {"cursor": ""}).json()["nextCursor"]
    assert idp.send("POST", "/.search", searched | {"cursor": cursor}).json()["scimType"] == "invalidCursor"
    assert theirs


def test_a_bulk_id_is_valid_in_its_own_request_only(idp: Idp, other_idp: Idp) -> None:
    user = {"method": "POST", "path": "/Users", "bulkId": "gil", "data": {"userName": "gil"}}
    assert bulk(other_idp, user).json()["Operations"][0]["status"] == "201"

    group = {"displayName": "New", "members": [{"value": "bulkId:gil"}]}
    rejected = bulk(idp, {"method": "POST", "path": "/Groups", "bulkId": "g", "data": group}).json()["Operations"][0]

    assert rejected["status"] == "409"
    assert "gil" in rejected["response"]["detail"]
    assert not models.ScimGroupRow.objects.exists()
