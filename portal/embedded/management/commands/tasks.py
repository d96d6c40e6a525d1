"""`manage.py tasks`."""

from argparse import ArgumentParser
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError

from portal.directory.actor import Origin
from portal.embedded.management.operator_command import OperatorCommand, Output
from portal.embedded.tasks import inspection
from portal.embedded.tasks.inspection import STATUSES, QueuedTask
from portal.embedded.tasks.state import queue_state


class Command(OperatorCommand):
    """List background tasks, and run or delete dead ones: those that failed so often that they don't run again."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the actions and their options."""
        super().add_arguments(parser)
        parser.add_argument("action", choices=["list", "show", "replay", "delete"], help="what to do")
        parser.add_argument("task_ids", nargs="*", metavar="ID", help="tasks to show, replay or delete")
        parser.add_argument("--all", action="store_true", help="replay or delete all dead tasks")
        parser.add_argument(
            "--status", choices=list(STATUSES), default="dead", help="list tasks with this status (default: dead)"
        )
        parser.add_argument("--limit", type=int, default=50, help="list this many tasks at most (default: 50)")

    def run(self, origin: Origin, **options: Any) -> Output:  # noqa: ARG002 -- not an audited change
        """Take the action."""
        match options["action"]:
            case "list":
                return _list(options["status"], max(1, options["limit"]))
            case "show":
                return _show(options["task_ids"])
            case action:
                return _change(action, options["task_ids"], is_all=options["all"])


def _list(status: str, limit: int) -> Output:
    state, tasks = queue_state(), inspection.list_tasks(status, limit=limit)
    summary = f"{state.waiting} waiting, {state.delayed} delayed, {state.running} running, {state.dead} dead."
    lines = [summary, *(_line(one) for one in tasks)] if tasks else [summary, f"No {status} tasks."]
    fields = {"queue": asdict(state), "tasks": [_fields(one) for one in tasks]}
    return Output(fields, "\n".join(lines))


def _show(task_ids: list[str]) -> Output:
    if len(task_ids) != 1:
        raise CommandError("Name one task.")
    one = inspection.get_task(task_ids[0])
    text = "\n".join(f"{name:<16} {value}" for name, value in _fields(one).items() if value and name != "traceback")
    return Output(_fields(one), f"{text}\n\n{one.traceback}" if one.traceback else text)


def _change(action: str, task_ids: list[str], *, is_all: bool) -> Output:
    if bool(task_ids) == is_all:
        raise CommandError("Name the dead tasks, or use --all.")
    change, done = {"replay": (inspection.replay, "Queued"), "delete": (inspection.delete, "Deleted")}[action]
    number = change(None if is_all else task_ids)
    again = " again" if action == "replay" else ""
    return Output({"tasks": number}, f"{done} {number} dead {'task' if number == 1 else 'tasks'}{again}.")


def _fields(one: QueuedTask) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(one).items()}


def _line(one: QueuedTask) -> str:
    error = f"  {one.error}" if one.error else ""
    attempts = "1 attempt" if one.attempts == 1 else f"{one.attempts} attempts"
    return f"{one.task_id}  {one.name}  {attempts}  added {one.added_at:%-d %b %Y, %H:%M} UTC{error}"
