"""The end of a connection, and the way back from it."""

from functools import partial

from django.db import transaction

from portal.directory.errors import NotFound
from portal.directory.ids import parse_id
from portal.directory.pages import DEFAULT_LIMIT, Page
from portal.directory.permissions import Permission
from portal.directory.scim.deletion import ScimDeletedConnection, ScimDeletion, ScimRestoration, ScimUserChoice
from portal.embedded import models
from portal.embedded.database.keyset import Keyset, check_limit
from portal.embedded.members.roles import hold_admins
from portal.embedded.scim import deletion_rules
from portal.embedded.scim.connection import active_connection
from portal.embedded.scim.deletion_rules import Deleter
from portal.embedded.scope import Scope


class EmbeddedScimDeletion:
    """Implements portal.directory.scim.deletion.ScimDeletionGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def preview(self, connection_id: str) -> ScimDeletion:
        """Return what deleting it takes away. Raises NotFound, Refused."""
        self._scope.require(Permission.SCIM_DELETE)
        row = active_connection(self._scope.organization_id, connection_id)
        return deletion_rules.deletion(row, self._by())

    def delete(self, connection_id: str, *, people: ScimUserChoice, version: str) -> ScimDeletion:
        """Delete it. Raises NotFound, Conflict, Refused."""
        self._scope.require(Permission.SCIM_DELETE)
        with transaction.atomic():
            # Before the connection, as provisioning locks them: else each could wait for the other.
            hold_admins(self._scope.organization_id)
            row, by = active_connection(self._scope.organization_id, connection_id, lock=True), self._by()
            found = deletion_rules.delete(row, by, people=people, version=version)
            if people is ScimUserChoice.DEACTIVATE:
                transaction.on_commit(partial(deletion_rules.deactivate_late, row, by), robust=True)
        return found

    def _by(self) -> Deleter:
        member = self._scope.signed_in.member.member_id if self._scope.signed_in else ""
        return Deleter(self._scope.caller, parse_id("member", member))


class EmbeddedScimRestoration:
    """Implements portal.directory.scim.deletion.ScimRestorationGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def page(self, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimDeletedConnection]:
        """Return a page of those that can be restored, the newest first. Raises Invalid, InvalidCursor, Refused."""
        self._scope.require(Permission.SCIM_GET)
        check_limit(limit)
        keyset = Keyset("scim-deleted-connections", self._scope.organization_id)
        deleted = deletion_rules.restorable(self._scope.organization_id)
        found = list(keyset.after(cursor, deleted, "-pk")[: limit + 1])
        return keyset.page(found, limit=limit, key=lambda row: row.pk).map(deletion_rules.deleted_value)

    def preview(self, connection_id: str) -> ScimRestoration:
        """Return what restoring it brings back. Raises NotFound, Refused."""
        self._scope.require(Permission.SCIM_CREATE)
        return deletion_rules.restoration(self._deleted(connection_id), self._by())

    def restore(self, connection_id: str, *, reactivate: bool) -> int:
        """Restore it. Raises NotFound, Conflict, Refused, StepUpRequired."""
        self._scope.require(Permission.SCIM_CREATE)
        self._scope.require_recent_password()
        with transaction.atomic():
            return deletion_rules.restore(self._deleted(connection_id, lock=True), self._by(), reactivate=reactivate)

    def _deleted(self, connection_id: str, *, lock: bool = False) -> models.ScimConnectionRow:
        deleted = deletion_rules.restorable(self._scope.organization_id)
        rows = deleted.select_for_update(no_key=True) if lock else deleted
        row = rows.filter(pk=parse_id("scim-connection", connection_id)).first()
        if row is None:
            raise NotFound("There is no such deleted connection, or it cannot be restored any more.")
        return row

    def _by(self) -> Deleter:
        member = self._scope.signed_in.member.member_id if self._scope.signed_in else ""
        return Deleter(self._scope.caller, parse_id("member", member))
