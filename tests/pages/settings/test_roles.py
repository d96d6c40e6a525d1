"""Settings › Roles: roles in words, who has them, the organization's own, and roles by email domain."""

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from portal.embedded import models
from tests import factories

pytestmark = pytest.mark.django_db
ROLES = "/o/acme/settings/roles/"
BILLING = {
    "role_id": "billing",
    "description": "Sees invoices",
    "permissions": [{"resource_id": "stytch.scim", "actions": ["get"]}],
}


def text(response: object) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())  # type: ignore[attr-defined]  # -- a response


def fields(response: object) -> dict[str, list[str]]:
    """Return the hidden fields of a page's form."""
    found: dict[str, list[str]] = {}
    html = response.content.decode()  # type: ignore[attr-defined]  # -- a response
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', html):
        found.setdefault(name, []).append(unescape(value))
    found.pop("csrfmiddlewaretoken", None)
    return found


@pytest.fixture
def billing(acme: models.OrganizationRow) -> models.OrganizationRow:
    """Acme with a role of its own, which Bob has manually and people of a group through it."""
    models.OrganizationRow.objects.filter(pk=acme.pk).update(custom_roles=[BILLING])
    factories.member(acme, "bob@acme.example", roles=["billing"])
    connection = factories.scim_connection(acme)
    group = factories.scim_group(connection, "Finance <b>")
    factories.put_in_group(group, [factories.provisioned(connection, "cas@acme.example")])
    factories.group_role(group, "billing")
    return acme


def test_the_list_says_who_has_each_role_and_what_gives_it(
    admin_client: Client, billing: models.OrganizationRow, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    factories.role_by_domain(billing, "acme.example", "billing")
    with django_assert_max_num_queries(14):
        shown = text(admin_client.get(ROLES))

    assert "Billing Sees invoices 3 1 group, 1 email domain, 1 person Acme" in shown
    assert "Admin Manages the organization, its members and its connections 1 1 person Provider" in shown
    assert "Everyone" in shown
    assert "Email domain acme.example" in shown
    assert "1 role by SCIM groups" in shown


def test_a_role_is_shown_in_words_with_the_sources_by_name(
    admin_client: Client, billing: models.OrganizationRow
) -> None:
    shown = text(admin_client.get(f"{ROLES}of/billing/"))

    assert "See the SCIM connection, its people and groups" in shown
    assert "bob@acme.example Assigned manually" in shown
    assert "Group Finance <b>" in shown
    assert "End their own sessions" in text(admin_client.get(f"{ROLES}of/stytch_member/"))


def test_a_new_role_is_reviewed_before_it_is_created(admin_client: Client, acme: models.OrganizationRow) -> None:
    new = {"name": "Billing Team", "description": "Invoices", "permissions": ["stytch.scim:get"]}

    assert "Billing team" not in text(admin_client.get(ROLES))
    review = admin_client.post(f"{ROLES}new/", new)
    assert "See the SCIM connection" in text(review)
    assert not models.OrganizationRow.objects.get(pk=acme.pk).custom_roles
    created = admin_client.post(f"{ROLES}new/", {**fields(review), "save": "1"})

    assert created.status_code == 303
    assert created["Location"] == f"{ROLES}of/billing_team/"
    (stored,) = models.OrganizationRow.objects.get(pk=acme.pk).custom_roles or []
    assert stored["role_id"] == "billing_team"
    again = admin_client.post(f"{ROLES}new/", {**new, "save": "1"})
    assert again.status_code == 409
    assert "There already is a role" in text(again)
    invalid: tuple[dict[str, object], ...] = (
        {"name": "<>"},
        {"name": "Stytch admin"},
        {"permissions": []},
        {"permissions": ["a:b\0"]},
    )
    for wrong in invalid:
        assert admin_client.post(f"{ROLES}new/", {**new, **wrong}).status_code == 422
    unknown = admin_client.post(f"{ROLES}new/", {**new, "name": "x", "permissions": ["no.such:get"], "save": "1"})
    assert unknown.status_code == 422
    assert "Unknown resource" in text(unknown)


def test_a_change_is_reviewed_and_a_stale_one_loses_nothing(
    admin_client: Client, billing: models.OrganizationRow
) -> None:
    url = f"{ROLES}of/billing/edit/"
    version = re.findall(r'name="version" value="(\w+)"', admin_client.get(url).content.decode())[0]
    changed = {"description": "New", "permissions": ["stytch.scim:update"], "version": version}

    review = admin_client.post(url, changed)
    assert "Removed See the SCIM connection" in text(review)
    assert "2 people gain Change the SCIM connection and its token" in text(review)
    models.OrganizationRow.objects.filter(pk=billing.pk).update(custom_roles=[{**BILLING, "description": "Other"}])
    stale = admin_client.post(url, {**fields(review), "save": "1"})

    assert stale.status_code == 409
    assert "Someone else changed this role" in text(stale)
    assert 'value="New"' in stale.content.decode()
    version = re.findall(r'name="version" value="(\w+)"', stale.content.decode())[0]
    saved = admin_client.post(url, {**changed, "version": version, "save": "1"})
    assert saved.status_code == 303
    (stored,) = models.OrganizationRow.objects.get(pk=billing.pk).custom_roles or []
    assert stored["description"] == "New"


def test_a_deletion_says_who_loses_the_role(admin_client: Client, billing: models.OrganizationRow) -> None:
    page = admin_client.get(f"{ROLES}of/billing/delete/")

    assert "People with this role 2 Assigned manually 1 Through groups 1" in text(page)
    assert "2 people lose See the SCIM connection, its people and groups" in text(page)
    assert admin_client.post(f"{ROLES}of/billing/delete/", {"version": "old"}).status_code == 409
    assert admin_client.post(f"{ROLES}of/billing/delete/", fields(page)).status_code == 303
    assert not models.OrganizationRow.objects.get(pk=billing.pk).custom_roles
    assert admin_client.get(f"{ROLES}of/billing/").status_code == 404


def test_roles_of_the_provider_and_of_others_cannot_be_changed(
    admin_client: Client, other_admin_client: Client, billing: models.OrganizationRow
) -> None:
    for what in ("edit", "delete"):
        assert admin_client.get(f"{ROLES}of/stytch_admin/{what}/").status_code == 404
        assert other_admin_client.get(f"/o/globex/settings/roles/of/billing/{what}/").status_code == 404
    assert other_admin_client.get("/o/globex/settings/roles/of/billing/").status_code == 404


def test_hostile_ids_and_descriptions_have_a_page(admin_client: Client, acme: models.OrganizationRow) -> None:
    names = ["<script>alert(1)</script>", "../../x", "a/b?c#d", "~", "💥", "new"]
    roles = [{**BILLING, "role_id": name, "description": "<img src=x onerror=alert(1)>"} for name in names]
    models.OrganizationRow.objects.filter(pk=acme.pk).update(custom_roles=roles)

    page = admin_client.get(ROLES)
    assert b"<img src=x" not in page.content
    urls = re.findall(rf'href="({ROLES}of/[^"]+)"', page.content.decode())
    assert len(urls) == len(names) + 2
    for url in urls:
        assert admin_client.get(url).status_code == 200


def test_a_rule_for_a_domain_is_reviewed_saved_and_removed(
    admin_client: Client, billing: models.OrganizationRow
) -> None:
    url = f"{ROLES}automatic/new/"
    version = re.findall(r'name="version" value="(\w+)"', admin_client.get(url).content.decode())[0]
    rule = {"domain": "acme.example", "role_id": "billing", "version": version}

    review = text(admin_client.post(url, rule))
    assert "People at acme.example 3 Gain Billing 1" in review
    assert admin_client.post(url, {**rule, "domain": "gmail.com"}).status_code == 422
    assert admin_client.post(url, {**rule, "save": "1"}).status_code == 303
    assert admin_client.post(url, {**rule, "domain": "b.example", "save": "1"}).status_code == 409
    remove = f"{ROLES}automatic/remove/?domain=acme.example&role=billing"
    page = admin_client.get(remove)
    assert "Lose Billing 1" in text(page)
    assert admin_client.post(f"{ROLES}automatic/remove/", fields(page)).status_code == 303
    assert admin_client.get(remove).status_code == 404


def test_someone_without_the_rights_sees_what_is_missing(acme: models.OrganizationRow, admin: models.MemberRow) -> None:
    reader = {"role_id": "reader", "permissions": [{"resource_id": "stytch.custom-org-roles", "actions": ["get"]}]}
    models.OrganizationRow.objects.filter(pk=acme.pk).update(custom_roles=[reader])
    row = factories.member(acme, "max@acme.example", roles=["reader"])
    client = factories.signed_in(row)

    shown = text(client.get(ROLES))
    assert "Your roles don’t let you create roles." in shown
    assert "This list isn’t complete" in shown
    role = text(client.get(f"{ROLES}of/reader/"))
    assert "Your roles don’t let you see the organization’s members." in role
    # The right is removed while the page is open.
    models.OrganizationRow.objects.filter(pk=acme.pk).update(custom_roles=[])
    assert client.get(ROLES).status_code == 403


def test_only_an_admin_chooses_what_their_own_roles_do_not_allow(
    acme: models.OrganizationRow, admin: models.MemberRow
) -> None:
    maker = {"role_id": "maker", "permissions": [{"resource_id": "stytch.custom-org-roles", "actions": ["*"]}]}
    models.OrganizationRow.objects.filter(pk=acme.pk).update(custom_roles=[maker])
    client = factories.signed_in(factories.member(acme, "eve@acme.example", roles=["maker"]))

    assert 'value="stytch.member:create" disabled' in client.get(f"{ROLES}new/").content.decode()
    more = {"name": "More", "permissions": ["stytch.member:create"], "save": "1"}
    answer = client.post(f"{ROLES}new/", more)
    assert answer.status_code == 403
    assert "your own roles don’t allow it" in text(answer)


def test_a_change_asks_for_a_recent_proof_and_keeps_what_was_typed(
    admin_client: Client, billing: models.OrganizationRow
) -> None:
    version = fields(admin_client.get(f"{ROLES}of/billing/edit/"))["version"]
    factories.role_by_domain(billing, "acme.example", "billing")
    factories.forget_password_entry()
    typed: dict[str, Any] = {
        "description": "New text",
        "permissions": ["stytch.scim:update"],
        "version": version,
        "save": "1",
    }
    forms: dict[str, dict[str, Any]] = {
        f"{ROLES}of/billing/edit/": typed,
        f"{ROLES}new/": {"name": "Another", "permissions": ["stytch.scim:update"], "save": "1"},
        f"{ROLES}automatic/new/": {"domain": "b.example", "role_id": "billing", "version": "x", "save": "1"},
        f"{ROLES}automatic/remove/": {"domain": "acme.example", "role": "billing", "version": "x"},
        f"{ROLES}of/billing/delete/": {"version": "x"},
    }
    asked = {url: urlsplit(admin_client.post(url, form)["Location"]) for url, form in forms.items()}
    assert {one.path for one in asked.values()} == {"/o/acme/confirm/"}
    assert (models.OrganizationRow.objects.get(pk=billing.pk).custom_roles or []) == [BILLING]

    models.MemberSessionRow.objects.update(password_entered_at=timezone.now())
    shown = {url: admin_client.get(parse_qs(one.query)["next"][0]).content.decode() for url, one in asked.items()}
    edit, new, rule, removal, _ = shown.values()
    assert 'value="New text"' in edit
    assert re.search(r'value="stytch.scim:update"\s+checked', edit)
    assert 'value="Another"' in new
    assert 'value="b.example"' in rule
    assert "acme.example" in removal
    assert (models.OrganizationRow.objects.get(pk=billing.pk).custom_roles or []) == [BILLING]
