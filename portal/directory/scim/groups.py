"""Groups that the identity provider pushed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from portal.directory.pages import DEFAULT_LIMIT, Page
from portal.directory.scim.users import ScimGroupLink


class ScimGroupOrder(StrEnum):
    """The order of a list of groups. The values appear in URLs."""

    NAME = "name"
    # The last one that was pushed comes first.
    NEWEST = "newest"


@dataclass(frozen=True, slots=True)
class ScimGroup:
    """A group that the identity provider pushed. A value that the directory doesn't list is None."""

    group_id: str
    group_name: str
    organization_id: str
    connection_id: str
    member_count: int | None = None
    updated_at: datetime | None = None
    # The roles that this group grants, without those of the groups that it is in.
    role_ids: tuple[str, ...] | None = None
    # Only `ScimGroupDetailGateway.search()` returns it: the name of a group that this group is in, the first by name.
    within: str = ""
    # Only `ScimGroupDetailGateway.get()` returns these.
    external_id: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ScimGroupMember:
    """A provisioned user in a group, or in a group within it."""

    user_id: str
    user_name: str
    display_name: str
    active: bool
    # The group within it that the user is in, the first by name; None for a direct member.
    through: ScimGroupLink | None = None
    # When the user was added to that group, or to this one; None if that was before it was stored.
    added_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ScimNestedMembers:
    """How many users are in a group only through the groups within it; at least that many if it `is_partial`."""

    number: int
    is_partial: bool = False


class ScimGroupGateway(Protocol):
    """The groups that the identity provider pushed. Reading needs `stytch.scim:get`."""

    def page(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroup]:
        """Return a page of groups (Stytch: scim.connection.get_groups).

        `limit` is 1 to 1000. Raise Invalid if it isn't, InvalidCursor, and NotFound if there is no such connection.
        """
        ...


class ScimGroupDetailGateway(Protocol):
    """What only some directories know about groups: their members, and how to search them. Needs `stytch.scim:get`.

    `limit` is 1 to 1000. Methods raise Invalid if it isn't, InvalidCursor, and NotFound.
    """

    def search(  # noqa: PLR0913 -- what a list is filtered and ordered by
        self,
        connection_id: str,
        text: str,
        *,
        grants_roles: bool | None = None,
        order: ScimGroupOrder = ScimGroupOrder.NAME,
        cursor: str = "",
        limit: int = DEFAULT_LIMIT,
    ) -> Page[ScimGroup]:
        """Return a page of the groups whose names contain each word of a text; of all groups if it is "".

        If no word has three letters, the names begin with the text. `grants_roles` leaves groups that grant roles, or those
        that grant none. Without an index that finds parts of names, a page reads 100,000 groups at most and is partial if
        there are more, so it can be empty without being the last.
        """
        ...

    def get(self, group_id: str) -> ScimGroup:
        """Return one group of the active connection. Raise NotFound."""
        ...

    def members(
        self, group_id: str, *, search: str = "", cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[ScimGroupMember]:
        """Return a page of the users in a group and in the groups within it, in the order in which they were provisioned.

        With `search`, return those that `ScimUserGateway.page()` finds, by userName. The first 1,000 groups within the group
        count.
        """
        ...

    def nested(self, group_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroup]:
        """Return a page of the groups that are members of a group, by name."""
        ...

    def count_nested_members(self, group_id: str) -> ScimNestedMembers:
        """Count the users who are in a group only through the groups within it. It reads 10,000 memberships at most."""
        ...

    def parents(self, group_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroup]:
        """Return a page of the groups that a group is a member of, by name."""
        ...
