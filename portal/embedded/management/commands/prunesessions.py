"""`manage.py prunesessions`."""

from typing import Any

from portal.directory.actor import Origin
from portal.embedded.database import rate_limits
from portal.embedded.management.operator_command import OperatorCommand, Output
from portal.embedded.sessions import intermediate, lifecycle


class Command(OperatorCommand):
    """Delete sessions that ended more than a day ago, expired intermediate sessions, and expired rate-limit counters."""

    help = __doc__

    def run(self, origin: Origin, **_: Any) -> Output:  # noqa: ARG002 -- not an audited change
        """Delete them."""
        deleted, choices, counters = lifecycle.prune(None), intermediate.prune(None), rate_limits.prune(None)
        return Output(
            {
                "deleted": str(deleted),
                "deleted_intermediate_sessions": str(choices),
                "deleted_rate_limit_counters": str(counters),
            },
            f"Deleted {deleted} sessions that ended more than a day ago.\n"
            f"Deleted {choices} expired intermediate sessions.\n"
            f"Deleted {counters} expired rate-limit counters.",
        )
