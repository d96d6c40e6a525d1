"""RBAC as products use it: whether a member may do a thing, and the roles that an organization has of its own."""

from collections.abc import Iterable
from typing import Protocol

from portal.directory.policy import Policy, Role


class RbacGateway(Protocol):
    """The policy that says what each role may do."""

    def policy(self) -> Policy:
        """Return the project's roles and resources (Stytch: rbac.policy)."""
        ...


MOST_ROLES = 100


class ProjectRbacGateway(RbacGateway, Protocol):
    """The policy of one organization: the project's, and roles of its own."""

    def authorize(self, organization_id: str, resource_id: str, action: str) -> tuple[str, ...]:
        """Return which of the acting session's roles grant an action (Stytch: authorization_check).

        Raises Refused where none does, and where the organization, by id, slug or external id, is another one.
        """
        ...

    def organization_roles(self) -> tuple[Role, ...]:
        """Return the organization's own roles (Stytch: rbac.organizations.get_org_policy)."""
        ...

    def set_organization_roles(self, roles: Iterable[Role]) -> tuple[Role, ...]:
        """Put these, at most MOST_ROLES, in the place of the organization's own; needs `stytch.custom-org-roles:update`.

        (Stytch: rbac.organizations.set_org_policy.) A role that is gone grants nothing any more. Raises Invalid, and Refused where
        one would grant more than before and than the acting member may do, unless that member may give roles.
        """
        ...
