"""Pausing a connection."""

from typing import Protocol

from portal.directory.scim.connection import ScimConnection


class ScimPauseGateway(Protocol):
    """An admin's word that the IdP shall wait (ScimFeature.PAUSE; without it, both raise NotOffered).

    Needs `stytch.scim:update`.
    """

    def pause(self, connection_id: str) -> ScimConnection:
        """Have every call refused from now on; nothing else changes. Raises NotFound, Conflict where it is paused already."""
        ...

    def resume(self, connection_id: str) -> ScimConnection:
        """Have calls answered again. Raises NotFound, Conflict where it is not paused."""
        ...
