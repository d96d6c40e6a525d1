"""`manage.py createscimconnection`."""

from argparse import ArgumentParser
from typing import Any

from portal.directory.actor import Origin
from portal.directory.scim.connection import ScimIdentityProvider
from portal.embedded import operator
from portal.embedded.management.operator_command import OperatorCommand, Output


class Command(OperatorCommand):
    """Create an organization's SCIM connection, and print its token."""

    help = __doc__
    options = {
        "organization_slug": "--organization",
        "display_name": "--display-name",
        "identity_provider": "--identity-provider",
    }

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument("--organization", required=True, metavar="SLUG", help="the organization's slug")
        parser.add_argument("--display-name", required=True, help="the connection's name")
        parser.add_argument(
            "--identity-provider",
            choices=[provider.value for provider in ScimIdentityProvider],
            default=ScimIdentityProvider.GENERIC.value,
            help="the product that sends users and groups (default: generic)",
        )

    def run(self, origin: Origin, **options: Any) -> Output:
        """Create the connection."""
        new = operator.create_scim_connection(
            organization_slug=options["organization"],
            display_name=options["display_name"],
            identity_provider=options["identity_provider"],
            origin=origin,
        )
        expires_at = new.connection.bearer_token_expires_at
        fields = {
            "connection_id": new.connection.connection_id,
            "base_url": new.connection.base_url,
            "bearer_token": new.bearer_token,
            "bearer_token_expires_at": expires_at.strftime("%Y-%m-%dT%H:%M:%SZ") if expires_at else "",
        }
        return Output(
            fields,
            f"Created connection {new.connection.display_name} ({new.connection.connection_id}).\n"
            f"Base URL:      {new.connection.entered_url}\n"
            f"Bearer token:  {new.bearer_token}\n"
            f"Copy the token now. It won't be shown again. Expires {expires_at:%-d %b %Y}.",
        )
