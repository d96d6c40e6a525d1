"""One request that takes many people out of a group with roles is on hold like as many deactivations."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.directory.ids import parse_id
from portal.embedded import models
from portal.embedded.scim.protocol.groups import group_id
from tests import factories
from tests.scim_server.conftest import PATCH_OP, Idp
from tests.scim_server.test_bulk import BULK
from tests.scim_server.test_concurrency import at_once
from tests.scim_server.test_endpoints import error_of
from tests.scim_server.test_safeguard import SAFEGUARD, approve, decide, provisioned, statuses, stopped

WAYS: dict[str, Any] = {
    "PUT without members": lambda idp, group: idp.send("PUT", f"/Groups/{group}", {"displayName": "Engineering"}),
    "PUT with one of them": lambda idp, group: idp.send(
        "PUT", f"/Groups/{group}", {"displayName": "Engineering", "members": [{"value": min(idp.members(group))}]}
    ),
    "replace with nothing": lambda idp, group: idp.patch(
        f"/Groups/{group}", {"op": "replace", "path": "members", "value": []}
    ),
    "replace with null": lambda idp, group: idp.patch(
        f"/Groups/{group}", {"op": "replace", "value": {"members": None}}
    ),
    "remove all": lambda idp, group: idp.patch(f"/Groups/{group}", {"op": "remove", "path": "members"}),
    "delete": lambda idp, group: idp.send("DELETE", f"/Groups/{group}"),
    "delete in bulk": lambda idp, group: idp.send(
        "POST", "/Bulk", {"schemas": [BULK], "Operations": [{"method": "DELETE", "path": f"/Groups/{group}"}]}
    ),
}


@pytest.fixture
def users(idp: Idp) -> list[str]:
    """A hundred users, twenty of which can lose access or roles within an hour."""
    return provisioned(idp, 100)


def a_group(idp: Idp, name: str, users: list[str], role: str = "it_support") -> str:
    group = factories.scim_group(idp.connection, name)
    keys = [parse_id("scim-user", user) for user in users]
    factories.put_in_group(group, models.ScimUserRow.objects.filter(pk__in=keys))
    if role:
        factories.group_role(group, role)
    return group_id(group.pk)


def status(response: Any) -> int:
    operations = response.json().get("Operations") if response.content else None
    return int(operations[0]["status"]) if operations else int(response.status_code)


@pytest.mark.parametrize("way", WAYS)
def test_a_group_of_many_is_not_emptied_by_one_request(idp: Idp, users: list[str], way: str) -> None:
    group = a_group(idp, "Engineering", users[:40])

    assert status(WAYS[way](idp, group)) == 503

    assert len(idp.members(group)) == 40
    assert stopped(idp)
    safeguard = models.ScimSafeguardRow.objects.get()
    assert (safeguard.deactivated_count, safeguard.removed_count, safeguard.user_count) == (0, 0, 100)


def test_the_operations_of_a_bulk_request_count_together(idp: Idp, users: list[str]) -> None:
    group = a_group(idp, "Engineering", users[:40])
    removals = [
        {"op": "remove", "path": "members", "value": [{"value": user} for user in users[first : first + 8]]}
        for first in range(0, 40, 8)
    ]
    operations = [
        {"method": "PATCH", "path": f"/Groups/{group}", "data": {"schemas": [PATCH_OP], "Operations": [removal]}}
        for removal in removals
    ]

    answer = idp.send("POST", "/Bulk", {"schemas": [BULK], "Operations": operations})

    # Twenty of a hundred can lose their roles. Sixteen are counted together, and the next eight would exceed the limit.
    assert [one["status"] for one in answer.json()["Operations"]] == ["200", "200", "200", "503", "503"]
    assert len(idp.members(group)) == 16
    assert stopped(idp)


def test_the_idp_and_the_admin_read_what_is_on_hold(idp: Idp, users: list[str], admin_client: Client) -> None:
    group = a_group(idp, "Engineering", users[:40])

    answer = WAYS["remove all"](idp, group)

    detail = error_of(answer, 503)
    assert 'takes 40 people out of the group "Engineering"' in detail
    assert answer["Retry-After"] == "600"
    html = " ".join(admin_client.get(SAFEGUARD).content.decode().split())
    for shown in ("Groups on hold", f"{group}/", "The group on hold keeps its people", "The changes are right"):
        assert shown in html
    assert "The group on hold keeps its people" in admin_client.get("/o/acme/").content.decode()
    assert "1 group change is on hold" in admin_client.get("/o/acme/scim/").content.decode()
    assert "40 people lose access or roles" in admin_client.get(f"{SAFEGUARD}approve/").content.decode()
    entry = models.ScimRequestRow.objects.order_by("-id").first()
    log = admin_client.get(f"/o/acme/scim/log/scim-request-live-{entry.pk}/").content.decode()  # type: ignore[union-attr]
    assert "On hold until an admin decides" in log


def test_an_approval_covers_this_group_and_this_number_of_people(
    idp: Idp, users: list[str], admin_client: Client
) -> None:
    group, other = a_group(idp, "Engineering", users[:40]), a_group(idp, "Sales", users[40:80])
    WAYS["remove all"](idp, group)

    assert approve(admin_client) == 303

    assert not stopped(idp)
    assert status(WAYS["remove all"](idp, group)) == 200
    assert idp.members(group) == set()
    assert status(WAYS["remove all"](idp, other)) == 503


def test_an_approval_does_not_cover_people_who_joined_since(idp: Idp, users: list[str], admin_client: Client) -> None:
    group = a_group(idp, "Engineering", users[:40])
    WAYS["remove all"](idp, group)
    approve(admin_client)
    value = [{"value": user} for user in users[40:45]]
    idp.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": value})

    assert status(WAYS["remove all"](idp, group)) == 503


def test_a_cleared_hold_leaves_the_group_as_it_is(idp: Idp, users: list[str], admin_client: Client) -> None:
    group = a_group(idp, "Engineering", users[:40])
    WAYS["remove all"](idp, group)

    assert decide(admin_client, "rearm") == 303

    assert not stopped(idp)
    assert len(idp.members(group)) == 40
    assert status(WAYS["remove all"](idp, group)) == 503


def test_a_group_without_roles_is_not_on_hold(idp: Idp, users: list[str]) -> None:
    group = a_group(idp, "Newsletter", users[:40], role="")

    assert status(WAYS["remove all"](idp, group)) == 200


def test_a_role_of_a_group_above_counts(idp: Idp, users: list[str]) -> None:
    inner = a_group(idp, "Inner", users[:40], role="")
    outer = a_group(idp, "Outer", [])
    idp.patch(f"/Groups/{outer}", {"op": "add", "path": "members", "value": [{"value": inner}]})

    assert status(WAYS["remove all"](idp, inner)) == 503
    assert status(WAYS["remove all"](idp, outer)) == 503
    assert status(WAYS["delete"](idp, outer)) == 503


def test_small_groups_and_small_changes_are_not_counted(idp: Idp, users: list[str]) -> None:
    for number in range(8):
        group = a_group(idp, f"Team {number}", users[number * 10 : number * 10 + 10])
        assert status(WAYS["remove all"](idp, group)) == 200

    assert not models.ScimSafeguardRow.objects.exists()


def test_removals_and_deactivations_count_together(idp: Idp, users: list[str]) -> None:
    group, other = a_group(idp, "Engineering", users[:15]), a_group(idp, "Sales", users[15:30])
    assert status(WAYS["remove all"](idp, group)) == 200
    assert status(WAYS["remove all"](idp, other)) == 503
    models.ScimConnectionRow.objects.update(hold_started_at=None)

    assert statuses(idp, users[40:46]) == [200] * 5 + [503]

    with time_machine.travel(timezone.now() + timedelta(minutes=61), tick=True):
        models.ScimConnectionRow.objects.update(hold_started_at=None)
        assert status(WAYS["remove all"](idp, other)) == 200


def test_deactivations_are_on_hold_as_well_until_an_admin_decides(idp: Idp, users: list[str]) -> None:
    WAYS["remove all"](idp, a_group(idp, "Engineering", users[:40]))

    assert statuses(idp, users[50:51]) == [503]


def test_removing_a_few_costs_no_more_queries(idp: Idp, users: list[str]) -> None:
    group = a_group(idp, "Engineering", users[:40])
    idp.get("/ServiceProviderConfig")

    def queries(users: list[str]) -> int:
        value = [{"value": user} for user in users]
        with CaptureQueriesContext(connection) as captured:
            idp.patch(f"/Groups/{group}", {"op": "remove", "path": "members", "value": value})
        return len(captured)

    queries(users[38:40])
    assert queries(users[:2]) == queries(users[2:12])
    assert not models.ScimSafeguardRow.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_simultaneous_removals_do_not_exceed_the_limit(idp: Idp) -> None:
    crowd = provisioned(idp, 100)
    groups = [a_group(idp, f"Team {number}", crowd[number * 15 : number * 15 + 15]) for number in range(6)]

    found = at_once([partial(WAYS["remove all"], idp, group) for group in groups], threads=6)

    assert sorted(found) == [200] + [503] * 5
    assert models.ActivityEntryRow.objects.filter(action="scim_connection.safeguard").count() == 1
