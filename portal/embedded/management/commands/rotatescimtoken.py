"""`manage.py rotatescimtoken`."""

from argparse import ArgumentParser
from typing import Any

from portal.directory.actor import Origin
from portal.directory.scim.connection import ScimConnection
from portal.embedded import operator
from portal.embedded.management.operator_command import OperatorCommand, Output


class Command(OperatorCommand):
    """Rotate the token of an organization's SCIM connection; both tokens are valid until complete or cancel."""

    help = __doc__
    options = {"organization_slug": "--organization"}

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the step and the options."""
        super().add_arguments(parser)
        parser.add_argument(
            "step",
            choices=["start", "complete", "cancel"],
            help="start, finish or cancel a token rotation",
        )
        parser.add_argument("--organization", required=True, metavar="SLUG", help="the organization's slug")

    def run(self, origin: Origin, **options: Any) -> Output:
        """Take the step."""
        organization = options["organization"]
        match options["step"]:
            case "start":
                new = operator.rotate_start(organization_slug=organization, origin=origin)
                return Output(
                    {"connection_id": new.connection.connection_id, "next_bearer_token": new.bearer_token},
                    f"Next bearer token:  {new.bearer_token}\nCopy the token now. It won't be shown again. Both tokens are valid. "
                    f"Enter it in {new.connection.identity_provider.in_text}, test it, and then run:\n"
                    f"manage.py rotatescimtoken complete --organization {organization}",
                )
            case "complete":
                connection = operator.rotate_complete(organization_slug=organization, origin=origin)
                return _current(connection, "Revoked the previous token.")
            case _:
                connection = operator.rotate_cancel(organization_slug=organization, origin=origin)
                return _current(connection, "Revoked the next token.")


def _current(connection: ScimConnection, what: str) -> Output:
    last_four, expires_at = connection.bearer_token_last_four, connection.bearer_token_expires_at
    expiry = f" Expires {expires_at:%-d %b %Y}." if expires_at else ""
    return Output(
        {"connection_id": connection.connection_id, "bearer_token_last_four": last_four},
        f"{what} The current token ends in {last_four}.{expiry}",
    )
