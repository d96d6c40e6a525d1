"""Stytch's SDK for Node.js against the served API."""

import hashlib
import json
import shutil
import subprocess
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from pytest_django.live_server_helper import LiveServer

from portal.directory.actor import Origin
from portal.directory.ids import public_id
from portal.embedded import models
from portal.embedded.project_secrets import create_project_secret
from tests import factories
from tests.conftest import JAVASCRIPT, PASSWORD

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.node]
NEW = "twelve pelicans over Utrecht"


class Node:
    """Run methods of the SDK, each given as (method, *parameters)."""

    def __init__(self, url: str) -> None:
        project = create_project_secret(origin=Origin())
        self.client = {"project_id": project.project_id, "secret": project.secret, "env": f"{url}/"}

    def run_all(self, *methods: tuple[str, *tuple[Any, ...]]) -> list[dict[str, Any]]:
        listed = [{"method": method, "parameters": parameters} for method, *parameters in methods]
        done = subprocess.run(
            [shutil.which("node") or "", "call.mjs", json.dumps({"client": self.client, "methods": listed})],
            cwd=JAVASCRIPT,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        answers: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
        return answers


@pytest.fixture
def node(live_server: LiveServer) -> Node:
    return Node(live_server.url)


def test_scim_from_creation_to_deletion(node: Node) -> None:
    acme = factories.organization("acme")
    (created,) = node.run_all(
        ("scim.connection.create", {"organization_id": "acme", "display_name": "Okta", "identity_provider": "okta"})
    )
    connection_id = created["connection"]["connection_id"]
    factories.scim_groups(models.ScimConnectionRow.objects.get(), ["Admins", "Staff"])
    group = models.ScimGroupRow.objects.get(display_name="Staff")
    one = {"organization_id": "acme", "connection_id": connection_id}
    roles = [{"group_id": public_id("scim-group", group.pk), "role_id": "stytch_admin"}]

    groups, updated, started, both, completed, _, cancelled, deleted, none, unknown = node.run_all(
        ("scim.connection.getGroups", {**one, "limit": 1}),
        ("scim.connection.update", {**one, "scim_group_implicit_role_assignments": roles}),
        ("scim.connection.rotateStart", one),
        ("scim.connection.get", {"organization_id": public_id("organization", acme.pk)}),
        ("scim.connection.rotateComplete", one),
        ("scim.connection.rotateStart", one),
        ("scim.connection.rotateCancel", one),
        ("scim.connection.delete", one),
        ("scim.connection.get", {"organization_id": "acme"}),
        ("scim.connection.getGroups", {**one, "limit": 1}),
    )

    assert [group["group_name"] for group in groups["scim_groups"]] == ["Admins"]
    assert groups["next_cursor"]
    assert [one["role_id"] for one in updated["connection"]["scim_group_implicit_role_assignments"]] == ["stytch_admin"]
    assert started["connection"]["next_bearer_token"].endswith(both["connection"]["next_bearer_token_last_four"])
    assert completed["connection"]["bearer_token_last_four"] == both["connection"]["next_bearer_token_last_four"]
    assert cancelled["connection"]["next_bearer_token_last_four"] == ""
    # The only other admin is the one who joins the group, so no admin is lost.
    assert deleted["connection_id"] == connection_id
    assert none["connection"] is None
    assert (unknown["status_code"], unknown["error_type"]) == (404, "no_active_scim_connection")


def test_organizations_from_creation_to_deletion(node: Node) -> None:
    created, by_slug, changed, found, counted, forgotten = node.run_all(
        ("organizations.create", {"organization_name": "Initech", "organization_external_id": "crm-1"}),
        ("organizations.get", {"organization_id": "initech"}),
        ("organizations.update", {"organization_id": "crm-1", "email_allowed_domains": ["initech.example"]}),
        ("organizations.search", {"limit": 1, "query": {"operator": "AND", "operands": []}}),
        ("organizations.metrics", {"organization_id": "crm-1"}),
        ("organizations.deleteExternalId", {"organization_id": "crm-1"}),
    )
    deleted, unknown = node.run_all(
        ("organizations.delete", {"organization_id": "initech"}), ("organizations.get", {"organization_id": "initech"})
    )

    organization_id = created["organization"]["organization_id"]
    assert by_slug["organization"] == created["organization"]
    assert changed["organization"]["email_allowed_domains"] == ["initech.example"]
    assert found["results_metadata"] == {"total": 1, "next_cursor": None}
    assert counted["member_count"] == 0
    assert forgotten["organization"]["organization_external_id"] is None
    assert deleted["organization_id"] == organization_id
    assert (unknown["status_code"], unknown["error_type"]) == (404, "organization_not_found")


def test_members_from_creation_to_reactivation(node: Node) -> None:
    factories.organization("acme")
    one = {"organization_id": "acme", "member_id": "crm|7"}

    created, found, changed, phoneless, searched = node.run_all(
        (
            "organizations.members.create",
            {
                "organization_id": "acme",
                "email_address": "eve@acme.example",
                "external_id": "crm|7",
                "mfa_phone_number": "+12025550123",
            },
        ),
        ("organizations.members.get", {"organization_id": "acme", "email_address": "eve@acme.example"}),
        ("organizations.members.update", {**one, "name": "Eve", "roles": [], "email_address": "eva@acme.example"}),
        ("organizations.members.deleteMFAPhoneNumber", one),
        ("organizations.members.search", {"organization_ids": ["acme"], "limit": 10}),
    )
    member_id = created["member_id"]
    models.MemberRow.objects.update(email_address_verified=True, password=make_password(PASSWORD))
    with_password, of_member, of_organization, issued, no_connected_app, no_member_app = node.run_all(
        ("organizations.members.get", one),
        ("organizations.members.getConnectedApps", one),
        ("organizations.connectedApps", {"organization_id": "acme"}),
        ("organizations.members.oidcProviders", one),
        ("organizations.getConnectedApp", {"organization_id": "acme", "connected_app_id": "app"}),
        ("organizations.members.connectedApps.revoke", {**one, "connected_app_id": "app"}),
    )
    assert of_member["connected_apps"] == of_organization["connected_apps"] == issued["registrations"] == []
    assert no_connected_app["error_type"] == no_member_app["error_type"] == "connected_app_not_found"
    unlinked, without_password, named, no_app, deleted, back, whole = node.run_all(
        ("organizations.members.unlinkRetiredEmail", {**one, "email_address": "eve@acme.example"}),
        (
            "organizations.members.deletePassword",
            {"organization_id": "acme", "member_password_id": with_password["member"]["member_password_id"]},
        ),
        ("organizations.members.deleteExternalId", one),
        ("organizations.members.deleteTOTP", {**one, "member_id": member_id}),
        ("organizations.members.delete", {**one, "member_id": member_id}),
        ("organizations.members.reactivate", {**one, "member_id": member_id}),
        ("organizations.members.dangerouslyGet", {"member_id": member_id, "include_deleted": True}),
    )

    assert found["member"] == created["member"]
    assert changed["member"]["name"] == "Eve"
    assert [one["email_address"] for one in changed["member"]["retired_email_addresses"]] == ["eve@acme.example"]
    assert unlinked["member"]["retired_email_addresses"] == []
    assert with_password["member"]["member_password_id"]
    assert without_password["member"]["member_password_id"] == ""
    assert phoneless["member"]["mfa_phone_number"] == ""
    assert [one["member_id"] for one in searched["members"]] == [member_id]
    assert named["member"]["external_id"] is None
    assert no_app["error_type"] == "totp_not_found"
    assert deleted["member_id"] == member_id
    assert back["member"]["status"] == "active"
    assert whole["organization"]["organization_slug"] == "acme"


def test_sessions_from_sign_in_to_revocation(node: Node) -> None:
    acme, globex = factories.organization("acme"), factories.organization("globex")
    ada = factories.member(acme, "ada@acme.example", roles=["stytch_admin"], password=PASSWORD)
    factories.member(globex, "ada@acme.example")
    models.MemberRow.objects.update(email_address_verified=True)
    (started,) = node.run_all(
        (
            "passwords.authenticate",
            {"organization_id": "acme", "email_address": ada.email_address, "password": PASSWORD},
        )
    )
    held = {"session_token": started["session_token"]}
    check = {
        "organization_id": public_id("organization", acme.pk),
        "resource_id": "stytch.scim",
        "action": "get",
    }
    elsewhere = {**check, "organization_id": public_id("organization", globex.pk)}

    changed, local, tenancy, listed, exchanged, keys = node.run_all(
        (
            "sessions.authenticate",
            {**held, "session_custom_claims": {"plan": "gold"}, "authorization_check": check},
        ),
        ("sessions.authenticateJwtLocal", {"session_jwt": started["session_jwt"], "authorization_check": check}),
        ("sessions.authenticateJwtLocal", {"session_jwt": started["session_jwt"], "authorization_check": elsewhere}),
        ("sessions.get", {"organization_id": "acme", "member_id": started["member_id"]}),
        ("sessions.exchange", {"organization_id": "globex", **held}),
        ("sessions.getJWKS", {"project_id": node.client["project_id"]}),
    )
    by_jwt, revoked, revoked_session = node.run_all(
        ("sessions.authenticate", {"session_jwt": started["session_jwt"]}),
        ("sessions.revoke", {"member_id": started["member_id"]}),
        ("sessions.authenticate", held),
    )

    assert changed["verdict"] == {"authorized": True, "granting_roles": ["stytch_admin"]}
    assert local["member_session_id"] == changed["member_session"]["member_session_id"]
    assert tenancy["error_type"] == "tenancy_mismatch"
    assert [one["custom_claims"] for one in listed["member_sessions"]] == [{"plan": "gold"}]
    assert exchanged["organization"]["organization_slug"] == "globex"
    assert [key["alg"] for key in keys["keys"]] == ["RS256"]
    assert by_jwt["member_session"]["custom_claims"] == {"plan": "gold"}
    assert revoked["status_code"] == 200
    assert (revoked_session["status_code"], revoked_session["error_type"]) == (404, "session_not_found")


def test_passwords_are_brought_along_judged_and_replaced(node: Node) -> None:
    factories.organization("acme")
    eve = {"organization_id": "acme", "email_address": "eve@acme.example"}
    digest = hashlib.sha512(b"an old password", usedforsecurity=False).hexdigest()

    created, judged, replaced, weak = node.run_all(
        ("passwords.migrate", {**eve, "hash": digest, "hash_type": "sha_512", "name": "Eve"}),
        ("passwords.strengthCheck", {"password": NEW, "email_address": "eve@acme.example"}),
        ("passwords.existingPassword.reset", {**eve, "existing_password": "an old password", "new_password": NEW}),
        ("passwords.existingPassword.reset", {**eve, "existing_password": NEW, "new_password": "short"}),
    )
    (again,) = node.run_all(
        (
            "passwords.sessions.reset",
            {
                "organization_id": "acme",
                "password": "seven otters under Ghent",
                "session_token": replaced["session_token"],
            },
        )
    )

    assert created["member_created"] is True
    assert (judged["valid_password"], judged["score"]) == (True, 4)
    assert (weak["status_code"], weak["error_type"]) == (400, "weak_password")
    assert again["session_token"] == replaced["session_token"]


def test_an_organizations_own_roles(node: Node) -> None:
    factories.organization("acme")
    role = {
        "role_id": "reader",
        "description": "",
        "permissions": [{"resource_id": "stytch.scim", "actions": ["get"]}],
    }

    policy, changed, found = node.run_all(
        ("rbac.policy",),
        ("rbac.organizations.setOrgPolicy", {"organization_id": "acme", "org_policy": {"roles": [role]}}),
        ("rbac.organizations.getOrgPolicy", {"organization_id": "acme"}),
    )

    assert {one["role_id"] for one in policy["policy"]["roles"]} == {"stytch_admin", "stytch_member"}
    assert changed["org_policy"] == found["org_policy"] == {"roles": [role]}
