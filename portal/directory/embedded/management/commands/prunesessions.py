"""`manage.py prunesessions`."""

from typing import Any

from portal.directory.embedded.management.operator_command import Answer, OperatorCommand
from portal.directory.embedded.sessions import prune
from portal.directory.types import Origin


class Command(OperatorCommand):
    """Delete the sessions that ended more than a day ago."""

    help = __doc__

    def carry_out(self, origin: Origin, **_: Any) -> Answer:  # noqa: ARG002 -- it is nobody's change
        """Delete them."""
        deleted = prune()
        return Answer({"deleted": str(deleted)}, f"{deleted} sessions that ended more than a day ago are deleted.")
