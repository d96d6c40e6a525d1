"""A worker that is killed while it invites many people: another one continues, and no one gets two emails."""

import re
import signal
from pathlib import Path

from tests.embedded.tasks.test_worker import Environment, do_not_wait, prepared, rows, wait_until, worker
from tests.servers import environment_in, operate

NUMBER = 200
_START = f"""
from portal.directory.actor import Origin
from portal.directory.bulk_invitations import DraftLine
from portal.embedded.directory import EmbeddedProvider
from tests import factories
admin = factories.member(factories.organization("acme"), "ada@acme.example", roles=["stytch_admin"])
opened = EmbeddedProvider().open("acme", Origin())
bulk = opened.acting_as(opened.sessions.authenticate(factories.session_token(admin))).bulk_invitations
job = bulk.draft([DraftLine(n, f"person{{n}}@new.example") for n in range(1, {NUMBER} + 1)])
bulk.start(job.job_id)
print(1)
"""


def sent(environment: Environment) -> int:
    ((number,),) = rows(environment, "SELECT COUNT(*) FROM directory_invitationline WHERE state = 'sent'")
    return int(number)


def test_a_killed_worker_leaves_no_one_out_and_emails_no_one_twice(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    environment = prepared(
        environment_in(tmp_path) | {"EMAIL_URL": f"filemail://{inbox}", "EMAIL_FROM": "portal@example.com"}
    )
    operate(environment, _START)
    with worker(environment) as first:
        wait_until(lambda: sent(environment) > 0)
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert 0 < sent(environment) < NUMBER
    waiting = "SELECT COUNT(*) FROM django_tasks_database_dbtaskresult WHERE status IN ('READY', 'RUNNING')"
    with worker(environment, is_hasty=True):

        def is_done() -> bool:
            do_not_wait(environment)
            return rows(environment, waiting) == [(0,)]

        wait_until(is_done)

    assert sent(environment) == NUMBER
    emails = [one.read_text() for one in inbox.rglob("*") if one.is_file()]
    recipients = [to for text in emails for to in re.findall(r"^To: (\S+)$", text, re.MULTILINE)]
    assert sorted(recipients) == sorted(f"person{n}@new.example" for n in range(1, NUMBER + 1))
