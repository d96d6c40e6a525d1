"""RBAC as products use it: permission checks for a session, and an organization's custom roles."""

from collections.abc import Iterable
from typing import Protocol

from portal.directory.policy import Policy, Role


class RbacGateway(Protocol):
    """The policy that says which permissions each role grants."""

    def policy(self) -> Policy:
        """Return the project's roles and resources (Stytch: rbac.policy)."""
        ...


MAX_CUSTOM_ROLES = 100


class ProjectRbacGateway(RbacGateway, Protocol):
    """The policy of one organization: the project's roles and its custom roles."""

    def authorize(self, organization_id: str, resource_id: str, action: str) -> tuple[str, ...]:
        """Return which of the acting session's roles grant an action (Stytch: authorization_check).

        `organization_id` is an ID, a slug or an external ID. Raise Forbidden if no role grants the action or the session
        belongs to another organization, Unauthenticated without a session.
        """
        ...

    def organization_roles(self) -> tuple[Role, ...]:
        """Return the organization's custom roles (Stytch: rbac.organizations.get_org_policy)."""
        ...

    def set_organization_roles(self, roles: Iterable[Role]) -> tuple[Role, ...]:
        """Replace the organization's custom roles, at most MAX_CUSTOM_ROLES (Stytch: rbac.organizations.set_org_policy).

        Needs `stytch.custom-org-roles:update`. A removed role grants nothing, even to members who still have it. Raise
        Invalid, and Forbidden if a role would gain a permission that the acting member doesn't have, unless they are an admin.
        """
        ...
