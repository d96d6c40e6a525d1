"""`manage.py prunescimconnections`."""

from typing import Any

from django.conf import settings

from portal.directory.actor import Actor, ActorType, Origin
from portal.embedded.audit import Caller
from portal.embedded.management.operator_command import Answer, OperatorCommand
from portal.embedded.scim.deletion import prune


class Command(OperatorCommand):
    """Delete what is left of SCIM connections that were deleted more than SCIM_RESTORE_DAYS ago; their people stay members."""

    help = __doc__

    def carry_out(self, origin: Origin, **_: Any) -> Answer:
        """Delete the old connections."""
        pruned = prune(Caller(Actor(ActorType.OPERATOR), origin))
        fields = {"deleted": str(pruned), "kept_days": str(settings.SCIM_RESTORE_DAYS)}
        number = "1 connection is" if pruned == 1 else f"{pruned} connections are"
        return Answer(fields, f"{number} deleted for good; one can be restored for {settings.SCIM_RESTORE_DAYS} days.")
