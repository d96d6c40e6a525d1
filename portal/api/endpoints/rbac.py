"""Stytch's RBAC methods: the project's policy and the custom roles of an organization."""

import msgspec

from portal.api import wire
from portal.api.caller import Caller
from portal.api.declaration import endpoint
from portal.api.rights import Rights
from portal.directory import policy as policies
from portal.directory.policy import Role


class PolicyResource(msgspec.Struct):
    """Stytch's PolicyResource."""

    resource_id: str
    description: str
    actions: list[str]


class PolicyScope(msgspec.Struct):
    """Stytch's PolicyScope; there are none yet."""

    scope: str
    description: str
    permissions: list[wire.RolePermission]


class Policy(msgspec.Struct):
    """Stytch's Policy."""

    roles: list[wire.CustomRole]
    resources: list[PolicyResource]
    scopes: list[PolicyScope]


class PolicyResponse(msgspec.Struct):
    """The project's policy."""

    policy: Policy


class OrgPolicy(msgspec.Struct):
    """Stytch's OrgPolicy: the custom roles of an organization."""

    roles: list[wire.CustomRole]


class OrganizationPolicy(msgspec.Struct):
    """An organization's policy, in requests and responses."""

    org_policy: OrgPolicy


@endpoint("rbac.policy", "GET rbac/policy", rights=None, of_organization=False)
def policy(caller: Caller, _request: wire.Empty) -> PolicyResponse:
    """Return the project's roles and resources, which SDKs cache to authorize requests locally."""
    return PolicyResponse(policy_object(caller.project.policy()))


@endpoint(
    "rbac.organizations.get_org_policy",
    "GET rbac/organizations/{organization_id}",
    rights=Rights("stytch.custom-org-roles", "get"),
)
def get_organization_policy(caller: Caller, _request: wire.Empty) -> OrganizationPolicy:
    """Return the organization's custom roles."""
    return OrganizationPolicy(OrgPolicy(wire.roles(caller.directory.rbac.organization_roles())))


@endpoint(
    "rbac.organizations.set_org_policy",
    "PUT rbac/organizations/{organization_id}",
    rights=Rights("stytch.custom-org-roles", "update"),
)
def set_organization_policy(caller: Caller, request: OrganizationPolicy) -> OrganizationPolicy:
    """Replace the organization's custom roles. A removed role no longer grants anything."""
    new_roles = [
        Role(one.role_id, {p.resource_id: frozenset(p.actions) for p in one.permissions}, one.description)
        for one in request.org_policy.roles
    ]
    return OrganizationPolicy(OrgPolicy(wire.roles(caller.directory.rbac.set_organization_roles(new_roles))))


def policy_object(value: policies.Policy) -> Policy:
    """Return a policy as Stytch's object."""
    resources = [
        PolicyResource(one.resource_id, one.description, list(one.actions)) for one in value.resources.values()
    ]
    return Policy(wire.roles(value.roles.values()), resources, [])
