"""`manage.py sendreminders`."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from portal.directory.actor import Origin
from portal.directory.errors import Unavailable
from portal.embedded.management.operator_command import OperatorCommand, Output
from portal.embedded.scim.reminders import send_reminders


class Command(OperatorCommand):
    """Email the contacts of SCIM connections about tokens that expire and deactivations on hold."""

    help = __doc__

    def run(self, origin: Origin, **_: Any) -> Output:  # noqa: ARG002 -- not an audited change
        """Send the reminders that are due."""
        if not settings.EMAIL_IS_SET_UP:
            raise CommandError("Email isn't configured. Set EMAIL_URL and EMAIL_FROM.")
        done = send_reminders()
        if done.failed:
            raise Unavailable(
                f"{_sent(done.sent)} {done.failed} failed. The next run tries again. See the log for the cause."
            )
        return Output({"sent": str(done.sent)}, _sent(done.sent))


def _sent(number: int) -> str:
    return "Sent 1 email." if number == 1 else f"Sent {number} emails."
