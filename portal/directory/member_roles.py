"""The roles that a member was assigned manually: add one more, or remove one."""

from typing import Protocol

from portal.directory.members import Member


class MemberRoleGateway(Protocol):
    """Roles that were assigned manually. Those from groups, email domains and single sign-on end with their source.

    Each method needs `stytch.member:update.settings.roles` and a recent proof (portal.directory.step_up). The right is
    checked again while the change is saved: two admins who demote each other at the same time don't both succeed.
    """

    def add(self, member_id: str, role_id: str) -> Member:
        """Assign one more role. It isn't an error if the member has it.

        Raise NotFound, Invalid for a role that doesn't exist, Forbidden without the right, and for a role that grants more
        than the roles of an acting member who isn't an admin.
        """
        ...

    def remove(self, member_id: str, role_id: str) -> Member:
        """Remove a role. It isn't an error if the member doesn't have it.

        Raise NotFound, Forbidden, Conflict if the organization would have no admin.
        """
        ...
