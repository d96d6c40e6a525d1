"""Stytch's SDK for browsers, in Chromium, on a page of a product that is served from another origin."""

import pytest
from django.contrib.auth.hashers import make_password
from django.utils import timezone
from pytest_django import Settings

from portal.directory.ids import public_id
from portal.embedded import models
from tests import factories
from tests.api.browser.conftest import ProductPage
from tests.conftest import PASSWORD

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.node]


def test_the_first_method_of_the_project(product_page: ProductPage, ada: models.MemberRow) -> None:
    connection = factories.scim_connection(ada.organization)
    factories.scim_groups(connection, [f"Team {number:03}" for number in range(60)])
    product_page.open(ada)

    first = product_page.call("scim.getConnectionGroups", {"limit": 50})
    second = product_page.call("scim.getConnectionGroups", {"limit": 50, "cursor": first["next_cursor"]})

    names = [group["group_name"] for group in [*first["scim_groups"], *second["scim_groups"]]]
    assert names == [f"Team {number:03}" for number in range(60)]
    assert second["next_cursor"] is None


def test_scim_from_creation_to_deletion(product_page: ProductPage, ada: models.MemberRow) -> None:
    product_page.open(ada)

    created = product_page.call("scim.createConnection", {"display_name": "Okta", "identity_provider": "okta"})
    connection_id = created["connection"]["connection_id"]
    started = product_page.call("scim.rotateStart", connection_id)
    both = product_page.call("scim.getConnection")
    completed = product_page.call("scim.rotateComplete", connection_id)
    product_page.call("scim.rotateStart", connection_id)
    cancelled = product_page.call("scim.rotateCancel", connection_id)
    changed = product_page.call("scim.updateConnection", {"connection_id": connection_id, "display_name": "Entra"})
    deleted = product_page.call("scim.deleteConnection", connection_id)

    assert started["connection"]["next_bearer_token"].endswith(both["connection"]["next_bearer_token_last_four"])
    assert completed["connection"]["bearer_token_last_four"] == both["connection"]["next_bearer_token_last_four"]
    assert cancelled["connection"]["next_bearer_token_last_four"] == ""
    assert changed["connection"]["display_name"] == "Entra"
    assert deleted["connection_id"] == connection_id


def test_a_member_without_the_permission_gets_an_error(product_page: ProductPage, ada: models.MemberRow) -> None:
    product_page.open(factories.member(ada.organization, "max@acme.example"))

    answer = product_page.call("scim.getConnectionGroups", {"limit": 50})

    assert (answer["status_code"], answer["error_type"]) == (403, "session_authorization_error")


def test_a_page_of_an_origin_that_is_not_registered_learns_nothing(
    product_page: ProductPage, ada: models.MemberRow, settings: Settings
) -> None:
    factories.scim_connection(ada.organization)
    product_page.open(ada)
    settings.SDK_ALLOWED_ORIGINS = frozenset()

    answer = product_page.call("scim.getConnectionGroups", {"limit": 50})

    assert "scim_groups" not in answer
    assert "StytchAPIUnreachableError" in answer["error_type"] or "Unreachable" in str(answer)


def test_the_organization_is_read_changed_and_deleted(product_page: ProductPage, ada: models.MemberRow) -> None:
    product_page.open(ada)

    by_slug = product_page.call("organization.getBySlug", {"organization_slug": "acme"})
    before = product_page.call("organization.get")
    changed = product_page.call("organization.update", {"organization_name": "Acme Ltd", "mfa_policy": "OPTIONAL"})
    rejected = product_page.call("organization.update", {"trusted_metadata": {}})
    nobody = product_page.call("organization.getBySlug", {"organization_slug": "none"})
    deleted = product_page.call("organization.delete")

    assert by_slug["organization"]["organization_id"] == before["organization_id"]
    assert changed["organization"]["organization_name"] == "Acme Ltd"
    assert rejected["error_type"] == "session_authorization_error"
    assert nobody["organization"] is None
    assert deleted["organization_id"] == before["organization_id"]


def test_members_are_managed_by_an_admin(product_page: ProductPage, ada: models.MemberRow) -> None:
    product_page.open(ada)

    created = product_page.call("organization.members.create", {"email_address": "eve@acme.example", "roles": []})
    member_id = created["member_id"]
    factories.member(ada.organization, "pat@acme.example", password=PASSWORD)
    models.MemberRow.objects.update(email_address_verified=True, mfa_phone_number="+12025550123")
    operand = {"filter_name": "member_email_fuzzy", "filter_value": "eve"}
    found = product_page.call(
        "organization.members.search", {"limit": 5, "query": {"operator": "AND", "operands": [operand]}}
    )
    changed = product_page.call("organization.members.update", {"member_id": member_id, "roles": ["stytch_admin"]})
    phoneless = product_page.call("organization.members.deleteMFAPhoneNumber", member_id)
    no_app = product_page.call("organization.members.deleteMFATOTP", member_id)
    product_page.call("organization.members.delete", member_id)
    back = product_page.call("organization.members.reactivate", member_id)
    # The SDK forgets a slash in this URL.
    apps = product_page.call("organization.members.getConnectedApps", {"member_id": member_id})

    assert [one["member_id"] for one in found["members"]] == [member_id]
    assert changed["member"]["is_admin"] is True
    assert phoneless["member"]["mfa_phone_number"] == ""
    assert no_app["error_type"] == "totp_not_found"
    assert back["member"]["status"] == "active"
    assert apps["connected_apps"] == []


def test_an_admin_takes_addresses_and_passwords_away(product_page: ProductPage, ada: models.MemberRow) -> None:
    max_ = factories.member(ada.organization, "max@acme.example", password=PASSWORD)
    member_id = public_id("member", max_.pk)
    product_page.open(ada)

    moved = product_page.call(
        "organization.members.update", {"member_id": member_id, "email_address": "maxi@acme.example"}
    )
    (retired,) = moved["member"]["retired_email_addresses"]
    unlinked = product_page.call(
        "organization.members.unlinkRetiredEmail", {"member_id": member_id, "email_id": retired["email_id"]}
    )
    models.MemberRow.objects.filter(pk=max_.pk).update(password=make_password(PASSWORD))
    by_id = {"operator": "AND", "operands": [{"filter_name": "member_ids", "filter_value": [member_id]}]}
    (held,) = product_page.call("organization.members.search", {"query": by_id})["members"]
    without = product_page.call("organization.members.deletePassword", held["member_password_id"])

    assert moved["member"]["member_password_id"] == ""
    assert unlinked["member"]["retired_email_addresses"] == []
    assert without["member"]["member_password_id"] == ""


def test_anyone_who_is_signed_in_manages_their_own_account(product_page: ProductPage, ada: models.MemberRow) -> None:
    max_ = factories.member(ada.organization, "max@acme.example", password=PASSWORD)
    former = {"id": str(max_.pk), "email_address": "m@acme.example", "folded": "m@acme.example"}
    models.MemberRow.objects.filter(pk=max_.pk).update(
        mfa_phone_number="+12025550123", retired_email_addresses=[former]
    )
    product_page.open(max_)

    me = product_page.call("self.get")
    changed = product_page.call("self.update", {"name": "Maxi", "untrusted_metadata": {"theme": "dark"}})
    phoneless = product_page.call("self.deleteMFAPhoneNumber")
    no_app = product_page.call("self.deleteMFATOTP")
    without = product_page.call("self.deletePassword", me["member_password_id"])
    (retired,) = me["retired_email_addresses"]
    unlinked = product_page.call("self.unlinkRetiredEmail", {"email_id": retired["email_id"]})
    promoted = product_page.call("self.update", {"roles": ["stytch_admin"]})
    apps = product_page.call("self.getConnectedApps")
    no_app_of_mine = product_page.call("self.revokeConnectedApp", {"connected_app_id": "app"})

    assert (changed["member"]["name"], changed["member"]["untrusted_metadata"]) == ("Maxi", {"theme": "dark"})
    assert phoneless["member"]["mfa_phone_number"] == ""
    assert no_app["error_type"] == "totp_not_found"
    assert without["member"]["member_password_id"] == ""
    assert unlinked["member"]["retired_email_addresses"] == []
    assert promoted["error_type"] == "session_authorization_error"
    assert apps["connected_apps"] == []
    assert no_app_of_mine["error_type"] == "connected_app_not_found"


def cookies_of(product_page: ProductPage) -> set[str]:
    return {str(one.get("name")) for one in product_page.page.context.cookies()} - {"csrftoken"}


def test_someone_signs_in_goes_elsewhere_and_out(product_page: ProductPage, ada: models.MemberRow) -> None:
    factories.member(factories.organization("globex"), "ada@acme.example")
    models.MemberRow.objects.update(email_address_verified=True)
    product_page.open()
    one = {"organization_id": "acme", "email_address": "ada@acme.example", "session_duration_minutes": 60}

    wrong = product_page.call("passwords.authenticate", {**one, "password": "wrong"})
    signed_in = product_page.call("passwords.authenticate", {**one, "password": PASSWORD})
    assert cookies_of(product_page) == {"stytch_session", "stytch_session_jwt"}
    again = product_page.call("session.authenticate", {"session_duration_minutes": 120})
    exchanged = product_page.call("session.exchange", {"organization_id": "globex", "session_duration_minutes": 60})
    known = product_page.page.evaluate("client.session.getSync()")
    product_page.call("session.revoke")

    assert (wrong["status_code"], wrong["error_type"]) == (401, "unauthorized_credentials")
    assert signed_in["member_authenticated"] is True
    assert again["session_token"] == signed_in["session_token"]
    assert exchanged["organization"]["organization_slug"] == known["organization_slug"] == "globex"
    assert cookies_of(product_page) == set()
    assert models.MemberSessionRow.objects.filter(revoked_at=None).count() == 1


def test_the_page_decides_by_our_policy_what_to_show(product_page: ProductPage, ada: models.MemberRow) -> None:
    role = {
        "role_id": "reader",
        "description": "",
        "permissions": [{"resource_id": "stytch.scim", "actions": ["get"]}],
    }
    models.OrganizationRow.objects.update(custom_roles=[role])
    max_ = factories.member(ada.organization, "max@acme.example", roles=["reader"])
    product_page.open(max_)
    product_page.page.wait_for_function("client.session.getSync() && client.organization.getSync()")

    asked = [("stytch.scim", "get"), ("stytch.scim", "update"), ("stytch.self", "update.info.name")]
    answers: list[object] = [product_page.call("rbac.isAuthorized", *one) for one in asked]

    assert answers == [True, False, True]
    assert product_page.call("rbac.allPermissions")["stytch.scim"]["get"] is True


def test_passwords_are_judged_and_replaced(product_page: ProductPage, ada: models.MemberRow) -> None:
    product_page.open()
    one = {"organization_id": "acme", "email_address": "ada@acme.example", "session_duration_minutes": 60}
    new = "twelve pelicans over Utrecht"

    judged = product_page.call("passwords.strengthCheck", {"email_address": "ada@acme.example", "password": "short"})
    replaced = product_page.call(
        "passwords.resetByExistingPassword", {**one, "existing_password": PASSWORD, "new_password": new}
    )
    once_more = product_page.call("passwords.resetBySession", {"password": "seven otters under Ghent"})

    assert judged["valid_password"] is False
    assert replaced["member_session"]["organization_slug"] == "acme"
    assert once_more["session_token"] == replaced["session_token"]


def test_an_admin_ends_a_members_sessions(product_page: ProductPage, ada: models.MemberRow) -> None:
    max_ = factories.member(ada.organization, "max@acme.example")
    factories.product_session_token(max_)
    product_page.open(ada)

    answer = product_page.call("session.revokeForMember", {"member_id": public_id("member", max_.pk)})

    assert answer["status_code"] == 200
    assert not models.MemberSessionRow.objects.filter(member=max_, revoked_at=None).exists()


def test_a_session_that_has_ended_signs_the_page_out(product_page: ProductPage, ada: models.MemberRow) -> None:
    product_page.open(ada)
    product_page.page.wait_for_function("client.session.getSync()")
    models.MemberSessionRow.objects.update(revoked_at=timezone.now())

    answer = product_page.call("session.authenticate", {})

    assert answer["error_type"] == "session_not_found"
    assert product_page.page.evaluate("client.session.getSync()") is None
    assert cookies_of(product_page) == set()


def test_a_product_takes_the_tokens_away_and_brings_them_back(product_page: ProductPage, ada: models.MemberRow) -> None:
    product_page.open(ada)
    product_page.call("session.authenticate", {"session_duration_minutes": 30})
    tokens = product_page.call("session.getTokens")
    assert tokens["session_token"]
    assert tokens["session_jwt"].count(".") == 2

    product_page.call("session.updateSession", {})
    assert not product_page.call("session.getTokens")
    product_page.call("session.updateSession", tokens)

    assert product_page.call("session.getTokens") == tokens
    # On a busy machine the SDK once returned an error here. Another try must succeed, and says what is wrong if it doesn’t.
    answer = product_page.call("session.authenticate", {})
    if "error_type" in answer:
        answer = product_page.call("session.authenticate", {})
    assert answer.get("session_token") == tokens["session_token"], answer
