"""Deleting a SCIM connection, with or without deactivating its users."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ScimRoleReach:
    """How many members have a role only through the connection's groups, and whether the caller is one of them."""

    role_id: str
    number: int
    includes_caller: bool


@dataclass(frozen=True, slots=True)
class ScimDeletion:
    """What deleting a connection ends; None where the directory doesn't report it.

    `active_members` of the `users` can sign in now. `exempt` are the email addresses of members who are never deactivated:
    the caller, and an admin if no other would be left. `obstacle` says why the connection can't be deleted, "" if it can.
    Deleted now, it could be restored until `restorable_until`; None if the directory can't restore it.
    """

    display_name: str
    group_roles: int
    users: int | None = None
    active_members: int | None = None
    groups: int | None = None
    role_losses: tuple[ScimRoleReach, ...] = ()
    exempt: tuple[str, ...] = ()
    obstacle: str = ""
    restorable_until: datetime | None = None

    @property
    def deactivated_count(self) -> int:
        """How many members lose access if users are deactivated."""
        return (self.active_members or 0) - len(self.exempt)

    @property
    def version(self) -> str:
        """What a deletion must name as seen."""
        seen = (self.display_name, self.group_roles, self.users, self.active_members, self.groups)
        return hashlib.sha256(repr((*seen, self.role_losses, self.exempt)).encode()).hexdigest()[:16]


class ScimDeactivationGateway(Protocol):
    """Deactivating the users of a connection that is deleted."""

    def delete(self, connection_id: str, *, version: str) -> ScimDeletion:
        """Delete the connection and deactivate its users: their sessions end, and they can no longer sign in.

        The caller is never deactivated, and an admin always stays. Otherwise as ScimDeletionGateway.delete.
        """
        ...


class ScimDeletionGateway(Protocol):
    """Deleting the organization's connection. Needs `stytch.scim:delete`."""

    @property
    def deactivation(self) -> ScimDeactivationGateway | None:
        """Deletion that deactivates the users too, or None."""
        ...

    def preview(self, connection_id: str) -> ScimDeletion:
        """Return what deleting the connection ends. Raise NotFound."""
        ...

    def delete(self, connection_id: str, *, version: str) -> ScimDeletion:
        """Delete the connection (Stytch: scim.connection.delete), and return what that ended.

        Its users stay members with their manually assigned roles. Raise NotFound, or Conflict: for "version" if the
        connection is no longer as that says, and if the organization would have no admin left.
        """
        ...
