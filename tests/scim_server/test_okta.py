"""What Okta sends, in Okta's own words (its SCIM 2.0 reference, and the test that it puts every new server through)."""

import json
from typing import Any

import pytest

from tests.scim_server.conftest import Idp
from tests.scim_server.test_endpoints import error_of

# A changed group is in the response unless the connection is Entra's; Okta takes either.
DONE = {200, 204}
pytestmark = pytest.mark.connections("okta", "strict", "entra")
USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Group"
NEW_USER = {
    "schemas": [USER_SCHEMA],
    "userName": "Test.User@okta.local",
    "name": {"givenName": "Test", "familyName": "User"},
    "emails": [{"primary": True, "value": "test.user@okta.local", "type": "work"}],
    "displayName": "Test User",
    "locale": "en-US",
    "externalId": "00ujl29u0le5T6Aj10h7",
    "groups": [],
    "password": "1mz050nq",
    "active": True,
}


@pytest.fixture
def assigned(idp: Idp) -> dict[str, Any]:
    """A user that Okta created."""
    return dict(json.loads(idp.send("POST", "/Users", NEW_USER).content))


@pytest.fixture
def pushed(idp: Idp) -> str:
    """A group as Okta pushes it first: without members."""
    body = {"schemas": [GROUP_SCHEMA], "displayName": "Test SCIMv2", "members": []}
    response = idp.send("POST", "/Groups", body)
    assert response.status_code == 201
    return str(json.loads(response.content)["id"])


def replaced(idp: Idp, path: str, value: dict[str, Any]) -> Any:
    return idp.patch(path, {"op": "replace", "value": value})


def test_okta_looks_a_user_up_before_it_creates_one(idp: Idp) -> None:
    answer = idp.send("GET", "/Users?filter=userName%20eq%20%22test.user%40okta.local%22&startIndex=1&count=100")

    assert answer.status_code == 200
    assert json.loads(answer.content) == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": 0,
        "startIndex": 1,
        "itemsPerPage": 0,
        "Resources": [],
    }


def test_okta_gets_the_user_that_it_created_without_the_password(idp: Idp) -> None:
    response = idp.send("POST", "/Users", NEW_USER)

    document = json.loads(response.content)
    assert response.status_code == 201
    assert document["active"] is True  # or Okta reactivates without end
    kept = {name: value for name, value in NEW_USER.items() if name not in {"groups", "password"}}
    assert {name: document.get(name) for name in kept} == kept
    assert b"1mz050nq" not in response.content


def test_okta_finds_the_user_in_any_case(idp: Idp, assigned: dict[str, Any]) -> None:
    for name in ("test.user@okta.local", "TEST.USER@OKTA.LOCAL"):
        answer = idp.get("/Users", filter=f'userName eq "{name}"', startIndex=1, count=100).json()
        assert [one["id"] for one in answer["Resources"]] == [assigned["id"]]


def test_okta_deactivates_without_a_path(idp: Idp, assigned: dict[str, Any]) -> None:
    for active in (False, True, False):
        answer = replaced(idp, f"/Users/{assigned['id']}", {"active": active})
        assert answer.status_code == 200
        assert idp.get(f"/Users/{assigned['id']}").json() == assigned | {
            "active": active,
            "meta": answer.json()["meta"],
        }


def test_okta_reactivates_a_user_by_assigning_them_again(idp: Idp, assigned: dict[str, Any]) -> None:
    replaced(idp, f"/Users/{assigned['id']}", {"active": False})

    error_of(idp.send("POST", "/Users", NEW_USER), 409, "uniqueness")

    found = idp.get("/Users", filter='userName eq "test.user@okta.local"').json()["Resources"]
    assert [(one["id"], one["active"]) for one in found] == [(assigned["id"], False)]
    assert replaced(idp, f"/Users/{assigned['id']}", {"active": True}).json()["active"] is True


def test_okta_wizard_apps_put_the_whole_user(idp: Idp, assigned: dict[str, Any], pushed: str) -> None:
    user = f"/Users/{assigned['id']}"
    idp.patch(f"/Groups/{pushed}", {"op": "add", "path": "members", "value": [{"value": assigned["id"]}]})
    whole = idp.get(user).json()
    name = whole["name"] | {"middleName": "", "honorificPrefix": ""}

    response = idp.send("PUT", user, whole | {"name": name, "active": False, "title": None})

    document = json.loads(response.content)
    assert response.status_code == 200
    assert (document["id"], document["active"], document["groups"]) == (assigned["id"], False, whole["groups"])
    assert document["userName"] == NEW_USER["userName"]
    assert idp.members(pushed) == {assigned["id"]}


def test_okta_adds_and_removes_members_in_one_request(idp: Idp, pushed: str) -> None:
    old, new, other = (idp.create_user(f"person{n}@okta.local") for n in range(3))
    idp.patch(f"/Groups/{pushed}", {"op": "add", "path": "members", "value": [{"value": old}, {"value": other}]})

    response = idp.patch(
        f"/Groups/{pushed}",
        {"op": "remove", "path": f'members[value eq "{old}"]'},
        {"op": "add", "path": "members", "value": [{"value": new, "display": "person1@okta.local"}]},
    )

    assert response.status_code in DONE
    assert idp.members(pushed) == {new, other}


def test_okta_sometimes_pushes_all_members(idp: Idp, pushed: str) -> None:
    first, second = (idp.create_user(f"person{n}@okta.local") for n in range(2))
    for wanted in ([first], [first, second], [second], []):
        value = [{"value": one} for one in wanted]
        assert idp.patch(f"/Groups/{pushed}", {"op": "replace", "path": "members", "value": value}).status_code in DONE
        assert idp.members(pushed) == set(wanted)


def test_okta_renames_a_group_with_its_id_and_keeps_the_members(idp: Idp, pushed: str) -> None:
    user = idp.create_user("person@okta.local")
    idp.patch(f"/Groups/{pushed}", {"op": "add", "path": "members", "value": [{"value": user}]})

    assert replaced(idp, f"/Groups/{pushed}", {"id": pushed, "displayName": "Renamed"}).status_code in DONE

    assert idp.get(f"/Groups/{pushed}").json()["displayName"] == "Renamed"
    assert idp.members(pushed) == {user}


def test_okta_wizard_apps_put_groups(idp: Idp, pushed: str) -> None:
    user = idp.create_user("person@okta.local")
    body = {
        "schemas": [GROUP_SCHEMA],
        "id": pushed,
        "displayName": "Renamed",
        "members": [{"value": user, "display": "person@okta.local"}],
        "meta": {"resourceType": "Group"},
    }

    assert idp.send("PUT", f"/Groups/{pushed}", body).status_code == 200
    assert idp.members(pushed) == {user}


def test_okta_imports_everyone_once_in_pages_of_a_hundred(idp: Idp) -> None:
    created = [idp.create_user(f"person{n}@okta.local") for n in range(205)]
    seen: list[str] = []
    start, total = 1, 1
    while start <= total:
        page = idp.get("/Users", startIndex=start, count=100).json()
        assert (page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (205, start, len(page["Resources"]))
        seen += [one["id"] for one in page["Resources"]]
        start, total = start + 100, page["totalResults"]

    assert sorted(seen) == sorted(created)


def test_okta_gets_errors_in_words(idp: Idp) -> None:
    assert error_of(idp.get("/Users/010101001010101011001010101011"), 404)
    idp.token = "wrong"
    assert error_of(idp.get("/Users", startIndex=1, count=2), 401)
