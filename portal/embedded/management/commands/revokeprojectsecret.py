"""`manage.py revokeprojectsecret`."""

from argparse import ArgumentParser
from typing import Any

from portal.directory.actor import Origin
from portal.embedded import operator
from portal.embedded.management.operator_command import Answer, OperatorCommand


class Command(OperatorCommand):
    """Refuse a secret of the project from now on; `projectsecrets` says which there are, and which are in use."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare which."""
        super().add_arguments(parser)
        parser.add_argument("secret_id", help="its id, secret-live-…, as projectsecrets lists it")

    def carry_out(self, origin: Origin, **options: Any) -> Answer:
        """Revoke it."""
        operator.revoke_project_secret(options["secret_id"], origin=origin)
        return Answer({"secret_id": options["secret_id"]}, "The secret is refused from now on.")
