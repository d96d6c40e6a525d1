"""`manage.py sendreminders`."""

from typing import Any

from django.conf import settings

from portal.directory.actor import Origin
from portal.directory.errors import NotOffered, Unavailable
from portal.embedded.management.operator_command import Answer, OperatorCommand
from portal.embedded.scim.reminders import send_reminders


class Command(OperatorCommand):
    """Email the contacts of SCIM connections about tokens that expire and deactivations on hold."""

    help = __doc__

    def carry_out(self, origin: Origin, **_: Any) -> Answer:  # noqa: ARG002 -- it changes nothing that an organization owns
        """Send what is due."""
        if not settings.EMAIL_IS_SET_UP:
            raise NotOffered("Email isn't set up. Set EMAIL_URL and EMAIL_FROM.")
        done = send_reminders()
        if done.failed:
            raise Unavailable(
                f"{_sent(done.sent)} {done.failed} failed and are tried again at the next run. See the log for the cause."
            )
        return Answer({"sent": str(done.sent)}, _sent(done.sent))


def _sent(number: int) -> str:
    return "Sent 1 email." if number == 1 else f"Sent {number} emails."
