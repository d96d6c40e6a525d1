"""`manage.py createpartitions`."""

from typing import Any

from django.core.management.base import CommandError

from portal.directory.actor import Origin
from portal.embedded.database import partitions
from portal.embedded.management.operator_command import OperatorCommand, Output


class Command(OperatorCommand):
    """Create the partitions of the logs for the coming weeks, where the database is partitioned."""

    help = __doc__

    def run(self, origin: Origin, **_: Any) -> Output:  # noqa: ARG002 -- not an audited change
        """Create them."""
        created = partitions.create()
        if gaps := partitions.gaps():
            raise CommandError(f"Created {created} partitions. {'. '.join(gaps)}.")
        number = "1 partition" if created == 1 else f"{created} partitions"
        return Output({"created": str(created)}, f"Created {number}.")
