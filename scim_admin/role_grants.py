"""Who assigned the roles of a group, and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.directory.activity import ActivityEntry, ActivityFilter, ActivityKind
from portal.directory.permissions import Permission
from portal.directory.scim.groups import ScimGroup
from portal.web.request import PortalRequest

# Changes of the group's roles that are looked at. A role that was assigned before them has no name.
_MAX_CHANGES = 20


@dataclass(frozen=True, slots=True)
class RoleGrant:
    """A role that a group grants. `actor` is "" and `at` None if it isn't known who assigned it, or not to this member."""

    role_id: str
    actor: str = ""
    at: datetime | None = None


def role_grants(request: PortalRequest, group: ScimGroup) -> Sequence[RoleGrant]:
    """Return the roles of a group, with one query of the activity log if there are any."""
    log, role_ids = request.directory.activity, group.role_ids or ()
    if not role_ids or log is None or not request.allows(Permission.ACTIVITY_GET):
        return [RoleGrant(role_id) for role_id in role_ids]
    changes = ActivityFilter(target_id=group.group_id, kind=ActivityKind.ROLES)
    entries = log.page(changes, limit=_MAX_CHANGES).items
    return [_grant(role_id, entries) for role_id in role_ids]


def _grant(role_id: str, entries: Sequence[ActivityEntry]) -> RoleGrant:
    for entry in entries:
        if role_id in entry.after.get("roles", ()) and role_id not in entry.before.get("roles", ()):
            return RoleGrant(role_id, entry.actor.name, entry.at)
    return RoleGrant(role_id)
