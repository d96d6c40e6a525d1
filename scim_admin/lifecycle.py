"""What the overview offers of the connection's life (scim_admin/_contacts.html, scim_admin/_lifecycle.html)."""

from typing import Any

from portal.access.permissions import Permission
from portal.directory.scim.connection import ScimConnection
from portal.directory.scim.features import ScimFeature
from portal.web.request import PortalRequest
from portal.web.rights import right_to


def life(request: PortalRequest, connection: ScimConnection | None) -> dict[str, Any]:
    """Return what can be done here at all, who is told of it, and what the member may do."""
    scim = request.directory.scim
    has_contacts = ScimFeature.CONTACTS in scim.offers
    return {
        "can_pause": ScimFeature.PAUSE in scim.offers,
        "can_restore": ScimFeature.RESTORE in scim.offers,
        "contacts": scim.contacts.get(connection.connection_id) if connection and has_contacts else None,
        "may_create": right_to(request, Permission.SCIM_CREATE),
        "may_update": right_to(request, Permission.SCIM_UPDATE),
        "may_delete": right_to(request, Permission.SCIM_DELETE),
    }
