"""Drift: differences between an organization and what its identity provider sent."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from portal.directory.members import MemberStatus
from portal.directory.pages import DEFAULT_LIMIT, Page
from portal.directory.scim.group_roles import ScimGroupRoles
from portal.directory.scim.groups import ScimGroup


@dataclass(frozen=True, slots=True)
class ScimUnmanagedMember:
    """A member that the connection doesn't know."""

    member_id: str
    email_address: str
    name: str
    status: MemberStatus
    roles: tuple[str, ...]
    member_since: datetime


@dataclass(frozen=True, slots=True)
class ScimDifference:
    """A field of a member that has another value than the identity provider sent."""

    field: str
    member_value: str
    idp_value: str


@dataclass(frozen=True, slots=True)
class ScimChangedUser:
    """A user whose member was changed manually. `version` identifies the differences."""

    user_id: str
    user_name: str
    display_name: str
    differences: tuple[ScimDifference, ...]
    version: str


class ScimDriftGateway(Protocol):
    """Differences between the organization and its identity provider. Reading needs `stytch.scim:get`.

    A page reads a limited number of rows, so it can be empty without being the last. All methods raise NotFound for any other
    connection than the active one, and those that return a page raise Invalid for a bad limit, and InvalidCursor.
    """

    def unmanaged_members(
        self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[ScimUnmanagedMember]:
        """Return a page of the members that the identity provider doesn't manage."""
        ...

    def drifted_group_roles(
        self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[ScimGroupRoles]:
        """Return a page of the groups with roles that were deleted, or renamed since their roles were assigned."""
        ...

    def unmapped_groups(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroup]:
        """Return a page of the groups without roles."""
        ...

    def changed_users(
        self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[ScimChangedUser]:
        """Return a page of the users whose name, email address or status was changed manually."""
        ...

    def take_idp_values(self, connection_id: str, user_id: str, *, version: str) -> None:
        """Replace a member's values with those of the identity provider; needs `stytch.scim:update`.

        Raise NotFound for an unknown user. Raise Conflict if the differences have another version, if the address is in use,
        or if the organization would be left without an admin.
        """
        ...
