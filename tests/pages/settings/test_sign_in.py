"""Settings › Sign-in: the review of a change of methods, second factors, and who may change what."""

from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from portal.directory.actor import Origin
from portal.directory.ids import public_id
from portal.directory.sessions import SessionEndCause
from portal.embedded import models
from portal.embedded.scope import organization_value, rows_of, settings_value
from portal.embedded.sessions.lifecycle import start_session
from portal.embedded.sign_in.methods import email_factor
from tests import factories
from tests.pages.session.test_mfa import give_app

PAGE = "/o/acme/settings/sign-in/"
REVIEW = f"{PAGE}review/"


@pytest.fixture(autouse=True)
def _email(settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP = True


def text(response: Any) -> str:
    return " ".join(unescape(response.content.decode()).split())


def version(client: Client, panel: str) -> str:
    """Return the version in one of the forms: "methods" or "second-factors"."""
    html = client.get(PAGE).content.decode().split(f'id="{panel}"')[1]
    return html.split('name="version" value="')[1].split('"')[0]


def save_factors(client: Client, policy: str, *factors: str, seen: str = "") -> Any:
    seen = seen or version(client, "second-factors")
    return client.post(PAGE, {"policy": policy, "factors": factors, "with_factors": "1", "version": seen})


def save_methods(client: Client, *methods: str, seen: str = "", **more: str) -> Any:
    return client.post(REVIEW, {"methods": methods, "version": seen or version(client, "methods"), **more})


def now(organization: models.OrganizationRow) -> Any:
    organization.refresh_from_db()
    return settings_value(organization)


def give_role(member: models.MemberRow, *actions: str) -> None:
    """Let a member do these actions of the organization and see its members, and nothing else."""
    permissions = [
        {"resource_id": "stytch.organization", "actions": list(actions)},
        {"resource_id": "stytch.member", "actions": ["search"]},
    ]
    role = {"role_id": "keeper", "permissions": permissions}
    models.OrganizationRow.objects.filter(pk=member.organization_id).update(custom_roles=[role])
    models.MemberRow.objects.filter(pk=member.pk).update(direct_roles=["keeper"])


def test_it_shows_the_settings_and_the_numbers(
    admin: models.MemberRow, member: models.MemberRow, admin_client: Client
) -> None:
    give_app(member)
    html = text(admin_client.get(PAGE))
    assert "1 of 2 members has a second factor." in html
    assert "1 of 1 admin still has to add one." in html
    assert "1 member adds one the next time they sign in." in html
    assert "1 member uses it. Turning it off asks them for another factor." in html
    assert "2 members have a password." in html
    assert html.count("Not set up on this server.") == 1


def test_members_see_it_read_only_and_without_numbers(acme: models.OrganizationRow, member_client: Client) -> None:
    html = text(member_client.get(PAGE))
    assert "Your roles don’t let you choose how members sign in." in html
    assert "Your roles don’t let you choose who needs a second factor." in html
    assert "members have" not in html
    assert member_client.get(f"{REVIEW}?methods=password").status_code == 403
    assert member_client.post(REVIEW, {"methods": ["password"]}).status_code == 403
    assert save_factors(member_client, "everyone", "totp", "sms_otp").status_code == 403
    assert now(acme).mfa_policy == "OPTIONAL"


def test_the_review_names_who_is_locked_out_and_changes_nothing(
    acme: models.OrganizationRow, admin: models.MemberRow, admin_client: Client
) -> None:
    factories.member(acme, "zoe@acme.example", name="Zoe")
    by_code = factories.member(acme, "yan@acme.example", name="Yan", password="x")
    code = email_factor("email_otp", by_code.email_address, by_code.pk, timezone.now())
    start_session(by_code, Origin(), password_entered_at=None, factors=[code])

    html = text(admin_client.get(f"{REVIEW}?methods=password"))

    assert "<dt>Members with no way left</dt><dd>1</dd>" in html
    assert "<dt>Sessions that end</dt><dd>1</dd>" in html
    assert "zoe@acme.example" in html
    assert "yan@acme.example" not in html
    assert "Email link, Email code" in html
    assert now(acme).auth_methods == "ALL_ALLOWED"


def test_saving_ends_the_sessions_and_is_in_the_log(
    acme: models.OrganizationRow, admin: models.MemberRow, admin_client: Client
) -> None:
    code = email_factor("email_otp", admin.email_address, admin.pk, timezone.now())
    start_session(admin, Origin(), password_entered_at=None, factors=[code])
    seen = version(admin_client, "methods")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        saved = save_methods(admin_client, "password", seen=seen)
    assert (saved.status_code, saved["Location"]) == (303, PAGE)
    statements = [one["sql"] for one in queries if not one["sql"].startswith(("SAVEPOINT", "RELEASE", "BEGIN"))]
    assert len(statements) <= 12, statements
    assert now(acme).allowed_auth_methods == ("password",)
    assert rows_of(acme.pk, models.MemberSessionRow).filter(revoked_because=SessionEndCause.METHODS).count() == 1
    entry = rows_of(acme.pk, models.ActivityEntryRow).get(action="organization.update")
    assert (entry.before["auth_methods"], entry.after["auth_methods"]) == ("ALL_ALLOWED", "RESTRICTED")


def test_nobody_forbids_the_method_that_they_signed_in_with(acme: models.OrganizationRow, admin_client: Client) -> None:
    assert "This would lock you out" in text(admin_client.get(f"{REVIEW}?methods=email_otp"))
    assert save_methods(admin_client, "email_otp").status_code == 409
    assert now(acme).auth_methods == "ALL_ALLOWED"


def test_an_emergency_admin_is_chosen_in_the_same_step(
    acme: models.OrganizationRow, admin: models.MemberRow, admin_client: Client
) -> None:
    admin_id = public_id("member", admin.pk)
    assert f'<option value="{admin_id}"' in text(admin_client.get(f"{REVIEW}?methods=email_otp"))
    assert save_methods(admin_client, "email_otp", emergency_admin=admin_id).status_code == 303
    admin.refresh_from_db()
    assert admin.is_breakglass
    assert now(acme).allowed_auth_methods == ("email_otp",)
    actions = set(rows_of(acme.pk, models.ActivityEntryRow).values_list("action", flat=True))
    assert {"member.update", "organization.update"} <= actions


def test_emergency_access_needs_a_permission_of_its_own(
    acme: models.OrganizationRow, admin: models.MemberRow, member: models.MemberRow, member_client: Client
) -> None:
    give_role(member, "update.settings.allowed-auth-methods")
    html = text(member_client.get(f"{REVIEW}?methods=password"))
    assert "Your roles don’t let you choose emergency admins." in html
    named = save_methods(member_client, "password", emergency_admin=public_id("member", admin.pk))
    assert named.status_code == 403
    assert now(acme).auth_methods == "ALL_ALLOWED"


def test_a_review_keeps_the_last_admin_in(
    acme: models.OrganizationRow, admin: models.MemberRow, member: models.MemberRow, member_client: Client
) -> None:
    give_role(member, "update.settings.allowed-auth-methods")
    models.MemberRow.objects.filter(pk=admin.pk).update(password="")
    saved = save_methods(member_client, "password")
    assert (saved.status_code, "No admin could sign in." in text(saved)) == (409, True)
    assert now(acme).auth_methods == "ALL_ALLOWED"


def test_a_method_is_needed_and_without_email_a_link_is_none(
    acme: models.OrganizationRow, admin_client: Client, settings: Settings
) -> None:
    assert "Allow at least one method." in text(admin_client.get(REVIEW))
    assert admin_client.get(f"{REVIEW}?methods=sso").status_code == 422
    settings.EMAIL_IS_SET_UP = False
    assert save_methods(admin_client, "magic_link").status_code == 409


@pytest.mark.parametrize("what", ["methods", "factors"])
def test_what_someone_else_changed_since_is_a_conflict_and_nothing_is_lost(
    acme: models.OrganizationRow, admin_client: Client, what: str
) -> None:
    methods, factors = version(admin_client, "methods"), version(admin_client, "second-factors")
    changed = {
        "auth_methods": "RESTRICTED",
        "allowed_auth_methods": ["password", "magic_link"],
        "passkeys": "NOT_ALLOWED",
    }
    models.OrganizationRow.objects.update(settings=changed)

    if what == "methods":
        response = save_methods(admin_client, "password", "email_otp", seen=methods)
        sent = 'name="methods" value="email_otp"'
    else:
        response = save_factors(admin_client, "optional", "totp", seen=factors)
        sent = 'value="sms_otp">'

    assert response.status_code == 409
    assert "Someone else changed these settings in the meantime." in text(response)
    assert sent in response.content.decode()
    assert now(acme).allowed_auth_methods == ("password", "magic_link")
    assert now(acme).mfa_methods == "ALL_ALLOWED"


def test_changing_one_part_leaves_what_others_changed(acme: models.OrganizationRow, admin_client: Client) -> None:
    methods = version(admin_client, "methods")
    assert save_factors(admin_client, "optional", "totp", "passkey").status_code == 303
    assert save_methods(admin_client, "password", "email_otp", seen=methods).status_code == 303
    assert (now(acme).allowed_mfa_methods, now(acme).allows_passkeys) == (("totp",), True)
    assert now(acme).allowed_auth_methods == ("password", "email_otp")


def test_second_factors_are_required_by_those_who_have_one(
    acme: models.OrganizationRow, admin: models.MemberRow, member: models.MemberRow, admin_client: Client
) -> None:
    rejected = save_factors(admin_client, "admins", "totp", "sms_otp", "passkey")
    assert (rejected.status_code, "Add one to your account" in text(rejected)) == (409, True)
    assert not now(acme).mfa_required_for_admins
    assert 'value="admins" checked' in text(rejected)

    models.OrganizationRow.objects.update(settings={"mfa_required_for_admins": True})
    rejected = save_factors(factories.signed_in(member), "everyone", "totp", "sms_otp", "passkey")
    assert rejected.status_code == 403
    api = organization_value(models.OrganizationRow.objects.get(pk=acme.pk)).settings
    assert api.mfa_policy == "OPTIONAL"


def test_a_factor_remains_that_products_can_ask_for(acme: models.OrganizationRow, admin_client: Client) -> None:
    only_passkeys = save_factors(admin_client, "optional", "passkey")
    assert (only_passkeys.status_code, "products can’t ask for passkeys" in text(only_passkeys)) == (422, True)
    assert save_factors(admin_client, "optional", "totp", "sms_otp").status_code == 303
    assert (now(acme).mfa_methods, now(acme).allows_passkeys) == ("ALL_ALLOWED", False)


def test_a_change_of_access_asks_who_it_is_first_and_keeps_the_form(
    acme: models.OrganizationRow, admin_client: Client
) -> None:
    seen = version(admin_client, "second-factors")
    factories.forget_password_entry()
    asked = save_factors(admin_client, "optional", "totp", seen=seen)
    assert (asked.status_code, "/confirm/?next=" in asked["Location"]) == (303, True)
    assert now(acme).mfa_methods == "ALL_ALLOWED"
    kept = text(admin_client.get(f"{PAGE}?policy=optional&factors=totp&version={seen}"))
    assert "Not saved yet. Select Save to apply this." in kept
    assert "/confirm/" in admin_client.get(f"{REVIEW}?methods=password")["Location"]


def test_each_setting_has_a_permission_of_its_own(
    acme: models.OrganizationRow, member: models.MemberRow, member_client: Client
) -> None:
    give_role(member, "update.settings.allowed-mfa-methods")
    assert save_factors(member_client, "optional", "totp").status_code == 303
    assert save_factors(member_client, "everyone", "totp").status_code == 403
    give_role(member)
    # They lose the role while the page is open.
    assert save_factors(member_client, "optional", "sms_otp").status_code == 403
    assert now(acme).allowed_mfa_methods == ("totp",)


def test_another_organizations_admin_changes_nothing(acme: models.OrganizationRow, other_admin_client: Client) -> None:
    posts = [(REVIEW, {"methods": ["password"]}), (PAGE, {"policy": "everyone", "with_factors": "1"})]
    for url, sent in posts:
        assert other_admin_client.post(url, sent).status_code in {302, 303, 401, 403, 404}
    assert now(acme).auth_methods == "ALL_ALLOWED"


def test_the_page_takes_the_same_queries_for_any_number_of_members(
    acme: models.OrganizationRow, admin_client: Client
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as taken:
            admin_client.get(PAGE)
            admin_client.get(f"{REVIEW}?methods=password")
        return len(taken)

    before = queries()
    for number in range(15):
        factories.session_token(factories.member(acme, f"m{number}@acme.example"))
    assert queries() == before
