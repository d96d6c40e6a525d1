"""Run one claimed task, and store its outcome."""

import structlog

from portal.embedded.tasks import claims
from portal.embedded.tasks.queue import GiveUp


def execute(claim: claims.Claim) -> claims.Failure | None:
    """Run a task in this thread. Return why it failed, None if it succeeded."""
    arguments = claim.row.args_kwargs
    try:
        with structlog.contextvars.bound_contextvars(task_id=str(claim.task_id)):
            claim.row.task.call(*arguments["args"], **arguments["kwargs"])
    except GiveUp as error:
        return claims.failure_of(error.__cause__ or error, is_final=True)
    except BaseException as error:  # noqa: BLE001 -- a task mustn't end the worker, not even by SystemExit
        return claims.failure_of(error, is_final=False)
    return None


def store(claim: claims.Claim, failure: claims.Failure | None) -> bool:
    """Store the outcome of a task. Return False if another worker has claimed it in the meantime."""
    return claims.fail(claim, failure) if failure else claims.succeed(claim)
