"""`manage.py updatescimconnection`."""

import json
from argparse import ArgumentParser, BooleanOptionalAction
from pathlib import Path
from typing import Any

from portal.directory.actor import Origin
from portal.directory.errors import Invalid
from portal.embedded import operator
from portal.embedded.management.operator_command import OperatorCommand, Output


class Command(OperatorCommand):
    """Change how an organization's SCIM connection reads requests."""

    help = __doc__
    options = {"organization_slug": "--organization", "extension_schemas": "--extension-schemas"}

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument("--organization", required=True, metavar="SLUG", help="the organization's slug")
        parser.add_argument(
            "--strict",
            action=BooleanOptionalAction,
            help="reject everything that RFC 7643 and 7644 don't define (default: off)",
        )
        parser.add_argument(
            "--skip-unknown-members",
            action=BooleanOptionalAction,
            help="ignore unknown members of a group instead of rejecting the request (default: off)",
        )
        parser.add_argument(
            "--extension-schemas",
            type=Path,
            metavar="FILE",
            help='JSON: [{"resourceType": "User", "schema": {"id": "urn:…", "name": …, "attributes": […]}}]',
        )

    def run(self, origin: Origin, **options: Any) -> Output:
        """Change it."""
        operator.update_scim_connection(
            organization_slug=options["organization"],
            is_strict=options["strict"],
            skips_unknown_members=options["skip_unknown_members"],
            extension_schemas=_read(options["extension_schemas"]),
            origin=origin,
        )
        return Output({"organization_slug": options["organization"]}, "Changed the connection.")


def _read(path: Path | None) -> Any:
    try:
        return json.loads(path.read_text()) if path else None
    except (OSError, ValueError) as error:
        raise Invalid(f"The file isn't valid JSON: {error}", field="extension_schemas") from None
