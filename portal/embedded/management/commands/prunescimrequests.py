"""`manage.py prunescimrequests`."""

from typing import Any

from django.conf import settings

from portal.directory.actor import Origin
from portal.embedded.management.operator_command import Answer, OperatorCommand
from portal.embedded.scim.log.entries import prune


class Command(OperatorCommand):
    """Delete what the log of SCIM requests has kept for longer than SCIM_LOG_DAYS."""

    help = __doc__

    def carry_out(self, origin: Origin, **_: Any) -> Answer:  # noqa: ARG002 -- it is nobody's change
        """Delete the old entries."""
        deleted = prune()
        fields = {"deleted": str(deleted), "kept_days": str(settings.SCIM_LOG_DAYS)}
        return Answer(fields, f"{deleted} entries older than {settings.SCIM_LOG_DAYS} days are deleted.")
