"""Users that the identity provider pushed: their state, their groups, and where their roles come from."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from portal.directory.members import RoleSourceType
from portal.directory.pages import DEFAULT_LIMIT, Page


class ScimUserState(StrEnum):
    """Whether a user is active at the identity provider (RFC 7643, section 4.1.1), and can sign in here."""

    ACTIVE = "active"
    DEACTIVATED = "deactivated"
    # Active at the identity provider, but not a member here, or a deleted one.
    CANNOT_SIGN_IN = "cannot-sign-in"


class ScimObstacle(StrEnum):
    """Why an active user can't sign in at the moment."""

    NO_ADDRESS = "no-address"
    # The identity provider sent addresses, but none is valid.
    UNUSABLE_ADDRESS = "unusable-address"
    # Another user of the connection signs in with it.
    ADDRESS_TAKEN = "address-taken"
    # It belongs to an existing member. An admin decides when the identity provider sends the user again.
    EXISTING_MEMBER = "existing-member"
    # The member was deleted here or with the connection, not by the identity provider.
    MEMBER_DELETED = "member-deleted"
    # No obstacle is left: the next request about the user creates the member.
    NEXT_REQUEST = "next-request"


@dataclass(frozen=True, slots=True)
class ScimSignInObstacle:
    """What keeps a user from signing in, with the email address concerned, or "".

    For ADDRESS_TAKEN, `holder_id` and `holder_name` are the user who signs in with the address.
    """

    reason: ScimObstacle
    address: str = ""
    holder_id: str = ""
    holder_name: str = ""


@dataclass(frozen=True, slots=True)
class ScimUser:
    """A provisioned user. `updated_at` is when the identity provider last changed the user."""

    user_id: str
    user_name: str
    display_name: str
    active: bool
    updated_at: datetime
    # None for a user who can sign in or who is deactivated.
    obstacle: ScimSignInObstacle | None = None
    # Whether the safeguard keeps the identity provider from deactivating the user until an admin decides.
    is_on_hold: bool = False

    @property
    def name(self) -> str:
        """The name to show: the displayName if there is one, else the userName."""
        return self.display_name or self.user_name

    @property
    def state(self) -> ScimUserState:
        """Whether the user is active, and can sign in."""
        if self.obstacle:
            return ScimUserState.CANNOT_SIGN_IN
        return ScimUserState.ACTIVE if self.active else ScimUserState.DEACTIVATED


@dataclass(frozen=True, slots=True)
class ScimAttribute:
    """An attribute that the identity provider sent, by its path in RFC 7643 (`name.givenName`)."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScimUserDetails:
    """Everything that is known about a provisioned user. `member_id` is "" without an address to sign in with."""

    user: ScimUser
    connection_id: str
    external_id: str
    created_at: datetime
    member_id: str
    email_address: str
    # Whether the member existed before the identity provider sent the user.
    is_linked: bool
    attributes: tuple[ScimAttribute, ...]

    @property
    def can_sign_in(self) -> bool:
        """Whether the user is active and can sign in as a member."""
        return self.user.active and self.user.obstacle is None


@dataclass(frozen=True, slots=True)
class ScimGroupLink:
    """A group by ID and name."""

    group_id: str
    group_name: str


@dataclass(frozen=True, slots=True)
class ScimListedUser:
    """A user in a list, with the first groups that they are in directly, by name, and their roles besides `stytch_member`."""

    user: ScimUser
    groups: tuple[ScimGroupLink, ...]
    group_count: int
    role_ids: tuple[str, ...]

    @property
    def more_groups(self) -> int:
        """How many groups there are besides the first."""
        return max(self.group_count - 1, 0)


@dataclass(frozen=True, slots=True)
class ScimUserGroup:
    """A group that a user is in, directly or through a nested group."""

    group: ScimGroupLink
    is_direct: bool
    # The users who are in it directly.
    member_count: int


@dataclass(frozen=True, slots=True)
class ScimRoleSource:
    """Where a role comes from. For a group, `path` leads from the user's own group to the group that grants the role."""

    type: RoleSourceType
    path: tuple[ScimGroupLink, ...] = ()
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class ScimUserRole:
    """A role that a user has, with its first sources and the number of further ones."""

    role_id: str
    sources: tuple[ScimRoleSource, ...]
    more_sources: int = 0


class ScimUserGateway(Protocol):
    """The users that the identity provider pushed. Reading needs `stytch.scim:get`."""

    def page(  # noqa: PLR0913 -- what a list is filtered by
        self,
        connection_id: str,
        *,
        cursor: str = "",
        limit: int = DEFAULT_LIMIT,
        search: str = "",
        state: ScimUserState | None = None,
        group_id: str = "",
    ) -> Page[ScimListedUser]:
        """Return a page of users by userName. Each word of `search` is part of the userName, name or email address.

        With `group_id`, only the users who are in the group directly; none if the group doesn't exist. If no word has three
        letters, one of them begins with the text. Without an index that finds parts of names, a page reads 100,000 users at
        most and is partial if there are more, so it can be empty without being the last. `limit` is 1 to 1000. Raise Invalid if it isn't, InvalidCursor, and NotFound if the connection isn't the active one.
        """
        ...

    def count_without_access(self, connection_id: str) -> int:
        """Return how many active users can't sign in, up to MAX_COUNTED."""
        ...

    def get(self, user_id: str) -> ScimUserDetails:
        """Return one user of the active connection. Raise NotFound."""
        ...

    def groups(self, user_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimUserGroup]:
        """Return a page of the groups that a user is in, directly or through nested groups, by name.

        Raise Invalid, InvalidCursor, NotFound.
        """
        ...

    def roles(self, user_id: str) -> tuple[ScimUserRole, ...]:
        """Return the current roles of a user with their sources, none for a deactivated user. Raise NotFound."""
        ...
