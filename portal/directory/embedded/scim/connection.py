"""The organization's SCIM connection."""

from uuid import UUID

from portal.directory.embedded import models
from portal.directory.embedded.scim.scoped import GET, Scoped
from portal.directory.embedded.scim_tokens import current_tokens
from portal.directory.embedded.statements import Statement
from portal.directory.embedded.values import scim_connection_value
from portal.directory.types import ScimConnection, ScimConnectionStatus


class EmbeddedScimConnection(Scoped):
    """Implements portal.directory.gateway.ScimConnectionGateway."""

    def connection(self) -> ScimConnection | None:
        """Return the active connection, or None. Raises Refused."""
        self._scope.require(GET)
        token = _CURRENT_TOKEN.first(self._scope.organization_id, ScimConnectionStatus.ACTIVE)
        return scim_connection_value(token) if token else None


_ID = models.ScimConnection._meta.pk  # noqa: SLF001 -- Django's documented model API
_STATUS = models.ScimConnection._meta.get_field("status")  # noqa: SLF001 -- as above
_CURRENT_TOKEN = Statement(
    lambda organization, status: (
        current_tokens().filter(organization_id=organization).filter(connection__status=status)[:1]
    ),
    (_ID, UUID(int=1)),
    (_STATUS, "example"),
)
