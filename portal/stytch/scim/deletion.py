"""Deleting a connection in Stytch, which keeps nothing of it."""

from portal.directory.errors import Conflict, NotFound
from portal.directory.members import MemberRoleSource, RoleSourceType
from portal.directory.scim.deletion import ScimDeletion
from portal.stytch.admins import require_admin_without
from portal.stytch.scim.scoped import CONNECTION_MEANINGS, NO_CONNECTION, Scoped

_NO_ADMIN = "All admins have their role through a group of this connection. Make someone an admin manually first."


class StytchScimDeletion(Scoped):
    """Implements portal.directory.scim.deletion.ScimDeletionGateway."""

    # Stytch deletes a connection without deactivating its users.
    deactivation = None

    def preview(self, connection_id: str) -> ScimDeletion:
        """Return what Stytch reports: the roles that groups grant. Raise NotFound."""
        answer = self._scope.api.get(
            self._path(), session_token=self._caller().session_token, meanings=CONNECTION_MEANINGS
        )
        document = answer.optional_part("connection")
        if document is None or document.text("connection_id") != connection_id:
            raise NotFound(NO_CONNECTION[1])
        assignments = tuple(document.parts("scim_group_implicit_role_assignments"))
        return ScimDeletion(display_name=document.text("display_name"), group_roles=len(assignments))

    def delete(self, connection_id: str, *, version: str) -> ScimDeletion:
        """Delete it (DELETE /v1/b2b/scim/{organization_id}/connection/{connection_id}). Raise NotFound, Conflict.

        Stytch has no conditional delete, so the version is compared right before.
        """
        found = self.preview(connection_id)
        if found.version != version:
            raise Conflict("The connection changed in the meantime. Nothing was deleted.", field="version")
        require_admin_without(self._scope, _is_lost, _NO_ADMIN)
        self._scope.api.delete(
            self._path(connection_id), session_token=self._caller().session_token, meanings=CONNECTION_MEANINGS
        )
        return found


def _is_lost(source: MemberRoleSource) -> bool:
    """Say whether a source is a group: an organization has one connection."""
    return source.type is RoleSourceType.SCIM_CONNECTION_GROUP
