"""The hold on deactivations, as every page that shows the connection says it (scim_admin/_safeguard.html)."""

from portal.directory.scim.connection import ScimConnection
from portal.directory.scim.safeguard import ScimSafeguard
from portal.web.request import PortalRequest


def safeguard_of(request: PortalRequest, connection: ScimConnection | None) -> ScimSafeguard | None:
    """Return the safeguard while deactivations are on hold. A connection without a hold costs no query."""
    gateway = request.directory.scim.safeguard
    if connection is None or gateway is None or connection.hold_started_at is None:
        return None
    return gateway.get(connection.connection_id)
