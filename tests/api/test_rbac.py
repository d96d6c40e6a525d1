"""Stytch's methods of RBAC, called by its own SDK, and what its SDK for browsers reads at its start."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django.live_server_helper import LiveServer
from stytch import B2BClient
from stytch.b2b.models.rbac import OrgPolicy

from portal.directory.policy import DEFAULT_POLICY
from portal.embedded import models
from portal.embedded.project_secrets import NewProjectSecret
from tests import factories
from tests.api.conftest import PAGE, Answer, Caller, in_a_loop
from tests.api.test_scim import error_of
from tests.api.test_sessions import client_of

PageOf = Callable[[models.MemberRow | None], Caller]
ROLE = {
    "role_id": "scim_reader",
    "description": "Reads what is provisioned",
    "permissions": [{"resource_id": "stytch.scim", "actions": ["get"]}],
}

OWN_ROLES = "stytch.custom-org-roles"


def with_(**changes: Any) -> dict[str, Any]:
    return {"roles": [{**ROLE, **changes}]}


def test_the_policy_is_the_projects(sdk: B2BClient) -> None:
    policy = sdk.rbac.policy().policy

    assert policy is not None
    assert {role.role_id for role in policy.roles} == set(DEFAULT_POLICY.roles)
    assert {one.resource_id: one.actions for one in policy.resources} == {
        one.resource_id: list(one.actions) for one in DEFAULT_POLICY.resources.values()
    }
    (admin,) = (role for role in policy.roles if role.role_id == "stytch_admin")
    assert {one.resource_id: one.actions for one in admin.permissions}["stytch.scim"] == ["*"]
    assert policy.scopes == []


def test_an_organization_has_roles_of_its_own(
    sdk: B2BClient, acme: models.OrganizationRow, globex: models.OrganizationRow
) -> None:
    organizations = sdk.rbac.organizations
    assert organizations.get_org_policy("acme").org_policy.roles == []

    organizations.set_org_policy("acme", org_policy={"roles": [ROLE]})

    (role,) = organizations.get_org_policy("acme").org_policy.roles
    assert role.model_dump() == ROLE
    assert organizations.get_org_policy("globex").org_policy.roles == []
    organizations.set_org_policy("acme", org_policy={"roles": []})
    assert organizations.get_org_policy("acme").org_policy.roles == []
    entries = models.ActivityEntryRow.objects.filter(action="organization.set_roles").order_by("pk")
    assert [entry.after["custom_roles"] for entry in entries] == [[ROLE], []]


@pytest.mark.parametrize(
    ("policy", "error_type"),
    [
        (with_(role_id=""), "empty_rbac_role_id"),
        (with_(role_id="stytch_admin"), "rbac_org_custom_roles_only"),
        (with_(role_id="stytch_better"), "rbac_org_custom_roles_only"),
        (with_(role_id="x" * 129), "rbac_role_id_too_long"),
        (with_(description="x" * 513), "rbac_description_too_long"),
        (with_(permissions=[]), "rbac_role_missing_permissions"),
        (with_(permissions=[{"resource_id": "stytch.scim", "actions": []}]), "rbac_permission_missing_actions"),
        (with_(permissions=[{"resource_id": "x", "actions": ["get"]}]), "invalid_rbac_custom_role"),
        (with_(permissions=[{"resource_id": "stytch.scim", "actions": ["fly"]}]), "invalid_rbac_custom_role"),
        (
            with_(permissions=[{"resource_id": "stytch.scim", "actions": ["*", "get"]}]),
            "cannot_specify_wildcard_with_other_actions",
        ),
        ({"roles": [ROLE, ROLE]}, "rbac_role_duplicate"),
        ({"roles": [{**ROLE, "role_id": f"r{n}"} for n in range(101)]}, "too_many_roles"),
        ({"roles": "x"}, "invalid_argument"),
    ],
)
def test_roles_that_cannot_be_are_rejected(
    sdk: B2BClient, acme: models.OrganizationRow, policy: dict[str, Any], error_type: str
) -> None:
    assert error_of(lambda: sdk.rbac.organizations.set_org_policy("acme", org_policy=policy)) == (400, error_type)
    assert sdk.rbac.organizations.get_org_policy("acme").org_policy.roles == []


def test_such_a_role_counts_for_pages_and_calls_of_its_organization_alone(
    sdk: B2BClient,
    page_of: PageOf,
    member: models.MemberRow,
    globex: models.OrganizationRow,
    connection: models.ScimConnectionRow,
) -> None:
    sdk.rbac.organizations.set_org_policy("acme", org_policy={"roles": [ROLE]})
    models.MemberRow.objects.filter(pk=member.pk).update(direct_roles=["scim_reader"])
    max_of_globex = factories.member(globex, "max@acme.example", roles=["scim_reader"])
    factories.scim_connection(globex)

    assert page_of(member).get("b2b/scim").status == 200
    assert page_of(member).post("b2b/scim/rotate/start").error_type == "session_authorization_error"
    assert page_of(max_of_globex).get("b2b/scim").error_type == "session_authorization_error"
    assert factories.signed_in(member).get("/o/acme/scim/").status_code == 200
    assert factories.signed_in(max_of_globex).get("/o/globex/scim/").status_code == 403
    sdk.rbac.organizations.set_org_policy("acme", org_policy={"roles": []})
    assert page_of(member).get("b2b/scim").error_type == "session_authorization_error"


def test_a_role_grants_no_permission_that_its_creator_lacks(
    sdk: B2BClient, backend: Caller, admin: models.MemberRow, member: models.MemberRow
) -> None:
    maker = {"role_id": "maker", "description": "", "permissions": [{"resource_id": OWN_ROLES, "actions": ["update"]}]}
    sdk.rbac.organizations.set_org_policy("acme", org_policy={"roles": [maker, ROLE]})
    models.MemberRow.objects.filter(pk=member.pk).update(direct_roles=["maker"])

    def set_by(who: models.MemberRow, *roles: dict[str, Any]) -> Answer:
        body = {"org_policy": {"roles": [*roles, ROLE]}}
        session = factories.product_session_token(models.MemberRow.objects.get(pk=who.pk))
        return backend.put("rbac/organizations/acme", body, **{"X-Stytch-Member-Session": session})

    for resource_id, actions in (
        ("stytch.member", ["update.settings.roles"]),
        (OWN_ROLES, ["*"]),
        (OWN_ROLES, ["get"]),
    ):
        more = {**maker, "permissions": [{"resource_id": resource_id, "actions": actions}]}
        assert set_by(member, more).error_type == "session_authorization_error"
        assert set_by(member, maker, {**more, "role_id": "other"}).error_type == "session_authorization_error"
    assert set_by(member, maker, {**maker, "role_id": "other"}).status == 200
    # Members who may assign roles could give themselves any permission.
    everything = {**maker, "permissions": [{"resource_id": "stytch.self", "actions": ["*"]}]}
    assert set_by(admin, everything).status == 200


def test_a_session_tells_the_page_of_them(sdk: B2BClient, page_of: PageOf, member: models.MemberRow) -> None:
    sdk.rbac.organizations.set_org_policy("acme", org_policy={"roles": [ROLE]})

    answer = page_of(member).post("b2b/sessions/authenticate", {})

    assert answer["organization"]["custom_roles"] == [ROLE]


def test_a_secret_is_needed(backend: Caller, acme: models.OrganizationRow) -> None:
    wrong = Caller(backend.user, "wrong", backend.prefix, {})

    for path in ("rbac/policy", "rbac/organizations/acme"):
        assert (wrong.get(path).status, wrong.get(path).error_type) == (401, "unauthorized_credentials")
    assert wrong.put("rbac/organizations/acme", {"org_policy": {"roles": [ROLE]}}).status == 401


def test_the_asynchronous_sdk_does_the_same(
    live_server: LiveServer, transactional_db: None, project: NewProjectSecret, acme: models.OrganizationRow
) -> None:
    async def calls() -> None:
        rbac = client_of(live_server, project).rbac
        assert (await rbac.policy_async()).policy
        await rbac.organizations.set_org_policy_async("acme", OrgPolicy.model_validate({"roles": [ROLE]}))
        assert (await rbac.organizations.get_org_policy_async("acme")).org_policy.roles

    in_a_loop(calls())


# --- The SDK for browsers, at its start ------------------------------------------------------------------------------------

READ = """project_name disable_sdk_watermark cname_domain email_domains captcha_settings pkce_required_for_email_magic_links
    pkce_required_for_password_resets pkce_required_for_oauth pkce_required_for_sso slug_pattern create_organization_enabled
    password_config dfp_protected_auth_enabled rbac_policy siwe_required_for_crypto_wallets vertical"""


def test_it_reads_how_the_project_is_set_up(page_of: PageOf, project: NewProjectSecret) -> None:
    answer = page_of(None).get(f"projects/bootstrap/{project.public_token}")

    assert answer.status == 200
    assert set(READ.split()) <= set(answer.fields)
    assert (answer["password_config"], answer["vertical"], answer["captcha_settings"]) == (
        None,
        "B2B",
        {"enabled": False},
    )
    policy = answer["rbac_policy"]
    assert {role["role_id"] for role in policy["roles"]} == set(DEFAULT_POLICY.roles)
    assert {one["resource_id"] for one in policy["resources"]} == set(DEFAULT_POLICY.resources)
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert page_of(None).get("projects/bootstrap/public-token-live-wrong").status == 401


@pytest.mark.parametrize("body", [[{"telemetry": {}, "event": {}}] * 15, [], {}, "text"])
def test_its_events_are_taken_and_forgotten(page_of: PageOf, body: Any) -> None:
    page_of(None)
    answer = Client().post(
        "/sdk/v1/events", json.dumps(body), content_type="application/json", headers={"Origin": PAGE}
    )

    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == PAGE


def test_it_may_ask_beforehand_whether_it_may_send_them(page_of: PageOf) -> None:
    page_of(None)
    answer = Client().options("/sdk/v1/events", headers={"Origin": PAGE, "Access-Control-Request-Method": "POST"})

    assert (answer.status_code, answer["Access-Control-Allow-Methods"]) == (204, "POST")
