"""Organizations, as the JSON API asks a directory for them."""

from collections.abc import Sequence
from typing import Protocol

from portal.directory.gateway import OrganizationGateway
from portal.directory.organization_changes import OrganizationChanges
from portal.directory.search import Found, Operand
from portal.directory.types import DEFAULT_LIMIT, Organization


class ProjectOrganizationGateway(OrganizationGateway, Protocol):
    """The organization, which may be changed and deleted. What is given on behalf of a member needs rights field by field."""

    def whole(self) -> Organization:
        """Return the organization with its SCIM connection."""
        ...

    def member_count(self) -> int:
        """Return how many members it has; deleted ones do not count. It takes longer the more there are."""
        ...

    def update(self, changes: OrganizationChanges) -> Organization:
        """Change what is given, all of it or nothing, and return the whole (Stytch: organizations.update).

        Raises Invalid, Refused, Conflict: where slug or external id are taken, where nobody would be left as admin.
        """
        ...

    def delete_external_id(self) -> Organization:
        """Forget what the product calls it; harmless where there is nothing. Only the project may: raises Refused."""
        ...

    def delete(self) -> str:
        """Delete it and return its id; needs `stytch.organization:delete`. Raises Refused.

        Its members are deleted and their sessions end, its SCIM connection too; slug and external id are free again.
        """
        ...


class OrganizationsGateway(Protocol):
    """All organizations of the project; only the project itself reaches them."""

    def create(self, new: OrganizationChanges) -> Organization:
        """Make an organization; without a slug one is made of its name. Raises Invalid, Conflict."""
        ...

    def search(
        self, operands: Sequence[Operand] = (), *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Found[Organization]:
        """Return a page of those that all operands find (Stytch: organizations.search).

        `limit` is 1 to 1000. Raises Invalid, InvalidCursor.
        """
        ...

    def several(self, organization_ids: Sequence[str]) -> tuple[Organization, ...]:
        """Return those of these ids, slugs or external ids, each once and whole. Raises NotFound where there is one not."""
        ...
