"""`manage.py approvescimconflict`."""

from argparse import ArgumentParser
from typing import Any

from portal.directory.actor import Origin
from portal.embedded import operator
from portal.embedded.management.operator_command import OperatorCommand, Output


class Command(OperatorCommand):
    """Let the identity provider manage an existing member that it sends."""

    help = __doc__
    options = {"organization_slug": "--organization", "email_address": "--email"}

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument("--organization", required=True, metavar="SLUG", help="the organization's slug")
        parser.add_argument("--email", required=True, help="the member's email address")

    def run(self, origin: Origin, **options: Any) -> Output:
        """Approve it."""
        operator.approve_scim_conflict(
            organization_slug=options["organization"], email_address=options["email"], origin=origin
        )
        return Output(
            {"organization_slug": options["organization"], "email_address": options["email"]},
            f"Approved {options['email']}. The identity provider manages this member the next time it sends them.",
        )
