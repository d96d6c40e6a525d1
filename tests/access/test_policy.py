"""Roles and what they grant."""

import json
from pathlib import Path

import pytest

from portal.directory.policy import DEFAULT_POLICY, Policy, load_policy

IT_SUPPORT = {
    "roles": [{"role_id": "it_support", "permissions": [{"resource_id": "stytch.scim", "actions": ["get"]}]}],
    "resources": [{"resource_id": "invoices", "actions": ["read"]}],
}


def policy_file(folder: Path, document: object) -> Path:
    path = folder / "policy.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


@pytest.mark.parametrize(
    ("roles", "permission", "allowed"),
    [
        (["stytch_admin"], "stytch.scim:get", True),
        (["stytch_member"], "stytch.scim:get", False),
        (["stytch_member"], "stytch.self:update.info.name", True),
        (["stytch_member", "stytch_admin"], "stytch.scim:get", True),
        (["unknown"], "stytch.scim:get", False),
        ([], "stytch.scim:get", False),
        (["stytch_admin"], "invoices:read", False),
        (["stytch_admin"], "stytch.scim", True),
    ],
)
def test_a_permission_that_is_not_granted_is_rejected(roles: list[str], permission: str, allowed: bool) -> None:
    assert DEFAULT_POLICY.allows(roles, permission) is allowed


def test_a_file_adds_roles_and_resources(tmp_path: Path) -> None:
    policy = load_policy(policy_file(tmp_path, IT_SUPPORT))

    assert policy.allows(["it_support"], "stytch.scim:get")
    assert not policy.allows(["it_support"], "stytch.scim:update")
    assert policy.allows(["stytch_admin"], "stytch.scim:update")
    assert [role.role_id for role in policy.roles_granting("stytch.scim:get")] == ["stytch_admin", "it_support"]
    assert "invoices" in policy.resources


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ("{", "Expecting"),
        ([], '"roles" must be a list'),
        ({"roles": {}}, '"roles" must be a list'),
        ({"roles": [{"permissions": []}]}, '"role_id" is missing'),
        ({"roles": [{"role_id": "x", "permissions": [{"resource_id": "y"}]}]}, '"actions" must be a list'),
        ({"resources": [{"resource_id": "stytch.mine", "actions": []}]}, "reserved"),
        ({"roles": [{"role_id": "stytch_member", "permissions": []}]}, "must keep"),
    ],
)
def test_an_invalid_file_is_named_with_the_cause(tmp_path: Path, document: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as rejected:
        load_policy(policy_file(tmp_path, document))

    assert "policy.json" in str(rejected.value)


def test_a_policy_in_stytchs_form_is_read() -> None:
    policy = Policy.from_json({"roles": [{"role_id": "r", "permissions": [{"resource_id": "x", "actions": ["*"]}]}]})

    assert policy.allows(["r"], "x:anything")
    assert not policy.allows(["r"], "y:anything")


@pytest.mark.parametrize(
    ("roles", "others", "covered"),
    [
        (["stytch_admin", "stytch_member"], ["stytch_admin", "stytch_member"], True),
        (["stytch_admin", "stytch_member"], ["stytch_member", "it_support"], True),
        (["it_support", "stytch_member"], ["stytch_member"], True),
        (["it_support", "stytch_member"], ["stytch_admin"], False),
        (["stytch_member"], ["it_support"], False),
        (["stytch_member"], ["unknown"], True),
        ([], [], True),
    ],
)
def test_roles_include_others_that_grant_no_more(roles: list[str], others: list[str], covered: bool) -> None:
    policy = DEFAULT_POLICY.extended_by(Policy.from_json(IT_SUPPORT))

    assert policy.covers(roles, others) is covered
