"""Numbers of an organization for its pages: current ones, and those of the days before."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

# Days of a trend, today included.
TREND_DAYS = 12


@dataclass(frozen=True, slots=True)
class Count:
    """A number. With `is_more`, counting stopped at MAX_COUNTED (portal.directory.pages).

    `trend` has the numbers of the newest days, oldest first, up to TREND_DAYS. It ends with this number, and is empty if no
    day before is known.
    """

    number: int
    is_more: bool = False
    trend: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class MemberCounts:
    """Members that aren't deactivated. `week_ago` is their number seven days ago, None if it isn't known.

    `counted_at` is None if they were counted just now.
    """

    members: Count
    week_ago: int | None
    counted_at: datetime | None

    @property
    def gain(self) -> int:
        """How many more there are than a week ago, 0 if there aren't more or it isn't known."""
        return max(self.members.number - self.week_ago, 0) if self.week_ago is not None else 0

    @property
    def loss(self) -> int:
        """How many fewer there are than a week ago, 0 if there aren't fewer or it isn't known."""
        return max(self.week_ago - self.members.number, 0) if self.week_ago is not None else 0


@dataclass(frozen=True, slots=True)
class RoleCount:
    """A role that groups grant: the number of groups, and of active users in them and in groups within them.

    `users` is None if it hasn't been counted since the role was assigned.
    """

    role_id: str
    groups: int
    users: int | None


@dataclass(frozen=True, slots=True)
class ScimCounts:
    """What a connection provisioned. `counted_at` is None if everything was counted just now.

    `roles` is None if groups grant more roles than a page counts, until they are counted.
    """

    active_users: Count
    deactivated_users: Count
    groups: Count
    granting_groups: Count
    roles: tuple[RoleCount, ...] | None
    counted_at: datetime | None

    @property
    def users(self) -> Count:
        """All users."""
        number = self.active_users.number + self.deactivated_users.number
        return Count(number, self.active_users.is_more or self.deactivated_users.is_more)

    @property
    def groups_without_roles(self) -> Count:
        """The groups that grant no role."""
        number = max(self.groups.number - self.granting_groups.number, 0)
        return Count(number, self.groups.is_more or self.granting_groups.is_more)


class CountGateway(Protocol):
    """Numbers of the organization. Up to a thousand is counted when it's asked for, more is some minutes old."""

    def members(self) -> MemberCounts:
        """Count the members. Needs `stytch.member:search`."""
        ...

    def scim(self, connection_id: str) -> ScimCounts:
        """Count the users and groups of a connection. Needs `stytch.scim:get`."""
        ...

    def unmanaged_members(self, connection_id: str) -> Count | None:
        """Count the members that a connection doesn't manage. Needs `stytch.scim:get`.

        Return None if there are more members than a page counts, until they are counted.
        """
        ...
