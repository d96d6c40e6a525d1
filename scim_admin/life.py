"""What the overview offers of the connection's life (scim_admin/_life.html)."""

from typing import Any

from portal.access.permissions import Permission
from portal.directory.types import ScimFeature
from portal.web.requests import PortalRequest
from portal.web.rights import right_to


def life(request: PortalRequest) -> dict[str, Any]:
    """Return what can be done here at all, and what the member may do."""
    return {
        "can_pause": ScimFeature.PAUSE in request.directory.scim.offers,
        "can_restore": ScimFeature.RESTORE in request.directory.scim.offers,
        "may_update": right_to(request, Permission.SCIM_UPDATE),
        "may_delete": right_to(request, Permission.SCIM_DELETE),
    }
