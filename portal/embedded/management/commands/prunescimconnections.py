"""`manage.py prunescimconnections`."""

from typing import Any

from django.conf import settings

from portal.directory.actor import Actor, ActorType, Origin
from portal.embedded.audit import Caller
from portal.embedded.management.operator_command import OperatorCommand, Output
from portal.embedded.scim.deletion import prune


class Command(OperatorCommand):
    """Delete the stored data of SCIM connections that were deleted more than SCIM_RESTORE_DAYS ago."""

    help = __doc__

    def run(self, origin: Origin, **_: Any) -> Output:
        """Delete the old connections."""
        pruned = prune(Caller(Actor(ActorType.OPERATOR), origin), None)
        fields = {"deleted": str(pruned), "kept_days": str(settings.SCIM_RESTORE_DAYS)}
        number = "1 connection" if pruned == 1 else f"{pruned} connections"
        return Output(fields, f"Deleted the data of {number} deleted more than {settings.SCIM_RESTORE_DAYS} days ago.")
