"""One action on several members of the list."""

import re
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from django.test import Client

from portal.directory.ids import public_id
from portal.directory.members import MemberStatus
from portal.embedded import models
from portal.pages.members.bulk import MAX_CHOSEN
from tests import factories
from tests.conftest import PASSWORD

URL, ADMIN = "/o/acme/members/bulk/", "stytch_admin"


def ids(*rows: models.MemberRow) -> list[str]:
    return [public_id("member", row.pk) for row in rows]


def statuses(*rows: models.MemberRow) -> list[str]:
    for row in rows:
        row.refresh_from_db()
    return [row.status for row in rows]


@pytest.fixture
def crowd(acme: models.OrganizationRow) -> list[models.MemberRow]:
    return [factories.member(acme, f"m{number:02}@acme.example", roles=[ADMIN]) for number in range(12)]


def test_the_list_offers_a_selection(admin_client: Client, crowd: list[models.MemberRow]) -> None:
    html = admin_client.get("/o/acme/members/").content.decode()

    assert len(re.findall(r'name="member"', html)) == 13
    assert re.search(r'<form[^>]* id="members-bulk" method="post" action="/o/acme/members/bulk/"', html)


def test_it_asks_with_names_and_numbers_first(admin_client: Client, crowd: list[models.MemberRow]) -> None:
    answer = admin_client.post(URL, {"action": "deactivate", "member": ids(*crowd)})

    html = answer.content.decode()
    assert "Deactivate 12 members?" in html
    assert "m09@acme.example" in html
    assert "m10@acme.example" not in html
    assert "and 2 more" in html
    assert set(statuses(*crowd)) == {MemberStatus.ACTIVE}


def test_what_succeeds_is_done_and_the_rest_is_listed(
    admin_client: Client, acme: models.OrganizationRow, admin: models.MemberRow, crowd: list[models.MemberRow]
) -> None:
    managed = factories.provisioned(factories.scim_connection(acme), "ben@acme.example").member
    other = factories.member(factories.organization("initech"), "x@initech.example")
    assert managed
    chosen = ids(crowd[0], admin, managed, other)

    answer = admin_client.post(URL, {"action": "deactivate", "member": chosen, "confirmed": "yes"})

    html = answer.content.decode()
    assert "1 member deactivated." in html
    assert "This is your own account." in html
    assert "Okta manages this member." in html
    assert "This member doesn’t exist." in html
    active = MemberStatus.ACTIVE
    assert statuses(crowd[0], admin, managed, other) == [MemberStatus.DELETED, active, active, active]


def test_roles_and_sessions(admin_client: Client, crowd: list[models.MemberRow]) -> None:
    chosen = {"member": ids(*crowd[:2]), "confirmed": "yes"}
    session = factories.signed_in(crowd[0])

    assert admin_client.post(URL, {**chosen, "action": "remove-role", "role": ADMIN}).status_code == 303
    statuses(*crowd)
    assert [one.direct_roles for one in crowd[:3]] == [[], [], [ADMIN]]
    assert admin_client.post(URL, {**chosen, "action": "add-role", "role": ADMIN}).status_code == 303
    statuses(*crowd)
    assert crowd[1].direct_roles == [ADMIN]
    assert admin_client.post(URL, {**chosen, "action": "add-role"}).status_code == 422
    assert session.get("/o/acme/account/").status_code == 200
    assert admin_client.post(URL, {**chosen, "action": "end-sessions"}).status_code == 303
    assert session.get("/o/acme/account/").status_code == 401


def test_rights_are_checked_for_each_action(acme: models.OrganizationRow, crowd: list[models.MemberRow]) -> None:
    role = {
        "role_id": "ender",
        "permissions": [{"resource_id": "stytch.member", "actions": ["search", "revoke-sessions"]}],
    }
    models.OrganizationRow.objects.filter(pk=acme.pk).update(custom_roles=[role])
    client = factories.signed_in(factories.member(acme, "ender@acme.example", roles=["ender"]))
    chosen = {"member": ids(*crowd[:2]), "confirmed": "yes"}

    for action in ("deactivate", "reactivate", "add-role", "remove-role"):
        assert client.post(URL, {**chosen, "action": action, "role": "ender"}).status_code == 403
    assert client.post(URL, {**chosen, "action": "end-sessions"}).status_code == 303


def test_a_selection_has_a_limit(admin_client: Client) -> None:
    assert admin_client.post(URL, {"action": "deactivate", "member": list(map(str, range(201)))}).status_code == 422
    assert admin_client.post(URL, {"action": "fire", "member": ["x"]}).status_code == 422
    assert admin_client.post(URL, {"action": "deactivate"}).status_code == 303


def test_a_step_up_keeps_the_selection(admin_client: Client, crowd: list[models.MemberRow]) -> None:
    factories.forget_password_entry()
    chosen = {"action": "remove-role", "role": ADMIN, "member": ids(*crowd), "confirmed": "yes"}

    asked = urlsplit(admin_client.post(URL, chosen)["Location"])
    assert asked.path == "/o/acme/confirm/"
    (onward,) = parse_qs(asked.query)["next"]
    confirmed = admin_client.post("/o/acme/confirm/", {"password": PASSWORD, "next": onward})
    page = admin_client.get(confirmed["Location"]).content.decode()

    assert re.findall(r'name="member" value="([^"]+)"', page) == ids(*crowd)
    assert "Remove a role from 12 members" in page
    statuses(*crowd)
    assert all(one.direct_roles == [ADMIN] for one in crowd)


def test_the_longest_selection_fits_into_a_url(admin_client: Client) -> None:
    factories.forget_password_entry()
    chosen = [public_id("member", uuid4()) for _ in range(MAX_CHOSEN)]

    url = admin_client.post(URL, {"action": "deactivate", "member": chosen})["Location"]

    # What nginx accepts for a line of the header by default.
    assert len(url) < 8_000
    for damaged in ("x", "eJz", "é", "A" * 5_000):
        assert admin_client.get(URL, {"action": "deactivate", "chosen": damaged}).status_code == 303
