"""Deleting a connection, as Stytch does it; it keeps nothing of one that is deleted."""

from typing import NoReturn

from portal.directory.errors import Conflict, NotFound, NotOffered
from portal.directory.pages import DEFAULT_LIMIT, Page
from portal.directory.scim.deletion import ScimDeletedConnection, ScimDeletion, ScimRestoration, ScimUserChoice
from portal.stytch.scim.scoped import CONNECTION_MEANINGS, NO_CONNECTION, Scoped


class StytchScimDeletion(Scoped):
    """Implements portal.directory.scim.deletion.ScimDeletionGateway."""

    def preview(self, connection_id: str) -> ScimDeletion:
        """Return what Stytch tells of it: the roles that groups give. Raises NotFound."""
        answer = self._scope.api.get(
            self._path(), session_token=self._caller().session_token, meanings=CONNECTION_MEANINGS
        )
        document = answer.optional_part("connection")
        if document is None or document.text("connection_id") != connection_id:
            raise NotFound(NO_CONNECTION[1])
        assignments = tuple(document.parts("scim_group_implicit_role_assignments"))
        return ScimDeletion(display_name=document.text("display_name"), group_roles=len(assignments))

    def delete(self, connection_id: str, *, people: ScimUserChoice, version: str) -> ScimDeletion:
        """Delete it (DELETE /v1/b2b/scim/{organization_id}/connection/{connection_id}). Raises NotFound, Conflict, Refused.

        Stytch has no condition for it: what was seen is compared with what is there right before.
        """
        if people is not ScimUserChoice.KEEP:
            raise NotOffered("Stytch deletes a connection without deactivating its people.")
        found = self.preview(connection_id)
        if found.version != version:
            raise Conflict("The connection is not as it was shown any more. Nothing was deleted.", field="version")
        self._scope.api.delete(
            self._path(connection_id), session_token=self._caller().session_token, meanings=CONNECTION_MEANINGS
        )
        return found


class StytchScimRestoration(Scoped):
    """Implements portal.directory.scim.deletion.ScimRestorationGateway."""

    def page(self, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimDeletedConnection]:  # noqa: ARG002 -- the gateway's signature
        """Raise NotOffered: Stytch has no such call."""
        _keeps_none()

    def preview(self, connection_id: str) -> ScimRestoration:  # noqa: ARG002 -- as above
        """Raise NotOffered: Stytch has no such call."""
        _keeps_none()

    def restore(self, connection_id: str, *, reactivate: bool) -> int:  # noqa: ARG002 -- as above
        """Raise NotOffered: Stytch has no such call."""
        _keeps_none()


def _keeps_none() -> NoReturn:
    raise NotOffered("Stytch keeps nothing of a deleted connection.")
