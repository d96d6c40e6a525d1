"""`manage.py sendreminders`."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from portal.directory.actor import Origin
from portal.embedded.management.operator_command import OperatorCommand, Output
from portal.embedded.scim.reminders import enqueue_reminders


class Command(OperatorCommand):
    """Queue emails to the contacts of SCIM connections that are due now; workers do this every ten minutes."""

    help = __doc__

    def run(self, origin: Origin, **_: Any) -> Output:  # noqa: ARG002 -- not an audited change
        """Queue the reminders that are due."""
        if not settings.EMAIL_IS_SET_UP:
            raise CommandError("Email isn't configured. Set EMAIL_URL and EMAIL_FROM.")
        queued = enqueue_reminders()
        number = "1 email" if queued == 1 else f"{queued} emails"
        return Output({"queued": str(queued)}, f"Queued {number}. A worker sends what is queued.")
