"""`manage.py approvescimconflict`."""

from argparse import ArgumentParser
from typing import Any

from portal.directory.actor import Origin
from portal.embedded import operator
from portal.embedded.management.operator_command import Answer, OperatorCommand


class Command(OperatorCommand):
    """Let the identity provider take over a member who was there before; it is refused until then."""

    help = __doc__
    options = {"organization_slug": "--organization", "email_address": "--email"}

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument("--organization", required=True, metavar="SLUG", help="the organization's slug")
        parser.add_argument("--email", required=True, help="the member's e-mail address")

    def carry_out(self, origin: Origin, **options: Any) -> Answer:
        """Allow it."""
        operator.approve_scim_conflict(
            organization_slug=options["organization"], email_address=options["email"], origin=origin
        )
        return Answer(
            {"organization_slug": options["organization"], "email_address": options["email"]},
            f'"{options["email"]}" is linked as soon as the identity provider sends this person again.',
        )
