"""`manage.py tasks`: what operators see of the queue, and what they do with dead tasks."""

import io
import json
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django_tasks_db.models import DBTaskResult

from portal.embedded.tasks.queue import enqueue
from portal.embedded.tasks.schedule import start_due_jobs
from tests import tasks
from tests.tasks import run_tasks

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("tasks", *arguments, stdout=out)
    return out.getvalue()


def run_json(*arguments: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(run(*arguments, "--json"))
    return answer


@pytest.fixture
def dead() -> str:
    enqueue(UUID(int=1), tasks.give_up)
    run_tasks()
    return str(DBTaskResult.objects.get().pk)


def test_list_dead_and_other_tasks(dead: str) -> None:
    enqueue(UUID(int=1), tasks.add_one, "secret")

    listed = run("list")
    assert "1 waiting, 0 delayed, 0 running, 1 dead." in listed
    assert f"{dead}  give_up  1 attempt  added " in listed
    assert listed.endswith("  GiveUp\n")
    assert "add_one" in run("list", "--status", "waiting")
    assert "No running tasks." in run("list", "--status", "running")
    assert "secret" not in run("list", "--status", "waiting", "--json")


def test_json_has_the_queue_and_the_tasks(dead: str) -> None:
    answer = run_json("list")

    assert (answer["queue"]["dead"], answer["queue"]["waiting"]) == (1, 0)
    (one,) = answer["tasks"]
    assert (one["task_id"], one["name"], one["status"], one["attempts"]) == (dead, "give_up", "dead", 1)
    assert one["organization_id"] == f"organization-live-{UUID(int=1)}"
    assert "raise GiveUp" in one["traceback"]


def test_a_job_has_its_own_name() -> None:
    start_due_jobs()

    assert "prune_sessions" in run("list", "--status", "waiting")


def test_show_has_the_lines_that_failed(dead: str) -> None:
    shown = run("show", dead)

    assert "GiveUp" in shown
    assert "raise GiveUp" in shown


def test_replay_and_delete(dead: str) -> None:
    assert run("replay", dead) == "Queued 1 dead task again.\n"
    assert "No dead tasks." in run("list")
    run_tasks()
    assert run_json("replay", "--all") == {"tasks": 1}
    run_tasks()
    assert run("delete", "--all") == "Deleted 1 dead task.\n"
    assert not DBTaskResult.objects.exists()


def test_a_task_that_is_not_dead_is_left_alone() -> None:
    enqueue(UUID(int=1), tasks.add_one, "a")
    waiting = str(DBTaskResult.objects.get().pk)

    assert run_json("replay", waiting) == run_json("delete", waiting) == {"tasks": 0}
    assert DBTaskResult.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", str(UUID(int=9))], "This task does not exist"),
        (["show"], "Name one task"),
        (["replay", "x"], "isn't the ID of a task"),
        (["replay"], "or use --all"),
        (["delete", str(UUID(int=9)), "--all"], "or use --all"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run(*arguments)
