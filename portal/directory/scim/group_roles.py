"""The roles that groups grant, and who a change of them affects."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

from portal.directory.errors import Invalid
from portal.directory.pages import DEFAULT_LIMIT, Page
from portal.directory.scim.users import ScimGroupLink

# How many groups one change can be about. Their IDs are part of a URL.
MAX_GROUPS_AT_ONCE = 50


def roles_version(role_ids: Iterable[str]) -> str:
    """Return the version of a set of roles. A change names the version that it is based on."""
    return hashlib.sha256("\n".join(sorted(role_ids)).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class ScimGroupRoles:
    """The roles that a group grants to everyone in it."""

    group: ScimGroupLink
    role_ids: tuple[str, ...]
    # The group's name when an admin last changed or confirmed its roles.
    mapped_name: str
    # The identity provider deleted the group. Its roles are kept until an admin decides, but no one has them.
    is_deleted: bool = False
    # For a deleted group: another group that has its name now.
    replacement: ScimGroupLink | None = None
    # None if the directory doesn't count them.
    member_count: int | None = None

    @property
    def version(self) -> str:
        """The version that a change must name (`roles_version`)."""
        return roles_version(self.role_ids)

    @property
    def is_renamed(self) -> bool:
        """Whether the group has been renamed since its roles were assigned."""
        return not self.is_deleted and self.group.group_name.lower() != self.mapped_name.lower()


@dataclass(frozen=True, slots=True)
class ScimGroupRolesChange:
    """Roles that a group gets and loses, and the version of its roles that this is based on."""

    group_id: str
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    version: str = ""


@dataclass(frozen=True, slots=True)
class ScimUserLink:
    """A user by ID, with the name to show."""

    user_id: str
    name: str


@dataclass(frozen=True, slots=True)
class ScimRoleEffect:
    """How many users gain a role by a change, or lose a role that they have only through these groups."""

    role_id: str
    is_gained: bool
    number: int
    # The first of them by userName, but the caller comes before all others.
    first: tuple[ScimUserLink, ...] = ()
    includes_caller: bool = False

    @property
    def more(self) -> int:
        """How many there are in addition to the first."""
        return self.number - len(self.first)


@dataclass(frozen=True, slots=True)
class ScimGroupRolesPreview:
    """Who a change of one or several groups affects."""

    # Active users in the groups, and in groups within them.
    users: int
    # One for each role that is assigned somewhere, then one for each that is removed.
    effects: tuple[ScimRoleEffect, ...]


def check_number_of_groups(groups: Collection[object]) -> None:
    """Raise Invalid unless there are 1 to MAX_GROUPS_AT_ONCE groups."""
    if not 1 <= len(groups) <= MAX_GROUPS_AT_ONCE:
        raise Invalid(f"Choose from 1 to {MAX_GROUPS_AT_ONCE} groups.", field="groups")


class ScimGroupRoleGateway(Protocol):
    """The roles that groups grant (Stytch: scim_group_implicit_role_assignments). Reading needs `stytch.scim:get`.

    Changing needs `stytch.scim:update` and `stytch.organization:update.settings.implicit-roles`. A change names the
    version that it is based on (`roles_version`). It raises Conflict with the field "version" if the roles have changed.
    """

    def page(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroupRoles]:
        """Return a page of the groups that grant roles, including deleted ones.

        `limit` is 1 to 1000. Raise Invalid if it isn't, InvalidCursor, and NotFound if there is no such connection.
        """
        ...

    def get(self, group_id: str) -> ScimGroupRoles:
        """Return the roles that a group grants, or granted before it was deleted. Raise NotFound."""
        ...

    def get_several(self, group_ids: Collection[str]) -> tuple[ScimGroupRoles, ...]:
        """Return the roles of 1 to MAX_GROUPS_AT_ONCE groups, by name. Raise Invalid, and NotFound if one doesn't exist."""
        ...

    def change_several(self, changes: Collection[ScimGroupRolesChange]) -> tuple[ScimGroupRoles, ...]:
        """Change the roles of 1 to MAX_GROUPS_AT_ONCE groups: all of them, or none if an error is raised.

        Return their roles by name. Raise as `change()` does, and Invalid (field "groups") for another number of groups.
        """
        ...

    def change(self, group_id: str, *, add: Collection[str], remove: Collection[str], version: str) -> ScimGroupRoles:
        """Assign roles to a group and remove others.

        Raise NotFound, Forbidden, StepUpRequired, Invalid (field "roles") for a role that doesn't exist, and Conflict: field "version", or
        field "roles" if the organization would have no admin left.
        """
        ...


class ScimGroupRoleReviewGateway(Protocol):
    """Reviewing group roles: the effect of a change, and groups that were renamed or deleted since the last one.

    It needs the same permissions as `ScimGroupRoleGateway`.
    """

    def preview(self, changes: Collection[ScimGroupRolesChange]) -> ScimGroupRolesPreview:
        """Return who the changes of 1 to MAX_GROUPS_AT_ONCE groups affect. Raise Invalid, NotFound. Versions don't matter."""
        ...

    def confirm(self, group_id: str, *, version: str) -> ScimGroupRoles:
        """Let a renamed group keep its roles under its new name. Raise NotFound, Conflict, Forbidden, StepUpRequired."""
        ...

    def move(self, group_id: str, *, to_group_id: str, version: str) -> ScimGroupRoles:
        """Move the roles of a deleted group to another group.

        Raise NotFound, Conflict, Forbidden, StepUpRequired, and Invalid if the first group isn't deleted.
        """
        ...
