"""Entra's parameter `aadOptscim062020` says who sends a request, on a connection of any identity provider."""

import pytest

from portal.directory.scim.connection import ScimIdentityProvider
from tests.scim_server.conftest import Idp
from tests.scim_server.test_endpoints import error_of

FLAG = "?aadOptscim062020"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ADD_EMAIL = {"op": "replace", "path": 'emails[type eq "work"].value', "value": "kim@acme.example"}


@pytest.fixture
def kim(idp: Idp) -> str:
    return idp.create_user("kim@acme.example", **{ENTERPRISE: {"manager": {"value": "boss"}}})


@pytest.mark.parametrize("identity_provider", list(ScimIdentityProvider))
@pytest.mark.parametrize("flag", [FLAG, "?AADOPTSCIM062020", "?aadOptscim062020=", "?x=1&aadOptscim062020&y"])
def test_requests_with_the_entra_flag_are_read_as_entra_means_them(
    idp: Idp, kim: str, identity_provider: str, flag: str
) -> None:
    idp.connection.identity_provider = identity_provider
    idp.connection.save()

    changed = idp.patch(f"/Users/{kim}{flag}", ADD_EMAIL)
    assert changed.status_code == 200, changed.content
    assert changed.json()["emails"] == [{"type": "work", "value": "kim@acme.example"}]
    asked = idp.send("GET", f"/Users{flag}&filter=id+eq+{kim}+and+manager+eq+boss&attributes=id")
    assert [one["id"] for one in asked.json()["Resources"]] == [kim]
    group = idp.create_group("Sales")
    rename = {"op": "replace", "path": "displayName", "value": "Support"}
    assert idp.patch(f"/Groups/{group}{flag}", rename).status_code == 204


@pytest.mark.parametrize("query", ["", "?aadOptscim=1", "?x=aadOptscim062020"])
def test_requests_without_the_flag_follow_the_rfc(idp: Idp, kim: str, query: str) -> None:
    error_of(idp.patch(f"/Users/{kim}{query}", ADD_EMAIL), 400, "noTarget")
    error_of(idp.get("/Users", filter='manager eq "boss"'), 400, "invalidFilter")
    path = {"op": "replace", "path": "department", "value": "x"}
    error_of(idp.patch(f"/Users/{kim}{query}", path), 400, "invalidPath")


def test_a_strict_connection_follows_the_rfc(idp: Idp, kim: str) -> None:
    idp.connection.identity_provider = ScimIdentityProvider.MICROSOFT_ENTRA
    idp.connection.is_strict = True
    idp.connection.save()

    error_of(idp.patch(f"/Users/{kim}{FLAG}", ADD_EMAIL), 400, "noTarget")
    error_of(idp.send("GET", f"/Users{FLAG}&filter=manager+eq+%22boss%22"), 400, "invalidFilter")
    dotted = {"op": "replace", "path": f"{ENTERPRISE}.manager", "value": {"value": "x"}}
    error_of(idp.patch(f"/Users/{kim}{FLAG}", dotted), 400, "invalidPath")


@pytest.mark.parametrize("slashes", ["//", "///"])
def test_a_base_url_with_a_trailing_slash_works(idp: Idp, kim: str, slashes: str) -> None:
    found = idp.send("GET", f"{slashes}Users?filter=userName+eq+%22kim@acme.example%22")
    assert found.json()["totalResults"] == 1
    assert idp.get(f"{slashes}Users/{kim}").json()["id"] == kim
    created = idp.send("POST", f"{slashes}Groups", {"displayName": "Sales", "members": [{"value": kim}]})
    assert created.status_code == 201
    rename = {"op": "replace", "path": "displayName", "value": "Support"}
    assert idp.patch(f"{slashes}Groups/{created.json()['id']}", rename).json()["displayName"] == "Support"
    entry = idp.entries[-1]
    assert (entry.method, entry.resource_type, entry.resource_id) == ("PATCH", "Group", created.json()["id"])
    assert "//" not in created["Location"].removeprefix("http://").removeprefix("https://")
    idp.token = "wrong"
    error_of(idp.get(f"{slashes}Users"), 401)
