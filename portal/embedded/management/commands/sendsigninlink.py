"""`manage.py sendsigninlink`."""

from argparse import ArgumentParser
from typing import Any

from portal.directory.actor import Origin
from portal.embedded import operator
from portal.embedded.management.operator_command import OperatorCommand, Output


class Command(OperatorCommand):
    """Send a member a new one-time link to set a password."""

    help = __doc__
    options = {"organization_slug": "--organization", "email_address": "--email"}

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument("--organization", required=True, metavar="SLUG", help="the organization's slug")
        parser.add_argument("--email", required=True, help="the member's email address")
        parser.add_argument(
            "--print",
            action="store_true",
            help="print the link instead of emailing it (always, if email isn't configured)",
        )

    def run(self, origin: Origin, **options: Any) -> Output:
        """Send or print the link."""
        sent = operator.send_sign_in_link(
            organization_slug=options["organization"],
            email_address=options["email"],
            shows_link=options["print"],
            origin=origin,
        )
        until = f"{sent.expires_at:%-d %b %Y, %H:%M} UTC"
        fields = {"email_address": sent.email_address, "expires_at": sent.expires_at.isoformat()}
        if not sent.url:
            return Output(
                fields, f"Queued a one-time link to {sent.email_address} (valid until {until}). A worker emails it."
            )
        text = f"Created a one-time link for {sent.email_address} (valid until {until}):\n{sent.url}"
        return Output(fields | {"sign_in_link": sent.url}, text)
