"""Settings › Joining: invitations, joining without one, and who may change what."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.embedded import models
from tests.pages.settings.test_sign_in import give_role, now, text

PAGE = "/o/acme/settings/joining/"
ALL = ("email_jit_provisioning", "oauth_tenant_jit_provisioning", "allowed_oauth_tenants")


def version(client: Client, panel: str) -> str:
    html = client.get(PAGE).content.decode().split(f'id="{panel}"')[1]
    return html.split('name="version" value="')[1].split('"')[0]


def invite(client: Client, chosen: str, seen: str = "") -> Any:
    return client.post(f"{PAGE}invites/", {"email_invites": chosen, "version": seen or version(client, "invites")})


def join(client: Client, seen: str = "", editable: tuple[str, ...] = ALL, **sent: str) -> Any:
    seen = seen or version(client, "join")
    return client.post(f"{PAGE}join/", {"editable": editable, "version": seen, **sent})


def test_it_says_how_people_join(acme: models.OrganizationRow, admin_client: Client) -> None:
    models.OrganizationRow.objects.update(email_allowed_domains=["acme.example"])
    html = text(admin_client.get(PAGE))
    assert 'value="ALL_ALLOWED" checked' in html
    assert "acme.example" in html
    assert "Not set up on this server." in html


def test_invitations_are_saved_and_logged(acme: models.OrganizationRow, admin_client: Client) -> None:
    seen = version(admin_client, "invites")
    with CaptureQueriesContext(connection) as queries:
        assert invite(admin_client, "RESTRICTED", seen).status_code == 303
    assert len(queries) <= 12
    assert now(acme).email_invites == "RESTRICTED"
    entry = models.ActivityEntryRow.objects.get(action="organization.update")
    assert (entry.before, entry.after) == ({"email_invites": "ALL_ALLOWED"}, {"email_invites": "RESTRICTED"})


def test_joining_by_domain_and_by_provider(acme: models.OrganizationRow, admin_client: Client) -> None:
    saved = join(
        admin_client, email_jit_provisioning="on", oauth_tenant_jit_provisioning="on", tenants_github="one\n two \none"
    )
    assert saved.status_code == 303
    assert (now(acme).email_jit_provisioning, now(acme).oauth_tenant_jit_provisioning) == ("RESTRICTED", "RESTRICTED")
    assert now(acme).allowed_oauth_tenants == {"github": ("one", "two")}
    assert join(admin_client).status_code == 303
    assert now(acme).email_jit_provisioning == "NOT_ALLOWED"
    assert now(acme).allowed_oauth_tenants == {"github": ()}


def test_one_way_to_join_remains(acme: models.OrganizationRow, admin_client: Client) -> None:
    models.OrganizationRow.objects.update(settings={"sso_jit_provisioning": "NOT_ALLOWED"})
    last = invite(admin_client, "NOT_ALLOWED")
    assert (last.status_code, "Leave at least one way to join turned on" in text(last)) == (422, True)
    assert 'value="NOT_ALLOWED" checked' in text(last)
    assert now(acme).email_invites == "ALL_ALLOWED"


def test_a_stale_form_is_a_conflict_and_keeps_what_was_typed(
    acme: models.OrganizationRow, admin_client: Client
) -> None:
    seen = version(admin_client, "join")
    models.OrganizationRow.objects.update(settings={"email_jit_provisioning": "RESTRICTED"})
    stale = join(admin_client, seen, tenants_slack="T123")
    assert stale.status_code == 409
    assert "T123" in text(stale)
    assert now(acme).allowed_oauth_tenants == {}
    # Sending it again replaces what the other admin saved.
    again = stale.content.decode().split('id="join"')[1].split('name="version" value="')[1].split('"')[0]
    assert join(admin_client, again, tenants_slack="T123").status_code == 303
    assert now(acme).allowed_oauth_tenants == {"slack": ("T123",)}


@pytest.mark.parametrize(
    ("action", "editable", "status"),
    [
        ("update.settings.email-jit-provisioning", ALL[:1], 303),
        ("update.settings.email-jit-provisioning", ALL[:2], 403),
        ("update.settings.oauth-tenant-jit-provisioning", ALL[:1], 403),
    ],
)
def test_each_setting_has_a_permission_of_its_own(
    acme: models.OrganizationRow,
    member: models.MemberRow,
    member_client: Client,
    action: str,
    editable: tuple[str, ...],
    status: int,
) -> None:
    give_role(member, action)
    sent = dict.fromkeys(ALL[:2], "on")
    assert join(member_client, editable=editable, **sent).status_code == status
    assert (now(acme).email_jit_provisioning == "RESTRICTED") is (status == 303)
    assert now(acme).oauth_tenant_jit_provisioning == "NOT_ALLOWED"


def test_members_and_others_change_nothing(
    acme: models.OrganizationRow, member_client: Client, other_admin_client: Client
) -> None:
    assert "Your roles don’t let you choose who can be invited." in text(member_client.get(PAGE))
    for client in (member_client, other_admin_client):
        sent = {"email_invites": "NOT_ALLOWED", "editable": ALL, "email_jit_provisioning": "on"}
        for part in ("invites", "join"):
            assert client.post(f"{PAGE}{part}/", sent).status_code in {302, 303, 403, 404}
    assert (now(acme).email_invites, now(acme).email_jit_provisioning) == ("ALL_ALLOWED", "NOT_ALLOWED")
