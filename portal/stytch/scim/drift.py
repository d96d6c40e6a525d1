"""Where the organization is not as its identity provider says: Stytch does not tell whom the IdP pushed."""

from typing import NoReturn

from portal.directory.errors import NotOffered
from portal.directory.pages import DEFAULT_LIMIT, Page
from portal.directory.scim.drift import ScimChangedUser, ScimUnmanagedMember
from portal.directory.scim.group_roles import ScimGroupRoles
from portal.directory.scim.groups import ScimGroup
from portal.stytch.scim.scoped import Scoped


class StytchScimDrift(Scoped):
    """Implements portal.directory.scim.drift.ScimDriftGateway."""

    def unmanaged_members(
        self,
        connection_id: str,  # noqa: ARG002 -- the gateway's signature
        *,
        cursor: str = "",  # noqa: ARG002 -- as above
        limit: int = DEFAULT_LIMIT,  # noqa: ARG002 -- as above
    ) -> Page[ScimUnmanagedMember]:
        """Raise NotOffered: Stytch has no such call."""
        _is_not_told()

    def drifted_group_roles(
        self,
        connection_id: str,  # noqa: ARG002 -- as above
        *,
        cursor: str = "",  # noqa: ARG002 -- as above
        limit: int = DEFAULT_LIMIT,  # noqa: ARG002 -- as above
    ) -> Page[ScimGroupRoles]:
        """Raise NotOffered: Stytch has no such call."""
        _is_not_told()

    def unmapped_groups(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroup]:  # noqa: ARG002 -- as above
        """Raise NotOffered: Stytch has no such call."""
        _is_not_told()

    def changed_users(
        self,
        connection_id: str,  # noqa: ARG002 -- as above
        *,
        cursor: str = "",  # noqa: ARG002 -- as above
        limit: int = DEFAULT_LIMIT,  # noqa: ARG002 -- as above
    ) -> Page[ScimChangedUser]:
        """Raise NotOffered: Stytch has no such call."""
        _is_not_told()

    def take_idp_values(self, connection_id: str, user_id: str, *, version: str) -> None:  # noqa: ARG002 -- as above
        """Raise NotOffered: Stytch has no such call."""
        _is_not_told()


def _is_not_told() -> NoReturn:
    raise NotOffered("Stytch does not tell whom the identity provider pushed, and what it said of them.")
