"""Restoring a deleted SCIM connection: one transaction, with statements over all users instead of one per user."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from portal.directory.errors import Conflict, NotFound
from portal.directory.ids import parse_id, public_id
from portal.directory.members import MemberStatus
from portal.directory.pages import DEFAULT_LIMIT, Page, check_limit
from portal.directory.permissions import Permission
from portal.directory.scim.connection import ScimConnectionStatus, ScimIdentityProvider
from portal.directory.scim.restoration import ScimDeletedConnection, ScimRestoration
from portal.embedded import models
from portal.embedded.database.integrity import unless_taken
from portal.embedded.database.keyset import Keyset
from portal.embedded.database.time_limit import lift_time_limit
from portal.embedded.scim.connection import current_tokens
from portal.embedded.scim.deletion import (
    Members,
    deactivated_members,
    groups_of,
    record_connection,
    record_members,
    restorable,
    roles_by_group,
    users_of,
)
from portal.embedded.scim.protocol.address_handover import hand_over_address
from portal.embedded.scope import Scope, lock_organization, rows_of

_ANOTHER = "Another connection is active. Delete it first: an organization can have only one."


class EmbeddedScimRestoration:
    """Implements portal.directory.scim.restoration.ScimRestorationGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def page(self, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimDeletedConnection]:
        """Return a page of the connections that can be restored, newest first. Raise Invalid, InvalidCursor."""
        self._scope.require(Permission.SCIM_GET)
        check_limit(limit)
        keyset = Keyset("scim-deleted-connections", self._scope.organization_id)
        found = list(keyset.after(cursor, restorable(self._scope.organization_id), "-pk")[: limit + 1])
        return keyset.page(found, limit=limit, key=lambda row: row.pk).map(_value)

    def preview(self, connection_id: str) -> ScimRestoration:
        """Return what restoring the connection brings back. Raise NotFound."""
        self._scope.require(Permission.SCIM_CREATE)
        row = self._deleted(connection_id)
        active = self._scope.of(models.ScimConnectionRow).filter(status=ScimConnectionStatus.ACTIVE)
        may_return = _may_return(row).count()
        return ScimRestoration(
            connection=_value(row),
            users=users_of(row).count(),
            groups=groups_of(row).count(),
            group_roles=row.group_roles.count(),
            role_gains=roles_by_group(row, parse_id("member", self._scope.caller.actor.id)),
            may_return=may_return,
            taken=deactivated_members(row).filter(status=MemberStatus.DELETED).count() - may_return,
            without_member=users_of(row).filter(member=None).count(),
            token_expires_at=current_tokens(row.tokens.all()).get().expires_at,
            obstacle=_ANOTHER if active.exists() else "",
        )

    def restore(self, connection_id: str, *, reactivate: bool) -> int:
        """Restore the connection, and return how many members were reactivated.

        Raise NotFound, StepUpRequired, or Conflict if another connection is active.
        """
        self._scope.require(Permission.SCIM_CREATE)
        self._scope.require_recent_proof()
        with transaction.atomic():
            lock_organization(self._scope.organization_id)
            row = self._deleted(connection_id, lock=True)
            lift_time_limit()
            self._scope.require_grantable(row.group_roles.values_list("role_id", flat=True).distinct())
            row.status, row.deleted_at, row.deleted_by = ScimConnectionStatus.ACTIVE, None, ""
            with unless_taken(Conflict(_ANOTHER)), transaction.atomic():
                row.save(update_fields=["status", "deleted_at", "deleted_by", "updated_at"])
            # If users stay deactivated, no one gets their email addresses instead.
            fills_addresses = reactivate or not deactivated_members(row).exists()
            returned = self._reactivate(row) if reactivate else 0
            if fills_addresses:
                self._fill_free_addresses(row)
            users_of(row).exclude(deactivated_with_connection_at=None).update(deactivated_with_connection_at=None)
            record_connection(self._scope.caller, "scim_connection.restore", row, {}, {"reactivated": returned})
        return returned

    def _deleted(self, connection_id: str, *, lock: bool = False) -> models.ScimConnectionRow:
        deleted = restorable(self._scope.organization_id)
        rows = deleted.select_for_update(no_key=True) if lock else deleted
        row = rows.filter(pk=parse_id("scim-connection", connection_id)).first()
        if row is None:
            raise NotFound("This deleted connection doesn't exist, or it can no longer be restored.")
        return row

    def _reactivate(self, row: models.ScimConnectionRow) -> int:
        """Reactivate the members that the deletion deactivated, without the roles that were assigned manually."""
        members = _may_return(row)
        record_members(self._scope.caller, "member.reactivate", members, MemberStatus.ACTIVE)
        users_of(row).filter(member__in=members).update(cannot_sign_in=False)
        return members.update(status=MemberStatus.ACTIVE, updated_at=timezone.now())

    def _fill_free_addresses(self, row: models.ScimConnectionRow) -> None:
        """Make members of the users who wait for an email address that no member has."""
        holders = rows_of(row.organization_id, models.MemberRow).filter(
            email_address_folded=OuterRef("awaited_address")
        )
        holders = holders.exclude(status=MemberStatus.DELETED)
        waiting = users_of(row).exclude(awaited_address="").filter(~Exists(holders))
        for address in waiting.values_list("awaited_address", flat=True).distinct():
            hand_over_address(row.organization_id, address, self._scope.caller)


def _may_return(row: models.ScimConnectionRow) -> Members:
    """Return the members that the deletion deactivated and whose email address no other member has taken."""
    namesakes = rows_of(row.organization_id, models.MemberRow).filter(
        email_address_folded=OuterRef("email_address_folded")
    )
    namesakes = namesakes.exclude(status=MemberStatus.DELETED)
    return deactivated_members(row).filter(~Exists(namesakes), status=MemberStatus.DELETED)


def _value(row: models.ScimConnectionRow) -> ScimDeletedConnection:
    deleted_at = row.deleted_at or row.updated_at
    return ScimDeletedConnection(
        connection_id=public_id("scim-connection", row.pk),
        display_name=row.display_name,
        identity_provider=ScimIdentityProvider(row.identity_provider),
        deleted_at=deleted_at,
        deleted_by=row.deleted_by,
        restorable_until=deleted_at + timedelta(days=settings.SCIM_RESTORE_DAYS),
    )
