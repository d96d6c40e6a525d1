"""What a directory returns of where it is not as the identity provider says."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from portal.directory.members import MemberStatus
from portal.directory.pages import DEFAULT_LIMIT, Page
from portal.directory.scim.group_roles import ScimGroupRoles
from portal.directory.scim.groups import ScimGroup


@dataclass(frozen=True, slots=True)
class ScimUnmanagedMember:
    """A member whom the connection does not know."""

    member_id: str
    email_address: str
    name: str
    status: MemberStatus
    roles: tuple[str, ...]
    member_since: datetime


@dataclass(frozen=True, slots=True)
class ScimDifference:
    """What a field of a member is, and what it would be as the identity provider says."""

    field: str
    here: str
    there: str


@dataclass(frozen=True, slots=True)
class ScimChangedUser:
    """A provisioned person whose member was changed by hand since; `version` stands for the differences."""

    user_id: str
    user_name: str
    display_name: str
    differences: tuple[ScimDifference, ...]
    version: str


class ScimDriftGateway(Protocol):
    """Where the organization is not as its IdP says (ScimFeature.DRIFT; without it, all raise NotOffered).

    Reading needs `stytch.scim:get`. A page looks through so many rows at most: it can hold none, and yet not be the last.
    All that read raise Invalid, InvalidCursor, NotFound, NotOffered.
    """

    def unmanaged_members(
        self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[ScimUnmanagedMember]:
        """Return a page of the members whom the IdP does not manage."""
        ...

    def drifted_group_roles(
        self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[ScimGroupRoles]:
        """Return a page of the groups with roles that are gone, or have another name than when the roles were given."""
        ...

    def unmapped_groups(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroup]:
        """Return a page of the groups that give no role."""
        ...

    def changed_users(
        self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[ScimChangedUser]:
        """Return a page of the people whose name, e-mail address or state was changed by hand."""
        ...

    def take_idp_values(self, connection_id: str, user_id: str, *, version: str) -> None:
        """Make a changed person's member as the IdP says; needs `stytch.scim:update`.

        Raises NotFound, NotOffered, Conflict where the differences are not those of the version any more, or the address
        is taken, or the organization would be left without an admin.
        """
        ...
