"""Measure inviting 5,000 people from a CSV file: reading and checking it, the job, and the emails without a mail server.

    SECRET_KEY=… ALLOW_HTTP=true EMAIL_URL=smtp://localhost EMAIL_FROM=portal@example.com DATABASE_URL=… python -m tests.benchmarks.invitations

The database is migrated and gets a new organization. It should have no waiting tasks.
"""

import time
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django_tasks_db.models import DBTaskResult

from portal.directory.actor import Origin
from portal.directory.ids import uuid7
from portal.embedded.directory import EmbeddedProvider
from portal.embedded.tasks.claims import claim_next
from portal.embedded.tasks.execution import execute, store
from portal.pages.members.invitation_lists import Defaults, read_file
from tests import factories

NUMBER = 5_000


def run(*, priority: int | None = None) -> int:
    """Run waiting tasks, those of a priority, and return how many ran."""
    number, worker = 0, uuid7()
    while claim := claim_next(worker):
        if priority is not None and claim.row.priority != priority:
            DBTaskResult.objects.filter(pk=claim.task_id).update(status="READY")
            break
        if failure := execute(claim):
            raise SystemExit(failure)
        store(claim, None)
        number += 1
    return number


def timed(what: str, started: tuple[float, float], **more: Any) -> None:
    """Print how long something took, and how long this process had a processor: a busy machine has little for each."""
    seconds, used = (now - before for now, before in zip(now_and_used(), started, strict=True))
    print(f"{what}: {seconds:.1f} s, of a processor {used:.1f} s", *(f"{name}={value}" for name, value in more.items()))


def now_and_used() -> tuple[float, float]:
    """Return the time, and the time of a processor that this process has used."""
    return time.perf_counter(), time.process_time()


def main() -> None:
    """Invite the people."""
    call_command("migrate", verbosity=0)
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    organization = factories.organization(f"bench-{uuid7().hex[:12]}")
    admin = factories.member(organization, "ada@bench.example", name="Ada", roles=["stytch_admin"])
    opened = EmbeddedProvider().open(organization.slug, Origin())
    directory = opened.acting_as(opened.sessions.authenticate(factories.session_token(admin)))
    content = "email,name\n" + "".join(f"person{n}@bench.example,Person {n}\n" for n in range(NUMBER))
    bulk = directory.bulk_invitations

    started = now_and_used()
    job = bulk.draft(read_file(content.encode(), Defaults()))
    timed("read and check the file", started, ready=job.ready)

    started = now_and_used()
    bulk.start(job.job_id)
    tasks = run(priority=0)
    timed("invite", started, sent=bulk.get(job.job_id).sent, tasks=tasks)

    started = now_and_used()
    tasks = run()
    timed("render the emails", started, tasks=tasks)


if __name__ == "__main__":
    main()
