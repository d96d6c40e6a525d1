"""What every page that shows the connection says of a brake that brakes (scim_admin/_safeguard.html)."""

from portal.directory.scim.connection import ScimConnection
from portal.directory.scim.safeguard import ScimBrake
from portal.web.request import PortalRequest


def brake_of(request: PortalRequest, connection: ScimConnection | None) -> ScimBrake | None:
    """Return the brake while it brakes; a connection that it leaves alone costs no query."""
    if connection is None or connection.brake_stopped_at is None:
        return None
    return request.directory.scim.brake(connection.connection_id)
