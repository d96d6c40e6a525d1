"""Who was provisioned, and why they have the roles that they have."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from portal.directory.members import RoleSourceType
from portal.directory.pages import DEFAULT_LIMIT, Page


class ScimUserState(StrEnum):
    """Whether the identity provider says that a person may come in (RFC 7643, 4.1.1: active)."""

    ACTIVE = "active"
    DEACTIVATED = "deactivated"
    # Active for the identity provider, and no member or a deleted one here.
    CANNOT_SIGN_IN = "cannot-sign-in"


class ScimObstacle(StrEnum):
    """Why an active person can't sign in, as it is now."""

    NO_ADDRESS = "no-address"
    # The identity provider sent addresses, and none that is one.
    UNUSABLE_ADDRESS = "unusable-address"
    # Another person of the connection signs in with it.
    ADDRESS_TAKEN = "address-taken"
    # A member that the identity provider doesn't manage has it: an admin decides when it sends the person again.
    EXISTING_MEMBER = "existing-member"
    # Here, or with the connection, and not by the identity provider.
    MEMBER_DELETED = "member-deleted"
    # Nothing: the next request about the person makes them a member.
    NEXT_REQUEST = "next-request"


@dataclass(frozen=True, slots=True)
class ScimSignInObstacle:
    """What keeps a person from signing in; the address is the one that it is about, "" for none.

    For ADDRESS_TAKEN, `holder_id` and `holder_name` are the person who signs in with it.
    """

    reason: ScimObstacle
    address: str = ""
    holder_id: str = ""
    holder_name: str = ""


@dataclass(frozen=True, slots=True)
class ScimUser:
    """A provisioned person, as lists show them; `updated_at` is when the identity provider last changed something."""

    user_id: str
    user_name: str
    display_name: str
    active: bool
    updated_at: datetime
    # None for a person who can sign in, and for one who is deactivated.
    obstacle: ScimSignInObstacle | None = None

    @property
    def name(self) -> str:
        """What to call them: the name that is meant to be shown, where there is one."""
        return self.display_name or self.user_name


@dataclass(frozen=True, slots=True)
class ScimAttribute:
    """What the identity provider told of a person, under the name that RFC 7643 gives it: `name.givenName`."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScimUserDetails:
    """Everything that is known of a provisioned person; `member_id` is "" for who has no address to sign in with."""

    person: ScimUser
    connection_id: str
    external_id: str
    created_at: datetime
    member_id: str
    email_address: str
    # Whether the member was there before the identity provider knew of them.
    is_adopted: bool
    attributes: tuple[ScimAttribute, ...]

    @property
    def can_sign_in(self) -> bool:
        """Whether the person is active and has a member to sign in as."""
        return self.person.active and self.person.obstacle is None


@dataclass(frozen=True, slots=True)
class ScimGroupLink:
    """A group by its id and its name."""

    group_id: str
    group_name: str


@dataclass(frozen=True, slots=True)
class ScimUserGroup:
    """A group that a person is in: directly, or because a group within it has them."""

    group: ScimGroupLink
    is_direct: bool


@dataclass(frozen=True, slots=True)
class ScimRoleSource:
    """Where a role comes from; for a group, the way from the group that the person is in to the one with the role."""

    type: RoleSourceType
    path: tuple[ScimGroupLink, ...] = ()
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class ScimUserRole:
    """A role that a person has, with its first sources and how many more there are."""

    role_id: str
    sources: tuple[ScimRoleSource, ...]
    more_sources: int = 0


class ScimUserGateway(Protocol):
    """The people whom the IdP pushed. Reading needs `stytch.scim:get`; without ScimFeature.PEOPLE all raise NotOffered."""

    def page(
        self,
        connection_id: str,
        *,
        cursor: str = "",
        limit: int = DEFAULT_LIMIT,
        search: str = "",
        state: ScimUserState | None = None,
    ) -> Page[ScimUser]:
        """Return a page of people by userName. Each word of `search` is part of the userName, the name or the email address.

        A page of a search looks at 100,000 people at most, so it can be empty and yet not the last.

        `limit` is 1 to 1000. Raises Invalid, InvalidCursor, NotFound, NotOffered.
        """
        ...

    def without_access(self, connection_id: str) -> int:
        """Return how many active people can't sign in; from MAX_COUNTED on, that many or more. Raises NotOffered."""
        ...

    def get(self, user_id: str) -> ScimUserDetails:
        """Return one person of the active connection. Raises NotFound, NotOffered."""
        ...

    def groups(self, user_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimUserGroup]:
        """Return a page of the groups that a person is in, also by way of other groups, by their names.

        Raises Invalid, InvalidCursor, NotFound, NotOffered.
        """
        ...

    def roles(self, user_id: str) -> tuple[ScimUserRole, ...]:
        """Return the roles that a person has now, each with where it comes from; nobody deactivated has any.

        Raises NotFound, NotOffered.
        """
        ...
