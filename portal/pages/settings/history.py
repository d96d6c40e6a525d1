"""Who changed a setting last (settings/_last_change.html)."""

from portal.directory.activity import ActivityEntry, ActivityFilter, ActivityKind
from portal.directory.permissions import Permission
from portal.web.request import PortalRequest

_LOOKED_AT = 10


def last_change(request: PortalRequest, *, field: str = "") -> ActivityEntry | None:
    """Return the newest change of the organization, or of one of its fields if it's among the newest changes.

    None if the member may not see the log or the directory has none.
    """
    log = request.directory.activity
    if log is None or not request.allows(Permission.ACTIVITY_GET):
        return None
    organization_id = request.signed_in.organization.organization_id
    wanted = ActivityFilter(target_id=organization_id, kind=ActivityKind.ORGANIZATION)
    changes = (
        one
        for one in log.page(wanted, limit=_LOOKED_AT).items
        if one.action.startswith("organization.") and (not field or field in one.after)
    )
    return next(changes, None)
