"""The tokens of the SCIM connection in Stytch, and their rotation."""

from portal.directory.errors import Conflict
from portal.directory.scim.connection import NewScimConnection, ScimConnection
from portal.directory.scim.tokens import ScimToken, ScimTokens
from portal.directory.step_up import require_recent_proof
from portal.stytch.scim.connection import NOT_ROTATING, Connected, new_connection
from portal.stytch.values import scim_connection_value


class StytchScimTokens(Connected):
    """Implements portal.directory.scim.tokens.ScimTokenGateway."""

    def get(self, connection_id: str) -> ScimTokens:
        """Return the last four characters and the expiry of the valid tokens. Raise NotFound."""
        document = self.active(connection_id)
        following = document.text("next_bearer_token_last_four")
        return ScimTokens(
            ScimToken(document.text("bearer_token_last_four"), document.optional_timestamp("bearer_token_expires_at")),
            ScimToken(following, document.optional_timestamp("next_bearer_token_expires_at")) if following else None,
        )

    def rotate_start(self, connection_id: str) -> NewScimConnection:
        """Create the next token (POST …/rotate/start). Raise NotFound, Conflict, StepUpRequired."""
        require_recent_proof(self._scope.signed_in)
        # Stytch doesn't document what a second start does.
        if self.get(connection_id).following is not None:
            raise Conflict("The token is already being rotated. Complete or cancel that rotation first.")
        started = self.post({}, connection_id, "rotate", "start")
        return new_connection(started.fields, started, started.text("next_bearer_token"))

    def rotate_complete(self, connection_id: str, *, version: str) -> ScimConnection:
        """Revoke the current token and make the next one current (POST …/rotate/complete). Raise NotFound, Conflict."""
        return self._end("complete", connection_id, version)

    def rotate_cancel(self, connection_id: str, *, version: str) -> ScimConnection:
        """Revoke the next token (POST …/rotate/cancel). Raise NotFound, Conflict."""
        return self._end("cancel", connection_id, version)

    def _end(self, how: str, connection_id: str, version: str) -> ScimConnection:
        tokens = self.get(connection_id)
        if tokens.following is None:
            raise Conflict(NOT_ROTATING)
        if tokens.version != version:
            raise Conflict("Someone else changed the tokens in the meantime.", field="version")
        return scim_connection_value(self.post({}, connection_id, "rotate", how))
