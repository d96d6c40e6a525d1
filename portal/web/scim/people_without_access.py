"""What every overview says of active people who can't sign in (scim_admin/_people_without_access.html)."""

from portal.directory.scim.connection import ScimConnection
from portal.directory.scim.features import ScimFeature
from portal.web.request import PortalRequest


def people_without_access(request: PortalRequest, connection: ScimConnection | None) -> int:
    """Return how many there are, with one query; 0 where the directory doesn't tell."""
    scim = request.directory.scim
    if connection is None or ScimFeature.PEOPLE not in scim.offers:
        return 0
    return scim.users.without_access(connection.connection_id)
