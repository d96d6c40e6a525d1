"""While a connection is paused, every request gets a 503 and changes nothing."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from portal.directory.members import MemberStatus
from portal.directory.scim.log import ScimRejection
from portal.embedded import models
from tests.scim_server.conftest import Idp, log_queries
from tests.scim_server.test_bulk import BULK
from tests.scim_server.test_endpoints import error_of

OFF = {"op": "replace", "value": {"active": False}}
REQUESTS: dict[str, Any] = {
    "discovery": lambda idp, user, group: idp.get("/ServiceProviderConfig"),
    "look-up": lambda idp, user, group: idp.get("/Users", filter='userName eq "ada@acme.example"'),
    "read": lambda idp, user, group: idp.get(f"/Users/{user}"),
    "create": lambda idp, user, group: idp.send("POST", "/Users", {"userName": "new@acme.example"}),
    "deactivate": lambda idp, user, group: idp.patch(f"/Users/{user}", OFF),
    "delete": lambda idp, user, group: idp.send("DELETE", f"/Users/{user}"),
    "empty": lambda idp, user, group: idp.patch(f"/Groups/{group}", {"op": "remove", "path": "members"}),
    "bulk": lambda idp, user, group: idp.send(
        "POST", "/Bulk", {"schemas": [BULK], "Operations": [{"method": "DELETE", "path": f"/Users/{user}"}]}
    ),
    "search": lambda idp, user, group: idp.send("POST", "/.search", {}),
    "no body": lambda idp, user, group: idp.send("POST", "/Users", b"{"),
    "no such address": lambda idp, user, group: idp.send("DELETE", "/Users"),
}


def pause(client: Client) -> None:
    assert client.post("/o/acme/scim/pause/").status_code == 303


def resume(client: Client) -> None:
    assert client.post("/o/acme/scim/resume/").status_code == 303


@pytest.fixture
def user(idp: Idp) -> str:
    return idp.create_user("ada@acme.test")


@pytest.fixture
def group(idp: Idp, user: str) -> str:
    return idp.create_group("Engineering", [user])


@pytest.mark.parametrize("request_kind", REQUESTS)
def test_every_request_gets_a_503_and_changes_nothing(
    idp: Idp, user: str, group: str, admin_client: Client, request_kind: str
) -> None:
    pause(admin_client)
    entries = models.ActivityEntryRow.objects.count()

    answer = REQUESTS[request_kind](idp, user, group)

    assert "paused" in error_of(answer, 503)
    assert answer["Retry-After"] == "600"
    assert models.ActivityEntryRow.objects.count() == entries
    assert models.MemberRow.objects.get(email_address="ada@acme.test").status == MemberStatus.ACTIVE
    assert models.ScimMembershipRow.objects.count() == 1
    assert idp.entries[-1].refusal == ScimRejection.PAUSED


def test_after_resuming_requests_succeed(idp: Idp, user: str, admin_client: Client) -> None:
    pause(admin_client)
    resume(admin_client)

    assert idp.patch(f"/Users/{user}", OFF).status_code == 200
    assert models.MemberRow.objects.get(email_address="ada@acme.test").status == MemberStatus.DELETED


def test_a_request_with_an_invalid_token_does_not_see_the_pause(idp: Idp, admin_client: Client) -> None:
    pause(admin_client)
    idp.token = "scim_another"

    assert "paused" not in error_of(idp.get("/Users"), 401)


def test_the_token_counts_as_used_during_a_pause(idp: Idp, admin_client: Client) -> None:
    pause(admin_client)

    idp.get("/Users")

    assert idp.tokens.get().last_used_at


def test_members_keep_their_access_and_sessions(
    idp: Idp, user: str, admin_client: Client, member_client: Client
) -> None:
    pause(admin_client)
    idp.patch(f"/Users/{user}", OFF)

    assert member_client.get("/o/acme/").status_code == 200


def test_another_connection_is_not_paused(idp: Idp, other_idp: Idp, admin_client: Client) -> None:
    pause(admin_client)

    assert other_idp.get("/Users").status_code == 200


def test_checking_for_a_pause_costs_no_query(
    idp: Idp, admin_client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    pause(admin_client)
    # The first request stores that the token was used, so the second one reads it again.
    for _ in range(2):
        idp.get("/Users")

    # The token with its connection.
    with django_assert_num_queries(1 + log_queries()):
        idp.get("/Users")
