"""The SCIM connection in Stytch."""

from collections.abc import Mapping
from typing import Any

from portal.directory.errors import Conflict, Invalid, NotFound
from portal.directory.scim.connection import NewScimConnection, ScimConnection, ScimIdentityProvider
from portal.directory.step_up import require_recent_proof
from portal.stytch.documents import Document
from portal.stytch.errors import Meanings
from portal.stytch.scim.scoped import CONNECTION_MEANINGS, NO_CONNECTION, NoConnection, Scoped
from portal.stytch.values import scim_connection_value

NOT_ROTATING = "The token is not being rotated."
_CHANGE_MEANINGS: Meanings = {
    **CONNECTION_MEANINGS,
    "active_scim_connection_exists": (
        Conflict,
        "The organization already has an active SCIM connection. It can have only one.",
    ),
    "scim_connection_not_rotating_token": (Conflict, NOT_ROTATING),
    "invalid_scim_idp": (Invalid, "Stytch doesn't support this identity provider for SCIM."),
}


class Connected(Scoped):
    """The requests that the gateways of the connection and its tokens share."""

    def active(self, connection_id: str) -> Document:
        """Return the active connection. Raise NotFound."""
        document = self._document()
        if document is None or document.text("connection_id") != connection_id:
            raise NotFound(NO_CONNECTION[1])
        return document

    def _document(self) -> Document | None:
        try:
            answer = self._scope.api.get(
                self._path(), session_token=self._caller().session_token, meanings=CONNECTION_MEANINGS
            )
        except NoConnection:
            return None
        return answer.optional_part("connection")

    def post(self, body: dict[str, Any], *below: str) -> Document:
        """Send a change, and return the connection. Raise Invalid, NotFound, Conflict."""
        answer = self._scope.api.post(
            self._path(*below), body, session_token=self._caller().session_token, meanings=_CHANGE_MEANINGS
        )
        return answer.part("connection")


class StytchScimConnection(Connected):
    """Implements portal.directory.scim.connection.ScimConnectionGateway.

    Stytch has no conditional update, so the version is compared right before.
    """

    def get(self) -> ScimConnection | None:
        """Return the active connection, or None (GET /v1/b2b/scim/{organization_id}/connection)."""
        document = self._document()
        return scim_connection_value(document) if document else None

    def create(self, *, display_name: str, identity_provider: ScimIdentityProvider) -> NewScimConnection:
        """Create it (POST /v1/b2b/scim/{organization_id}/connection). Raise Invalid, Conflict, StepUpRequired."""
        require_recent_proof(self._scope.signed_in)
        name = _name(display_name)
        created = self.post({"display_name": name, "identity_provider": identity_provider})
        token = created.text("bearer_token")
        # Stytch returns the new token, but not its last four characters.
        return new_connection({**created.fields, "bearer_token_last_four": token[-4:]}, created, token)

    def update(
        self, connection_id: str, *, display_name: str, identity_provider: ScimIdentityProvider, version: str
    ) -> ScimConnection:
        """Change it (PUT /v1/b2b/scim/{organization_id}/connection/{connection_id}). Raise NotFound, Invalid, Conflict."""
        name = _name(display_name)
        if scim_connection_value(self.active(connection_id)).version != version:
            raise Conflict("Someone else changed the connection in the meantime.", field="version")
        answer = self._scope.api.put(
            self._path(connection_id),
            {"display_name": name, "identity_provider": identity_provider},
            session_token=self._caller().session_token,
            meanings=_CHANGE_MEANINGS,
        )
        return scim_connection_value(answer.part("connection"))


def _name(display_name: str) -> str:
    """Return the name to store. Raise Invalid if it is empty, which Stytch would accept."""
    if not display_name.strip():
        raise Invalid("Give the connection a name.", field="display_name")
    return display_name.strip()


def new_connection(fields: Mapping[str, Any], document: Document, token: str) -> NewScimConnection:
    """Return a connection from a response, with its new token."""
    return NewScimConnection(scim_connection_value(Document(fields, document.request_id)), token)
