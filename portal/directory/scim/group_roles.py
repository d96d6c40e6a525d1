"""Which groups give which roles, and whom a change of that gives or takes a role."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

from portal.directory.pages import DEFAULT_LIMIT, Page
from portal.directory.scim.users import (
    ScimGroupLink,
)


def roles_version(role_ids: Iterable[str]) -> str:
    """Return what tells one set of roles from another: whoever saves says which one they have seen."""
    return hashlib.sha256("\n".join(sorted(role_ids)).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class ScimGroupRoles:
    """The roles that everybody in a group has by it."""

    group: ScimGroupLink
    role_ids: tuple[str, ...]
    # What the group was called when an admin last saw to its roles.
    mapped_name: str
    # The identity provider has deleted the group: the roles reach nobody, and are kept until an admin decides.
    is_gone: bool = False
    # For a group that is gone: another one that has its name now.
    replacement: ScimGroupLink | None = None

    @property
    def version(self) -> str:
        """What a change must say that it has seen (`roles_version`)."""
        return roles_version(self.role_ids)

    @property
    def is_renamed(self) -> bool:
        """Whether the group has another name than when its roles were given."""
        return not self.is_gone and self.group.group_name.lower() != self.mapped_name.lower()


@dataclass(frozen=True, slots=True)
class ScimPersonLink:
    """A person by their id, and by what to call them."""

    user_id: str
    name: str


@dataclass(frozen=True, slots=True)
class ScimRoleEffect:
    """How many people a change gives a role that they have not had, or takes one that nothing else gives them."""

    role_id: str
    is_gained: bool
    number: int
    # The first of them by userName; who asks comes before all others.
    first: tuple[ScimPersonLink, ...] = ()
    includes_caller: bool = False

    @property
    def more(self) -> int:
        """How many there are besides the first."""
        return self.number - len(self.first)


class ScimGroupRoleGateway(Protocol):
    """The roles that groups give (Stytch: scim_group_implicit_role_assignments). Reading needs `stytch.scim:get`.

    Changing needs `stytch.scim:update` and `stytch.organization:update.settings.implicit-roles`. A change says which
    roles it has seen (`roles_version`), and raises Conflict with the field "version" where these are others by now.
    """

    def page(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroupRoles]:
        """Return a page of the groups that give roles, also of those that are gone.

        `limit` is 1 to 1000. Raises Invalid, InvalidCursor, NotFound.
        """
        ...

    def get(self, group_id: str) -> ScimGroupRoles:
        """Return the roles that a group gives or, gone, gave. Raises NotFound."""
        ...

    def preview(self, group_id: str, *, add: Collection[str], remove: Collection[str]) -> tuple[ScimRoleEffect, ...]:
        """Return for each role that a change gives or takes who is affected. Raises NotFound, NotOffered."""
        ...

    def change(self, group_id: str, *, add: Collection[str], remove: Collection[str], version: str) -> ScimGroupRoles:
        """Give a group roles and take some away; what is not named stays as it is.

        Raises NotFound, Invalid (for "roles"), Conflict (for "version"; for "roles" where nobody would be left as
        admin), Refused.
        """
        ...

    def confirm(self, group_id: str, *, version: str) -> ScimGroupRoles:
        """Take a renamed group's name for the right one. Raises NotFound, Conflict, NotOffered, Refused."""
        ...

    def move(self, group_id: str, *, to_group_id: str, version: str) -> ScimGroupRoles:
        """Give the roles of a group that is gone to another one. Raises NotFound, Invalid, Conflict, NotOffered, Refused."""
        ...
