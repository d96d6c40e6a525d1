"""Numbers of organizations: counted by a scheduled job for those that changed, kept by day, and read by pages.

A page counts up to a thousand rows of a kind itself, so the numbers of a small organization are always right. No number is
written by the transaction that changes it: a row for that would have every change of an organization wait for the one before.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

import structlog
from django.db import DatabaseError
from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from portal.directory.counts import TREND_DAYS, Count, MemberCounts, RoleCount, ScimCounts
from portal.directory.ids import first_uuid7, parse_id
from portal.directory.members import MemberStatus
from portal.directory.pages import MAX_COUNTED
from portal.directory.permissions import Permission
from portal.directory.policy import role_name
from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import models
from portal.embedded.database.batches import MAX_ROWS, delete_in_batches
from portal.embedded.database.time_limit import TimeLimitReached, time_limit
from portal.embedded.members.roles import count_active_users
from portal.embedded.models.activity import PROJECT
from portal.embedded.organizations.sign_in_numbers import count_sign_in
from portal.embedded.role_review import count_roles
from portal.embedded.scim.log import counting
from portal.embedded.scope import Scope, across_organizations, rows_of, rows_of_each

log = structlog.get_logger("gatehouse.counts")

JOB = "count_organizations"
# Days that are kept. The newest row of an organization stays, however old it is.
_KEPT_DAYS = 35
_WEEK = timedelta(days=7)
# How long one organization may take.
_SECONDS = 60
# A change can be committed so long after the time in its entry of the activity log.
_LATE = timedelta(minutes=5)
_BATCH = 500

Rows = QuerySet[Any]


class EmbeddedCounts:
    """Implements portal.directory.counts.CountGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def members(self) -> MemberCounts:
        """Count the members, with two queries at most."""
        self._scope.require(Permission.MEMBER_SEARCH)
        number, is_more = self._members
        week_ago = timezone.now().date() - _WEEK
        return MemberCounts(
            members=Count(number, is_more, _trend([(row.day, row.members) for row in self._days], number)),
            week_ago=next((row.members for row in self._days if row.day <= week_ago), None),
            counted_at=self._days[0].counted_at if number > MAX_COUNTED else None,
        )

    def scim(self, connection_id: str) -> ScimCounts:
        """Count the users and groups of a connection, with five queries at most."""
        self._scope.require(Permission.SCIM_GET)
        key, organization_id = parse_id("scim-connection", connection_id), self._scope.organization_id
        days = [row for row in self._days if row.connection_key == key]
        kept = days[0] if days else None
        active, deactivated = _user_numbers(kept, _users(organization_id, key))
        groups, has_more_groups = _number(kept.groups if kept else None, _groups(organization_id, key))
        assigned = list(_assignments(organization_id, key).values_list("group_id", "role_id")[: MAX_COUNTED + 1])
        has_more_roles = len(assigned) > MAX_COUNTED
        granting = Count(min(len({group for group, _ in assigned}), MAX_COUNTED), has_more_roles)
        is_old = active.number + deactivated.number > MAX_COUNTED or groups > MAX_COUNTED or has_more_roles
        return ScimCounts(
            active_users=replace(active, trend=_trend([(row.day, row.active_users) for row in days], active.number)),
            deactivated_users=deactivated,
            groups=Count(groups, has_more_groups, _trend([(row.day, row.groups) for row in days], groups)),
            granting_groups=Count(kept.granting_groups) if kept and has_more_roles else granting,
            roles=_roles(None if has_more_roles else [role for _, role in assigned], kept),
            counted_at=kept.counted_at if kept and is_old else None,
        )

    def unmanaged_members(self, connection_id: str) -> Count | None:
        """Count the members without a user, with three queries at most."""
        self._scope.require(Permission.SCIM_GET)
        key, (number, is_more) = parse_id("scim-connection", connection_id), self._members
        if number <= MAX_COUNTED and not is_more:
            return Count(_unmanaged(self._scope.organization_id, key).count())
        kept = next((row for row in self._days if row.connection_key == key), None)
        return Count(kept.unmanaged_members) if kept and number > MAX_COUNTED else None

    @cached_property
    def _members(self) -> tuple[int, bool]:
        kept = self._days[0].members if self._days else None
        return _number(kept, _members(self._scope.organization_id))

    @cached_property
    def _days(self) -> Sequence[models.DailyCountRow]:
        """The newest days, newest first. A day without a change has the numbers of the row before it."""
        return list(self._scope.of(models.DailyCountRow).order_by("-day")[: TREND_DAYS + 1])


def count_organization(organization_id: UUID) -> None:
    """Count what an organization has, and keep it as the numbers of today (UTC).

    If it's counted twice at the same time, the numbers of the one that began later stay. Raise TimeLimitReached after a
    minute.
    """
    counted_at = timezone.now()
    with time_limit(_SECONDS):
        numbers = _count(organization_id)
    rows, day = rows_of(organization_id, models.DailyCountRow), counted_at.date()
    if not rows.filter(day=day, counted_at__lt=counted_at).update(counted_at=counted_at, **numbers):
        row = models.DailyCountRow(organization_id=organization_id, day=day, counted_at=counted_at, **numbers)
        models.DailyCountRow.objects.bulk_create([row], ignore_conflicts=True)


def count_changed() -> int:
    """Count the organizations that have changed since the last run, and return how many.

    One that can't be counted is logged, and has the run fail after the others, so that the next one counts it again.
    """
    counted, failed = 0, 0
    for organization_id in _changed():
        try:
            count_organization(organization_id)
            counted += 1
        except (DatabaseError, TimeLimitReached) as error:
            failed += 1
            log.error("organization_not_counted", organization_id=str(organization_id), error=type(error).__name__)  # noqa: TRY400
    if failed:
        raise NotAllCounted(f"{failed} organizations could not be counted.")
    return counted


class NotAllCounted(Exception):
    """Organizations couldn't be counted. The log has their IDs."""


def prune(limit: int | None = MAX_ROWS) -> int:
    """Delete daily numbers after 35 days, and hourly numbers of requests after two. Return how many rows."""
    all_days = across_organizations(models.DailyCountRow)
    newer = rows_of(OuterRef("organization_id"), models.DailyCountRow).filter(day__gt=OuterRef("day"))
    before = timezone.now().date() - timedelta(days=_KEPT_DAYS)
    old = all_days.filter(Exists(newer) | Q(organization__deleted_at__isnull=False), day__lt=before)

    def delete(size: int) -> int:
        return all_days.filter(pk__in=list(old.values_list("pk", flat=True)[:size])).delete()[0]

    deleted = delete_in_batches(delete, limit)
    return deleted + counting.prune(None if limit is None else limit - deleted)


def _changed() -> Iterator[UUID]:
    """Yield the organizations that changed since the last run began, and those that were never counted.

    Every change is in the activity log, whose primary keys begin with the time.
    """
    live = models.OrganizationRow.objects.filter(deleted_at=None)
    since = _last_start()
    if since is None:
        yield from _keys(live)
        return
    entries = across_organizations(models.ActivityEntryRow).filter(pk__gte=first_uuid7(since - _LATE))
    changed = entries.exclude(organization_id=PROJECT).values_list("organization_id").annotate(Max("at")).order_by()
    newest = dict(changed)
    for batch in _batches(list(newest)):
        counted = dict(
            rows_of_each(batch, models.DailyCountRow).values_list("organization_id").annotate(Max("counted_at"))
        )
        live_keys = live.filter(pk__in=batch).values_list("pk", flat=True)
        yield from (one for one in live_keys if one not in counted or counted[one] < newest[one] + _LATE)
    yield from _keys(live.exclude(Exists(rows_of(OuterRef("pk"), models.DailyCountRow))))


def _last_start() -> datetime | None:
    """Return when the last run that succeeded began, None if none did."""
    row = models.ScheduledJobRow.objects.filter(pk=JOB).first()
    if row is None or row.succeeded_at is None:
        return None
    return row.succeeded_at - timedelta(seconds=row.seconds or 0)


def _keys(organizations: QuerySet[models.OrganizationRow]) -> Iterator[UUID]:
    """Yield the primary keys of organizations, which are read in batches."""
    batch: list[UUID] = []
    while not batch or len(batch) == _BATCH:
        after = organizations.filter(pk__gt=batch[-1]) if batch else organizations
        batch = list(after.order_by("pk").values_list("pk", flat=True)[:_BATCH])
        if not batch:
            return
        yield from batch


def _batches(keys: Sequence[UUID]) -> Iterator[Collection[UUID]]:
    for start in range(0, len(keys), _BATCH):
        yield keys[start : start + _BATCH]


def _count(organization_id: UUID) -> dict[str, Any]:
    """Return all numbers of an organization."""
    members, sign_in = _members(organization_id).count(), count_sign_in(organization_id)
    active = rows_of(organization_id, models.ScimConnectionRow).filter(status=ScimConnectionStatus.ACTIVE)
    key = active.values_list("pk", flat=True).first()
    if key is None:
        nothing = dict.fromkeys(("active_users", "deactivated_users", "groups", "granting_groups"), 0)
        return {
            "members": members,
            "sign_in": sign_in,
            "unmanaged_members": members,
            "connection_key": None,
            "roles": {},
            "role_members": count_roles(organization_id),
            **nothing,
        }
    users = _users(organization_id, key)
    deactivated = users.filter(active=False).count()
    groups: dict[str, list[UUID]] = {}
    for group, role_id in _assignments(organization_id, key).values_list("group_id", "role_id"):
        groups.setdefault(role_id, []).append(group)
    return {
        "members": members,
        "sign_in": sign_in,
        "unmanaged_members": _unmanaged(organization_id, key).count(),
        "connection_key": key,
        "active_users": max(users.count() - deactivated, 0),
        "deactivated_users": deactivated,
        "groups": _groups(organization_id, key).count(),
        "granting_groups": len({group for ones in groups.values() for group in ones}),
        "roles": {role: [len(ones), count_active_users(organization_id, ones)] for role, ones in groups.items()},
        "role_members": count_roles(organization_id),
    }


def _members(organization_id: UUID) -> Rows:
    return rows_of(organization_id, models.MemberRow).exclude(status=MemberStatus.DELETED).order_by()


def _unmanaged(organization_id: UUID, connection: UUID) -> Rows:
    known = _users(organization_id, connection).filter(member_id=OuterRef("pk"))
    return _members(organization_id).filter(~Exists(known))


def _users(organization_id: UUID, connection: UUID) -> QuerySet[models.ScimUserRow]:
    return rows_of(organization_id, models.ScimUserRow).filter(connection_id=connection).order_by()


def _groups(organization_id: UUID, connection: UUID) -> QuerySet[models.ScimGroupRow]:
    return rows_of(organization_id, models.ScimGroupRow).filter(connection_id=connection).order_by()


def _assignments(organization_id: UUID, connection: UUID) -> QuerySet[models.ScimGroupRoleRow]:
    """Return the roles of the groups that exist."""
    rows = rows_of(organization_id, models.ScimGroupRoleRow)
    return rows.filter(connection_id=connection, group__isnull=False).order_by()


def _user_numbers(kept: models.DailyCountRow | None, users: Rows) -> tuple[Count, Count]:
    """Return how many users are active and deactivated."""
    if kept and kept.active_users + kept.deactivated_users > MAX_COUNTED:
        return Count(kept.active_users), Count(kept.deactivated_users)
    number, is_more = _number(None, users)
    deactivated, has_more_deactivated = _number(None, users.filter(active=False))
    return Count(max(number - deactivated, 0), is_more), Count(deactivated, has_more_deactivated)


def _number(kept: int | None, rows: Rows) -> tuple[int, bool]:
    """Return the kept number if it's too large to count. Else count, and say whether there are more."""
    if kept is not None and kept > MAX_COUNTED:
        return kept, False
    found = rows[: MAX_COUNTED + 1].count()
    return min(found, MAX_COUNTED), found > MAX_COUNTED


def _roles(assigned: Sequence[str] | None, kept: models.DailyCountRow | None) -> tuple[RoleCount, ...] | None:
    """Return the roles with their groups, as they are or, for more than a page counts, as they were counted."""
    known = kept.roles if kept else {}
    if assigned is not None:
        roles = [
            RoleCount(role, assigned.count(role), known[role][1] if role in known else None) for role in set(assigned)
        ]
    elif kept:
        roles = [RoleCount(role, *numbers) for role, numbers in known.items()]
    else:
        return None
    return tuple(sorted(roles, key=lambda one: (role_name(one.role_id), one.role_id)))


def _trend(days: Sequence[tuple[date, int]], now: int) -> tuple[int, ...]:
    """Return the numbers of the newest days, oldest first and the current one last. `days` are newest first.

    A day without a number has that of the day before. Nothing if no day before today has one.
    """
    today = timezone.now().date()
    found: list[int] = []
    for back in range(1, TREND_DAYS):
        number = next((number for day, number in days if day <= today - timedelta(days=back)), None)
        if number is None:
            break
        found.append(number)
    return (*reversed(found), now) if found else ()
