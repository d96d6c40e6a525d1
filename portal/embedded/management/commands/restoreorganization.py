"""`manage.py restoreorganization`."""

from argparse import ArgumentParser
from typing import Any

from portal.directory.actor import Origin
from portal.directory.ids import public_id
from portal.embedded.management.operator_command import OperatorCommand, Output
from portal.embedded.organizations.deletion import restore


class Command(OperatorCommand):
    """Restore an organization that was deleted less than ORGANIZATION_RESTORE_DAYS ago."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the organization."""
        super().add_arguments(parser)
        parser.add_argument("organization_slug", help="the slug that it had when it was deleted")

    def run(self, origin: Origin, **options: Any) -> Output:
        """Restore it."""
        row = restore(options["organization_slug"], origin=origin)
        return Output(
            {"organization_id": public_id("organization", row.pk), "organization_slug": row.slug},
            f"Restored {row.name}. Its members sign in again at /o/{row.slug}/sign-in/, with the roles they had.",
        )
