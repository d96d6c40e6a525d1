"""The bearer tokens of a SCIM connection: the current one and, during a rotation, the next one.

Both are valid during a rotation, so the IdP never loses access: start, enter the next token at the IdP, complete.
"""

from django.db import transaction
from django.utils import timezone

from portal.directory.errors import Conflict, NoScimConnection
from portal.directory.ids import public_id
from portal.directory.permissions import Permission
from portal.directory.scim.connection import NewScimConnection, ScimConnection
from portal.directory.scim.tokens import ScimToken, ScimTokens, ScimTokenUse
from portal.embedded import audit, models
from portal.embedded.scim.connection import active_connection, connection_value, issue_token, token_audit_values
from portal.embedded.scope import Scope


class EmbeddedScimTokens:
    """Implements portal.directory.scim.tokens.ScimTokenGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def get(self, connection_id: str) -> ScimTokens:
        """Return the valid tokens. Raise NotFound."""
        self._scope.require(Permission.SCIM_GET)
        return _tokens_value(*_valid_tokens(active_connection(self._scope.organization_id, connection_id)))

    def rotate_start(self, connection_id: str) -> NewScimConnection:
        """Create the next token. Raise NotFound, StepUpRequired, or Conflict if there is one."""
        self._scope.require(Permission.SCIM_UPDATE)
        self._scope.require_recent_proof()
        with transaction.atomic():
            current, following = self._locked(connection_id)
            if following is not None:
                raise Conflict(
                    "The token is already being rotated. Complete or cancel that rotation first.",
                    error_type="scim_connection_rotating_token",
                )
            bearer_token, row = issue_token(current.connection, is_next=True)
            self._record("rotate_start", current.connection, {}, _next_audit_values(row))
        return NewScimConnection(connection_value(current), bearer_token)

    def rotate_complete(self, connection_id: str, *, version: str) -> ScimConnection:
        """Revoke the current token and make the next one current. Raise NotFound, Conflict."""
        self._scope.require(Permission.SCIM_UPDATE)
        with transaction.atomic():
            current, following = self._rotating(connection_id, version)
            _revoke(current)
            following.is_next = False
            following.save(update_fields=["is_next"])
            before, after = token_audit_values(current), token_audit_values(following)
            self._record("rotate_complete", current.connection, before, after)
        return connection_value(following)

    def rotate_cancel(self, connection_id: str, *, version: str) -> ScimConnection:
        """Revoke the next token. Raise NotFound, Conflict."""
        self._scope.require(Permission.SCIM_UPDATE)
        with transaction.atomic():
            current, following = self._rotating(connection_id, version)
            _revoke(following)
            self._record("rotate_cancel", current.connection, _next_audit_values(following), {})
        return connection_value(current)

    def _locked(self, connection_id: str) -> tuple[models.ScimTokenRow, models.ScimTokenRow | None]:
        """Return the current and the next token. Other rotations wait until the transaction ends."""
        return _valid_tokens(active_connection(self._scope.organization_id, connection_id, lock=True))

    def _rotating(self, connection_id: str, version: str) -> tuple[models.ScimTokenRow, models.ScimTokenRow]:
        """Return the locked tokens of a rotation. Raise Conflict if there is none, or if the tokens changed."""
        current, following = self._locked(connection_id)
        if following is None:
            raise Conflict("The token is not being rotated.", error_type="scim_connection_not_rotating_token")
        if version != _tokens_value(current, following).version:
            raise Conflict("Someone else changed the tokens in the meantime.", field="version")
        return current, following

    def _record(
        self, action: str, connection: models.ScimConnectionRow, before: dict[str, str], after: dict[str, str]
    ) -> None:
        audit.record(
            self._scope.caller,
            f"scim_connection.{action}",
            organization_id=connection.organization_id,
            target_id=public_id("scim-connection", connection.pk),
            target_name=connection.display_name,
            before=before,
            after=after,
        )


def _valid_tokens(connection: models.ScimConnectionRow) -> tuple[models.ScimTokenRow, models.ScimTokenRow | None]:
    tokens = {row.is_next: row for row in connection.tokens.filter(revoked_at=None)}
    if False not in tokens:
        raise NoScimConnection
    return tokens[False], tokens.get(True)


def _tokens_value(current: models.ScimTokenRow, following: models.ScimTokenRow | None) -> ScimTokens:
    return ScimTokens(_token_value(current), _token_value(following) if following else None)


def _token_value(row: models.ScimTokenRow) -> ScimToken:
    used_at = row.last_used_at
    use = ScimTokenUse(used_at, row.last_used_ip, row.last_used_client) if used_at else None
    return ScimToken(row.last_four, row.expires_at, row.created_at, use)


def _next_audit_values(row: models.ScimTokenRow) -> dict[str, str]:
    return {f"next_{name}": value for name, value in token_audit_values(row).items()}


def _revoke(row: models.ScimTokenRow) -> None:
    row.revoked_at = timezone.now()
    row.save(update_fields=["revoked_at"])
