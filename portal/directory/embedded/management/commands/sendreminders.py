"""`manage.py sendreminders`."""

from typing import Any

from django.conf import settings

from portal.directory.embedded.management.operator_command import Answer, OperatorCommand
from portal.directory.embedded.scim_reminders import send_reminders
from portal.directory.errors import NotOffered, Unavailable
from portal.directory.types import Origin


class Command(OperatorCommand):
    """Tell the contacts of SCIM connections by e-mail of tokens that expire, and of deactivations that wait."""

    help = __doc__

    def carry_out(self, origin: Origin, **_: Any) -> Answer:  # noqa: ARG002 -- it changes nothing that anybody owns
        """Send what is due."""
        if not settings.EMAIL_IS_SET_UP:
            raise NotOffered("No e-mail is set up: set EMAIL_URL and EMAIL_FROM.")
        done = send_reminders()
        if done.failed:
            raise Unavailable(
                f"{done.sent} sent; {done.failed} could not be sent, and are tried again at the next run. The log says why."
            )
        return Answer({"sent": str(done.sent)}, f"{done.sent} sent.")
