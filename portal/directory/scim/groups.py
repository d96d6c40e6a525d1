"""The groups that the IdP pushed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from portal.directory.pages import DEFAULT_LIMIT, Page


@dataclass(frozen=True, slots=True)
class ScimGroup:
    """A group that the IdP pushed; `member_count` and `updated_at` are None where the directory does not tell them."""

    group_id: str
    group_name: str
    organization_id: str
    connection_id: str
    member_count: int | None = None
    updated_at: datetime | None = None
    # What everybody in it is by it, not by the groups that it is in; None where the directory tells it elsewhere.
    role_ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ScimGroupMember:
    """A provisioned person in a group."""

    user_id: str
    user_name: str
    display_name: str
    active: bool


class ScimGroupGateway(Protocol):
    """The groups that the IdP pushed. Reading needs `stytch.scim:get`."""

    def page(
        self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT, search: str = ""
    ) -> Page[ScimGroup]:
        """Return a page of groups (Stytch: scim.connection.get_groups).

        With `search`, each of its words is part of the name. A page of a search looks at 100,000 groups at most, so it can
        be empty and yet not the last. `limit` is 1 to 1000. Raises Invalid, InvalidCursor, NotFound, NotOffered (for `search`).
        """
        ...

    def get(self, group_id: str) -> ScimGroup:
        """Return one group of the active connection. Raises NotFound, NotOffered."""
        ...

    def members(self, group_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroupMember]:
        """Return a page of the people in a group. Raises Invalid, InvalidCursor, NotFound, NotOffered."""
        ...

    def nested(self, group_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroup]:
        """Return a page of the groups that are members of a group, by name. Raises Invalid, InvalidCursor, NotFound, NotOffered."""
        ...

    def parents(self, group_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroup]:
        """Return a page of the groups that a group is a member of, by name. Raises as nested_groups."""
        ...
