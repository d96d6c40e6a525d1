"""`manage.py prunescimrequests`."""

from typing import Any

from django.conf import settings

from portal.directory.actor import Origin
from portal.embedded.management.operator_command import OperatorCommand, Output
from portal.embedded.scim.log.pruning import prune


class Command(OperatorCommand):
    """Delete log entries of SCIM requests beyond SCIM_LOG_DAYS, or beyond SCIM_LOG_ENTRIES of one connection."""

    help = __doc__

    def run(self, origin: Origin, **_: Any) -> Output:  # noqa: ARG002 -- not an audited change
        """Delete the old entries."""
        deleted = prune(None)
        fields = {
            "deleted": str(deleted),
            "kept_days": str(settings.SCIM_LOG_DAYS),
            "kept_entries": str(settings.SCIM_LOG_ENTRIES),
        }
        number = "1 log entry" if deleted == 1 else f"{deleted} log entries"
        kept = f"{settings.SCIM_LOG_DAYS} days and {settings.SCIM_LOG_ENTRIES:,} entries per connection"
        return Output(fields, f"Deleted {number}. Kept {kept}.")
