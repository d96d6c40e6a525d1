"""Stytch's methods of organizations, called by its own SDK."""

from collections.abc import Callable
from typing import Any

import pytest
from stytch import B2BClient
from stytch.b2b.models.organizations import EmailImplicitRoleAssignment, SearchQuery, SearchQueryOperator
from stytch.b2b.models.organizations import Organization as SdkOrganization
from stytch.core.response_base import StytchError

from portal.directory.ids import public_id
from portal.directory.members import MemberStatus
from portal.embedded import models
from tests import factories
from tests.api.conftest import Caller

PageOf = Callable[[models.MemberRow | None], Caller]


def error_of(call: Callable[[], object]) -> tuple[int, str | None]:
    with pytest.raises(StytchError) as caught:
        call()
    return caught.value.details.status_code, caught.value.details.error_type


def query(*operands: dict[str, Any]) -> SearchQuery:
    return SearchQuery(operator=SearchQueryOperator.AND, operands=list(operands))


def on_behalf_of(member: models.MemberRow) -> dict[str, str]:
    return {"X-Stytch-Member-Session": factories.product_session_token(member)}


def test_an_organization_lives_from_creation_to_deletion(sdk: B2BClient) -> None:
    organizations = sdk.organizations
    created = organizations.create("Initech", organization_external_id="crm-1", trusted_metadata={"plan": "gold"})
    assert (created.organization.organization_slug, created.organization.email_invites) == ("initech", "ALL_ALLOWED")
    organization_id = created.organization.organization_id

    for name in (organization_id, "initech", "crm-1"):
        assert organizations.get(name).organization.organization_id == organization_id
    changed = organizations.update(
        "crm-1",
        organization_name="Initech Ltd",
        organization_slug="initech-ltd",
        organization_logo_url="https://initech.example/logo.svg",
        email_allowed_domains=["initech.example"],
        allowed_auth_methods=["password", "sso"],
        auth_methods="RESTRICTED",
        allowed_oauth_tenants={"slack": ["T1"]},
        rbac_email_implicit_role_assignments=[
            EmailImplicitRoleAssignment(domain="initech.example", role_id="stytch_admin")
        ],
        trusted_metadata={"plan": None, "seats": 5},
    ).organization
    assert (changed.organization_name, changed.organization_slug) == ("Initech Ltd", "initech-ltd")
    assert changed.allowed_auth_methods == ["password", "sso"]
    assert changed.allowed_oauth_tenants == {"slack": ["T1"]}
    assert changed.rbac_email_implicit_role_assignments[0].role_id == "stytch_admin"
    assert changed.trusted_metadata == {"seats": 5}
    assert organizations.get(organization_id).organization == changed
    assert organizations.delete_external_id("crm-1").organization.organization_external_id is None

    assert organizations.delete("initech-ltd").organization_id == organization_id
    assert error_of(lambda: organizations.get(organization_id)) == (404, "organization_not_found")


def test_a_response_has_every_field_that_stytchs_has(
    sdk: B2BClient, backend: Caller, acme: models.OrganizationRow
) -> None:
    factories.scim_connection(acme, bearer_token="scim_abcd")
    fields = backend.get("organizations/acme")["organization"]

    assert fields.keys() >= SdkOrganization.model_fields.keys()
    assert fields["scim_active_connection"]["bearer_token_last_four"] == "abcd"
    assert fields["sso_active_connections"] == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"organization_slug": "acme"}, "organization_slug_already_used"),
        ({"organization_slug": "a b"}, "invalid_organization_slug"),
        ({"email_allowed_domains": ["gmail.com"]}, "organization_settings_domain_too_common"),
        ({"auth_methods": "RESTRICTED"}, "allowed_auth_methods_required_for_restricted"),
        ({"email_invites": "SOMETIMES"}, "invalid_organization_auth_factor_setting"),
        ({"trusted_metadata": {str(n): n for n in range(21)}}, "metadata_too_many_keys"),
    ],
)
def test_what_breaks_a_rule_says_so_by_stytchs_name(
    sdk: B2BClient, acme: models.OrganizationRow, given: dict[str, Any], expected: str
) -> None:
    assert error_of(lambda: sdk.organizations.create("Initech", **given)) == (400, expected)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "organization_name"),
        ({"organization_name": 7}, "organization_name"),
        ({"organization_name": "x", "email_allowed_domains": "acme.example"}, "email_allowed_domains"),
        ({"organization_name": "x", "trusted_metadata": [1]}, "trusted_metadata"),
        ({"organization_name": "x", "rbac_email_implicit_role_assignments": [{"domain": "x"}]}, "role_id"),
    ],
)
def test_a_wrong_type_is_named(backend: Caller, given: dict[str, Any], named: str) -> None:
    answer = backend.post("organizations", given)

    assert answer.status == 400
    assert named in answer["error_message"]


def test_fields_that_are_not_known_are_ignored_and_null_changes_nothing(
    backend: Caller, acme: models.OrganizationRow
) -> None:
    answer = backend.put("organizations/acme", {"favourite_colour": "red", "organization_name": None})

    assert answer["organization"]["organization_name"] == "Acme"


def test_organizations_are_searched_page_by_page(sdk: B2BClient) -> None:
    for number in range(5):
        factories.organization(f"firm{number}")
    factories.member(models.OrganizationRow.objects.get(slug="firm3"), "eve@firm3.example")

    slugs, cursor = [], ""
    while True:
        page = sdk.organizations.search(cursor=cursor, limit=2)
        assert page.results_metadata.total == 5
        slugs += [one.organization_slug for one in page.organizations]
        cursor = page.results_metadata.next_cursor or ""
        if not cursor:
            break
    assert slugs == [f"firm{number}" for number in range(5)]

    operand = {"filter_name": "member_emails", "filter_value": ["EVE@firm3.example"]}
    assert [one.organization_slug for one in sdk.organizations.search(query=query(operand)).organizations] == ["firm3"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"limit": 1001}, "user_search_invalid_limit"),
        ({"limit": -1}, "user_search_invalid_limit"),
        ({"cursor": "stolen"}, "user_search_invalid_cursor"),
        ({"query": {"operator": "OR", "operands": []}}, "user_search_invalid_operator"),
        (
            {"query": {"operands": [{"filter_name": "x", "filter_value": 1}]}},
            "organization_search_filter_name_not_recognized",
        ),
        ({"query": {"operands": [{"filter_value": 1}]}}, "organization_search_missing_filter_name"),
        (
            {"query": {"operands": [{"filter_name": "organization_name_fuzzy", "filter_value": "ab"}]}},
            "organization_search_organization_name_fuzzy_too_short",
        ),
        ({"query": "acme"}, "invalid_argument"),
        ({"query": {"operands": {"filter_name": "x"}}}, "invalid_argument"),
    ],
)
def test_a_search_that_makes_no_sense_says_why(backend: Caller, body: dict[str, Any], expected: str) -> None:
    answer = backend.post("organizations/search", body)

    assert (answer.status, answer.error_type) == (400, expected)


def test_the_default_limit_is_also_that_of_0(backend: Caller, acme: models.OrganizationRow) -> None:
    for body in ({}, {"limit": 0}, {"limit": None, "cursor": None, "query": None}, None):
        assert len(backend.post("organizations/search", body)["organizations"]) == 1


def test_members_are_counted(sdk: B2BClient, admin: models.MemberRow, member: models.MemberRow) -> None:
    models.MemberRow.objects.filter(pk=member.pk).update(status=MemberStatus.DELETED)

    assert sdk.organizations.metrics("acme").member_count == 1


def test_each_field_needs_its_right_on_behalf_of_a_member(
    backend: Caller, admin: models.MemberRow, member: models.MemberRow
) -> None:
    allowed = {"organization_name": "Mine", "mfa_policy": "OPTIONAL"}
    for field, value in allowed.items():
        answer = backend.put("organizations/acme", {field: value}, **on_behalf_of(member))
        assert (answer.status, answer.error_type) == (403, "session_authorization_error")
    assert backend.put("organizations/acme", allowed, **on_behalf_of(admin)).status == 200
    only_project: list[dict[str, Any]] = [{"trusted_metadata": {}}, {"organization_external_id": "x"}]
    for body in [*only_project, {"claimed_email_domains": []}]:
        answer = backend.put("organizations/acme", body, **on_behalf_of(admin))
        assert (answer.status, answer.error_type) == (403, "session_authorization_error")
    assert backend.delete("organizations/acme", **on_behalf_of(member)).error_type == "session_authorization_error"
    assert backend.delete("organizations/acme/external_id", **on_behalf_of(admin)).status == 403


def test_a_session_of_one_organization_reaches_no_other(
    backend: Caller, admin: models.MemberRow, other_admin: models.MemberRow
) -> None:
    headers = on_behalf_of(admin)
    for answer in (
        backend.get("organizations/globex", **headers),
        backend.put("organizations/globex", {"organization_name": "Mine"}, **headers),
        backend.delete("organizations/globex", **headers),
    ):
        assert (answer.status, answer.error_type) == (403, "session_authorization_tenancy_error")
    for answer in (
        backend.post("organizations", {"organization_name": "Mine"}, **headers),
        backend.post("organizations/search", {}, **headers),
    ):
        assert (answer.status, answer.error_type) == (403, "session_authorization_error")
    assert models.OrganizationRow.objects.count() == 2


# --- In browsers -------------------------------------------------------------------------------------------------------


def test_pages_see_and_change_their_own_organization(
    page_of: PageOf, admin: models.MemberRow, member: models.MemberRow
) -> None:
    assert page_of(member).get("b2b/organizations/me")["organization"]["organization_slug"] == "acme"
    rejected = page_of(member).put("b2b/organizations/me", {"organization_name": "Mine"})
    assert (rejected.status, rejected.error_type) == (403, "session_authorization_error")

    page = page_of(admin)
    changed = page.put("b2b/organizations/me", {"organization_name": "Acme Ltd"})
    assert changed["organization"]["organization_name"] == "Acme Ltd"
    assert page.put("b2b/organizations/me", {"trusted_metadata": {}}).status == 403
    assert page_of(None).get("b2b/organizations/me").error_type == "user_unauthenticated"

    organization_id = public_id("organization", admin.organization_id)
    assert page.delete("b2b/organizations/me")["organization_id"] == organization_id
    assert page.get("b2b/organizations/me").error_type == "session_not_found"


def test_a_page_finds_an_organization_by_its_slug_before_anyone_signs_in(
    page_of: PageOf, acme: models.OrganizationRow
) -> None:
    models.OrganizationRow.objects.update(external_id="crm-1", trusted_metadata={"secret": 1})
    page = page_of(None)

    found = page.post("b2b/organizations/search", {"organization_slug": "acme"})["organization"]

    assert (found["organization_name"], found["auth_methods"]) == ("Acme", "ALL_ALLOWED")
    assert found.keys().isdisjoint({"trusted_metadata", "organization_external_id", "scim_active_connection"})
    for slug in ("none", "crm-1", public_id("organization", acme.pk), ""):
        assert page.post("b2b/organizations/search", {"organization_slug": slug})["organization"] is None
    assert page.post("b2b/organizations/search", {}).error_type == "invalid_organization_slug"


def test_pages_cannot_make_or_search_organizations(page_of: PageOf, admin: models.MemberRow) -> None:
    assert page_of(admin).post("b2b/organizations", {"organization_name": "Mine"}).status in {404, 405}
    assert models.OrganizationRow.objects.count() == 1


def test_stytchs_screens_learn_what_there_is(page_of: PageOf, member: models.MemberRow) -> None:
    config = page_of(member).get("b2b/admin_portal_config").fields

    assert config["scim_config"] == {"scim_enabled": True}
    assert config["sso_config"]["sso_enabled"] is False
    assert config["organization_config"] == {"mfa_controls_enabled": True}


def test_an_organization_has_no_sso_connections_yet(
    sdk: B2BClient, page_of: PageOf, admin: models.MemberRow, member: models.MemberRow
) -> None:
    connections = sdk.sso.get_connections("acme")

    assert [*connections.saml_connections, *connections.oidc_connections, *connections.external_connections] == []
    assert [page_of(one).get("b2b/sso").status for one in (admin, member)] == [200, 403]
    assert error_of(lambda: sdk.sso.get_connections("none")) == (404, "organization_not_found")


@pytest.mark.parametrize("is_for_a_member", [True, False])
def test_a_role_by_an_unproved_domain_counts_at_once(
    backend: Caller, admin: models.MemberRow, member: models.MemberRow, is_for_a_member: bool
) -> None:
    rules = [{"domain": "acme.example", "role_id": "stytch_admin"}]
    headers = on_behalf_of(admin) if is_for_a_member else {}

    assert backend.put("organizations/acme", {"rbac_email_implicit_role_assignments": rules}, **headers).status == 200

    found = backend.get("organizations/acme/member?email_address=max@acme.example")["member"]
    (role,) = [one for one in found["roles"] if one["role_id"] == "stytch_admin"]
    assert role["sources"] == [{"type": "email_assignment", "details": {"email_domain": "acme.example"}}]
