"""The number of active users who can't sign in, for the overviews (scim_admin/_users_without_access.html)."""

from portal.directory.scim.connection import ScimConnection
from portal.web.request import PortalRequest


def users_without_access(request: PortalRequest, connection: ScimConnection | None) -> int:
    """Return how many active users can't sign in, 0 if the directory doesn't list users. This takes one query."""
    users = request.directory.scim.users
    return users.count_without_access(connection.connection_id) if connection and users else 0
