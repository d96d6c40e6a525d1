"""The bearer tokens of SCIM connections: a current one, and beside it the next one while it is being exchanged.

The IdP keeps its access throughout: start, enter the next token at the IdP, complete. The words are Stytch's.
"""

from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from portal.directory.errors import Conflict, NoScimConnection
from portal.directory.ids import public_id
from portal.directory.permissions import Permission
from portal.directory.scim.connection import NewScimConnection, ScimConnection
from portal.directory.scim.tokens import ScimToken, ScimTokens, ScimTokenUse
from portal.embedded import audit, models
from portal.embedded.members.values import scim_connection_value
from portal.embedded.scim.connection import active_connection, issue_token, token_audit_values
from portal.embedded.scope import Scope


def rotate_start(connection: models.ScimConnectionRow, caller: audit.Caller) -> NewScimConnection:
    """Make the next token; both are good until the rotation is completed or cancelled. Raises Conflict."""
    with transaction.atomic():
        current, following = _locked(connection)
        if following is not None:
            raise Conflict(
                "The token is being rotated already; complete or cancel that first.",
                error_type="scim_connection_rotating_token",
            )
        bearer_token, row = issue_token(connection, is_next=True)
        after = {f"next_{name}": value for name, value in token_audit_values(row).items()}
        _record(caller, "scim_connection.rotate_start", connection, {}, after)
    return NewScimConnection(scim_connection_value(current), bearer_token)


def rotate_complete(
    connection: models.ScimConnectionRow, caller: audit.Caller, *, version: str | None = None
) -> ScimConnection:
    """Revoke the current token and put the next one in its place.

    Raises Conflict where there is none, or where the tokens are not as the version says (ScimTokens.version).
    """

    def complete(current: models.ScimTokenRow, following: models.ScimTokenRow) -> models.ScimTokenRow:
        _revoke(current)
        following.is_next = False
        following.save(update_fields=["is_next"])
        _record(
            caller,
            "scim_connection.rotate_complete",
            connection,
            token_audit_values(current),
            token_audit_values(following),
        )
        return following

    return _end(connection, complete, version)


def rotate_cancel(
    connection: models.ScimConnectionRow, caller: audit.Caller, *, version: str | None = None
) -> ScimConnection:
    """Revoke the next token; the current one stays. Raises Conflict as rotate_complete."""

    def cancel(current: models.ScimTokenRow, following: models.ScimTokenRow) -> models.ScimTokenRow:
        _revoke(following)
        before = {f"next_{name}": value for name, value in token_audit_values(following).items()}
        _record(caller, "scim_connection.rotate_cancel", connection, before, {})
        return current

    return _end(connection, cancel, version)


def live_tokens(connection: models.ScimConnectionRow) -> ScimTokens:
    """Return the connection's tokens. Raises NotFound where it has none, as a deleted one."""
    return _value(*_live(connection))


def _end(
    connection: models.ScimConnectionRow,
    change: Callable[[models.ScimTokenRow, models.ScimTokenRow], models.ScimTokenRow],
    version: str | None,
) -> ScimConnection:
    """End a rotation; `change` returns the token that is the current one from now on."""
    with transaction.atomic():
        current, following = _locked(connection)
        if following is None:
            raise Conflict("The token is not being rotated.", error_type="scim_connection_not_rotating_token")
        if version not in {None, _value(current, following).version}:
            raise Conflict("Somebody else changed the tokens in the meantime.", field="version")
        return scim_connection_value(change(current, following))


def _locked(connection: models.ScimConnectionRow) -> tuple[models.ScimTokenRow, models.ScimTokenRow | None]:
    """Return the current and the next token; whoever else rotates them waits for the end of the transaction."""
    models.ScimConnectionRow.objects.select_for_update().get(pk=connection.pk)
    return _live(connection)


def _live(connection: models.ScimConnectionRow) -> tuple[models.ScimTokenRow, models.ScimTokenRow | None]:
    live = {row.is_next: row for row in connection.tokens.filter(revoked_at=None).select_related("connection")}
    if False not in live:
        raise NoScimConnection
    return live[False], live.get(True)


def _value(current: models.ScimTokenRow, following: models.ScimTokenRow | None) -> ScimTokens:
    return ScimTokens(_token_value(current), _token_value(following) if following else None)


def _token_value(row: models.ScimTokenRow) -> ScimToken:
    used_at = row.last_used_at
    use = ScimTokenUse(used_at, row.last_used_ip, row.last_used_client) if used_at else None
    return ScimToken(row.last_four, row.expires_at, row.created_at, use)


def _revoke(row: models.ScimTokenRow) -> None:
    row.revoked_at = timezone.now()
    row.save(update_fields=["revoked_at"])


def _record(
    caller: audit.Caller,
    action: str,
    connection: models.ScimConnectionRow,
    before: dict[str, str],
    after: dict[str, str],
) -> None:
    audit.record(
        caller,
        action,
        organization_id=connection.organization_id,
        target_id=public_id("scim-connection", connection.pk),
        target_name=connection.display_name,
        before=before,
        after=after,
    )


class EmbeddedScimTokens:
    """Implements portal.directory.scim.tokens.ScimTokenGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def get(self, connection_id: str) -> ScimTokens:
        """Return the live  Raises NotFound, Refused."""
        self._scope.require(Permission.SCIM_GET)
        return live_tokens(active_connection(self._scope.organization_id, connection_id))

    def rotate_start(self, connection_id: str) -> NewScimConnection:
        """Make the next token. Raises NotFound, Conflict, Refused, StepUpRequired."""
        self._scope.require(Permission.SCIM_UPDATE)
        self._scope.require_recent_password()
        return rotate_start(active_connection(self._scope.organization_id, connection_id), self._scope.caller)

    def rotate_complete(self, connection_id: str, *, version: str) -> ScimConnection:
        """Revoke the current token and put the next one in its place. Raises NotFound, Conflict, Refused."""
        self._scope.require(Permission.SCIM_UPDATE)
        return rotate_complete(
            active_connection(self._scope.organization_id, connection_id), self._scope.caller, version=version
        )

    def rotate_cancel(self, connection_id: str, *, version: str) -> ScimConnection:
        """Revoke the next token. Raises NotFound, Conflict, Refused."""
        self._scope.require(Permission.SCIM_UPDATE)
        return rotate_cancel(
            active_connection(self._scope.organization_id, connection_id), self._scope.caller, version=version
        )
