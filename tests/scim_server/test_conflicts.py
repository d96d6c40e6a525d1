"""Existing members that the IdP also sends: the responses before and after the decision."""

from typing import Any

import pytest
from django.test import Client

from portal.embedded import models
from tests import factories
from tests.scim_server.conftest import Idp
from tests.scim_server.test_endpoints import error_of

EMAIL = "grace@acme.example"
GRACE: dict[str, Any] = {"userName": "grace", "displayName": "Grace Hopper", "emails": [{"value": EMAIL}]}
DECIDE = "/o/acme/scim/attention/existing-members/decide/"


@pytest.fixture
def grace(idp: Idp) -> models.MemberRow:
    """Create a member that the IdP also sends."""
    member = factories.member(idp.connection.organization, EMAIL, roles=["it"])
    error_of(idp.send("POST", "/Users", GRACE), 409, "uniqueness")
    return member


def decide(client: Client, decision: str, state: str = "waiting") -> None:
    html = client.get("/o/acme/scim/attention/existing-members/", {"state": state}).content.decode()
    chosen = html.partition('name="on_page" value="')[2].partition('"')[0].split()
    assert client.post(DECIDE, {"chosen": chosen, "decision": decision}).status_code == 303


def waiting(idp: Idp) -> int:
    idp.connection.refresh_from_db()
    return idp.connection.waiting_conflicts


def test_the_list_shows_the_member_the_user_and_when(idp: Idp, grace: models.MemberRow) -> None:
    first = models.ScimConflictRow.objects.get()

    error_of(idp.send("POST", "/Users", {**GRACE, "displayName": "G. Hopper"}), 409, "uniqueness")

    again = models.ScimConflictRow.objects.get()
    assert (again.pk, again.first_at) == (first.pk, first.first_at)
    assert again.last_at > first.last_at
    assert (again.member, again.user_name, again.display_name) == (grace, "grace", "G. Hopper")
    assert waiting(idp) == 1


def test_an_approved_member_is_linked_at_the_next_attempt(
    idp: Idp, grace: models.MemberRow, admin_client: Client
) -> None:
    decide(admin_client, "approve")
    assert waiting(idp) == 0

    assert idp.send("POST", "/Users", GRACE).status_code == 201

    grace.refresh_from_db()
    assert (grace.scim_user.user_name, grace.direct_roles, grace.name) == ("grace", ["it"], "Grace Hopper")
    assert not models.ScimConflictRow.objects.exists()
    actions = models.ActivityEntryRow.objects.values_list("action", flat=True)
    assert {"member.approve_scim_link", "member.link_scim_user"} <= set(actions)


def test_a_dismissed_member_is_not_linked_even_in_an_allowed_domain(
    idp: Idp, grace: models.MemberRow, admin_client: Client
) -> None:
    decide(admin_client, "dismiss")
    models.OrganizationRow.objects.filter(slug="acme").update(email_allowed_domains=["acme.example"])

    error_of(idp.send("POST", "/Users", GRACE), 409, "uniqueness")
    assert waiting(idp) == 0
    assert models.ActivityEntryRow.objects.filter(action="member.dismiss_scim_link").count() == 1

    decide(admin_client, "approve", "dismissed")
    assert idp.send("POST", "/Users", GRACE).status_code == 201


def test_an_approval_applies_to_one_user_of_the_idp(idp: Idp, grace: models.MemberRow, admin_client: Client) -> None:
    decide(admin_client, "approve")

    error_of(idp.send("POST", "/Users", {**GRACE, "userName": "mallory"}), 409, "uniqueness")
    error_of(idp.send("POST", "/Users", GRACE), 409, "uniqueness")

    assert not models.ScimUserRow.objects.exists()
    assert waiting(idp) == 1


def test_a_member_of_an_allowed_domain_no_longer_waits(idp: Idp, grace: models.MemberRow, admin_client: Client) -> None:
    assert (
        admin_client.post("/o/acme/scim/attention/existing-members/domain/", {"domain": "acme.example"}).status_code
        == 303
    )

    assert idp.send("POST", "/Users", GRACE).status_code == 201
    assert waiting(idp) == 0


def test_a_user_who_gets_a_members_address_later_waits_too(
    idp: Idp, admin_client: Client, acme: models.OrganizationRow
) -> None:
    member = factories.member(acme, EMAIL)
    user = idp.create_user("grace")
    address = {"op": "add", "path": "emails", "value": [{"value": EMAIL}]}
    error_of(idp.patch(f"/Users/{user}", address), 409, "uniqueness")

    decide(admin_client, "approve")

    assert idp.patch(f"/Users/{user}", address).status_code == 200
    member.refresh_from_db()
    assert member.scim_user.user_name == "grace"


def test_a_member_who_is_already_linked_is_not_listed(idp: Idp) -> None:
    idp.create_user(EMAIL)

    assert idp.send("POST", "/Users", {**GRACE, "userName": "second"}).status_code == 201

    assert models.ScimUserRow.objects.get(user_name="second").member is None
    assert not models.ScimConflictRow.objects.exists()
