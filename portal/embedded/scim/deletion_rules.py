"""Deleting a connection and restoring it: each is one transaction, by statements over all its people, never one by one."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection as database
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from portal.directory.errors import Conflict
from portal.directory.ids import public_id
from portal.directory.members import MemberStatus
from portal.directory.policy import ADMIN_ROLE
from portal.directory.scim.connection import ScimConnectionStatus, ScimIdentityProvider
from portal.directory.scim.deletion import (
    ScimDeletedConnection,
    ScimDeletion,
    ScimRestoration,
    ScimRoleReach,
    ScimUserChoice,
)
from portal.embedded import audit, models
from portal.embedded.database.integrity import unless_taken
from portal.embedded.database.raw_sql import rows
from portal.embedded.database.time_limit import lift_time_limit
from portal.embedded.members.roles import WITHOUT_GROUPS, email_domains_of, has_admin, hold_admins, of_domains
from portal.embedded.scim.connection import current_tokens
from portal.embedded.scim.protocol.address_handover import hand_over_address

Members = QuerySet[models.MemberRow]

# Who has a role by the groups of a connection, also by groups within them, and by nothing else.
_ROLES_BY_GROUP = """
    WITH RECURSIVE granting(role_id, group_id) AS (
        SELECT r.role_id, r.group_id FROM {role} r
        WHERE r.organization_id = %s AND r.connection_id = %s AND r.group_id IS NOT NULL
        UNION SELECT g.role_id, n.member_id FROM {nesting} n JOIN granting g ON n.group_id = g.group_id
    )
    SELECT g.role_id, COUNT(DISTINCT p.id), MAX(CASE WHEN p.id = %s THEN 1 ELSE 0 END)
    FROM granting g
    JOIN {membership} m ON m.group_id = g.group_id
    JOIN {user} u ON u.id = m.user_id
    JOIN {member} p ON p.id = u.member_id
    WHERE u.active AND p.status = %s AND NOT WITHOUT_GROUPS
    GROUP BY g.role_id ORDER BY g.role_id
"""
_WRITING = """
    SELECT virtualtransaction FROM pg_locks
    WHERE locktype = 'relation' AND relation = %s::regclass AND mode IN ('RowShareLock', 'RowExclusiveLock')
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()
"""
_BATCH = 1000  # entries of the activity log in one statement
_LONGEST_WAIT, _LOOK_EVERY = 5.0, 0.02  # seconds
_NO_ADMIN = (
    "Everybody who is admin is so by a group of this connection: without it nobody could administer the organization. "
    "Make somebody an admin by hand first."
)
_ANOTHER = "Another connection is active. An organization can have one at most: delete that one first."


@dataclass(frozen=True, slots=True)
class Deleter:
    """Who deletes or restores: for the activity log, and as a member."""

    caller: audit.Caller
    member: UUID


def deletion(row: models.ScimConnectionRow, by: Deleter) -> ScimDeletion:
    """Return what deleting a connection takes away."""
    staying, obstacle = _staying(row, by)
    addresses = models.MemberRow.objects.filter(organization_id=row.organization_id, pk__in=staying)
    return ScimDeletion(
        display_name=row.display_name,
        people=_people(row).count(),
        active_members=_active_members(row).count(),
        groups=_groups(row).count(),
        group_roles=row.group_roles.count(),
        role_losses=_roles_by_group(row, by.member),
        staying=tuple(addresses.order_by("email_address_folded").values_list("email_address", flat=True)),
        obstacle=obstacle,
    )


def delete(row: models.ScimConnectionRow, by: Deleter, *, people: ScimUserChoice, version: str) -> ScimDeletion:
    """Delete a connection; the caller has locked it, and the organization's admins, in a transaction. Raises Conflict."""
    found = deletion(row, by)
    if found.version != version:
        raise Conflict("The connection is not as it was shown any more. Nothing was deleted.", field="version")
    if found.obstacle:
        raise Conflict(found.obstacle)
    now, deactivates = timezone.now(), people is ScimUserChoice.DEACTIVATE
    if deactivates:
        _deactivate(row, by, now)
    row.status, row.deleted_at, row.deleted_by = ScimConnectionStatus.DELETED, now, by.caller.actor.name[:256]
    row.save(update_fields=["status", "deleted_at", "deleted_by", "updated_at"])
    before = {"people": found.people, "groups": found.groups, "group_roles": found.group_roles}
    after = {"people": str(people), "deactivated": found.deactivated if deactivates else 0}
    _record(by.caller, "scim_connection.delete", row, before, after)
    return found


def deactivate_late(row: models.ScimConnectionRow, by: Deleter) -> None:
    """Deactivate whom a call made active that was under way when the deletion was committed; no later call can.

    A call asks whether the connection is deleted when it has written or locked a person (guards.py, people.py): where it was
    told that it is not, it is waited for, or has ended. SQLite lets one write after the other, and needs none of it.
    """
    if database.vendor != "postgresql":
        return
    _wait_for_writes()
    with transaction.atomic():
        hold_admins(row.organization_id)
        deleted = restorable(row.organization_id).select_for_update(no_key=True)
        if found := deleted.filter(pk=row.pk, deleted_at=row.deleted_at).first():
            _deactivate(found, by, timezone.now())


def _wait_for_writes() -> None:
    """Wait for the end of the transactions that write, or hold, people now: _LONGEST_WAIT at most."""
    until = time.monotonic() + _LONGEST_WAIT
    under_way = _writing()
    while under_way and time.monotonic() < until:
        time.sleep(_LOOK_EVERY)
        under_way &= _writing()


def _writing() -> set[str]:
    return {one for (one,) in rows(_WRITING, models.ScimUserRow._meta.db_table)}


def restorable(organization_id: UUID) -> QuerySet[models.ScimConnectionRow]:
    """Return the deleted connections that can be restored."""
    since = timezone.now() - timedelta(days=settings.SCIM_RESTORE_DAYS)
    deleted = models.ScimConnectionRow.objects.filter(status=ScimConnectionStatus.DELETED, deleted_at__gt=since)
    return deleted.filter(organization_id=organization_id)


def deleted_value(row: models.ScimConnectionRow) -> ScimDeletedConnection:
    """Return a deleted connection as the gateway shows it."""
    deleted_at = row.deleted_at or row.updated_at
    return ScimDeletedConnection(
        connection_id=public_id("scim-connection", row.pk),
        display_name=row.display_name,
        identity_provider=ScimIdentityProvider(row.identity_provider),
        deleted_at=deleted_at,
        deleted_by=row.deleted_by,
        restorable_until=deleted_at + timedelta(days=settings.SCIM_RESTORE_DAYS),
    )


def restoration(row: models.ScimConnectionRow, by: Deleter) -> ScimRestoration:
    """Return what restoring a connection brings back."""
    others = models.ScimConnectionRow.objects.filter(
        organization_id=row.organization_id, status=ScimConnectionStatus.ACTIVE
    )
    may_return = _may_return(row).count()
    return ScimRestoration(
        connection=deleted_value(row),
        people=_people(row).count(),
        groups=_groups(row).count(),
        group_roles=row.group_roles.count(),
        role_gains=_roles_by_group(row, by.member),
        may_return=may_return,
        taken=_deactivated(row).filter(status=MemberStatus.DELETED).count() - may_return,
        without_member=_people(row).filter(member=None).count(),
        token_expires_at=current_tokens(row.tokens.all()).get().expires_at,
        obstacle=_ANOTHER if others.exists() else "",
    )


def restore(row: models.ScimConnectionRow, by: Deleter, *, reactivate: bool) -> int:
    """Restore a connection whose row the caller has locked, and return how many are active again. Raises Conflict."""
    lift_time_limit()
    row.status, row.deleted_at, row.deleted_by = ScimConnectionStatus.ACTIVE, None, ""
    with unless_taken(Conflict(_ANOTHER)), transaction.atomic():
        row.save(update_fields=["status", "deleted_at", "deleted_by", "updated_at"])
    # Where people stay deactivated, no one else gets in instead of them.
    may_fill = reactivate or not _deactivated(row).exists()
    returned = _reactivate(row, by) if reactivate else 0
    if may_fill:
        _fill_free_addresses(row, by)
    _people(row).exclude(deactivated_with_connection_at=None).update(deactivated_with_connection_at=None)
    _record(by.caller, "scim_connection.restore", row, {}, {"reactivated": returned})
    return returned


def _people(row: models.ScimConnectionRow) -> QuerySet[models.ScimUserRow]:
    """Return the connection's people, by the index that begins with the organization."""
    return models.ScimUserRow.objects.filter(organization_id=row.organization_id, connection=row)


def _groups(row: models.ScimConnectionRow) -> QuerySet[models.ScimGroupRow]:
    """Return the connection's groups, as `_people` does people."""
    return models.ScimGroupRow.objects.filter(organization_id=row.organization_id, connection=row)


def _active_members(row: models.ScimConnectionRow) -> Members:
    """Return the connection's people who are members and not deactivated."""
    members = models.MemberRow.objects.filter(organization_id=row.organization_id, scim_user__in=_people(row))
    return members.exclude(status=MemberStatus.DELETED)


def _staying(row: models.ScimConnectionRow, by: Deleter) -> tuple[Sequence[UUID], str]:
    """Return whom of the connection's people a deletion deactivates in no case, and why there can be none, or ""."""
    active = models.MemberRow.objects.filter(organization_id=row.organization_id, status=MemberStatus.ACTIVE)
    by_hand = active.exclude(direct_roles=[]).values_list("pk", "direct_roles", "scim_user__connection_id")
    admins = {key: connection for key, roles, connection in by_hand.iterator() if ADMIN_ROLE in roles}
    caller = [by.member] if _active_members(row).filter(pk=by.member).exists() else []
    by_domain = active.filter(of_domains(email_domains_of(row.organization, ADMIN_ROLE))).order_by("pk")
    if any(key == by.member or connection != row.pk for key, connection in admins.items()):
        return caller, ""
    if by_domain.filter(Q(pk__in=caller) | ~Q(scim_user__connection=row)).exists():
        return caller, ""
    staying = [*caller, *(admins or by_domain.values_list("pk", flat=True)[:1])]
    # Who never had an admin, because only programs manage it, loses none.
    loses_all = not staying[len(caller) :] and has_admin(row.organization_id)
    return staying, _NO_ADMIN if loses_all else ""


def _deactivate(row: models.ScimConnectionRow, by: Deleter, now: datetime) -> None:
    """End the membership of all who do not stay: sessions, links and roles."""
    lift_time_limit()
    staying, _ = _staying(row, by)
    leaving = _people(row).exclude(member=None).exclude(member__status=MemberStatus.DELETED)
    leaving.exclude(member_id__in=staying).update(deactivated_with_connection_at=now, cannot_sign_in=F("active"))
    members = _deactivated(row)
    active = members.exclude(status=MemberStatus.DELETED)
    _record_members(by.caller, "member.deactivate", active, MemberStatus.DELETED)
    # Members first: using a link locks the member before the link, and no one signs in between the two.
    active.update(status=MemberStatus.DELETED, direct_roles=[], updated_at=now)
    sessions = models.MemberSessionRow.objects.filter(organization_id=row.organization_id, revoked_at=None)
    sessions.filter(member__in=members).update(revoked_at=now)
    models.SignInLinkRow.objects.filter(organization_id=row.organization_id, member__in=members).delete()
    models.IntermediateSessionMemberRow.objects.filter(member__in=members).delete()


def _reactivate(row: models.ScimConnectionRow, by: Deleter) -> int:
    """Have those be active again whom the deletion deactivated: with the roles of groups, not those given by hand."""
    members = _may_return(row)
    _record_members(by.caller, "member.reactivate", members, MemberStatus.ACTIVE)
    _people(row).filter(member__in=members).update(cannot_sign_in=False)
    return members.update(status=MemberStatus.ACTIVE, updated_at=timezone.now())


def _fill_free_addresses(row: models.ScimConnectionRow, by: Deleter) -> None:
    """Make members of the people who wait for an address that is free, as no one took it while the connection was deleted."""
    holders = models.MemberRow.objects.filter(
        organization_id=row.organization_id, email_address_folded=OuterRef("awaited_address")
    ).exclude(status=MemberStatus.DELETED)
    waiting = _people(row).exclude(awaited_address="").filter(~Exists(holders))
    for address in waiting.values_list("awaited_address", flat=True).distinct():
        hand_over_address(row.organization_id, address, by.caller)


def _deactivated(row: models.ScimConnectionRow) -> Members:
    return models.MemberRow.objects.filter(
        organization_id=row.organization_id,
        scim_user__in=_people(row).exclude(deactivated_with_connection_at=None),
    )


def _may_return(row: models.ScimConnectionRow) -> Members:
    """Return whom the deletion deactivated, and whose address no other member has taken."""
    namesakes = models.MemberRow.objects.filter(
        organization_id=row.organization_id, email_address_folded=OuterRef("email_address_folded")
    ).exclude(status=MemberStatus.DELETED)
    return _deactivated(row).filter(~Exists(namesakes), status=MemberStatus.DELETED)


def _roles_by_group(row: models.ScimConnectionRow, caller: UUID) -> tuple[ScimRoleReach, ...]:
    sql = _ROLES_BY_GROUP.replace("WITHOUT_GROUPS", WITHOUT_GROUPS[database.vendor])
    found = rows(sql, row.organization_id, row.pk, caller, MemberStatus.ACTIVE)
    return tuple(ScimRoleReach(role_id, int(number), bool(is_caller)) for role_id, number, is_caller in found)


def _record_members(caller: audit.Caller, action: str, members: Members, status: MemberStatus) -> None:
    """Write an entry for each member who will have a status."""
    for batch in _batches(members):
        audit.record_all(
            [
                audit.entry(
                    caller,
                    action,
                    organization_id=member.organization_id,
                    target_id=public_id("member", member.pk),
                    target_name=member.email_address,
                    before={"status": member.status, "roles": member.direct_roles},
                    after={"status": str(status), "roles": []},
                )
                for member in batch
            ]
        )


def _batches(members: Members) -> Iterator[Sequence[models.MemberRow]]:
    in_order = members.order_by("pk").only("organization_id", "email_address", "status", "direct_roles")
    batch: Sequence[models.MemberRow] = list(in_order[:_BATCH])
    while batch:
        yield batch
        batch = list(in_order.filter(pk__gt=batch[-1].pk)[:_BATCH])


def _record(
    caller: audit.Caller,
    action: str,
    row: models.ScimConnectionRow,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
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


def prune(caller: audit.Caller) -> int:
    """Delete what is left of the connections that cannot be restored any more, a thousand rows in a transaction.

    Returns how many connections are gone. People stay members.
    """
    since = timezone.now() - timedelta(days=settings.SCIM_RESTORE_DAYS)
    old = models.ScimConnectionRow.objects.filter(status=ScimConnectionStatus.DELETED, deleted_at__lte=since)
    pruned = 0
    for row in old.order_by("pk"):
        for parts in _parts(row):
            while keys := list(parts.order_by("pk").values_list("pk", flat=True)[:_BATCH]):
                parts.model.objects.filter(pk__in=keys).delete()
        with transaction.atomic():
            _record(caller, "scim_connection.purge", row, {}, {})
            row.delete()
        pruned += 1
    return pruned


def _parts(row: models.ScimConnectionRow) -> "Iterable[QuerySet[Any]]":
    """Return the rows of a connection, those first to which none of the others refers."""
    organization = row.organization_id
    members = models.ScimMembershipRow.objects.filter(organization_id=organization, group__connection=row)
    nestings = models.ScimNestingRow.objects.filter(organization_id=organization, group__connection=row)
    return (
        row.requests.all(),
        row.conflicts.all(),
        members,
        nestings,
        row.group_roles.all(),
        _groups(row),
        _people(row),
    )
