"""The lessons of the collection of requests in Microsoft's SCIM reference code, which many developers send first."""

from typing import Any

import pytest

from portal.directory.scim.connection import ScimIdentityProvider
from tests.scim_server.conftest import Idp
from tests.scim_server.test_endpoints import error_of

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"


@pytest.fixture
def entra(idp: Idp) -> Idp:
    idp.connection.identity_provider = ScimIdentityProvider.MICROSOFT_ENTRA
    idp.connection.save()
    return idp


def user_body(user_name: str, **more: Any) -> dict[str, Any]:
    """A user as the collection writes one: names in any case, and the same address for all."""
    emails = [
        {"Primary": True, "type": "work", "value": "all@acme.example"},
        {"type": "home", "value": "h@home.example"},
    ]
    return {"schemas": [ENTERPRISE, USER], "userName": user_name, "active": True, "emails": emails, **more}


def create(idp: Idp, user_name: str, **more: Any) -> dict[str, Any]:
    answer = idp.send("POST", "/Users", user_body(user_name, **more))
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def test_everyone_may_have_the_same_address(entra: Idp) -> None:
    ids = [create(entra, name)["id"] for name in ("OMalley", "emp1", "emp2", "emp3")]

    assert len(set(ids)) == 4
    page = entra.get("/Users", startIndex=1, count=2).json()
    assert (page["totalResults"], page["itemsPerPage"]) == (4, 2)
    assert [entra.send("DELETE", f"/Users/{key}").status_code for key in ids] == [204] * 4
    assert entra.get("/Users", attributes="userName").json()["Resources"] == []


def test_the_enterprise_extension_is_read_in_any_case(entra: Idp) -> None:
    document = create(entra, "UserName222", **{ENTERPRISE: {"Department": "bob", "Manager": {"Value": "SuzzyQ"}}})

    assert document[ENTERPRISE] == {"department": "bob", "manager": {"value": "SuzzyQ"}}


def test_discovery_has_the_names_and_words_of_the_rfc(entra: Idp) -> None:
    resource_type = entra.get("/ResourceTypes").json()["Resources"][0]
    assert (resource_type["endpoint"], resource_type["description"]) == ("/Users", "User Account")
    assert "User Account" in [one["description"] for one in entra.get("/Schemas").json()["Resources"]]
    assert entra.get("/serviceConfiguration").json() == entra.get("/ServiceProviderConfig").json()


def test_a_filter_in_the_attributes_parameter_returns_the_whole_attribute(entra: Idp) -> None:
    create(entra, "UserName111")

    for text in ('emails[type eq "work"]', 'userName,emails[value eq "a,b"]'):
        (found,) = entra.get("/Users", attributes=text).json()["Resources"]
        assert [one["value"] for one in found["emails"]] == ["all@acme.example", "h@home.example"]
        assert "active" not in found


def test_nulls_strings_and_misspelled_names_are_tolerated(entra: Idp) -> None:
    address = {"type": "other", "country": None, "formatted": "18522 Lisa Unions\nEast Gregory", "primary": False}
    created = create(entra, "OMalley", active="True", addresses=[address], roles=[], name={"honorificPrefix": None})
    assert created["active"] is True
    assert created["addresses"][0]["formatted"] == "18522 Lisa Unions\nEast Gregory"

    put = entra.send("PUT", f"/Users/{created['id']}", user_body("OMalley", adreses=[address]))
    assert put.status_code == 200
    assert "addresses" not in put.json()
    assert "adreses" not in put.json()


def test_an_invalid_user_is_rejected(entra: Idp) -> None:
    created = create(entra, "emp3")

    for method, path, body in (
        ("POST", "/Users", user_body("")),
        ("POST", "/Users", {"junk": True}),
        ("PUT", f"/Users/{created['id']}", {"active": True}),
    ):
        error_of(entra.send(method, path, body), 400, "invalidValue")
    assert error_of(entra.send("POST", "/Users", user_body("EMP3")), 409, "uniqueness")


def test_users_are_found_by_nested_clauses_and_by_date(entra: Idp) -> None:
    for name in ("OMalley", "emp1", "emp2"):
        create(entra, name, name={"familyName": "Employee"})

    for text, found in (
        (
            'name.FamilyName eq "Employee" and (emails.Value co "acme.example" or emails.Value co "acme.org")',
            ["emp1", "emp2", "OMalley"],
        ),
        ('userName sw "O"', ["OMalley"]),
        ("userName sw O", ["OMalley"]),
        ("meta.Created gt 2015-10-10T14:38:21.8617979-07:00", ["emp1", "emp2", "OMalley"]),
        ('meta.Created gt "2015-10-10T14:38:21.8617979-07:00"', ["emp1", "emp2", "OMalley"]),
    ):
        listed = entra.get("/Users", filter=text).json()["Resources"]
        assert sorted((one["userName"] for one in listed), key=str.lower) == found


def test_members_are_added_by_value_or_as_a_bare_id_and_removed_by_either_path(entra: Idp) -> None:
    ada, bob = (create(entra, name)["id"] for name in ("ada", "bob"))
    group = entra.create_group("GroupDisplayName2", [ada])

    entra.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"displayName": "new", "value": bob}]})
    entra.patch(f"/Groups/{group}", {"op": "remove", "path": f'members[value eq "{ada}"]'})
    assert entra.members(group) == {bob}
    assert entra.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": ada}).status_code == 204
    assert entra.members(group) == {ada, bob}
    assert "members" not in entra.get(f"/Groups/{group}", excludedAttributes="members").json()
    entra.patch(f"/Groups/{group}", {"op": "remove", "path": "members"})
    assert entra.members(group) == set()
