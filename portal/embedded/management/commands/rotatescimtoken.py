"""`manage.py rotatescimtoken`."""

from argparse import ArgumentParser
from typing import Any

from portal.directory.actor import Origin
from portal.directory.scim.connection import ScimConnection
from portal.embedded import operator
from portal.embedded.management.operator_command import Answer, OperatorCommand


class Command(OperatorCommand):
    """Exchange the token of an organization's SCIM connection; both are good from `start` to `complete` or `cancel`."""

    help = __doc__
    options = {"organization_slug": "--organization"}

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the step and the options."""
        super().add_arguments(parser)
        parser.add_argument(
            "step",
            choices=["start", "complete", "cancel"],
            help="make the next token; or put it in the place of the current one; or drop it",
        )
        parser.add_argument("--organization", required=True, metavar="SLUG", help="the organization's slug")

    def carry_out(self, origin: Origin, **options: Any) -> Answer:
        """Take the step."""
        organization = options["organization"]
        match options["step"]:
            case "start":
                new = operator.rotate_start(organization_slug=organization, origin=origin)
                return Answer(
                    {"connection_id": new.connection.connection_id, "next_bearer_token": new.bearer_token},
                    f"Next bearer token:  {new.bearer_token}\nIt is shown this once, and is good already, as the current "
                    f"one still is. Enter it in {new.connection.identity_provider.label}, test, and then:\n"
                    f"manage.py rotatescimtoken complete --organization {organization}",
                )
            case "complete":
                connection = operator.rotate_complete(organization_slug=organization, origin=origin)
                return _current(connection, "The former token is revoked.")
            case _:
                connection = operator.rotate_cancel(organization_slug=organization, origin=origin)
                return _current(connection, "The next token is revoked.")


def _current(connection: ScimConnection, what: str) -> Answer:
    last_four, expires_at = connection.bearer_token_last_four, connection.bearer_token_expires_at
    until = f" until {expires_at:%-d %B %Y}" if expires_at else ""
    return Answer(
        {"connection_id": connection.connection_id, "bearer_token_last_four": last_four},
        f"{what} The one that ends in {last_four} is good{until}.",
    )
