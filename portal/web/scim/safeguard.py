"""What every page that shows the connection says of a safeguard that safeguards (scim_admin/_safeguard.html)."""

from portal.directory.scim.connection import ScimConnection
from portal.directory.scim.safeguard import ScimSafeguard
from portal.web.request import PortalRequest


def safeguard_of(request: PortalRequest, connection: ScimConnection | None) -> ScimSafeguard | None:
    """Return the safeguard while it safeguards; a connection that it leaves alone costs no query."""
    if connection is None or connection.hold_started_at is None:
        return None
    return request.directory.scim.safeguard.get(connection.connection_id)
