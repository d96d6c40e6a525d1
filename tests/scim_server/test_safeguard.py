"""The safeguard: of many deactivations within an hour the rest waits for an approval; everything else goes on."""

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
SAFEGUARD = "/o/acme/scim/safeguard/"
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
    """Return the ids of so many active people who are members."""
    users = []
    for n in range(number):
        user = factories.scim_user(idp.connection, f"{prefix}{n}@acme.example")
        user.member = factories.member(idp.connection.organization, user.user_name)
        user.save()
        users.append(user_id(user.pk))
    return users


def status_of(response: Any) -> int:
    """Return the status of a call, or of the only operation in it."""
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
    """Approve what the page shows."""
    html = client.get(f"{SAFEGUARD}approve/").content.decode()
    values = {name: html.partition(f'name="{name}" value="')[2].partition('"')[0] for name in ("version", "number")}
    return int(client.post(f"{SAFEGUARD}approve/", {**values, "typed": values["number"]}).status_code)


@pytest.fixture
def people(idp: Idp) -> list[str]:
    """A hundred, of whom twenty may go within an hour."""
    return provisioned(idp, 100)


@pytest.mark.parametrize("way", WAYS)
def test_beyond_the_share_the_rest_waits_whichever_way_they_are_taken_away(
    idp: Idp, people: list[str], way: str
) -> None:
    assert all(status < 300 for status in statuses(idp, people[:20], way))
    assert not stopped(idp)

    assert statuses(idp, people[20:25], way) == [503] * 5

    assert stopped(idp)
    assert active(idp) == 80
    assert models.ScimUserRow.objects.filter(active=True).count() == 80
    safeguard = models.ScimSafeguardRow.objects.get()
    assert (safeguard.deactivated_count, safeguard.user_count) == (20, 100)


def test_the_idp_is_told_in_scims_form_to_come_back(idp: Idp, people: list[str]) -> None:
    statuses(idp, people[:20])

    answer = idp.patch(f"/Users/{people[20]}", OFF)

    assert "approves" in error_of(answer, 503)
    assert answer["Retry-After"] == "600"
    assert models.ActivityEntryRow.objects.filter(action="scim_connection.safeguard").count() == 1


def test_a_small_connection_may_lose_ten(idp: Idp) -> None:
    people = provisioned(idp, 12)

    assert statuses(idp, people) == [200] * 10 + [503] * 2


def test_a_new_connection_can_be_tried_out_with_fifty_people(idp: Idp, admin_client: Client) -> None:
    models.ScimConnectionRow.objects.update(created_at=timezone.now())
    people = provisioned(idp, 52)
    assert "This connection is new" in admin_client.get(SAFEGUARD).content.decode()

    assert statuses(idp, people) == [200] * 50 + [503] * 2

    models.ScimConnectionRow.objects.update(created_at=timezone.now() - timedelta(days=7, seconds=1))
    assert "This connection is new" not in admin_client.get(SAFEGUARD).content.decode()


@pytest.mark.parametrize("share", [0, 100])
def test_it_can_be_switched_off(idp: Idp, people: list[str], settings: Settings, share: int) -> None:
    settings.SCIM_SAFEGUARD_SHARE = share

    assert statuses(idp, people[:40]) == [200] * 40
    assert not models.ScimSafeguardRow.objects.exists()


def test_everything_else_goes_on(idp: Idp, people: list[str]) -> None:
    statuses(idp, people[:21])

    assert idp.send("POST", "/Users", {"userName": "new@acme.example"}).status_code == 201
    assert idp.patch(f"/Users/{people[30]}", {"op": "replace", "path": "title", "value": "x"}).status_code == 200
    assert idp.patch(f"/Users/{people[0]}", {"op": "replace", "value": {"active": True}}).status_code == 200
    # Who is no member, loses nothing.
    assert status_of(idp.patch(f"/Users/{idp.create_user('nobody')}", OFF)) == 200


def test_who_goes_over_hours_is_not_held(idp: Idp, people: list[str]) -> None:
    now = timezone.now()
    for hour in range(3):
        with time_machine.travel(now + timedelta(minutes=61 * hour), tick=True):
            # A fifth of those who are left: 20 of 100, 16 of 80, 12 of 64.
            number = (20, 16, 12)[hour]
            assert statuses(idp, people[:number]) == [200] * number
            people = people[number:]
    assert not stopped(idp)


def test_it_holds_until_somebody_decides_however_long_that_takes(idp: Idp, people: list[str]) -> None:
    statuses(idp, people[:21])

    with time_machine.travel(timezone.now() + timedelta(days=3), tick=True):
        assert statuses(idp, people[20:21]) == [503]


def test_an_approval_is_for_the_people_on_hold_alone_and_they_are_not_counted(
    idp: Idp, people: list[str], admin_client: Client
) -> None:
    statuses(idp, people[:60])

    assert approve(admin_client) == 303

    assert not stopped(idp)
    entry = models.ActivityEntryRow.objects.get(action="scim_connection.safeguard_release")
    assert entry.after == {"people": 40}
    # Of the 40 who weren't on hold and the 40 who are approved, a fifth may go: the count starts again.
    assert statuses(idp, people[60:82]) == [200] * 16 + [503] * 6
    assert statuses(idp, people[20:60]) == [200] * 40
    assert stopped(idp)
    assert statuses(idp, people[82:84]) == [503] * 2


def test_an_approval_is_for_a_day(idp: Idp, people: list[str], admin_client: Client) -> None:
    statuses(idp, people[:40])
    approve(admin_client)

    with time_machine.travel(timezone.now() + timedelta(hours=23), tick=True):
        assert statuses(idp, people[20:22]) == [200] * 2
    with time_machine.travel(timezone.now() + timedelta(hours=25), tick=True):
        # A fifth of the 78 who are left.
        assert statuses(idp, people[22:40]) == [200] * 15 + [503] * 3


def test_a_second_approval_keeps_the_first_and_clearing_a_hold_ends_both(
    idp: Idp, people: list[str], admin_client: Client
) -> None:
    statuses(idp, people[:24])
    approve(admin_client)
    assert statuses(idp, people[24:44]) == [200] * 16 + [503] * 4
    approve(admin_client)
    assert statuses(idp, [people[20], people[40]]) == [200] * 2

    assert statuses(idp, people[44:60])[-1] == 503
    assert decide(admin_client, "rearm") == 303

    # A fifth of those who are left, approved or not.
    assert sum(status == 200 for status in statuses(idp, [*people[21:24], *people[41:44], *people[60:80]])) == 10


def test_people_who_are_put_on_hold_after_the_page_was_shown_are_not_approved(
    idp: Idp, people: list[str], admin_client: Client
) -> None:
    statuses(idp, people[:22])
    html = admin_client.get(f"{SAFEGUARD}approve/").content.decode()
    version = html.partition('name="version" value="')[2].partition('"')[0]
    statuses(idp, people[22:25])

    late = admin_client.post(f"{SAFEGUARD}approve/", {"version": version, "number": "2", "typed": "2"})

    assert late.status_code == 409
    assert "5 people are on hold now" in late.content.decode()
    assert statuses(idp, people[20:25]) == [503] * 5


def test_to_keep_braking_keeps_it(idp: Idp, people: list[str], admin_client: Client) -> None:
    statuses(idp, people[:21])

    assert decide(admin_client, "keep") == 303

    assert statuses(idp, people[20:21]) == [503]
    assert stopped(idp)


def test_what_is_settled_is_counted_anew(idp: Idp, people: list[str], admin_client: Client) -> None:
    statuses(idp, people[:21])

    assert decide(admin_client, "rearm") == 303

    assert not stopped(idp)
    # A fifth of the 80 who are left.
    assert statuses(idp, people[20:37]) == [200] * 16 + [503]


def test_connections_are_counted_each_for_itself(idp: Idp, other_idp: Idp, people: list[str]) -> None:
    theirs = provisioned(other_idp, 100, "their")
    statuses(idp, people[:21])

    assert statuses(other_idp, theirs[:20]) == [200] * 20


def test_who_was_refused_for_another_reason_is_not_counted(idp: Idp, people: list[str]) -> None:
    models.MemberRow.objects.filter(scim_user__user_name="person99@acme.example").update(direct_roles=["stytch_admin"])

    assert statuses(idp, [people[99]] * 30) == [409] * 30
    assert statuses(idp, people[:20]) == [200] * 20


def test_people_are_not_counted_for_each_who_goes(idp: Idp, people: list[str], settings: Settings) -> None:
    settings.SCIM_SAFEGUARD_SHARE = 50
    statuses(idp, people[:11])
    provisioned(idp, 50, "later")

    statuses(idp, people[11:30])

    assert models.ScimSafeguardRow.objects.get().user_count == 100
    # But before it stops anybody, they are.
    with time_machine.travel(timezone.now() + timedelta(minutes=2), tick=True):
        assert statuses(idp, people[30:76]) == [200] * 45 + [503]


@pytest.mark.django_db(transaction=True)
def test_none_slips_through_when_all_go_at_once(idp: Idp) -> None:
    crowd = provisioned(idp, 50)

    found = at_once([partial(WAYS["Okta, catalogue"], idp, user) for user in crowd], threads=8)

    assert sorted(found) == [200] * 10 + [503] * 40
    assert active(idp) == 40
    assert models.ScimUserRow.objects.exclude(deactivation_held_at=None).count() == 40
    assert models.ActivityEntryRow.objects.filter(action="scim_connection.safeguard").count() == 1
