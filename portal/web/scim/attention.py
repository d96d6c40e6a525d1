"""What needs attention: the items that an admin can decide, and their number in the navigation of every page."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from portal.directory.pages import Page
from portal.directory.scim.connection import ScimConnection
from portal.directory.scim.drift import ScimChangedUser
from portal.directory.scim.group_roles import ScimGroupRoles
from portal.web.request import PortalRequest

# How many differences are counted.
_COUNTED = 100


class ScimAttention:
    """The items that an admin can act on, read once and as far as they are shown."""

    def __init__(self, request: PortalRequest, connection: ScimConnection | None) -> None:
        self._connection, self._scim = connection, request.directory.scim

    @property
    def deactivations(self) -> int:
        """1 while deactivations are on hold: they are decided together."""
        return int(self._connection is not None and self._connection.hold_started_at is not None)

    @property
    def existing_members(self) -> int:
        """How many existing members wait for a decision."""
        return self._connection.waiting_conflicts if self._connection else 0

    @cached_property
    def changed_users(self) -> Page[ScimChangedUser]:
        """The first people who were changed manually."""
        drift, connection = self._scim.drift, self._connection
        return drift.changed_users(connection.connection_id, limit=_COUNTED) if drift and connection else Page((), None)

    @cached_property
    def changed_groups(self) -> Page[ScimGroupRoles]:
        """The first groups with roles that were renamed or deleted."""
        drift, connection = self._scim.drift, self._connection
        if drift is None or connection is None:
            return Page((), None)
        return drift.drifted_group_roles(connection.connection_id, limit=_COUNTED)

    @property
    def differences(self) -> int:
        """How many differences were found."""
        return len(self.changed_users.items) + len(self.changed_groups.items)

    @property
    def has_more_differences(self) -> bool:
        """Whether only some people and groups were compared."""
        return self.changed_users.next_cursor is not None or self.changed_groups.next_cursor is not None

    @property
    def number(self) -> int:
        """How many items there are in all."""
        return self.deactivations + self.existing_members + self.differences


def attention_count(context: Mapping[str, Any]) -> int:
    """Return how many items need attention, without a query.

    Pages that looked for differences say it in `attention_count`. Others know what is stored with the connection.
    """
    number, connection = context.get("attention_count"), context.get("connection")
    if isinstance(number, int):
        return number
    if not isinstance(connection, ScimConnection):
        return 0
    return connection.waiting_conflicts + (connection.hold_started_at is not None)
