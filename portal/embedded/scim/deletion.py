"""Deleting a SCIM connection: one transaction, with statements over all users instead of one per user."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection as database
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.errors import Conflict
from portal.directory.ids import parse_id, public_id
from portal.directory.members import MemberStatus
from portal.directory.permissions import Permission
from portal.directory.policy import ADMIN_ROLE
from portal.directory.scim.connection import ScimConnectionStatus
from portal.directory.scim.deletion import ScimDeletion, ScimRoleReach
from portal.embedded import audit, models
from portal.embedded.database.batches import BATCH, MAX_ROWS, delete_in_batches
from portal.embedded.database.raw_sql import rows
from portal.embedded.database.time_limit import lift_time_limit
from portal.embedded.database.writes import Writes
from portal.embedded.members.roles import (
    WITHOUT_GROUPS,
    email_domains_granting,
    has_admin,
    has_email_domain,
    lock_admins,
)
from portal.embedded.scim.connection import active_connection
from portal.embedded.scope import Scope, across_organizations, rows_of

Members = QuerySet[models.MemberRow]

_WORKER = audit.Caller(Actor(ActorType.OPERATOR, name="worker"), Origin())

# Members who have a role only through the connection's groups, including nested groups.
_ROLES_BY_GROUP = """
    WITH RECURSIVE granting(organization_id, role_id, group_id) AS (
        SELECT r.organization_id, r.role_id, r.group_id FROM {role} r
        WHERE r.organization_id = %s AND r.connection_id = %s AND r.group_id IS NOT NULL
        UNION SELECT n.organization_id, g.role_id, n.member_id FROM {nesting} n
        JOIN granting g ON n.group_id = g.group_id AND n.organization_id = g.organization_id
        WHERE n.organization_id = %s
    )
    SELECT g.role_id, COUNT(DISTINCT p.id), MAX(CASE WHEN p.id = %s THEN 1 ELSE 0 END)
    FROM granting g
    JOIN {membership} m ON m.group_id = g.group_id AND m.organization_id = g.organization_id
    JOIN {user} u ON u.id = m.user_id AND u.organization_id = m.organization_id
    JOIN {member} p ON p.id = u.member_id AND p.organization_id = u.organization_id
    WHERE m.organization_id = %s AND u.active AND p.status = %s AND NOT WITHOUT_GROUPS
    GROUP BY g.role_id ORDER BY g.role_id
"""
_WRITING = """
    SELECT virtualtransaction FROM pg_locks
    WHERE locktype = 'relation' AND relation = %s::regclass AND mode IN ('RowShareLock', 'RowExclusiveLock')
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()
"""
_MAX_WAIT, _POLL_INTERVAL = 5.0, 0.02  # seconds
_NO_ADMIN = "All admins have their role through a group of this connection. Make someone an admin manually first."


class EmbeddedScimDeletion:
    """Implements portal.directory.scim.deletion.ScimDeletionGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @property
    def deactivation(self) -> "EmbeddedScimDeactivation":
        """Deletion that deactivates the users too."""
        return EmbeddedScimDeactivation(self._scope)

    def preview(self, connection_id: str) -> ScimDeletion:
        """Return what deleting the connection ends. Raise NotFound."""
        self._scope.require(Permission.SCIM_DELETE)
        return _preview(active_connection(self._scope.organization_id, connection_id), _member_key(self._scope))

    def delete(self, connection_id: str, *, version: str) -> ScimDeletion:
        """Delete the connection; its users stay members. Raise NotFound, Conflict."""
        self._scope.require(Permission.SCIM_DELETE)
        with transaction.atomic():
            row, deletion = _lock(self._scope, connection_id, version)
            _mark_deleted(row, deletion, self._scope.caller, {"people": "keep", "deactivated": 0})
        return deletion


class EmbeddedScimDeactivation:
    """Implements portal.directory.scim.deletion.ScimDeactivationGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def delete(self, connection_id: str, *, version: str) -> ScimDeletion:
        """Delete the connection and deactivate its users. Raise NotFound, Conflict."""
        self._scope.require(Permission.SCIM_DELETE)
        with transaction.atomic():
            row, deletion = _lock(self._scope, connection_id, version)
            now = timezone.now()
            self._deactivate(row, now)
            after = {"people": "deactivate", "deactivated": deletion.deactivated_count}
            _mark_deleted(row, deletion, self._scope.caller, after, now)
            transaction.on_commit(partial(self._deactivate_late, row), robust=True)
        return deletion

    def _deactivate(self, row: models.ScimConnectionRow, now: datetime) -> None:
        """End the membership of all users who aren't exempt: sessions, sign-in links and roles."""
        lift_time_limit()
        exempt, _ = _exempt(row, _member_key(self._scope))
        leaving = users_of(row).exclude(member=None).exclude(member__status=MemberStatus.DELETED)
        leaving.exclude(member_id__in=exempt).update(deactivated_with_connection_at=now, cannot_sign_in=F("active"))
        members = deactivated_members(row)
        active = members.exclude(status=MemberStatus.DELETED)
        record_members(self._scope.caller, "member.deactivate", active, MemberStatus.DELETED)
        # Members first: using a link locks the member before the link, so no one signs in between the two.
        active.update(status=MemberStatus.DELETED, direct_roles=[], updated_at=now)
        sessions = rows_of(row.organization_id, models.MemberSessionRow).filter(revoked_at=None)
        sessions.filter(member__in=members).update(revoked_at=now)
        rows_of(row.organization_id, models.SignInLinkRow).filter(member__in=members).delete()
        rows_of(row.organization_id, models.RememberedDeviceRow).filter(member__in=members).delete()
        rows_of(row.organization_id, models.IntermediateSessionMemberRow).filter(member__in=members).delete()

    def _deactivate_late(self, row: models.ScimConnectionRow) -> None:
        """Deactivate the users that a request activated while the deletion was being committed. No later request can.

        A request checks whether the connection is deleted after it has written or locked a user. If it saw an active
        connection, it is waited for or has ended. SQLite runs one write transaction at a time and doesn't need this.
        """
        if database.vendor != "postgresql":
            return
        _wait_for_writes()
        with transaction.atomic():
            lock_admins(row.organization_id)
            deleted = restorable(row.organization_id).select_for_update(no_key=True)
            if found := deleted.filter(pk=row.pk, deleted_at=row.deleted_at).first():
                self._deactivate(found, timezone.now())


def restorable(organization_id: UUID) -> QuerySet[models.ScimConnectionRow]:
    """Return the deleted connections that can be restored."""
    since = timezone.now() - timedelta(days=settings.SCIM_RESTORE_DAYS)
    deleted = rows_of(organization_id, models.ScimConnectionRow).filter(status=ScimConnectionStatus.DELETED)
    return deleted.filter(deleted_at__gt=since)


def users_of(row: models.ScimConnectionRow) -> QuerySet[models.ScimUserRow]:
    """Return the connection's users, through the index that begins with the organization."""
    return rows_of(row.organization_id, models.ScimUserRow).filter(connection=row)


def groups_of(row: models.ScimConnectionRow) -> QuerySet[models.ScimGroupRow]:
    """Return the connection's groups, through the index that begins with the organization."""
    return rows_of(row.organization_id, models.ScimGroupRow).filter(connection=row)


def deactivated_members(row: models.ScimConnectionRow) -> Members:
    """Return the members that the connection's deletion deactivated."""
    users = users_of(row).exclude(deactivated_with_connection_at=None)
    return rows_of(row.organization_id, models.MemberRow).filter(scim_user__in=users)


def roles_by_group(row: models.ScimConnectionRow, member: UUID) -> tuple[ScimRoleReach, ...]:
    """Return the roles that active members have only through the connection's groups. `member` is the caller."""
    sql = _ROLES_BY_GROUP.replace("WITHOUT_GROUPS", WITHOUT_GROUPS[database.vendor])
    organization = row.organization_id
    found = rows(sql, organization, row.pk, organization, member, organization, MemberStatus.ACTIVE)
    return tuple(ScimRoleReach(role_id, int(number), bool(is_caller)) for role_id, number, is_caller in found)


def record_members(caller: audit.Caller, action: str, members: Members, status: MemberStatus) -> None:
    """Write an audit entry for each member about to get the status."""
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


def record_connection(
    caller: audit.Caller,
    action: str,
    row: models.ScimConnectionRow,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> None:
    """Write an audit entry of the connection."""
    audit.record(
        caller,
        action,
        organization_id=row.organization_id,
        target_id=public_id("scim-connection", row.pk),
        target_name=row.display_name,
        before=before,
        after=after,
    )


def prune(caller: audit.Caller = _WORKER, limit: int | None = MAX_ROWS) -> int:
    """Delete the rows of connections that can no longer be restored, a thousand in a transaction. Users stay members.

    Return how many connections were deleted. If they have more than `limit` rows, the next run deletes the rest.
    """
    since = timezone.now() - timedelta(days=settings.SCIM_RESTORE_DAYS)
    old = across_organizations(models.ScimConnectionRow).filter(
        status=ScimConnectionStatus.DELETED, deleted_at__lte=since
    )
    # An organization that can be restored keeps the connection that it had.
    old = old.exclude(organization__deleted_at=F("deleted_at"), organization__deleted_slug__gt="")
    pruned, deleted = 0, 0
    for row in old.order_by("pk"):
        for parts in _parts(row):
            deleted += delete_in_batches(partial(_delete, row, parts), None if limit is None else limit - deleted)
        if limit is not None and deleted >= limit:
            break
        with transaction.atomic():
            record_connection(caller, "scim_connection.purge", row, {}, {})
            row.delete()
        pruned += 1
    return pruned


def _delete(row: models.ScimConnectionRow, parts: "QuerySet[Any]", number: int) -> int:
    """Delete some of a connection's rows of one kind, and return how many."""
    keys = list(parts.order_by("pk").values_list("pk", flat=True)[:number])
    if parts.model in (models.ScimGroupRow, models.ScimUserRow):
        # Not Django's, which looks in all organizations for rows that refer to them. They are deleted by now.
        writes = Writes()
        writes.delete_keys(parts.model, {"organization_id": row.organization_id}, "id", keys)
        writes.send()
    else:
        rows_of(row.organization_id, parts.model).filter(pk__in=keys).delete()
    # Without those that went with them.
    return len(keys)


def _lock(scope: Scope, connection_id: str, version: str) -> tuple[models.ScimConnectionRow, ScimDeletion]:
    """Lock the organization's admins and the connection. Raise Conflict if it changed or the last admin would be lost."""
    # Admins before the connection, as provisioning locks them, to avoid deadlocks.
    lock_admins(scope.organization_id)
    row = active_connection(scope.organization_id, connection_id, lock=True)
    deletion = _preview(row, _member_key(scope))
    if deletion.version != version:
        raise Conflict("The connection changed in the meantime. Nothing was deleted.", field="version")
    if deletion.obstacle:
        raise Conflict(deletion.obstacle)
    return row, deletion


def _mark_deleted(
    row: models.ScimConnectionRow,
    deletion: ScimDeletion,
    caller: audit.Caller,
    after: Mapping[str, Any],
    now: datetime | None = None,
) -> None:
    row.status, row.deleted_at = ScimConnectionStatus.DELETED, now or timezone.now()
    row.deleted_by = caller.actor.name[:256]
    row.save(update_fields=["status", "deleted_at", "deleted_by", "updated_at"])
    before = {"people": deletion.users, "groups": deletion.groups, "group_roles": deletion.group_roles}
    record_connection(caller, "scim_connection.delete", row, before, after)


def _preview(row: models.ScimConnectionRow, member: UUID) -> ScimDeletion:
    exempt, obstacle = _exempt(row, member)
    addresses = rows_of(row.organization_id, models.MemberRow).filter(pk__in=exempt)
    return ScimDeletion(
        display_name=row.display_name,
        users=users_of(row).count(),
        active_members=_active_members(row).count(),
        groups=groups_of(row).count(),
        group_roles=row.group_roles.count(),
        role_losses=roles_by_group(row, member),
        exempt=tuple(addresses.order_by("email_address_folded").values_list("email_address", flat=True)),
        obstacle=obstacle,
        restorable_until=timezone.now() + timedelta(days=settings.SCIM_RESTORE_DAYS),
    )


def _member_key(scope: Scope) -> UUID:
    """Return the primary key of the member who acts, or the nil UUID."""
    return parse_id("member", scope.caller.actor.id)


def _active_members(row: models.ScimConnectionRow) -> Members:
    members = rows_of(row.organization_id, models.MemberRow).filter(scim_user__in=users_of(row))
    return members.exclude(status=MemberStatus.DELETED)


def _exempt(row: models.ScimConnectionRow, member: UUID) -> tuple[Sequence[UUID], str]:
    """Return the members that a deletion never deactivates: the caller, and one admin if no other would be left.

    The text says why the connection can't be deleted at all, "" if it can.
    """
    active = rows_of(row.organization_id, models.MemberRow).filter(status=MemberStatus.ACTIVE)
    assigned = active.exclude(direct_roles=[]).values_list("pk", "direct_roles", "scim_user__connection_id")
    admins = {key: connection for key, roles, connection in assigned.iterator() if ADMIN_ROLE in roles}
    caller = [member] if _active_members(row).filter(pk=member).exists() else []
    by_domain = active.filter(has_email_domain(email_domains_granting(row.organization, ADMIN_ROLE))).order_by("pk")
    if any(key == member or connection != row.pk for key, connection in admins.items()):
        return caller, ""
    if by_domain.filter(Q(pk__in=caller) | ~Q(scim_user__connection=row)).exists():
        return caller, ""
    exempt = [*caller, *(admins or by_domain.values_list("pk", flat=True)[:1])]
    # An organization that never had an admin, because only programs manage it, loses none.
    loses_all = not exempt[len(caller) :] and has_admin(row.organization_id)
    return exempt, _NO_ADMIN if loses_all else ""


def _wait_for_writes() -> None:
    """Wait until the transactions that write or lock users now have ended, or for _MAX_WAIT."""
    until = time.monotonic() + _MAX_WAIT
    running = _writing_transactions()
    while running and time.monotonic() < until:
        time.sleep(_POLL_INTERVAL)
        running &= _writing_transactions()


def _writing_transactions() -> set[str]:
    return {transaction_id for (transaction_id,) in rows(_WRITING, models.ScimUserRow._meta.db_table)}


def _batches(members: Members) -> Iterator[Sequence[models.MemberRow]]:
    in_order = members.order_by("pk").only("organization_id", "email_address", "status", "direct_roles")
    batch: Sequence[models.MemberRow] = list(in_order[:BATCH])
    while batch:
        yield batch
        batch = list(in_order.filter(pk__gt=batch[-1].pk)[:BATCH])


def _parts(row: models.ScimConnectionRow) -> "Iterable[QuerySet[Any]]":
    """Return the rows of a connection, in an order in which no remaining row refers to a deleted one."""
    members = rows_of(row.organization_id, models.ScimMembershipRow).filter(group__connection=row)
    nestings = rows_of(row.organization_id, models.ScimNestingRow).filter(group__connection=row)
    return (
        row.requests.all(),
        row.conflicts.all(),
        members,
        nestings,
        row.group_roles.all(),
        groups_of(row),
        users_of(row),
    )
