"""The organization's SCIM connection."""

from uuid import UUID

from portal.directory.scim.connection import (
    NewScimConnection,
    ScimConnection,
    ScimConnectionStatus,
    ScimIdentityProvider,
)
from portal.embedded import models
from portal.embedded.database.statements import Statement
from portal.embedded.members.values import scim_connection_value
from portal.embedded.scim import connection_rules
from portal.embedded.scim.scoped import CREATE, GET, UPDATE, Scoped
from portal.embedded.scim.tokens import current_tokens


class EmbeddedScimConnection(Scoped):
    """Implements portal.directory.scim.connection.ScimConnectionGateway."""

    def get(self) -> ScimConnection | None:
        """Return the active connection, or None. Raises Refused."""
        self._scope.require(GET)
        token = current_token(self._scope.organization_id)
        return scim_connection_value(token) if token else None

    def create(self, *, display_name: str, identity_provider: ScimIdentityProvider) -> NewScimConnection:
        """Make the connection with its first token. Raises Invalid, Conflict, Refused, StepUpRequired."""
        self._scope.require(CREATE)
        self._scope.require_recent_password()
        return connection_rules.create(
            self._scope.organization_id,
            display_name=display_name,
            identity_provider=identity_provider,
            caller=self._scope.caller,
        )

    def update(
        self, connection_id: str, *, display_name: str, identity_provider: ScimIdentityProvider, version: str
    ) -> ScimConnection:
        """Rename it, and say which identity provider it is for. Raises NotFound, Invalid, Conflict, Refused."""
        self._scope.require(UPDATE)
        return connection_rules.update(
            self._active(connection_id),
            display_name=display_name,
            identity_provider=identity_provider,
            version=version,
            caller=self._scope.caller,
        )


def current_token(organization_id: UUID) -> models.ScimTokenRow | None:
    """Return the current token of the organization's active connection, with that; None where there is none."""
    return _CURRENT_TOKEN.first(organization_id, ScimConnectionStatus.ACTIVE)


_ID = models.ScimConnectionRow._meta.pk
_STATUS = models.ScimConnectionRow._meta.get_field("status")
_CURRENT_TOKEN = Statement(
    lambda organization, status: (
        current_tokens().filter(organization_id=organization).filter(connection__status=status)[:1]
    ),
    (_ID, UUID(int=1)),
    (_STATUS, "example"),
)
