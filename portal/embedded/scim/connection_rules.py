"""SCIM connections: making one, and changing what it is called and whom it is for."""

from uuid import UUID

from django.db import transaction

from portal.directory.errors import Conflict
from portal.directory.ids import public_id
from portal.directory.scim.connection import NewScimConnection, ScimConnection, connection_version
from portal.embedded import audit, models
from portal.embedded.database.integrity import check, unless_taken
from portal.embedded.members.values import scim_connection_value
from portal.embedded.scim import tokens
from portal.embedded.scope import hold_organization

_TAKEN = "The organization has an active SCIM connection already; it can have one at most."


def create(
    organization_id: UUID, *, display_name: str, identity_provider: str, caller: audit.Caller
) -> NewScimConnection:
    """Make an organization's connection, with a token for a year.

    Raises Invalid, NotFound, Conflict where there is an active one (Stytch: active_scim_connection_exists).
    """
    with (
        unless_taken(Conflict(_TAKEN, field="organization_slug", error_type="active_scim_connection_exists")),
        transaction.atomic(),
    ):
        row = models.ScimConnectionRow(
            organization_id=organization_id, display_name=display_name.strip(), identity_provider=identity_provider
        )
        check(row)
        hold_organization(organization_id)
        row.save(force_insert=True)
        bearer_token, token = tokens.issue(row)
        after = _described(row) | tokens.described(token)
        _record(caller, "scim_connection.create", row, {}, after)
    return NewScimConnection(scim_connection_value(token), bearer_token)


def update(
    row: models.ScimConnectionRow, *, display_name: str, identity_provider: str, version: str, caller: audit.Caller
) -> ScimConnection:
    """Rename a connection, and say which identity provider it is for. Raises Invalid, Conflict."""
    with transaction.atomic():
        row = models.ScimConnectionRow.objects.select_for_update().get(pk=row.pk)
        if version != connection_version(row.display_name, row.identity_provider):
            raise Conflict("Somebody else changed the connection in the meantime.", field="version")
        before = _described(row)
        row.display_name, row.identity_provider = display_name.strip(), identity_provider
        check(row)
        after = _described(row)
        changed = [name for name in after if after[name] != before[name]]
        if changed:
            row.save(update_fields=[*changed, "updated_at"])
            _record(
                caller,
                "scim_connection.update",
                row,
                {name: before[name] for name in changed},
                {name: after[name] for name in changed},
            )
        return scim_connection_value(tokens.current_tokens().get(connection=row))


def _described(row: models.ScimConnectionRow) -> dict[str, str]:
    return {"display_name": row.display_name, "identity_provider": row.identity_provider}


def _record(
    caller: audit.Caller, action: str, row: models.ScimConnectionRow, before: dict[str, str], after: dict[str, str]
) -> None:
    audit.record(
        caller,
        action,
        organization_id=row.organization_id,
        target_id=public_id("scim-connection", row.pk),
        target_name=row.display_name,
        before=before,
        after=after,
    )
