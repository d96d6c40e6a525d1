"""Reads the figures of /metrics, with a few short queries over connections, tokens and tasks, never over people or requests."""

from datetime import timedelta

from django.db import close_old_connections, connection
from django.db.models import Count, Min, Q, Sum
from django.utils import timezone

from portal.directory.figures import Figures, JobFigures, ServerFigures, TaskFigures, TokenFigures
from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import models
from portal.embedded.database import partitions
from portal.embedded.database.time_limit import time_limit
from portal.embedded.scope import across_organizations
from portal.embedded.tasks.state import job_states, last_heartbeat, queue_state
from portal.serving.probe import Probe

# Every process reads them, but none more often than this.
_FRESH_SECONDS = 60
_SECONDS = 5
_PAUSED, _HELD = Q(paused_at__isnull=False), Q(hold_started_at__isnull=False)
_SERVER = "SELECT count(*), current_setting('max_connections')::int FROM pg_stat_activity WHERE backend_type = 'client backend'"


def figures() -> Figures | None:
    """Return the figures of the last minute, older ones while the database hangs, or None if there never were any.

    Takes less than a second.
    """
    return _probe.result()


def read_figures() -> Figures:
    """Read the figures now, on this thread's connection. Raise DatabaseError, TimeLimitReached."""
    with time_limit(_SECONDS):
        connections = across_organizations(models.ScimConnectionRow).filter(status=ScimConnectionStatus.ACTIVE)
        counted = connections.aggregate(
            active=Count("pk", filter=~_PAUSED & ~_HELD),
            paused=Count("pk", filter=_PAUSED),
            on_hold=Count("pk", filter=_HELD & ~_PAUSED),
            conflicts=Sum("waiting_conflicts"),
        )
        conflicts = counted.pop("conflicts") or 0
        server = _server() if connection.vendor == "postgresql" else None
        return Figures(
            read_at=timezone.now(),
            connections=counted,
            open_conflicts=conflicts,
            tokens=_tokens(),
            tasks=_tasks(),
            jobs=tuple(
                JobFigures(job.name, job.every.total_seconds(), job.succeeded_at, job.seconds) for job in job_states()
            ),
            partition_gaps=len(partitions.gaps()),
            server=server,
        )


def _tokens() -> TokenFigures:
    now = timezone.now()
    live = across_organizations(models.ScimTokenRow).filter(
        revoked_at=None, connection__status=ScimConnectionStatus.ACTIVE
    )
    valid = Q(expires_at__gt=now)
    counted = live.aggregate(
        expired=Count("pk", filter=~valid),
        within_7_days=Count("pk", filter=valid & Q(expires_at__lte=now + timedelta(days=7))),
        within_30_days=Count("pk", filter=valid & Q(expires_at__lte=now + timedelta(days=30))),
        next_at=Min("expires_at", filter=valid),
    )
    return TokenFigures(**counted)


def _tasks() -> TaskFigures:
    queue = queue_state()
    return TaskFigures(
        queue.waiting, queue.delayed, queue.running, queue.dead, queue.oldest_seconds or 0.0, last_heartbeat()
    )


def _server() -> ServerFigures:
    with connection.cursor() as cursor:
        cursor.execute(_SERVER)
        return ServerFigures(*cursor.fetchone())


def _look() -> Figures | None:
    close_old_connections()
    return read_figures()


def _end() -> None:
    connection.close()  # of the probe's thread


_probe: Probe[Figures | None] = Probe("figures", _look, late=None, fresh_seconds=_FRESH_SECONDS, keeps=True, end=_end)


def stop() -> None:
    """Forget the figures, and end the thread that reads them."""
    _probe.stop()
