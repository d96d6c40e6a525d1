"""Which workers live, and the tasks of those that don't.

A worker whose process was killed can't give its tasks back. Another worker does, once it has seen the heartbeat stand still
for a minute. It compares no clocks, and counts only the time in which it could look, so neither a clock that jumps nor a
database that was away makes a living worker look dead.
"""

import os
import socket
import time
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import structlog
from django.utils import timezone

from portal.directory.ids import uuid7
from portal.embedded.models import WorkerRow
from portal.embedded.tasks import claims

log = structlog.get_logger("gatehouse.worker")

BEAT_SECONDS = 10.0
DEAD_SECONDS = 60.0
# One look counts for this long at most.
_LOOK_SECONDS = 20.0
_LOST = claims.Failure("WorkerDied")


class Heartbeats:
    """A worker's own heartbeat, and what it has seen of the others'."""

    def __init__(self) -> None:
        self.worker_id = uuid7()
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        # The last heartbeat of each other worker, and for how many seconds it has stood still.
        self._others: dict[UUID, tuple[datetime, float]] = {}
        self._looked_at = time.monotonic()

    def beat(self) -> None:
        """Store that this worker lives. Before the first time it may not claim a task."""
        now = timezone.now()
        _, created = WorkerRow.objects.update_or_create(
            pk=self.worker_id, defaults={"seen_at": now}, create_defaults={"name": self._name, "seen_at": now}
        )
        if created:
            log.info("worker_registered", worker_id=str(self.worker_id), name=self._name)

    def end(self) -> None:
        """Delete the row of this worker, which runs nothing any longer."""
        WorkerRow.objects.filter(pk=self.worker_id).delete()

    def release_orphans(self, own: Collection[UUID]) -> list[UUID]:
        """Take back the tasks of workers that are gone, and return them. They run again, as after a failure.

        `own` are the tasks that this worker runs.
        """
        # Before the workers: each is registered before it claims, so the worker of none of these is unknown yet.
        running = claims.running()
        living = {str(worker) for worker in self._living()}
        orphans = [claim for claim in running if claim.worker not in living and claim.task_id not in own]
        return [claim.task_id for claim in orphans if claims.fail(claim, _LOST)]

    def _living(self) -> set[UUID]:
        """Return the other workers that live, and delete those that don't."""
        now = time.monotonic()
        passed, self._looked_at = min(now - self._looked_at, _LOOK_SECONDS), now
        seen = dict(WorkerRow.objects.exclude(pk=self.worker_id).values_list("pk", "seen_at"))
        before = self._others
        self._others = {
            worker: (at, before[worker][1] + passed if worker in before and before[worker][0] == at else 0.0)
            for worker, at in seen.items()
        }
        return {worker for worker, (at, still) in self._others.items() if still < DEAD_SECONDS or not _bury(worker, at)}


def _bury(worker: UUID, seen_at: datetime) -> bool:
    """Delete a dead worker. Return False if its heart has beaten again."""
    is_dead = bool(WorkerRow.objects.filter(pk=worker, seen_at=seen_at).delete()[0])
    if is_dead:
        log.warning("worker_died", worker_id=str(worker), last_seen=seen_at.isoformat())
    return is_dead
