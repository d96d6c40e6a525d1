"""Pausing and resuming a connection."""

from typing import Protocol

from portal.directory.scim.connection import ScimConnection


class ScimPauseGateway(Protocol):
    """Pausing provisioning for a while. Needs `stytch.scim:update`."""

    def pause(self, connection_id: str) -> ScimConnection:
        """Reject all requests from now on, and change nothing else. Raise NotFound, Conflict if it's paused already."""
        ...

    def resume(self, connection_id: str) -> ScimConnection:
        """Accept requests again. Raise NotFound, Conflict if it isn't paused."""
        ...
