"""Restoring a deleted SCIM connection."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from portal.directory.pages import DEFAULT_LIMIT, Page
from portal.directory.scim.connection import ScimIdentityProvider
from portal.directory.scim.deletion import ScimRoleReach


@dataclass(frozen=True, slots=True)
class ScimDeletedConnection:
    """A connection that can be restored until `restorable_until`."""

    connection_id: str
    display_name: str
    identity_provider: ScimIdentityProvider
    deleted_at: datetime
    deleted_by: str
    restorable_until: datetime


@dataclass(frozen=True, slots=True)
class ScimRestoration:
    """What restoring a connection brings back.

    Of the members that the deletion deactivated, `may_return` can be reactivated; another member has the email address of
    the `taken` now. Of the `users`, `without_member` have no member. `role_gains` are the roles that active members get
    back through its groups. `obstacle` says why the connection can't be restored, "" if it can.
    """

    connection: ScimDeletedConnection
    users: int
    groups: int
    group_roles: int
    role_gains: tuple[ScimRoleReach, ...]
    may_return: int
    taken: int
    without_member: int
    token_expires_at: datetime
    obstacle: str = ""


class ScimRestorationGateway(Protocol):
    """Restoring connections that were deleted."""

    def page(self, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimDeletedConnection]:
        """Return a page of the connections that can be restored, newest first; needs `stytch.scim:get`.

        Raise Invalid, InvalidCursor.
        """
        ...

    def preview(self, connection_id: str) -> ScimRestoration:
        """Return what restoring a deleted connection brings back; needs `stytch.scim:create`. Raise NotFound."""
        ...

    def restore(self, connection_id: str, *, reactivate: bool) -> int:
        """Restore a connection with its users, groups, group roles and token; needs `stytch.scim:create`.

        With `reactivate`, the members that the deletion deactivated are active again; return how many. Raise NotFound,
        Conflict if another connection is active, StepUpRequired because the tokens are valid again.
        """
        ...
