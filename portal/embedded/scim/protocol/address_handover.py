"""Hand over an email address that became free to the first user who waits for it, who then becomes a member."""

from functools import partial
from uuid import UUID

import structlog
from django.db import IntegrityError, connection, transaction
from django.db.models import F, QuerySet

from portal.directory.members import MemberStatus
from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import models
from portal.embedded.audit import Caller
from portal.embedded.database.writes import Writes
from portal.embedded.scim import conflicts
from portal.embedded.scim.protocol.client import DelegatedClient, ScimClient
from portal.embedded.scim.protocol.errors import ScimError
from portal.embedded.scim.protocol.member_sync import ACCESS_COLUMNS, sync_member, update_access
from portal.embedded.scope import rows_of

log = structlog.get_logger("gatehouse.scim")

_MAX_TRIED = 10  # users who wait for one address


def hand_over_address(organization_id: UUID, address: str, caller: Caller, *, waits: bool = False) -> None:
    """Make the first user who waits for a folded address a member, in the transaction that frees the address.

    If that fails, the next user gets it. If another request has locked the user, try again after this transaction.
    """
    waiting = rows_of(organization_id, models.ScimUserRow).filter(
        awaited_address=address, connection__status=ScimConnectionStatus.ACTIVE
    )
    waiting = waiting.exclude(awaited_address="")
    rows = waiting.select_related("connection__organization", "member").select_for_update(
        of=("self",), skip_locked=not waits
    )
    for key in list(waiting.order_by("pk").values_list("pk", flat=True)[:_MAX_TRIED]):
        row = rows.filter(pk=key).first()
        if row is None and not waits:
            # The other request may wait for this transaction, so waiting for it could be a deadlock.
            transaction.on_commit(partial(_recheck, organization_id, address, caller), robust=True)
            return
        if row is not None and _make_member(row, caller):
            return


def _make_member(row: models.ScimUserRow, caller: Caller) -> bool:
    writes = Writes()
    row.awaited_address = ""
    try:
        with transaction.atomic():
            sync_member(DelegatedClient(row.connection, caller.origin, by=caller), row, writes)
            update_access(row)
            writes.update(row, *ACCESS_COLUMNS)
            writes.send()
    except (IntegrityError, ScimError) as error:
        log.warning("scim_address_not_handed_over", user=str(row.pk), error=type(error).__name__)
        return False
    return True


def after_member_deleted(member: models.MemberRow, caller: Caller) -> None:
    """Update the member's SCIM users and hand over the address, in the transaction that deletes the member."""
    _users_of(member).update(cannot_sign_in=F("active"))
    conflicts.recount_waiting(member)
    hand_over_address(member.organization_id, member.email_address_folded, caller)


def after_member_reactivated(member: models.MemberRow) -> None:
    """Update the member's SCIM users, in the transaction that reactivates the member."""
    _users_of(member).update(cannot_sign_in=False, awaited_address="")
    conflicts.recount_waiting(member)


def after_address_changed(member: models.MemberRow, address: str, caller: Caller) -> None:
    """Hand over the previous folded address, in the transaction that changes a member's address."""
    conflicts.delete_conflicts(member)
    hand_over_address(member.organization_id, address, caller)


def _users_of(member: models.MemberRow) -> QuerySet[models.ScimUserRow]:
    return rows_of(member.organization_id, models.ScimUserRow).filter(member=member)


def recheck_after_commit(client: ScimClient, row: models.ScimUserRow) -> None:
    """Check after the commit whether another transaction freed the address that the user waits for in the meantime.

    SQLite runs one writing transaction at a time, so this is not needed there.
    """
    if row.awaited_address and connection.vendor == "postgresql":
        look = partial(_recheck, client.organization_id, row.awaited_address, client.caller)
        transaction.on_commit(look, robust=True)


def _recheck(organization_id: UUID, address: str, caller: Caller) -> None:
    # Twice: a request that waits for the lock of the first check has already read which users wait for the address.
    for _ in range(2):
        with transaction.atomic():
            members = rows_of(organization_id, models.MemberRow).filter(email_address_folded=address)
            members = members.exclude(status=MemberStatus.DELETED)
            # Wait for a request that changes the user with the address, which may not have seen that someone waits for it.
            list(
                rows_of(organization_id, models.ScimUserRow)
                .filter(member__in=members)
                .select_for_update(of=("self",))
                .values_list("pk")
            )
            if not members.exists():
                hand_over_address(organization_id, address, caller, waits=True)
                return
