"""`manage.py prunesessions`."""

from typing import Any

from portal.directory.actor import Origin
from portal.embedded.database import rate_limits
from portal.embedded.management.operator_command import Answer, OperatorCommand
from portal.embedded.sessions import discovery, lifecycle


class Command(OperatorCommand):
    """Delete sessions that ended more than a day ago, expired choices between organizations, and old counters of attempts."""

    help = __doc__

    def carry_out(self, origin: Origin, **_: Any) -> Answer:  # noqa: ARG002 -- nobody's change
        """Delete them."""
        deleted, choices, counters = lifecycle.prune(), discovery.prune(), rate_limits.prune()
        return Answer(
            {
                "deleted": str(deleted),
                "deleted_intermediate_sessions": str(choices),
                "deleted_rate_limit_counters": str(counters),
            },
            f"Deleted {deleted} sessions that ended more than a day ago.\n"
            f"Deleted {choices} expired choices between organizations.\n"
            f"Deleted {counters} counters of attempts whose time is over.",
        )
