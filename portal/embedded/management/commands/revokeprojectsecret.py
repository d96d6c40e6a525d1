"""`manage.py revokeprojectsecret`."""

from argparse import ArgumentParser
from typing import Any

from portal.directory.actor import Origin
from portal.embedded.management.operator_command import OperatorCommand, Output
from portal.embedded.project_secrets import revoke_project_secret


class Command(OperatorCommand):
    """Revoke a secret of the project; projectsecrets lists them."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the secret."""
        super().add_arguments(parser)
        parser.add_argument("secret_id", help="the secret's ID, secret-live-…")

    def run(self, origin: Origin, **options: Any) -> Output:
        """Revoke it."""
        revoke_project_secret(options["secret_id"], origin=origin)
        return Output(
            {"secret_id": options["secret_id"]}, f"Revoked {options['secret_id']}. Requests with it are rejected."
        )
