"""The checks of Okta's "SCIM 2.0 SPEC Test", which every server must pass before it is in Okta's catalogue, in its order."""

from typing import Any

import pytest

from tests.scim_server.conftest import Idp

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
OKTA = {
    "Accept": "application/scim+json",
    "Accept-Charset": "utf-8",
    "User-Agent": "OKTA SCIM Integration",
    "content_type": "application/scim+json; charset=utf-8",
}
USER_NAME = "Runscope300Abc@okta.example"


def user_body(user_name: str) -> dict[str, Any]:
    return {
        "schemas": [USER],
        "userName": user_name,
        "name": {"givenName": "Ada", "familyName": "Okta"},
        "emails": [{"primary": True, "value": user_name, "type": "work"}],
        "displayName": "Ada Okta",
        "active": True,
    }


@pytest.fixture
def present(idp: Idp) -> str:
    """The one complete user that must be there before the test begins."""
    return str(idp.send("POST", "/Users", user_body("first@okta.example")).json()["id"])


@pytest.fixture
def created(idp: Idp) -> str:
    """The user that the test creates. It sends this one request as plain JSON."""
    headers = {"Accept": "application/scim+json; charset=utf-8", "content_type": "application/json"}
    answer = idp.send("POST", "/Users", user_body(USER_NAME), **headers)
    assert answer.status_code == 201
    document = answer.json()
    assert (document["active"], document["userName"]) == (True, USER_NAME)
    assert document["name"] == {"givenName": "Ada", "familyName": "Okta"}
    assert USER in document["schemas"]
    return str(document["id"])


def get(idp: Idp, path: str) -> Any:
    return idp.send("GET", path, **OKTA)


def is_complete(user: dict[str, Any]) -> bool:
    name = user["name"]
    parts = (user["id"], user["userName"], name["givenName"], name["familyName"], user["emails"][0]["value"])
    return all(parts) and user["active"] is True


def test_the_first_user_of_the_list_is_complete(idp: Idp, present: str) -> None:
    answer = get(idp, "/Users?count=1&startIndex=1")

    assert answer.status_code == 200
    listed = answer.json()
    assert listed["schemas"] == [LIST]
    assert [type(listed[name]) for name in ("itemsPerPage", "startIndex", "totalResults")] == [int, int, int]
    assert listed["Resources"][0]["id"] == present
    assert is_complete(listed["Resources"][0])


def test_the_user_is_complete_when_fetched_by_id(idp: Idp, present: str) -> None:
    answer = get(idp, f"/Users/{present}")

    assert answer.status_code == 200
    assert answer.json()["id"] == present
    assert is_complete(answer.json())


@pytest.mark.parametrize("name", ["no.body@abc.example", USER_NAME])
def test_an_unknown_name_finds_no_user(idp: Idp, present: str, name: str) -> None:
    answer = get(idp, f'/Users?filter=userName eq "{name}"')

    assert answer.status_code == 200
    assert (answer.json()["schemas"], answer.json()["totalResults"]) == ([LIST], 0)


def test_a_created_user_is_read_back(idp: Idp, created: str) -> None:
    document = get(idp, f"/Users/{created}").json()

    assert (document["userName"], document["name"]) == (USER_NAME, {"givenName": "Ada", "familyName": "Okta"})


def test_the_same_user_again_is_a_conflict(idp: Idp, created: str) -> None:
    again = idp.send("POST", "/Users", user_body(USER_NAME), content_type="application/json")

    assert again.status_code == 409


def test_a_user_name_is_found_in_capitals(idp: Idp, created: str) -> None:
    answer = get(idp, f'/Users?filter=userName eq "{USER_NAME.upper()}"')

    assert answer.status_code == 200
    assert [one["id"] for one in answer.json()["Resources"]] == [created]


def test_groups_are_a_list_even_without_any(idp: Idp) -> None:
    answer = get(idp, "/Groups")

    assert answer.status_code == 200
    assert (answer.json()["totalResults"], answer.json()["Resources"]) == (0, [])


def test_an_invalid_token_is_rejected_with_a_message(idp: Idp) -> None:
    answer = idp.send("GET", f'/Users?filter=userName eq "{USER_NAME}"', **OKTA | {"Authorization": "non-token"})

    assert answer.status_code == 401
    assert (answer.json()["schemas"], answer.json()["status"]) == ([ERROR], "401")
    assert answer.json()["detail"]


@pytest.mark.parametrize("resource", ["00919288221112222", "010101001010101011001010101011"])
def test_an_unknown_user_is_rejected_with_a_message(idp: Idp, resource: str) -> None:
    answer = get(idp, f"/Users/{resource}")

    assert answer.status_code == 404
    assert (answer.json()["schemas"], answer.json()["status"]) == ([ERROR], "404")
    assert answer.json()["detail"]


@pytest.mark.parametrize("path", ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas"])
def test_discovery_is_read_only(idp: Idp, path: str) -> None:
    """The test of 2017, which some partners still import, sends a body that is not even JSON."""
    assert get(idp, path).status_code == 200
    assert idp.send("POST", path, b"test\r\n\r\n", **OKTA).status_code == 405
