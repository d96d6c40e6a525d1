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

log = structlog.get_logger("gatehouse.scim")

_MAX_TRIED = 10  # people who wait for one address


def hand_over_address(organization_id: UUID, address: str, caller: Caller, *, waits: bool = False) -> None:
    """Make the next person who waits for a folded address a member, in the transaction that frees it; "" is nobody's.

    Who can't become one leaves it to the next. A person whom another request has locked is tried after this transaction.
    """
    waiting = models.ScimUserRow.objects.filter(
        organization_id=organization_id, awaited_address=address, connection__status=ScimConnectionStatus.ACTIVE
    )
    waiting = waiting.exclude(awaited_address="")
    rows = waiting.select_related("connection__organization", "member").select_for_update(
        of=("self",), skip_locked=not waits
    )
    for key in list(waiting.order_by("pk").values_list("pk", flat=True)[:_MAX_TRIED]):
        row = rows.filter(pk=key).first()
        if row is None and not waits:
            # The other request may wait for this transaction: to wait for it would be a deadlock. It may also leave the person
            # without the address, or have nothing to do with it.
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
        log.warning("scim_address_not_passed_on", user=str(row.pk), error=type(error).__name__)
        return False
    return True


def after_member_deleted(member: models.MemberRow, caller: Caller) -> None:
    """Do in the transaction that deletes a member what follows for the people of an identity provider."""
    _users_of(member).update(cannot_sign_in=F("active"))
    conflicts.recount_waiting(member)
    hand_over_address(member.organization_id, member.email_address_folded, caller)


def after_member_reactivated(member: models.MemberRow) -> None:
    """Do in the transaction that reactivates a member what follows for the people of an identity provider."""
    _users_of(member).update(cannot_sign_in=False, awaited_address="")
    conflicts.recount_waiting(member)


def after_address_changed(member: models.MemberRow, address: str, caller: Caller) -> None:
    """Do in the transaction that gives a member another address what follows from the folded one that they left."""
    conflicts.delete_conflicts(member)
    hand_over_address(member.organization_id, address, caller)


def _users_of(member: models.MemberRow) -> QuerySet[models.ScimUserRow]:
    return models.ScimUserRow.objects.filter(organization_id=member.organization_id, member=member)


def recheck_after_commit(client: ScimClient, row: models.ScimUserRow) -> None:
    """Look again once a request is committed that leaves a person waiting: another one may free the address in the meantime.

    On SQLite, which lets one write after the other, none can.
    """
    if row.awaited_address and connection.vendor == "postgresql":
        look = partial(_recheck, client.organization_id, row.awaited_address, client.caller)
        transaction.on_commit(look, robust=True)


def _recheck(organization_id: UUID, address: str, caller: Caller) -> None:
    # Twice: a request that waits for the lock of the first look has read before that who waits for the address.
    for _ in range(2):
        with transaction.atomic():
            members = models.MemberRow.objects.filter(organization_id=organization_id, email_address_folded=address)
            members = members.exclude(status=MemberStatus.DELETED)
            # Waits for the request that is changing the person who has the address, and may have seen nobody who waits for it.
            list(
                models.ScimUserRow.objects.filter(member__in=members).select_for_update(of=("self",)).values_list("pk")
            )
            if not members.exists():
                hand_over_address(organization_id, address, caller, waits=True)
                return
