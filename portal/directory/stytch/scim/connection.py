"""The SCIM connection, as Stytch keeps it."""

from portal.directory.stytch.http import path_of
from portal.directory.stytch.scim.scoped import CONNECTION_MEANINGS, NoConnection, Scoped
from portal.directory.stytch.values import scim_connection_value
from portal.directory.types import ScimConnection


class StytchScimConnection(Scoped):
    """Implements portal.directory.gateway.ScimConnectionGateway."""

    def connection(self) -> ScimConnection | None:
        """Return the active connection, or None (GET /v1/b2b/scim/{organization_id}/connection). Raises Refused."""
        caller = self._caller()
        try:
            answer = self._scope.api.get(
                path_of("scim", caller.organization.organization_id, "connection"),
                session_token=caller.session_token,
                meanings=CONNECTION_MEANINGS,
            )
        except NoConnection:
            return None
        document = answer.optional_part("connection")
        return scim_connection_value(document) if document else None
