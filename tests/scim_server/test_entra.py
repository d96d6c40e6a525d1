"""What Microsoft Entra ID sends, in its own spelling, with and without its flag `aadOptscim062020`."""

import json
from typing import Any
from uuid import uuid4

import pytest

from portal.embedded import models
from tests.scim_server.conftest import FLAGGED, Idp
from tests.scim_server.test_endpoints import error_of

pytestmark = pytest.mark.connections("entra", FLAGGED, "strict entra")
# What the RFCs do not have.
tolerant = pytest.mark.connections("entra", FLAGGED)
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Group"
NEW_USER: dict[str, Any] = {
    "schemas": [USER_SCHEMA, ENTERPRISE],
    "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
    "userName": "Test_User_ab6490ee@testuser.com",
    "active": True,
    "emails": [{"primary": True, "type": "work", "value": "Test_User_fd0ea19b@testuser.com"}],
    "meta": {"resourceType": "User"},
    "name": {"formatted": "givenName familyName", "familyName": "familyName", "givenName": "givenName"},
    "roles": [],
}


@pytest.fixture
def user(idp: Idp) -> str:
    return str(json.loads(idp.send("POST", "/Users", NEW_USER).content)["id"])


@pytest.fixture
def bare(idp: Idp) -> str:
    """A person without any attribute but the name."""
    return idp.create_user("bare@testuser.com")


@pytest.fixture
def group(idp: Idp) -> str:
    body = {
        "schemas": [GROUP_SCHEMA, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159",
        "displayName": "displayName",
        "meta": {"resourceType": "Group"},
    }
    response = idp.send("POST", "/Groups", body)
    assert response.status_code == 201
    assert json.loads(response.content)["schemas"] == [GROUP_SCHEMA]
    return str(json.loads(response.content)["id"])


def patch(idp: Idp, path: str, *operations: dict[str, Any]) -> Any:
    """Send a PATCH; with its flag, without which no strict connection understands it, Entra writes in lower case."""
    is_lower = idp.connection.is_strict
    return idp.patch(path, *(one | {"op": one["op"].lower()} if is_lower else one for one in operations))


def user_after(idp: Idp, user: str, *operations: dict[str, Any]) -> dict[str, Any]:
    response = patch(idp, f"/Users/{user}", *operations)
    assert response.status_code == 200, response.content
    return dict(response.json())


def test_entra_tests_the_connection_with_unknown_names(idp: Idp) -> None:
    for path in (
        f"/Users?filter=userName+eq+%22{uuid4()}%22",
        f"/Groups?excludedAttributes=members&filter=displayName+eq+%22{uuid4()}%22",
        f"/Users?aadOptscim062020&filter=userName+eq+%22{uuid4()}%22",
    ):
        response = idp.send("GET", path, **{"User-Agent": ""})
        assert (response.status_code, json.loads(response.content)["Resources"]) == (200, [])


def test_entra_creates_a_user(idp: Idp) -> None:
    response = idp.send("POST", "/Users?aadOptscim062020", NEW_USER)

    document = json.loads(response.content)
    assert response.status_code == 201
    assert {name: document[name] for name in ("externalId", "userName", "active", "emails", "name")} == {
        name: NEW_USER[name] for name in ("externalId", "userName", "active", "emails", "name")
    }
    assert document["schemas"] == [USER_SCHEMA]  # nothing of the extension came


@pytest.mark.parametrize(
    ("operation", "active"),
    [
        ({"op": "Replace", "path": "active", "value": "False"}, False),
        ({"op": "Replace", "path": "active", "value": "True"}, True),
        ({"op": "Add", "path": "active", "value": "False"}, False),
        ({"op": "Replace", "path": "active", "value": False}, False),
        ({"op": "replace", "value": {"active": False}}, False),
    ],
)
@tolerant
def test_entra_disables_with_a_string(idp: Idp, user: str, operation: dict[str, Any], *, active: bool) -> None:
    assert user_after(idp, user, operation)["active"] is active
    assert idp.get(f"/Users/{user}").json()["active"] is active


@pytest.mark.parametrize("op", ["Add", "Replace", "add", "replace"])
@tolerant
def test_entra_adds_an_address_by_replacing_it(idp: Idp, bare: str, op: str) -> None:
    document = user_after(
        idp,
        bare,
        {"op": op, "path": 'emails[type eq "work"].value', "value": "updatedEmail@contoso.com"},
        {"op": op, "path": 'addresses[type eq "work"].streetAddress', "value": "1010 Broadway Ave"},
        {"op": op, "path": 'addresses[type eq "work"].postalCode', "value": "98052"},
        {"op": op, "path": 'phoneNumbers[type eq "mobile"].value', "value": "+1 (555) 010-0199 x7"},
        {"op": op, "path": 'roles[primary eq "True"].value', "value": "admin"},
    )

    assert document["emails"] == [{"type": "work", "value": "updatedEmail@contoso.com"}]
    assert document["addresses"] == [{"type": "work", "streetAddress": "1010 Broadway Ave", "postalCode": "98052"}]
    assert document["phoneNumbers"] == [{"type": "mobile", "value": "+1 (555) 010-0199 x7"}]
    assert document["roles"] == [{"primary": True, "value": "admin"}]


@tolerant
def test_entra_changes_an_existing_address(idp: Idp, user: str) -> None:
    document = user_after(
        idp,
        user,
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "a@contoso.com"},
        {"op": "Replace", "path": 'emails[type eq "work"].primary', "value": "true"},
    )

    assert document["emails"] == [{"primary": True, "type": "work", "value": "a@contoso.com"}]


@tolerant
def test_entra_sends_dotted_keys_and_keys_with_their_schema_under_its_flag(idp: Idp, user: str) -> None:
    document = user_after(
        idp,
        user,
        {
            "op": "replace",
            "value": {
                "displayName": "Babs",
                "name.givenName": "Barbara",
                "name.familyName": "Jensen",
                f"{ENTERPRISE}:employeeNumber": "701984",
                f"{ENTERPRISE}:department": "Tour Operations",
                'emails[type eq "work"].value': "babs@contoso.com",
            },
        },
    )

    assert document["displayName"] == "Babs"
    assert (document["name"]["givenName"], document["name"]["familyName"]) == ("Barbara", "Jensen")
    assert document[ENTERPRISE] == {"employeeNumber": "701984", "department": "Tour Operations"}
    assert document["emails"][0]["value"] == "babs@contoso.com"
    assert ENTERPRISE in document["schemas"]


def test_entra_clears_by_removing(idp: Idp, user: str) -> None:
    user_after(idp, user, {"op": "Add", "path": "title", "value": "x"})

    document = user_after(
        idp,
        user,
        {"op": "Remove", "path": "title"},
        {"op": "Remove", "path": "name.formatted"},
        {"op": "Remove", "path": 'emails[type eq "work"].value'},
        {"op": "Remove", "path": f"{ENTERPRISE}:department"},
    )

    assert "title" not in document
    assert "formatted" not in document["name"]
    assert all("value" not in email for email in document.get("emails", []))


@pytest.mark.parametrize("cleared", ["", None])
@tolerant
def test_entra_sets_the_manager_as_a_bare_id_and_clears_it(idp: Idp, user: str, cleared: str | None) -> None:
    path = f"{ENTERPRISE}:manager"

    assert user_after(idp, user, {"op": "Add", "path": path, "value": "not-here-yet"})[ENTERPRISE] == {
        "manager": {"value": "not-here-yet"}
    }
    assert ENTERPRISE not in user_after(idp, user, {"op": "Replace", "path": path, "value": cleared})


@tolerant
def test_entra_adds_members_without_a_reference_and_removes_only_those_it_names(idp: Idp, group: str) -> None:
    users = [idp.create_user(f"person{n}@testuser.com") for n in range(3)]

    added = [{"$ref": None, "value": one} for one in users]
    assert patch(idp, f"/Groups/{group}", {"op": "Add", "path": "members", "value": added}).status_code in {200, 204}
    assert idp.members(group) == set(users)

    patch(idp, f"/Groups/{group}", {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": users[0]}]})
    assert idp.members(group) == set(users[1:])
    patch(idp, f"/Groups/{group}", {"op": "remove", "path": f'members[value eq "{users[1]}"]'})
    assert idp.members(group) == {users[2]}


def test_entra_renames_a_group(idp: Idp, group: str) -> None:
    operation = {
        "op": "Replace",
        "path": "displayName",
        "value": "1879db59-3bdf-4490-ad68-ab880a269474updatedDisplayName",
    }

    answer = patch(idp, f"/Groups/{group}", operation)
    # Entra wants no group back.
    assert (answer.status_code, answer.content) == (204, b"")
    assert idp.get(f"/Groups/{group}").json()["displayName"] == operation["value"]
    asked = patch(idp, f"/Groups/{group}?attributes=displayName", operation)
    assert asked.json()["displayName"] == operation["value"]


def test_entra_matches_groups_by_a_unique_name_in_any_case(idp: Idp, group: str) -> None:
    answer = idp.get("/Groups", excludedAttributes="members", filter='displayName eq "DISPLAYNAME"').json()

    assert [one["id"] for one in answer["Resources"]] == [group]
    error_of(idp.send("POST", "/Groups", {"schemas": [GROUP_SCHEMA], "displayName": "DisplayName"}), 409, "uniqueness")


@pytest.mark.parametrize(
    "text",
    [
        f'externalId eq "{NEW_USER["externalId"]}"',
        'userName eq "test_user_ab6490ee@testuser.com"',
        f'userName eq "{NEW_USER["userName"]}" and externalId eq "{NEW_USER["externalId"]}"',
        'emails[type eq "work"].value eq "Test_User_fd0ea19b@testuser.com"',
        'emails[type eq "work" and value eq "Test_User_fd0ea19b@testuser.com"]',
    ],
)
def test_entra_matches_users_by_what_the_admin_chose(idp: Idp, user: str, bare: str, text: str) -> None:
    assert [one["id"] for one in idp.get("/Users", filter=text).json()["Resources"]] == [user]


def test_entra_asks_whether_one_user_is_in_one_group(idp: Idp, group: str, user: str, bare: str) -> None:
    patch(idp, f"/Groups/{group}", {"op": "Add", "path": "members", "value": [{"value": user}]})

    for one, number in ((user, 1), (bare, 0)):
        answer = idp.get("/Groups", excludedAttributes="members", filter=f'id eq "{group}" and members eq "{one}"')
        assert answer.json()["totalResults"] == number


def test_entra_soft_deletes_then_deletes_and_can_create_again(idp: Idp, user: str) -> None:
    user_after(idp, user, {"op": "Replace", "path": "active", "value": False})
    assert idp.get("/Users", filter=f'userName eq "{NEW_USER["userName"]}"').json()["totalResults"] == 1

    assert idp.send("DELETE", f"/Users/{user}").status_code == 204
    error_of(idp.send("DELETE", f"/Users/{user}"), 404)
    assert idp.send("POST", "/Users", NEW_USER).status_code == 201


@pytest.mark.parametrize(
    "text",
    [
        "userName eq Test_User_ab6490ee@testuser.com",
        "(userName eq Test_User_ab6490ee@testuser.com) and active eq true",
        'userName eq "Test_User_ab6490ee@testuser.com" and not (displayName eq eq)',
        "userName co 6490ee@ and emails[type eq work]",
    ],
)
@tolerant
def test_its_collection_leaves_out_the_quotes_of_a_filter(idp: Idp, user: str, text: str) -> None:
    assert [one["id"] for one in idp.get("/Users", filter=text).json()["Resources"]] == [user]


@tolerant
def test_quotes_are_needed_where_the_connection_is_strict(idp: Idp, user: str) -> None:
    models.ScimConnectionRow.objects.update(is_strict=True)

    error_of(idp.get("/Users", filter="userName eq Test_User_ab6490ee@testuser.com"), 400, "invalidFilter")


@pytest.mark.parametrize("text", ["userName eq", "userName eq a b", "userName eq )", 'userName eq "a'])
def test_an_invalid_filter_without_quotes_is_rejected(idp: Idp, user: str, text: str) -> None:
    error_of(idp.get("/Users", filter=text), 400, "invalidFilter")


@pytest.fixture
def boss(idp: Idp, user: str) -> str:
    """The manager of the person."""
    key = idp.create_user("boss@testuser.com")
    user_after(idp, user, {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": {"value": key}})
    return key


@pytest.mark.parametrize(
    "text",
    [
        'id eq "{user}" and manager eq "{boss}"',
        "id eq {user} and manager eq {boss}",
        'id eq "{user}" and manager.value eq "{boss}"',
        'id eq "{user}" and urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq "{boss}"',
        'id eq "{user}" and urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.manager eq "{boss}"',
    ],
)
@tolerant
def test_entra_asks_whether_a_user_has_a_manager(idp: Idp, user: str, boss: str, bare: str, text: str) -> None:
    """The only reference for whose current value Entra asks before it changes it."""
    for manager, found in ((boss, [{"schemas": [USER_SCHEMA, ENTERPRISE], "id": user}]), (bare, [])):
        answer = idp.get("/Users", filter=text.format(user=user, boss=manager), attributes="id")
        assert answer.status_code == 200, answer.content
        assert answer.json()["Resources"] == found


@tolerant
def test_entra_asks_for_users_without_a_manager(idp: Idp, user: str, boss: str, bare: str) -> None:
    for text, found in (
        ("manager pr", {user}),
        ("manager eq null", {boss, bare}),
        ("not (manager pr)", {boss, bare}),
    ):
        assert {one["id"] for one in idp.get("/Users", filter=text).json()["Resources"]} == found


@pytest.mark.parametrize("path", [f"{ENTERPRISE}.manager", f"{ENTERPRISE}:manager", "manager"])
@tolerant
def test_entra_writes_a_dot_after_the_urn_or_leaves_it_out(idp: Idp, user: str, path: str) -> None:
    added = user_after(
        idp, user, {"op": "Add", "path": path, "value": "x"}, {"op": "Add", "path": "department", "value": "y"}
    )

    assert added[ENTERPRISE] == {"manager": {"value": "x"}, "department": "y"}
    assert user_after(idp, user, {"op": "Remove", "path": path})[ENTERPRISE] == {"department": "y"}
