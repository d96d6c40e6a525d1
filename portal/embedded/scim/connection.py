"""The organization's SCIM connection."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from portal.directory.errors import Conflict, NoScimConnection
from portal.directory.ids import parse_id, public_id
from portal.directory.permissions import Permission
from portal.directory.scim.connection import (
    NewScimConnection,
    ScimConnection,
    ScimConnectionStatus,
    ScimIdentityProvider,
    connection_version,
)
from portal.embedded import audit, models
from portal.embedded.database.integrity import check, unless_taken
from portal.embedded.scope import Scope, lock_organization, rows_of
from portal.embedded.tokens import new_token, token_hash

TOKEN_LIFETIME = timedelta(days=365)
# Secret scanners recognize leaked tokens by this prefix.
_PREFIX = "scim_"
_EXISTS = "The organization already has an active SCIM connection. It can have only one."


def active_connection(organization_id: UUID, connection_id: str, *, lock: bool = False) -> models.ScimConnectionRow:
    """Return the active connection with its organization. Raise NoScimConnection if it isn't this organization's.

    With `lock`, other changes of the connection wait until the transaction ends. Requests of the identity provider don't,
    because the primary key isn't locked.
    """
    rows = rows_of(organization_id, models.ScimConnectionRow).filter(status=ScimConnectionStatus.ACTIVE)
    rows = rows.select_related("organization")
    if lock:
        rows = rows.select_for_update(of=("self",), no_key=True)
    row = rows.filter(pk=parse_id("scim-connection", connection_id)).first()
    if row is None:
        raise NoScimConnection
    return row


def current_tokens(rows: QuerySet[models.ScimTokenRow]) -> QuerySet[models.ScimTokenRow]:
    """Return the tokens that are the current ones of their connections, with the connections."""
    return rows.filter(is_next=False, revoked_at=None).select_related("connection")


def current_token(organization_id: UUID) -> models.ScimTokenRow | None:
    """Return the current token of the organization's active connection, with the connection, or None."""
    tokens = current_tokens(rows_of(organization_id, models.ScimTokenRow))
    return next(iter(tokens.filter(connection__status=ScimConnectionStatus.ACTIVE)[:1]), None)


def connection_value(token: models.ScimTokenRow) -> ScimConnection:
    """Return the connection of its current token, with the base URL for the IdP."""
    row = token.connection
    connection_id = public_id("scim-connection", row.pk)
    return ScimConnection(
        connection_id=connection_id,
        organization_id=public_id("organization", row.organization_id),
        status=ScimConnectionStatus(row.status),
        display_name=row.display_name,
        identity_provider=ScimIdentityProvider(row.identity_provider),
        base_url=f"{settings.PUBLIC_URL}/v1/b2b/scim/{connection_id}",
        bearer_token_last_four=token.last_four,
        bearer_token_expires_at=token.expires_at,
        attention=row.attention,
        attention_at=row.attention_at,
        hold_started_at=row.hold_started_at,
        hold_approved_until=row.hold_approved_until,
        waiting_conflicts=row.waiting_conflicts,
        paused_at=row.paused_at,
        paused_by=row.paused_by,
        created_at=row.created_at,
    )


def issue_token(connection: models.ScimConnectionRow, *, is_next: bool = False) -> tuple[str, models.ScimTokenRow]:
    """Store a new token of the connection. Return the secret, which can't be read again, and its row."""
    bearer_token = new_token(_PREFIX, organization_id=connection.organization_id)
    row = models.ScimTokenRow.objects.create(
        organization_id=connection.organization_id,
        connection=connection,
        token_hash=token_hash(bearer_token),
        last_four=bearer_token[-4:],
        expires_at=timezone.now() + TOKEN_LIFETIME,
        is_next=is_next,
    )
    return bearer_token, row


def token_audit_values(row: models.ScimTokenRow) -> dict[str, str]:
    """Return what the activity log keeps of a token."""
    return {"bearer_token_last_four": row.last_four, "bearer_token_expires_at": row.expires_at.isoformat()}


class EmbeddedScimConnection:
    """Implements portal.directory.scim.connection.ScimConnectionGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def get(self) -> ScimConnection | None:
        """Return the active connection, or None."""
        self._scope.require(Permission.SCIM_GET)
        token = current_token(self._scope.organization_id)
        return connection_value(token) if token else None

    def create(self, *, display_name: str, identity_provider: ScimIdentityProvider) -> NewScimConnection:
        """Create the connection with its first token.

        Raise Invalid, StepUpRequired, or Conflict if there is an active connection
        (Stytch: active_scim_connection_exists).
        """
        self._scope.require(Permission.SCIM_CREATE)
        self._scope.require_recent_proof()
        organization_id = self._scope.organization_id
        with (
            unless_taken(Conflict(_EXISTS, field="organization_slug", error_type="active_scim_connection_exists")),
            transaction.atomic(),
        ):
            row = models.ScimConnectionRow(
                organization_id=organization_id, display_name=display_name.strip(), identity_provider=identity_provider
            )
            check(row)
            lock_organization(organization_id)
            row.save(force_insert=True)
            bearer_token, token = issue_token(row)
            self._record("scim_connection.create", row, {}, _audit_values(row) | token_audit_values(token))
        return NewScimConnection(connection_value(token), bearer_token)

    def update(
        self, connection_id: str, *, display_name: str, identity_provider: ScimIdentityProvider, version: str
    ) -> ScimConnection:
        """Change the connection's name and identity provider.

        Raise NotFound, Invalid, or Conflict if it changed after `version`.
        """
        self._scope.require(Permission.SCIM_UPDATE)
        with transaction.atomic():
            row = active_connection(self._scope.organization_id, connection_id, lock=True)
            if version != connection_version(row.display_name, row.identity_provider):
                raise Conflict("Someone else changed the connection in the meantime.", field="version")
            before = _audit_values(row)
            row.display_name, row.identity_provider = display_name.strip(), identity_provider
            check(row)
            after = _audit_values(row)
            changed = [name for name in after if after[name] != before[name]]
            if changed:
                row.save(update_fields=[*changed, "updated_at"])
                self._record(
                    "scim_connection.update",
                    row,
                    {name: before[name] for name in changed},
                    {name: after[name] for name in changed},
                )
            return connection_value(current_tokens(row.tokens.all()).get())

    def _record(
        self, action: str, row: models.ScimConnectionRow, before: dict[str, str], after: dict[str, str]
    ) -> None:
        audit.record(
            self._scope.caller,
            action,
            organization_id=row.organization_id,
            target_id=public_id("scim-connection", row.pk),
            target_name=row.display_name,
            before=before,
            after=after,
        )


def _audit_values(row: models.ScimConnectionRow) -> dict[str, str]:
    return {"display_name": row.display_name, "identity_provider": row.identity_provider}
