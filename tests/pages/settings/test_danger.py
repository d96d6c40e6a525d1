"""Settings › General: signing everyone out, and deleting the organization."""

from datetime import timedelta

import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from portal.directory.policy import DEFAULT_POLICY, Policy, Role
from portal.embedded import models
from portal.embedded.sessions.lifecycle import session_of_token
from tests import factories

PAGE = "/o/acme/settings/"
END, DELETE = f"{PAGE}sign-everyone-out/", f"{PAGE}delete/"


def page(client: Client, url: str = PAGE) -> str:
    return " ".join(client.get(url).content.decode().split())


def test_everyone_else_is_signed_out(
    admin: models.MemberRow, member: models.MemberRow, other_admin: models.MemberRow
) -> None:
    client, elsewhere = factories.signed_in(admin), factories.session_token(admin)
    tokens = [elsewhere, factories.session_token(member), factories.product_session_token(member)]
    foreign = factories.session_token(other_admin)
    assert "all 3 other sessions" in page(client)
    assert "3 in the portal and in your products" in page(client, END)
    assert session_of_token(foreign)

    assert client.post(END)["Location"] == PAGE

    assert [session_of_token(token) for token in tokens] == [None] * 3
    assert session_of_token(foreign)
    assert "3 sessions ended." in page(client)
    entry = models.ActivityEntryRow.objects.get(action="organization.revoke_sessions")
    assert entry.after == {"sessions": 3}


def test_a_member_without_the_right_sees_why(acme: models.OrganizationRow, member_client: Client) -> None:
    html = page(member_client)

    assert "Your roles don’t let you end members’ sessions." in html
    assert "Your roles don’t let you delete the organization." in html
    assert f'href="{END}"' not in html
    assert member_client.post(DELETE, {"name": "Acme"}).status_code == 403
    acme.refresh_from_db()
    assert acme.deleted_at is None


def test_both_need_a_recent_proof(admin_client: Client) -> None:
    with time_machine.travel(timezone.now() + timedelta(minutes=20)):
        for url in (END, DELETE):
            for response in (admin_client.get(url), admin_client.post(url, {"name": "Acme"})):
                assert response["Location"].startswith("/o/acme/confirm/")
    assert models.OrganizationRow.objects.filter(slug="acme").exists()


def test_the_organization_is_deleted_once_its_name_is_typed(
    acme: models.OrganizationRow, member: models.MemberRow, admin_client: Client
) -> None:
    other = factories.signed_in(member)
    html = page(admin_client, DELETE)
    assert "<dt>Members</dt><dd>2</dd>" in html
    assert "<dt>Sessions</dt><dd>2</dd>" in html
    assert "for 30 days" in html
    wrong = admin_client.post(DELETE, {"name": "Acme Inc."})
    assert (wrong.status_code, "Nothing was deleted" in wrong.content.decode()) == (422, True)

    assert admin_client.post(DELETE, {"name": "acme"})["Location"] == "/signed-out/"

    acme.refresh_from_db()
    assert acme.deleted_at
    assert other.get(PAGE).status_code == 404


def test_the_numbers_need_their_own_rights(acme: models.OrganizationRow, settings: Settings) -> None:
    role = Role("deleter", {"stytch.organization": frozenset(["delete"])})
    settings.RBAC_POLICY = DEFAULT_POLICY.extended_by(Policy(roles={"deleter": role}, resources={}))
    client = factories.signed_in(factories.member(acme, "del@acme.example", roles=["deleter"]))

    html = page(client, DELETE)

    assert "Delete Acme?" in html
    assert "<dt>" not in html.partition('class="impact"')[2].partition("</dl>")[0]
