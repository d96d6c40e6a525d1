"""Pausing: Stytch answers the IdP as long as there is a connection."""

from typing import NoReturn

from portal.directory.errors import NotOffered
from portal.directory.scim.connection import ScimConnection
from portal.stytch.scim.scoped import Scoped


class StytchScimPause(Scoped):
    """Implements portal.directory.scim.pause.ScimPauseGateway."""

    def pause(self, connection_id: str) -> ScimConnection:  # noqa: ARG002 -- the gateway's signature
        """Raise NotOffered: Stytch has no such call."""
        _never_pauses()

    def resume(self, connection_id: str) -> ScimConnection:  # noqa: ARG002 -- as above
        """Raise NotOffered: Stytch has no such call."""
        _never_pauses()


def _never_pauses() -> NoReturn:
    raise NotOffered("Stytch answers the identity provider as long as there is a connection.")
