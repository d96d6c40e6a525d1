"""`manage.py prunescimrequests`."""

from typing import Any

from django.conf import settings

from portal.directory.actor import Origin
from portal.embedded.management.operator_command import OperatorCommand, Output
from portal.embedded.scim.log.entries import prune


class Command(OperatorCommand):
    """Delete log entries of SCIM requests that are older than SCIM_LOG_DAYS."""

    help = __doc__

    def run(self, origin: Origin, **_: Any) -> Output:  # noqa: ARG002 -- not an audited change
        """Delete the old entries."""
        deleted = prune()
        fields = {"deleted": str(deleted), "kept_days": str(settings.SCIM_LOG_DAYS)}
        return Output(fields, f"Deleted {deleted} log entries older than {settings.SCIM_LOG_DAYS} days.")
