"""The limits that an organization sets for its members' sessions, and the end of those that no longer satisfy them."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django_tasks import task

from portal.directory.counts import Count
from portal.directory.organizations import FIELD_ACTIONS, RESOURCE, OrganizationSettings
from portal.directory.pages import MAX_COUNTED
from portal.directory.session_limits import MAX_ENDING, LimitBounds
from portal.directory.sessions import SessionEndCause
from portal.embedded import models
from portal.embedded.database.batches import BATCH
from portal.embedded.scope import Scope, rows_of
from portal.embedded.sessions import limits
from portal.embedded.tasks.queue import enqueue_always

_FIELD = "session_duration_minutes"


class EmbeddedSessionLimits:
    """Implements portal.directory.session_limits.SessionLimitGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @property
    def bounds(self) -> LimitBounds:
        """What an organization can choose here."""
        return LimitBounds(
            longest=settings.PROJECT.sessions.max_duration_minutes,
            portal_idle=settings.SESSION_IDLE_MINUTES,
            portal_duration=settings.SESSION_DURATION_MINUTES,
            remembered_device_days=settings.PROJECT.sessions.max_remembered_device_days,
        )

    def ending(self, *, idle_minutes: int, duration_minutes: int) -> Count:
        """Count the sessions that would end with these limits. Raise Forbidden."""
        self._scope.require_action(FIELD_ACTIONS[_FIELD], RESOURCE)
        now, wanted = timezone.now(), limits.Limits(idle_minutes, duration_minutes)
        live = _unended(self._scope.organization_id, now).filter(limits.live(self._scope.organization.settings, now))
        number = live.filter(_beyond(*_cutoffs(wanted, now)))[: MAX_COUNTED + 1].count()
        return Count(min(number, MAX_COUNTED), is_more=number > MAX_COUNTED)


def end_beyond(organization_id: UUID, before: OrganizationSettings, after: OrganizationSettings) -> None:
    """End the sessions that don't satisfy an organization's limits, old or new: one that had ended doesn't come back.

    In the transaction of the change, 10,000 at most; a task ends the others, which no longer work until then.
    """
    now = timezone.now()
    strictest = limits.Limits(
        _lower(before.session_idle_minutes, after.session_idle_minutes),
        _lower(before.session_duration_minutes, after.session_duration_minutes),
    )
    used_until, started_until = _cutoffs(strictest, now)
    found = _unended(organization_id, now).filter(_beyond(used_until, started_until))
    keys = list(found.values_list("pk", flat=True)[: MAX_ENDING + 1])
    for at in range(0, min(len(keys), MAX_ENDING), BATCH):
        _end(organization_id, keys[at : min(at + BATCH, MAX_ENDING)], now)
    if len(keys) > MAX_ENDING:
        texts = (one.isoformat() if one else "" for one in (used_until, started_until))
        enqueue_always(organization_id, end_sessions_until, str(organization_id), *texts)


@task()
def end_sessions_until(organization_id: str, used_until: str, started_until: str) -> None:
    """End the sessions of an organization that weren't used after a time, or started before one; "" for no time."""
    key, now = UUID(organization_id), timezone.now()
    times = [datetime.fromisoformat(one) if one else None for one in (used_until, started_until)]
    found = _unended(key, now).filter(_beyond(*times))
    while keys := list(found.values_list("pk", flat=True)[:MAX_ENDING]):
        for at in range(0, len(keys), BATCH):
            _end(key, keys[at : at + BATCH], now)


def _unended(organization_id: UUID, now: datetime) -> QuerySet[models.MemberSessionRow]:
    return rows_of(organization_id, models.MemberSessionRow).filter(revoked_at=None, expires_at__gt=now).order_by()


def _cutoffs(wanted: limits.Limits, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Return when a session must have been used, and started, to be within the limits; None without a limit."""
    return (
        now - timedelta(minutes=wanted.idle) if wanted.idle else None,
        now - timedelta(minutes=wanted.duration) if wanted.duration else None,
    )


def _beyond(used_until: datetime | None, started_until: datetime | None) -> Q:
    unused = Q(last_accessed_at__lte=used_until) if used_until else Q(pk__in=())
    return unused | Q(started_at__lte=started_until) if started_until else unused


def _end(organization_id: UUID, keys: list[Any], now: datetime) -> None:
    with transaction.atomic():
        rows = rows_of(organization_id, models.MemberSessionRow).filter(pk__in=keys, revoked_at=None)
        rows.update(revoked_at=now, revoked_because=SessionEndCause.LIMITS)


def _lower(one: int, other: int) -> int:
    """Return the lower of two limits, 0 if there is none."""
    return min(one or other, other or one)
