"""`manage.py createmember`."""

import sys
from argparse import ArgumentParser
from typing import Any

from portal.directory.actor import Origin
from portal.embedded import operator
from portal.embedded.management.operator_command import OperatorCommand, Output


class Command(OperatorCommand):
    """Create a member, and print a link to set a password or read the password from standard input."""

    help = __doc__
    options = {
        "organization_slug": "--organization",
        "email_address": "--email",
        "name": "--name",
        "roles": "--role",
        "password": "--password-stdin",
    }

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument("--organization", required=True, metavar="SLUG", help="the organization's slug")
        parser.add_argument("--email", required=True, help="the member's email address")
        parser.add_argument("--name", default="", help="the member's name")
        parser.add_argument(
            "--role", nargs="+", action="extend", default=[], help="a role to assign, such as stytch_admin"
        )
        parser.add_argument(
            "--password-stdin", action="store_true", help="read the password from standard input, 12 to 128 characters"
        )

    def run(self, origin: Origin, **options: Any) -> Output:
        """Create the member."""
        member, link = operator.create_member(
            organization_slug=options["organization"],
            email_address=options["email"],
            name=options["name"],
            roles=options["role"],
            password=sys.stdin.readline().rstrip("\r\n") if options["password_stdin"] else None,
            origin=origin,
        )
        fields, text = {"member_id": member.member_id}, f"Created member {member.email_address} ({member.member_id})."
        if link is None:
            return Output(fields, text)
        return Output(
            fields | {"sign_in_link": link}, f"{text}\nOne-time link to set a password (valid for 7 days):\n{link}"
        )
