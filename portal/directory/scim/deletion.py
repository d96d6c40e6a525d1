"""What deleting a SCIM connection takes away, what becomes of its people, and what a restored one brings back."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from portal.directory.pages import DEFAULT_LIMIT, Page
from portal.directory.scim.connection import ScimIdentityProvider


class ScimUserChoice(StrEnum):
    """What becomes of the people of a deleted connection."""

    # They stay members, whom no identity provider manages, with the roles given by hand.
    KEEP = "keep"
    # Their sessions end, and they cannot sign in any more.
    DEACTIVATE = "deactivate"


@dataclass(frozen=True, slots=True)
class ScimRoleReach:
    """How many people have a role by the connection's groups alone, and whether the caller is one of them."""

    role_id: str
    number: int
    includes_caller: bool


@dataclass(frozen=True, slots=True)
class ScimDeletion:
    """What deleting a connection takes away; None where the directory does not tell.

    `active_members` of the `people` can sign in now. `staying` are the e-mail addresses of those who are deactivated in no
    case: who deletes, and whoever must stay so that the organization keeps an admin. `obstacle` says why it cannot be
    deleted at all; "" where it can.
    """

    display_name: str
    group_roles: int
    people: int | None = None
    active_members: int | None = None
    groups: int | None = None
    role_losses: tuple[ScimRoleReach, ...] = ()
    staying: tuple[str, ...] = ()
    obstacle: str = ""

    @property
    def deactivated(self) -> int:
        """How many the choice to deactivate takes the access from."""
        return (self.active_members or 0) - len(self.staying)

    @property
    def version(self) -> str:
        """What a deletion must say that it has seen."""
        seen = (self.display_name, self.group_roles, self.people, self.active_members, self.groups)
        return hashlib.sha256(repr((*seen, self.role_losses, self.staying)).encode()).hexdigest()[:16]


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

    Of those whom the deletion deactivated, `may_return` can be active again; the address of the `taken` is another
    member's now. Of the `people`, `without_member` belong to no member (any more). `role_gains` is who has which role by
    its groups again, as far as they are active now. `obstacle` says why it cannot be restored; "" where it can.
    """

    connection: ScimDeletedConnection
    people: int
    groups: int
    group_roles: int
    role_gains: tuple[ScimRoleReach, ...]
    may_return: int
    taken: int
    without_member: int
    token_expires_at: datetime
    obstacle: str = ""


class ScimDeletionGateway(Protocol):
    """The end of a connection, and the way back from it (ScimFeature.PEOPLE_CHOICE, ScimFeature.RESTORE)."""

    def preview(self, connection_id: str) -> ScimDeletion:
        """Return what deleting it takes away; needs `stytch.scim:delete`. Raises NotFound."""
        ...

    def delete(self, connection_id: str, *, people: ScimUserChoice, version: str) -> ScimDeletion:
        """Delete it (Stytch: scim.connection.delete), and return what that took away; needs `stytch.scim:delete`.

        Who deletes is never deactivated, and an admin always stays. Raises NotFound, NotOffered (for another choice than to
        keep people), Conflict: for "version" where it is not as that says any more, else where nobody would be left as admin.
        """
        ...


class ScimRestorationGateway(Protocol):
    """The way back from a deletion (ScimFeature.RESTORE; without it, all raise NotOffered)."""

    def page(self, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimDeletedConnection]:
        """Return a page of those that can be restored, the newest first; needs `stytch.scim:get`.

        Raises Invalid, InvalidCursor, NotOffered.
        """
        ...

    def preview(self, connection_id: str) -> ScimRestoration:
        """Return what restoring a deleted connection brings back; needs `stytch.scim:create`. Raises NotFound, NotOffered."""
        ...

    def restore(self, connection_id: str, *, reactivate: bool) -> int:
        """Restore it with its people, groups, group roles and token; needs `stytch.scim:create`.

        With `reactivate`, whom the deletion deactivated are active again; returns how many are. Raises NotFound, NotOffered,
        Conflict where another connection is active, StepUpRequired: the tokens are good again.
        """
        ...
