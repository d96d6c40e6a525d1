"""The deactivation safeguard: after many deactivations within an hour, further ones are on hold until an admin decides.

Each deactivation locks one row of the connection, so that simultaneous ones are counted one after the other. So does a
request that takes many users out of a group with roles. Other requests don't touch it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone

from portal.directory.errors import Conflict
from portal.directory.ids import public_id
from portal.directory.pages import DEFAULT_LIMIT, MAX_COUNTED, Page, check_limit
from portal.directory.permissions import Permission
from portal.directory.scim.safeguard import (
    ScimHeldGroup,
    ScimHeldUser,
    ScimSafeguard,
    ScimSafeguardDecision,
    ScimSafeguardLimits,
)
from portal.embedded import audit, models
from portal.embedded.database.keyset import Keyset
from portal.embedded.database.statements import Statement, columns_of
from portal.embedded.database.writes import Writes
from portal.embedded.scim.connection import active_connection
from portal.embedded.scim.protocol.client import ScimClient
from portal.embedded.scim.protocol.errors import ScimError
from portal.embedded.scim.safeguard_limits import change_limits, is_off, limits, minimum, share, trial_until
from portal.embedded.scope import Scope, rows_of
from portal.metrics import SAFEGUARD_HOLDS

_WINDOW = 60  # minutes
_ALL = 100  # percent
# For how long users whose deactivation was approved can be deactivated.
_APPROVAL_PERIOD = timedelta(hours=24)
# How old the number of users may be while deactivations succeed, and when it would put one on hold.
_COUNT_EVERY, _COUNT_AGAIN = timedelta(minutes=10), timedelta(minutes=1)
_HOLD_FIELDS = ("hold_started_at", "hold_kept_at", "hold_approved_from", "hold_approved_until")


class EmbeddedScimSafeguard:
    """Implements portal.directory.scim.safeguard.ScimSafeguardGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def get(self, connection_id: str) -> ScimSafeguard:
        """Return the state of the safeguard. Raise NotFound."""
        connection = self._readable(connection_id)
        counts = rows_of(connection.organization_id, models.ScimSafeguardRow).filter(connection=connection).first()
        is_on_hold = connection.hold_started_at is not None
        return ScimSafeguard(
            version=_version(connection),
            share=0 if is_off() else share(connection),
            minimum=minimum(connection),
            limits=limits(connection),
            trial_until=trial_until(connection),
            hold_started_at=connection.hold_started_at,
            hold_kept_at=connection.hold_kept_at,
            notified_at=connection.hold_notified_at,
            approved_until=connection.hold_approved_until,
            user_count=counts.user_count if counts else 0,
            deactivated_count=counts.deactivated_count if counts else 0,
            removed_count=counts.removed_count if counts else 0,
            held_user_count=_held_users(connection)[:MAX_COUNTED].count() if is_on_hold else 0,
            held_group_count=_held_groups(connection)[:MAX_COUNTED].count() if is_on_hold else 0,
        )

    def held_users(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimHeldUser]:
        """Return a page of the users on hold, oldest first. Raise Invalid, InvalidCursor, NotFound."""
        connection = self._readable(connection_id)
        check_limit(limit)
        keyset = Keyset("scim-held-people", connection.organization_id, connection.pk)
        rows = keyset.after(cursor, _held_users(connection), "pk")
        found = list(rows.only("user_name", "display_name", "deactivation_held_at")[: limit + 1])
        return keyset.page(found, limit=limit, key=lambda row: row.pk).map(_held_user)

    def held_groups(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimHeldGroup]:
        """Return a page of the groups on hold, oldest first. Raise Invalid, InvalidCursor, NotFound."""
        connection = self._readable(connection_id)
        check_limit(limit)
        keyset = Keyset("scim-held-groups", connection.organization_id, connection.pk)
        rows = keyset.after(cursor, _held_groups(connection), "pk")
        found = list(rows.only("display_name", "removal_held_at", "removal_held_count")[: limit + 1])
        return keyset.page(found, limit=limit, key=lambda row: row.pk).map(_held_group)

    def held_count(self, connection_id: str) -> int:
        """Return how many users lose access or the roles of a group if the hold is approved. Raise NotFound."""
        return _held_count(self._readable(connection_id))

    def decide(
        self, connection_id: str, decision: ScimSafeguardDecision, *, version: str, count: int | None = None
    ) -> None:
        """Approve, keep or clear the hold. Raise NotFound, Conflict if it has changed."""
        self._scope.require(Permission.SCIM_UPDATE)
        with transaction.atomic():
            connection = active_connection(self._scope.organization_id, connection_id, lock=True)
            if connection.hold_started_at is None or version != _version(connection):
                raise Conflict("Someone else decided in the meantime. Nothing was changed.")
            match decision:
                case ScimSafeguardDecision.KEEP:
                    connection.hold_kept_at = timezone.now()
                case ScimSafeguardDecision.RELEASE:
                    _approve(connection, connection.hold_started_at, count)
                    _end_hold(connection)
                case ScimSafeguardDecision.REARM:
                    connection.hold_approved_until = None
                    _end_hold(connection)
            connection.save(update_fields=[*_HOLD_FIELDS, "updated_at"])
            audit.record(
                self._scope.caller,
                f"scim_connection.safeguard_{decision}",
                organization_id=connection.organization_id,
                target_id=connection_id,
                target_name=connection.display_name,
                after={} if count is None else {"people": count},
            )

    def change_limits(self, connection_id: str, *, share: int, minimum: int, version: str) -> ScimSafeguardLimits:
        """Change the limits. Raise StepUpRequired, NotFound, Invalid, or Conflict if they have another version by now."""
        self._scope.require(Permission.SCIM_UPDATE)
        self._scope.require_recent_proof()
        return change_limits(self._scope, connection_id, share=share, minimum=minimum, version=version)

    def _readable(self, connection_id: str) -> models.ScimConnectionRow:
        self._scope.require(Permission.SCIM_GET)
        return active_connection(self._scope.organization_id, connection_id)


class Counts(NamedTuple):
    """The numbers with which a hold began, as ScimSafeguardRow has them."""

    deactivated_count: int
    removed_count: int
    user_count: int


class OnHold(ScimError):
    """The request is on hold until an admin of the organization decides. Without `counts`, the hold began earlier."""

    about = ""  # of what the hold begins with, for metrics
    status = 503  # docs/decisions/0011: identity providers see it as temporary, and retry
    headers: Mapping[str, str] = {"Retry_After": "600"}

    def __init__(self, client: ScimClient, detail: str, counts: Counts | None) -> None:
        super().__init__(f"{detail} Other requests succeed. Try again later.")
        self._raised_at = timezone.now()
        self._client, self._counts = client, counts

    def store_target(self, now: datetime) -> None:
        """Store the user or the group that is on hold."""
        raise NotImplementedError

    def after_rollback(self) -> None:
        """Store what is on hold, and begin the hold of the connection, so that an admin sees it."""
        now = timezone.now()
        self.store_target(now)
        if self._counts:
            self._begin(now, self._counts)

    def _begin(self, now: datetime, counts: Counts) -> None:
        organization_id, connection = self._client.organization_id, self._client.connection
        rows = rows_of(organization_id, models.ScimConnectionRow).filter(pk=connection.pk, hold_started_at=None)
        # One of several simultaneous requests begins the hold. A request that was rejected before an approval doesn't.
        rows = rows.exclude(hold_approved_until__gt=self._raised_at + _APPROVAL_PERIOD)
        if not rows.update(hold_started_at=now, hold_kept_at=None, hold_notified_at=None):
            return
        SAFEGUARD_HOLDS.labels(self.about).inc()
        # If the first request that is counted is put on hold, its row was rolled back.
        rows_of(organization_id, models.ScimSafeguardRow).update_or_create(
            organization_id=organization_id, connection_id=connection.pk, defaults=counts._asdict()
        )
        audit.record(
            self._client.caller,
            "scim_connection.safeguard",
            organization_id=organization_id,
            target_id=self._client.connection_id,
            target_name=connection.display_name,
            after={
                "deactivated": counts.deactivated_count,
                "removed_from_groups": counts.removed_count,
                "people": counts.user_count,
            },
        )


class DeactivationOnHold(OnHold):
    """Too many users were deactivated within an hour, so this deactivation is on hold."""

    about = "deactivation"

    def __init__(self, client: ScimClient, member: models.MemberRow, counts: Counts | None = None) -> None:
        super().__init__(
            client,
            "Many people were deactivated within an hour, so further deactivations are on hold until an admin of the "
            "organization approves them in the portal, under SCIM, Needs attention.",
            counts,
        )
        self._member = member

    def store_target(self, now: datetime) -> None:
        """Store the user whose deactivation is on hold."""
        users = rows_of(self._client.organization_id, models.ScimUserRow).filter(member=self._member)
        users.update(deactivation_held_at=now)


class RemovalOnHold(OnHold):
    """Too many users would lose the roles of a group by this request, so it's on hold."""

    about = "removal"

    def __init__(
        self, client: ScimClient, group: models.ScimGroupRow, count: int, counts: Counts | None = None
    ) -> None:
        super().__init__(
            client,
            f'The request takes {count:,} people out of the group "{group.display_name}", who lose its roles. It\'s on hold '
            "until an admin of the organization approves it in the portal, under SCIM, Needs attention.",
            counts,
        )
        self._group_id, self._count = group.pk, count

    def store_target(self, now: datetime) -> None:
        """Store the group that is on hold, and how many users would lose its roles."""
        groups = rows_of(self._client.organization_id, models.ScimGroupRow).filter(pk=self._group_id)
        groups.update(removal_held_at=now, removal_held_count=self._count)


def register_deactivation(
    client: ScimClient, user: models.ScimUserRow, member: models.MemberRow, writes: Writes
) -> None:
    """Count a deactivation, in the writes of the caller's transaction. Raise DeactivationOnHold above the limit."""
    if is_off() or _is_approved(client.connection, lambda: user.deactivation_held_at):
        return
    _count(client, "minutes", 1, partial(DeactivationOnHold, client, member), writes)


def register_removal(client: ScimClient, group: models.ScimGroupRow, count: int, writes: Writes) -> None:
    """Count users that one request takes out of a group with roles. Raise RemovalOnHold above the limit.

    Up to the connection's minimum they aren't counted.
    """
    if is_off() or count <= minimum(client.connection):
        return
    if _is_approved(client.connection, lambda: group.removal_held_at) and count <= group.removal_held_count:
        return
    _count(client, "removal_minutes", count, partial(RemovalOnHold, client, group, count), writes)
    client.taken_out[group.pk] = 0


def _is_approved(connection: models.ScimConnectionRow, held_at: Callable[[], datetime | None]) -> bool:
    """Return whether an approval that is still valid was given while the request was on hold."""
    first, until = connection.hold_approved_from, connection.hold_approved_until
    if first is None or until is None or until <= timezone.now():
        return False
    # Deferred columns: approvals are rare, so they cost a query of their own.
    at = held_at()
    return at is not None and first <= at <= until - _APPROVAL_PERIOD


def _count(
    client: ScimClient, column: str, number: int, on_hold: Callable[[Counts | None], ScimError], writes: Writes
) -> None:
    """Add to the numbers per minute in a column. Raise `on_hold` if the connection would lose too many within an hour."""
    if client.connection.hold_started_at:
        raise on_hold(None)
    row, now = _locked_row(client), timezone.now()
    minute = int(now.timestamp()) // 60
    minutes = {name: _recent(getattr(row, name), minute) for name in ("minutes", "removal_minutes")}
    deactivated, removed = (sum(one.values()) for one in minutes.values())
    wanted = deactivated + removed + number
    if wanted > minimum(client.connection) and wanted > _limit(row, share(client.connection), deactivated, wanted, now):
        raise on_hold(Counts(deactivated, removed, row.user_count))
    counted = minutes[column]
    setattr(row, column, {**counted, str(minute): counted.get(str(minute), 0) + number})
    writes.update(row, column, "user_count", "counted_at")


def _recent(minutes: Mapping[str, int], minute: int) -> dict[str, int]:
    return {text: number for text, number in minutes.items() if int(text) > minute - _WINDOW}


def _limit(row: models.ScimSafeguardRow, percent: int, deactivated: int, wanted: int, now: datetime) -> int:
    """Return how many users can be deactivated within an hour: `percent` of all. Users are counted at intervals, not for each deactivation."""
    age = now - row.counted_at if row.counted_at else _COUNT_EVERY
    if age >= _COUNT_EVERY or (wanted > row.user_count * percent // _ALL and age >= _COUNT_AGAIN):
        users = rows_of(row.organization_id, models.ScimUserRow).filter(connection_id=row.connection_id, active=True)
        row.user_count = users.exclude(member=None).count() + deactivated
        row.counted_at = now
    return row.user_count * percent // _ALL


def _locked_row(client: ScimClient) -> models.ScimSafeguardRow:
    """Return the connection's row, locked until the transaction ends."""
    key = (client.organization_id, client.connection.pk)
    row = _LOCKED_ROW.first_object(*key)
    if row is None:
        new = models.ScimSafeguardRow(organization_id=key[0], connection_id=key[1])
        models.ScimSafeguardRow.objects.bulk_create([new], ignore_conflicts=True)
        row = _LOCKED_ROW.first_object(*key)
    # It is only deleted with the connection.
    assert row is not None  # noqa: S101 -- for the type checker
    return row


_KEY = models.ScimConnectionRow._meta.pk
_LOCKED_ROW = Statement(
    lambda organization, connection: (
        rows_of(organization, models.ScimSafeguardRow).select_for_update().filter(connection_id=connection)
    ),
    columns_of(models.ScimSafeguardRow),
    (_KEY, UUID(int=1)),
    (_KEY, UUID(int=2)),
)


def _approve(connection: models.ScimConnectionRow, started_at: datetime, count: int | None) -> None:
    """Approve what is on hold. Raise Conflict if its count has changed."""
    now, held = timezone.now(), _held_count(connection)
    if held != count:
        raise Conflict(f"{_count_on_hold(held)} on hold now. Check them, then confirm the new number.", field="count")
    # Earlier approvals stay valid: their users were put on hold before these.
    if connection.hold_approved_from is None or (connection.hold_approved_until or now) <= now:
        connection.hold_approved_from = started_at
    connection.hold_approved_until = now + _APPROVAL_PERIOD


def _end_hold(connection: models.ScimConnectionRow) -> None:
    """End the hold, and start counting again."""
    connection.hold_started_at = connection.hold_kept_at = None
    rows_of(connection.organization_id, models.ScimSafeguardRow).filter(connection=connection).update(
        minutes={}, removal_minutes={}, counted_at=None
    )


def _held_users(connection: models.ScimConnectionRow) -> "QuerySet[models.ScimUserRow]":
    """Return the active users whose deactivation was requested since the hold began."""
    return rows_of(connection.organization_id, models.ScimUserRow).filter(
        connection_id=connection.pk,
        active=True,
        deactivation_held_at__isnull=False,
        deactivation_held_at__gte=connection.hold_started_at or timezone.now(),
    )


def is_user_on_hold(user: models.ScimUserRow) -> bool:
    """Return whether a user, selected with the connection, is one of those whose deactivation waits for an admin."""
    started_at, held_at = user.connection.hold_started_at, user.deactivation_held_at
    return user.active and started_at is not None and held_at is not None and held_at >= started_at


def _held_groups(connection: models.ScimConnectionRow) -> "QuerySet[models.ScimGroupRow]":
    """Return the groups that still have members, and that a request would have emptied since the hold began."""
    return rows_of(connection.organization_id, models.ScimGroupRow).filter(
        connection_id=connection.pk,
        member_count__gt=0,
        removal_held_at__isnull=False,
        removal_held_at__gte=connection.hold_started_at or timezone.now(),
    )


class HeldCounts(NamedTuple):
    """How many users would be deactivated, and how many would lose the roles of a group, if the hold was approved."""

    users: int
    removals: int


def held_counts(connection: models.ScimConnectionRow) -> HeldCounts:
    """Return what is on hold now."""
    removals = _held_groups(connection).aggregate(count=Sum("removal_held_count"))["count"]
    return HeldCounts(_held_users(connection).count(), removals or 0)


def _held_count(connection: models.ScimConnectionRow) -> int:
    return sum(held_counts(connection))


def _held_user(row: models.ScimUserRow) -> ScimHeldUser:
    at = row.deactivation_held_at or row.updated_at
    return ScimHeldUser(public_id("scim-user", row.pk), row.user_name, row.display_name, at)


def _held_group(row: models.ScimGroupRow) -> ScimHeldGroup:
    at = row.removal_held_at or row.updated_at
    return ScimHeldGroup(public_id("scim-group", row.pk), row.display_name, row.removal_held_count, at)


def _version(connection: models.ScimConnectionRow) -> str:
    return ",".join(at.isoformat() if at else "" for at in (connection.hold_started_at, connection.hold_kept_at))


def _count_on_hold(number: int) -> str:
    """Return "7 people are", "1 person is" or "No one is"."""
    return {0: "No one is", 1: "1 person is"}.get(number, f"{number:,} people are")
