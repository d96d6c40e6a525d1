"""`manage.py createorganization`."""

from argparse import ArgumentParser
from typing import Any

from portal.directory.actor import Origin
from portal.embedded import operator
from portal.embedded.management.operator_command import OperatorCommand, Output


class Command(OperatorCommand):
    """Create an organization."""

    help = __doc__
    options = {"name": "--name", "slug": "--slug", "email_allowed_domains": "--email-domain"}

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument("--name", required=True, help="the organization's name")
        parser.add_argument("--slug", required=True, help="its name in URLs: 2 to 128 letters, digits or . _ ~ -")

        parser.add_argument(
            "--email-domain",
            dest="email_allowed_domains",
            action="append",
            default=[],
            metavar="DOMAIN",
            help="let the identity provider manage existing members of this email domain without a decision; can be "
            "repeated",
        )

    def run(self, origin: Origin, **options: Any) -> Output:
        """Create it."""
        organization = operator.create_organization(
            name=options["name"],
            slug=options["slug"],
            email_allowed_domains=options["email_allowed_domains"],
            origin=origin,
        )
        return Output(
            {
                "organization_id": organization.organization_id,
                "organization_slug": organization.organization_slug,
            },
            f"Created organization {organization.organization_name} ({organization.organization_id}).\n"
            f"Next: manage.py createmember --organization {organization.organization_slug} --email … --role stytch_admin",
        )
