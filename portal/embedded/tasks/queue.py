"""Add tasks to the queue. A task is added in the transaction that causes it, so it runs if that is committed, and only then.

Each organization has a queue of its own, which workers take in turn (claims.py). Arguments are stored as they are: they
name rows, and never hold a secret or an address.
"""

from typing import ParamSpec, TypeVar
from uuid import UUID

from django_tasks.base import Task
from django_tasks_db.models import DBTaskResult

from portal.directory.errors import TooManyRequests

P = ParamSpec("P")
T = TypeVar("T")

# The queue of the scheduled jobs. The others are named after their organization, as 32 hexadecimal digits.
HOUSEKEEPING = "housekeeping"
# Tasks of one organization that may wait.
MAX_WAITING = 10_000
# Someone waits for this: it runs before the organization's other tasks.
URGENT = 50


class GiveUp(Exception):
    """Raised by a task that would fail each time: it is dead at once, without another attempt."""


def enqueue(organization_id: UUID, task: Task[P, T], *args: P.args, **kwargs: P.kwargs) -> None:
    """Add a task to an organization's queue. Raise TooManyRequests if 10,000 of its tasks are waiting."""
    waiting = DBTaskResult.objects.filter(status="READY", queue_name=organization_id.hex).order_by()
    if waiting[:MAX_WAITING].count() == MAX_WAITING:
        raise TooManyRequests("Too many tasks of this organization are waiting. Try again later.")
    enqueue_always(organization_id, task, *args, **kwargs)


def enqueue_always(organization_id: UUID, task: Task[P, T], *args: P.args, **kwargs: P.kwargs) -> None:
    """Add a task however many are waiting, for what must not fail because of them, such as a sign-in."""
    task.using(queue_name=organization_id.hex).enqueue(*args, **kwargs)


def organization_of(queue: str) -> UUID | None:
    """Return the organization that a queue belongs to, None for the scheduled jobs."""
    return None if queue == HOUSEKEEPING else UUID(queue)
