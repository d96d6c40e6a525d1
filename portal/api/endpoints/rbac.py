"""Stytch's methods of RBAC: the project's policy, and the roles that an organization has besides."""

import msgspec

from portal.api.caller import Call
from portal.api.declaration import endpoint
from portal.api.rights import Rights
from portal.api.wire import CustomRole, Nothing, RolePermission, roles
from portal.directory.policy import Policy, Role


class PolicyResource(msgspec.Struct):
    """Stytch's PolicyResource."""

    resource_id: str
    description: str
    actions: list[str]


class PolicyScope(msgspec.Struct):
    """Stytch's PolicyScope; there are none without connected apps."""

    scope: str
    description: str
    permissions: list[RolePermission]


class PolicyAnswer(msgspec.Struct):
    """Stytch's Policy."""

    roles: list[CustomRole]
    resources: list[PolicyResource]
    scopes: list[PolicyScope]


class ProjectPolicy(msgspec.Struct):
    """The project's policy."""

    policy: PolicyAnswer


class OrgPolicy(msgspec.Struct):
    """Stytch's OrgPolicy: an organization's own roles."""

    roles: list[CustomRole]


class OrganizationPolicy(msgspec.Struct):
    """An organization's policy."""

    org_policy: OrgPolicy


@endpoint("rbac.policy", "GET rbac/policy", rights=None, of_organization=False)
def policy(call: Call, request: Nothing) -> ProjectPolicy:  # noqa: ARG001 -- every method has both
    """Return the roles and resources of the project; SDKs decide by them without asking."""
    return ProjectPolicy(policy_answer(call.project.policy()))


@endpoint(
    "rbac.organizations.get_org_policy",
    "GET rbac/organizations/{organization_id}",
    rights=Rights("stytch.custom-org-roles", "get"),
)
def get_organization_policy(call: Call, request: Nothing) -> OrganizationPolicy:  # noqa: ARG001 -- as above
    """Return the roles that the organization has beside the project's."""
    return OrganizationPolicy(OrgPolicy(roles(call.directory.rbac.organization_roles())))


@endpoint(
    "rbac.organizations.set_org_policy",
    "PUT rbac/organizations/{organization_id}",
    rights=Rights("stytch.custom-org-roles", "update"),
)
def set_organization_policy(call: Call, request: OrganizationPolicy) -> OrganizationPolicy:
    """Put these roles in the place of the organization's own; one that is gone grants nothing any more."""
    chosen = [
        Role(one.role_id, {p.resource_id: frozenset(p.actions) for p in one.permissions}, one.description)
        for one in request.org_policy.roles
    ]
    return OrganizationPolicy(OrgPolicy(roles(call.directory.rbac.set_organization_roles(chosen))))


def policy_answer(value: Policy) -> PolicyAnswer:
    """Return a policy as the SDKs read it."""
    resources = [
        PolicyResource(one.resource_id, one.description, list(one.actions)) for one in value.resources.values()
    ]
    return PolicyAnswer(roles(value.roles.values()), resources, [])
