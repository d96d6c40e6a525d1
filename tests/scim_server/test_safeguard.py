"""The deactivation safeguard: after many deactivations within an hour, further ones are on hold, and other requests succeed."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from portal.directory.members import MemberStatus
from portal.embedded import models
from portal.embedded.scim.protocol.users import user_id
from tests import factories
from tests.scim_server.conftest import Idp
from tests.scim_server.test_bulk import BULK
from tests.scim_server.test_concurrency import at_once
from tests.scim_server.test_endpoints import error_of

OFF = {"op": "replace", "value": {"active": False}}
ENTRA_OFF = {"op": "Replace", "path": "active", "value": "False"}
SAFEGUARD = "/o/acme/scim/attention/deactivations/"
WAYS: dict[str, Any] = {
    "Okta, catalogue": lambda idp, user: idp.patch(f"/Users/{user}", OFF),
    "Okta, own app": lambda idp, user: idp.send(
        "PUT", f"/Users/{user}", {"userName": f"{user}@x.example", "active": False}
    ),
    "Entra": lambda idp, user: idp.patch(f"/Users/{user}", ENTRA_OFF),
    "Entra, later": lambda idp, user: idp.send("DELETE", f"/Users/{user}"),
    "in bulk": lambda idp, user: idp.send(
        "POST", "/Bulk", {"schemas": [BULK], "Operations": [{"method": "DELETE", "path": f"/Users/{user}"}]}
    ),
}


def provisioned(idp: Idp, number: int, prefix: str = "person") -> list[str]:
    """Return the IDs of this many active users with members."""
    users = []
    for n in range(number):
        user = factories.scim_user(idp.connection, f"{prefix}{n}@acme.example")
        user.member = factories.member(idp.connection.organization, user.user_name)
        user.save()
        users.append(user_id(user.pk))
    return users


def status_of(response: Any) -> int:
    """Return the status of a response, or of the only operation in it."""
    operations = response.json().get("Operations") if response.content else None
    return int(operations[0]["status"]) if operations else int(response.status_code)


def statuses(idp: Idp, users: list[str], way: str = "Okta, catalogue") -> list[int]:
    return [status_of(WAYS[way](idp, user)) for user in users]


def active(idp: Idp) -> int:
    return models.MemberRow.objects.filter(organization=idp.connection.organization, status=MemberStatus.ACTIVE).count()


def stopped(idp: Idp) -> bool:
    idp.connection.refresh_from_db()
    return idp.connection.hold_started_at is not None


def decide(client: Client, decision: str) -> int:
    html = client.get(SAFEGUARD).content.decode()
    version = html.partition('name="version" value="')[2].partition('"')[0]
    return int(client.post(f"{SAFEGUARD}decide/", {"decision": decision, "version": version}).status_code)


def approve(client: Client) -> int:
    """Approve the deactivations that the page shows."""
    html = client.get(f"{SAFEGUARD}approve/").content.decode()
    values = {name: html.partition(f'name="{name}" value="')[2].partition('"')[0] for name in ("version", "number")}
    return int(client.post(f"{SAFEGUARD}approve/", {**values, "typed": values["number"]}).status_code)


@pytest.fixture
def users(idp: Idp) -> list[str]:
    """A hundred users, twenty of which can be deactivated within an hour."""
    return provisioned(idp, 100)


@pytest.mark.parametrize("way", WAYS)
def test_deactivations_beyond_the_share_are_on_hold_in_every_form(idp: Idp, users: list[str], way: str) -> None:
    assert all(status < 300 for status in statuses(idp, users[:20], way))
    assert not stopped(idp)

    assert statuses(idp, users[20:25], way) == [503] * 5

    assert stopped(idp)
    assert active(idp) == 80
    assert models.ScimUserRow.objects.filter(active=True).count() == 80
    safeguard = models.ScimSafeguardRow.objects.get()
    assert (safeguard.deactivated_count, safeguard.user_count) == (20, 100)


def test_the_idp_gets_a_scim_error_with_retry_after(idp: Idp, users: list[str]) -> None:
    statuses(idp, users[:20])

    answer = idp.patch(f"/Users/{users[20]}", OFF)

    assert "approves" in error_of(answer, 503)
    assert answer["Retry-After"] == "600"
    assert models.ActivityEntryRow.objects.filter(action="scim_connection.safeguard").count() == 1


def test_ten_people_can_be_deactivated_in_a_small_connection(idp: Idp) -> None:
    users = provisioned(idp, 12)

    assert statuses(idp, users) == [200] * 10 + [503] * 2


def test_a_new_connection_can_be_tried_out_with_fifty_people(idp: Idp, admin_client: Client) -> None:
    models.ScimConnectionRow.objects.update(created_at=timezone.now())
    users = provisioned(idp, 52)
    assert "This connection is new" in admin_client.get(SAFEGUARD).content.decode()

    assert statuses(idp, users) == [200] * 50 + [503] * 2

    models.ScimConnectionRow.objects.update(created_at=timezone.now() - timedelta(days=7, seconds=1))
    assert "This connection is new" not in admin_client.get(SAFEGUARD).content.decode()


@pytest.mark.parametrize(("share", "minimum", "allowed"), [(30, None, 30), (5, None, 10), (5, 5, 5), (5, 40, 40)])
def test_the_limits_of_the_organization_apply(
    idp: Idp, users: list[str], share: int, minimum: int | None, allowed: int
) -> None:
    models.ScimConnectionRow.objects.update(safeguard_share=share, safeguard_minimum=minimum)

    assert statuses(idp, users[: allowed + 2]) == [200] * allowed + [503] * 2


def test_limits_outside_of_narrowed_bounds_do_not_apply(idp: Idp, users: list[str], settings: Settings) -> None:
    models.ScimConnectionRow.objects.update(safeguard_share=50, safeguard_minimum=100)
    settings.SCIM_SAFEGUARD_SHARE_BOUNDS, settings.SCIM_SAFEGUARD_MINIMUM_BOUNDS = (20, 25), (10, 15)

    assert statuses(idp, users[:27]) == [200] * 25 + [503] * 2


@pytest.mark.parametrize("share", [0, 100])
def test_the_safeguard_can_be_turned_off(idp: Idp, users: list[str], settings: Settings, share: int) -> None:
    settings.SCIM_SAFEGUARD_SHARE = share

    assert statuses(idp, users[:40]) == [200] * 40
    assert not models.ScimSafeguardRow.objects.exists()


def test_other_requests_succeed(idp: Idp, users: list[str]) -> None:
    statuses(idp, users[:21])

    assert idp.send("POST", "/Users", {"userName": "new@acme.example"}).status_code == 201
    assert idp.patch(f"/Users/{users[30]}", {"op": "replace", "path": "title", "value": "x"}).status_code == 200
    assert idp.patch(f"/Users/{users[0]}", {"op": "replace", "value": {"active": True}}).status_code == 200
    # A user without a member loses nothing.
    assert status_of(idp.patch(f"/Users/{idp.create_user('nobody')}", OFF)) == 200


def test_deactivations_over_several_hours_are_not_on_hold(idp: Idp, users: list[str]) -> None:
    now = timezone.now()
    for hour in range(3):
        with time_machine.travel(now + timedelta(minutes=61 * hour), tick=True):
            # 20% of the remaining users: 20 of 100, 16 of 80, 12 of 64.
            number = (20, 16, 12)[hour]
            assert statuses(idp, users[:number]) == [200] * number
            users = users[number:]
    assert not stopped(idp)


def test_a_hold_has_no_end_without_a_decision(idp: Idp, users: list[str]) -> None:
    statuses(idp, users[:21])

    with time_machine.travel(timezone.now() + timedelta(days=3), tick=True):
        assert statuses(idp, users[20:21]) == [503]


def test_an_approval_covers_only_the_people_on_hold_and_they_are_not_counted(
    idp: Idp, users: list[str], admin_client: Client
) -> None:
    statuses(idp, users[:60])

    assert approve(admin_client) == 303

    assert not stopped(idp)
    entry = models.ActivityEntryRow.objects.get(action="scim_connection.safeguard_release")
    assert entry.after == {"people": 40}
    # The count starts again: 20% of the 40 users who weren't on hold and the 40 approved ones.
    assert statuses(idp, users[60:82]) == [200] * 16 + [503] * 6
    assert statuses(idp, users[20:60]) == [200] * 40
    assert stopped(idp)
    assert statuses(idp, users[82:84]) == [503] * 2


def test_an_approval_is_valid_for_a_day(idp: Idp, users: list[str], admin_client: Client) -> None:
    statuses(idp, users[:40])
    approve(admin_client)

    with time_machine.travel(timezone.now() + timedelta(hours=23), tick=True):
        assert statuses(idp, users[20:22]) == [200] * 2
    with time_machine.travel(timezone.now() + timedelta(hours=25), tick=True):
        # 20% of the remaining 78.
        assert statuses(idp, users[22:40]) == [200] * 15 + [503] * 3


def test_a_second_approval_keeps_the_first_and_clearing_a_hold_ends_both(
    idp: Idp, users: list[str], admin_client: Client
) -> None:
    statuses(idp, users[:24])
    approve(admin_client)
    assert statuses(idp, users[24:44]) == [200] * 16 + [503] * 4
    approve(admin_client)
    assert statuses(idp, [users[20], users[40]]) == [200] * 2

    assert statuses(idp, users[44:60])[-1] == 503
    assert decide(admin_client, "rearm") == 303

    # 20% of the remaining users, approved or not.
    assert sum(status == 200 for status in statuses(idp, [*users[21:24], *users[41:44], *users[60:80]])) == 10


def test_people_put_on_hold_after_the_page_was_shown_are_not_approved(
    idp: Idp, users: list[str], admin_client: Client
) -> None:
    statuses(idp, users[:22])
    html = admin_client.get(f"{SAFEGUARD}approve/").content.decode()
    version = html.partition('name="version" value="')[2].partition('"')[0]
    statuses(idp, users[22:25])

    late = admin_client.post(f"{SAFEGUARD}approve/", {"version": version, "number": "2", "typed": "2"})

    assert late.status_code == 409
    assert "5 people are on hold now" in late.content.decode()
    assert statuses(idp, users[20:25]) == [503] * 5


def test_keeping_the_hold_keeps_it(idp: Idp, users: list[str], admin_client: Client) -> None:
    statuses(idp, users[:21])

    assert decide(admin_client, "keep") == 303

    assert statuses(idp, users[20:21]) == [503]
    assert stopped(idp)


def test_after_a_cleared_hold_the_count_starts_again(idp: Idp, users: list[str], admin_client: Client) -> None:
    statuses(idp, users[:21])

    assert decide(admin_client, "rearm") == 303

    assert not stopped(idp)
    # 20% of the remaining 80.
    assert statuses(idp, users[20:37]) == [200] * 16 + [503]


def test_each_connection_has_its_own_count(idp: Idp, other_idp: Idp, users: list[str]) -> None:
    theirs = provisioned(other_idp, 100, "their")
    statuses(idp, users[:21])

    assert statuses(other_idp, theirs[:20]) == [200] * 20


def test_a_deactivation_rejected_for_another_reason_is_not_counted(idp: Idp, users: list[str]) -> None:
    models.MemberRow.objects.filter(scim_user__user_name="person99@acme.example").update(direct_roles=["stytch_admin"])

    assert statuses(idp, [users[99]] * 30) == [409] * 30
    assert statuses(idp, users[:20]) == [200] * 20


def test_users_are_not_counted_for_each_deactivation(idp: Idp, users: list[str], settings: Settings) -> None:
    settings.SCIM_SAFEGUARD_SHARE = 50
    statuses(idp, users[:11])
    provisioned(idp, 50, "later")

    statuses(idp, users[11:30])

    assert models.ScimSafeguardRow.objects.get().user_count == 100
    # Before a hold begins, they are counted again.
    with time_machine.travel(timezone.now() + timedelta(minutes=2), tick=True):
        assert statuses(idp, users[30:76]) == [200] * 45 + [503]


@pytest.mark.django_db(transaction=True)
def test_simultaneous_deactivations_do_not_exceed_the_limit(idp: Idp) -> None:
    crowd = provisioned(idp, 50)

    found = at_once([partial(WAYS["Okta, catalogue"], idp, user) for user in crowd], threads=8)

    assert sorted(found) == [200] * 10 + [503] * 40
    assert active(idp) == 40
    assert models.ScimUserRow.objects.exclude(deactivation_held_at=None).count() == 40
    assert models.ActivityEntryRow.objects.filter(action="scim_connection.safeguard").count() == 1
