"""What can be done on a member's page: profile, roles, sign-in, sessions, deactivation."""

import re
import threading
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.db import connection as database
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from portal.directory.ids import public_id, uuid7
from portal.directory.members import MemberStatus
from portal.embedded import models
from portal.embedded.passwords.stored import must_reset
from tests import factories
from tests.conftest import PASSWORD
from tests.tasks import run_tasks

ADMIN = "stytch_admin"
ROLES = {
    "role_id": "manager",
    "permissions": [{"resource_id": "stytch.member", "actions": ["search", "update.settings.roles"]}],
}


def url_of(row: models.MemberRow) -> str:
    return f"/o/acme/members/{public_id('member', row.pk)}/"


def hidden(html: str, action: str, name: str) -> str:
    (form,) = re.findall(rf'<form[^>]*action="[^"]*{action}".*?</form>', html, re.DOTALL)
    found = re.search(rf'name="{name}" value="([^"]*)"', form)
    assert found
    return found[1]


@pytest.fixture(autouse=True)
def _email(settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "portal@example.com"


@pytest.fixture
def eve(acme: models.OrganizationRow) -> models.MemberRow:
    row = factories.member(acme, "eve@acme.example", name="Eve", password=PASSWORD)
    models.MemberRow.objects.filter(pk=row.pk).update(email_address_verified=True)
    return row


@pytest.fixture
def managed(acme: models.OrganizationRow) -> models.MemberRow:
    user = factories.provisioned(factories.scim_connection(acme), "ben@acme.example")
    assert user.member
    return user.member


def test_the_name_is_saved_unless_it_changed_in_the_meantime(admin_client: Client, eve: models.MemberRow) -> None:
    page = admin_client.get(url_of(eve)).content.decode()
    version = hidden(page, "/name/", "version")

    assert admin_client.post(f"{url_of(eve)}name/", {"name": "Evelyn", "version": version}).status_code == 303
    stale = admin_client.post(f"{url_of(eve)}name/", {"name": "Evie", "version": version})

    assert stale.status_code == 409
    assert 'value="Evie"' in stale.content.decode()
    assert "Evelyn" in stale.content.decode()
    eve.refresh_from_db()
    assert eve.name == "Evelyn"
    # What it shows now can be saved.
    version = hidden(stale.content.decode(), "/name/", "version")
    assert admin_client.post(f"{url_of(eve)}name/", {"name": "Evie", "version": version}).status_code == 303
    assert admin_client.post(f"{url_of(eve)}name/", {"name": "x" * 257}).status_code == 422


def test_what_an_identity_provider_manages_is_locked(admin_client: Client, managed: models.MemberRow) -> None:
    html = admin_client.get(url_of(managed)).content.decode()
    assert "Okta manages these. Change them there." in html
    assert "Okta manages this member. Remove them from the application there." in html
    assert "/email/" not in html

    assert admin_client.post(f"{url_of(managed)}name/", {"name": "Changed"}).status_code == 409
    assert admin_client.post(f"{url_of(managed)}email/", {"email_address": "x@acme.example"}).status_code == 409
    assert admin_client.post(f"{url_of(managed)}deactivate/").status_code == 409
    managed.refresh_from_db()
    assert (managed.name, managed.status) == ("", MemberStatus.ACTIVE)


def test_a_new_address_waits_for_the_code(admin_client: Client, eve: models.MemberRow) -> None:
    response = admin_client.post(f"{url_of(eve)}email/", {"email_address": "evelyn@acme.example"})

    assert response.status_code == 303
    run_tasks()
    assert {one.to[0] for one in mail.outbox} == {"evelyn@acme.example", "eve@acme.example"}
    eve.refresh_from_db()
    assert eve.email_address == "eve@acme.example"
    assert "evelyn@acme.example" in factories.signed_in(eve).get("/o/acme/account/").content.decode()
    assert admin_client.post(f"{url_of(eve)}email/", {"email_address": "nothing"}).status_code == 422


def test_metadata_is_edited_as_json(admin_client: Client, eve: models.MemberRow) -> None:
    url = f"{url_of(eve)}metadata/"
    version = hidden(admin_client.get(url).content.decode(), "/metadata/", "version")

    assert admin_client.post(url, {"metadata": '{"team": "a", "floor": 2}', "version": version}).status_code == 303
    stale = admin_client.post(url, {"metadata": '{"team": "b"}', "version": version})
    assert stale.status_code == 409
    assert "&quot;b&quot;" in stale.content.decode()
    assert admin_client.post(url, {"metadata": '{"team": "b"}'}).status_code == 303
    eve.refresh_from_db()
    assert eve.untrusted_metadata == {"team": "b"}
    for wrong in ("[]", "{", "[" * 10_000):
        assert admin_client.post(url, {"metadata": wrong}).status_code == 422


def test_a_role_is_previewed_and_added(
    admin_client: Client, acme: models.OrganizationRow, eve: models.MemberRow
) -> None:
    models.OrganizationRow.objects.filter(pk=acme.pk).update(custom_roles=[ROLES])

    preview = admin_client.get(f"{url_of(eve)}roles/add/", {"role": "manager"}).content.decode()
    assert "Assign roles to members" in preview
    assert admin_client.post(f"{url_of(eve)}roles/add/", {"role": "manager"}).status_code == 303
    assert admin_client.post(f"{url_of(eve)}roles/add/", {"role": "no_such_role"}).status_code == 422

    eve.refresh_from_db()
    assert eve.direct_roles == ["manager"]
    dialog = admin_client.get(f"{url_of(eve)}roles/manager/remove/").content.decode()
    assert "They can no longer:" in dialog
    assert admin_client.post(f"{url_of(eve)}roles/manager/remove/").status_code == 303
    eve.refresh_from_db()
    assert eve.direct_roles == []


def test_no_one_assigns_rights_that_they_lack(
    acme: models.OrganizationRow, eve: models.MemberRow, admin: models.MemberRow
) -> None:
    models.OrganizationRow.objects.filter(pk=acme.pk).update(custom_roles=[ROLES])
    manager = factories.signed_in(factories.member(acme, "manager@acme.example", roles=["manager"]))

    assert "stytch_admin" not in manager.get(f"{url_of(eve)}roles/add/").content.decode()
    assert manager.post(f"{url_of(eve)}roles/add/", {"role": ADMIN}).status_code == 422
    assert manager.post(f"{url_of(eve)}roles/add/", {"role": "manager"}).status_code == 303
    eve.refresh_from_db()
    assert eve.direct_roles == ["manager"]


def test_the_last_admin_and_oneself_are_protected(admin_client: Client, admin: models.MemberRow) -> None:
    warning = admin_client.get(f"{url_of(admin)}roles/{ADMIN}/remove/").content.decode()
    assert "This is your own role." in warning
    demotion = admin_client.post(f"{url_of(admin)}roles/{ADMIN}/remove/")
    assert demotion.status_code == 409
    assert "last admin" in demotion.content.decode()
    assert admin_client.post(f"{url_of(admin)}deactivate/").status_code == 409
    admin.refresh_from_db()
    assert (admin.status, admin.direct_roles) == (MemberStatus.ACTIVE, [ADMIN])


def test_how_a_member_signs_in(admin_client: Client, eve: models.MemberRow) -> None:
    html = admin_client.get(url_of(eve)).content.decode()
    for path in ("require-mfa", "emergency-access"):
        version = hidden(html, f"/{path}/", "version")
        assert admin_client.post(f"{url_of(eve)}{path}/", {"is_on": "yes", "version": version}).status_code == 303
    eve.refresh_from_db()
    assert (eve.mfa_enrolled, eve.is_breakglass) == (True, True)
    # A page that was open since before changes nothing.
    admin_client.post(f"{url_of(eve)}emergency-access/", {"is_on": "no", "version": version})
    eve.refresh_from_db()
    assert eve.is_breakglass
    shown = admin_client.get(url_of(eve)).content.decode()
    assert "Nothing was changed. Someone else changed this in the meantime." in shown


def test_a_new_password_is_required_or_a_link_sent(admin_client: Client, eve: models.MemberRow) -> None:
    assert admin_client.get(f"{url_of(eve)}password/require/").status_code == 200
    assert admin_client.post(f"{url_of(eve)}password/require/").status_code == 303
    assert admin_client.post(f"{url_of(eve)}link/").status_code == 303
    run_tasks()
    eve.refresh_from_db()
    assert must_reset(eve)
    assert [one.to for one in mail.outbox] == [["eve@acme.example"]]


def test_a_former_address_is_released(admin_client: Client, eve: models.MemberRow) -> None:
    email_id = uuid7()
    retired = [{"id": str(email_id), "email_address": "old@acme.example", "folded": "old@acme.example"}]
    models.MemberRow.objects.filter(pk=eve.pk).update(retired_email_addresses=retired)
    (path,) = re.findall(r'href="([^"]+/release/)"', admin_client.get(url_of(eve)).content.decode())

    assert "Release old@acme.example?" in admin_client.get(path).content.decode()
    assert [admin_client.post(path).status_code for _ in range(2)] == [303, 303]
    eve.refresh_from_db()
    assert eve.retired_email_addresses is None


def test_sessions_end_one_by_one_or_all(admin_client: Client, eve: models.MemberRow, admin: models.MemberRow) -> None:
    one, two = factories.signed_in(eve), factories.signed_in(eve)
    ids = re.findall(r'name="member_session_id" value="([^"]+)"', admin_client.get(url_of(eve)).content.decode())
    assert len(ids) == 2

    # Another member's session isn't ended from this page.
    admin_client.post(f"{url_of(admin)}sessions/end/", {"member_session_id": ids[0]})
    assert [client.get("/o/acme/account/").status_code for client in (one, two)] == [200, 200]
    admin_client.post(f"{url_of(eve)}sessions/end/", {"member_session_id": ids[0]})
    assert sorted(client.get("/o/acme/account/").status_code for client in (one, two)) == [200, 401]
    admin_client.post(f"{url_of(eve)}sessions/end/")
    assert models.MemberSessionRow.objects.filter(member=eve, revoked_at=None).count() == 0


def test_a_member_is_deactivated_and_reactivated(admin_client: Client, eve: models.MemberRow) -> None:
    assert "They don’t come back" in admin_client.get(f"{url_of(eve)}deactivate/").content.decode()
    assert admin_client.post(f"{url_of(eve)}deactivate/").status_code == 303
    html = admin_client.get(url_of(eve)).content.decode()
    assert "/reactivate/" in html
    for path in ("/name/", "/email/", "/roles/", "/metadata/", "/deactivate/", "/link/", "/require-mfa/"):
        assert path not in html
    for path in ("name/", "require-mfa/", "sessions/end/"):
        assert admin_client.post(f"{url_of(eve)}{path}", {"name": "x", "is_on": "yes"}).status_code == 404
    assert admin_client.post(f"{url_of(eve)}link/").status_code == 409

    assert admin_client.get(f"{url_of(eve)}reactivate/").status_code == 200
    assert admin_client.post(f"{url_of(eve)}reactivate/").status_code == 303
    eve.refresh_from_db()
    assert eve.status == MemberStatus.ACTIVE
    assert models.ActivityEntryRow.objects.filter(action__in=["member.delete", "member.reactivate"]).count() == 2


@pytest.mark.parametrize(
    "path", ["require-mfa/", "emergency-access/", "deactivate/", "sessions/end/", "roles/add/", "link/"]
)
def test_what_is_sensitive_asks_who_it_is(admin_client: Client, eve: models.MemberRow, path: str) -> None:
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        response = admin_client.post(f"{url_of(eve)}{path}", {"is_on": "yes", "role": ADMIN})

    assert response.status_code == 303
    assert response["Location"].startswith("/o/acme/confirm/")
    eve.refresh_from_db()
    assert (eve.mfa_enrolled, eve.is_breakglass, eve.status, eve.direct_roles) == (False, False, "active", [])


def test_a_right_that_was_lost_no_longer_helps(
    acme: models.OrganizationRow, admin: models.MemberRow, eve: models.MemberRow
) -> None:
    other = factories.member(acme, "other@acme.example", roles=[ADMIN])
    client = factories.signed_in(other)
    assert "Add role" in client.get(url_of(eve)).content.decode()
    models.MemberRow.objects.filter(pk=other.pk).update(direct_roles=[])

    for path in ("roles/add/", "deactivate/", "name/", "require-mfa/", "sessions/end/"):
        assert client.post(f"{url_of(eve)}{path}", {"role": ADMIN, "name": "x"}).status_code == 403


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql
def test_two_admins_who_demote_each_other_do_not_both_succeed(
    acme: models.OrganizationRow, admin: models.MemberRow
) -> None:
    other = factories.member(acme, "other@acme.example", roles=[ADMIN])
    factories.member(acme, "third@acme.example", roles=[ADMIN])
    pairs = [(factories.signed_in(admin), other), (factories.signed_in(other), admin)]
    start, statuses = threading.Barrier(2), []

    def demote(client: Client, target: models.MemberRow) -> None:
        start.wait()
        statuses.append(client.post(f"{url_of(target)}roles/{ADMIN}/remove/").status_code)
        database.close()

    threads = [threading.Thread(target=demote, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses.count(303) == 1
    admins = models.MemberRow.objects.filter(pk__in=[admin.pk, other.pk], direct_roles=[ADMIN])
    assert admins.count() == 1
