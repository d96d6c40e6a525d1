"""Pausing and resuming a connection."""

from django.db import transaction
from django.utils import timezone

from portal.directory.errors import Conflict
from portal.directory.permissions import Permission
from portal.directory.scim.connection import ScimConnection
from portal.embedded import audit, models
from portal.embedded.scim.connection import active_connection, connection_value, current_tokens
from portal.embedded.scope import Scope


class EmbeddedScimPause:
    """Implements portal.directory.scim.pause.ScimPauseGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def pause(self, connection_id: str) -> ScimConnection:
        """Reject all requests from now on. Raise NotFound, Conflict if it's paused already."""
        self._scope.require(Permission.SCIM_UPDATE)
        with transaction.atomic():
            row = active_connection(self._scope.organization_id, connection_id, lock=True)
            if row.paused_at is not None:
                raise Conflict(f"{row.paused_by} has already paused the connection.")
            row.paused_at, row.paused_by = timezone.now(), self._scope.caller.actor.name[:256]
            return self._save(row, "scim_connection.pause")

    def resume(self, connection_id: str) -> ScimConnection:
        """Accept requests again. Raise NotFound, Conflict if it isn't paused."""
        self._scope.require(Permission.SCIM_UPDATE)
        with transaction.atomic():
            row = active_connection(self._scope.organization_id, connection_id, lock=True)
            if row.paused_at is None:
                raise Conflict("The connection isn't paused. Someone else may have resumed it.")
            row.paused_at, row.paused_by = None, ""
            return self._save(row, "scim_connection.resume")

    def _save(self, row: models.ScimConnectionRow, action: str) -> ScimConnection:
        row.save(update_fields=["paused_at", "paused_by", "updated_at"])
        value = connection_value(current_tokens(row.tokens.all()).get())
        audit.record(
            self._scope.caller,
            action,
            organization_id=row.organization_id,
            target_id=value.connection_id,
            target_name=row.display_name,
        )
        return value
