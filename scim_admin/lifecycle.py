"""What the overview shows of the connection's lifecycle (scim_admin/_contacts.html, scim_admin/_lifecycle.html)."""

from typing import Any

from portal.directory.permissions import Permission
from portal.directory.scim.connection import ScimConnection
from portal.web.request import PortalRequest
from portal.web.rights import right_to


def lifecycle(request: PortalRequest, connection: ScimConnection | None) -> dict[str, Any]:
    """Return what the directory can do, the contacts, and what the member may do."""
    scim = request.directory.scim
    return {
        "can_pause": scim.pause is not None,
        "can_restore": scim.restoration is not None,
        "contacts": scim.contacts.get(connection.connection_id) if connection and scim.contacts else None,
        "may_create": right_to(request, Permission.SCIM_CREATE),
        "may_update": right_to(request, Permission.SCIM_UPDATE),
        "may_delete": right_to(request, Permission.SCIM_DELETE),
    }
