"""What every part of EmbeddedScim starts from."""

from django.db.models import QuerySet

from portal.directory.errors import NoScimConnection
from portal.directory.ids import parse_id
from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import models
from portal.embedded.scope import Scope

GET = "stytch.scim:get"
CREATE = "stytch.scim:create"
UPDATE = "stytch.scim:update"
DELETE = "stytch.scim:delete"


class Scoped:
    """One organization and one caller."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def _connections(self) -> QuerySet[models.ScimConnectionRow]:
        return models.ScimConnectionRow.objects.filter(
            organization_id=self._scope.organization_id, status=ScimConnectionStatus.ACTIVE
        )

    def _active(self, connection_id: str) -> models.ScimConnectionRow:
        row = self._connections().filter(pk=parse_id("scim-connection", connection_id)).first()
        if row is None:
            raise NoScimConnection
        return row

    def _locked(self, connection_id: str) -> models.ScimConnectionRow:
        """Return the active connection, which nobody else changes until the transaction ends. Raises NotFound."""
        # Not its key: calls of the identity provider need not wait.
        rows = self._connections().select_for_update(no_key=True)
        row = rows.filter(pk=parse_id("scim-connection", connection_id)).first()
        if row is None:
            raise NoScimConnection
        return row

    def _groups(self) -> QuerySet[models.ScimGroupRow]:
        return models.ScimGroupRow.objects.filter(
            organization_id=self._scope.organization_id, connection__status=ScimConnectionStatus.ACTIVE
        )
