"""`manage.py updatescimconnection`."""

import json
from argparse import ArgumentParser, BooleanOptionalAction
from pathlib import Path
from typing import Any

from portal.directory.actor import Origin
from portal.directory.errors import Invalid
from portal.embedded import operator
from portal.embedded.management.operator_command import Answer, OperatorCommand


class Command(OperatorCommand):
    """Change how an organization's SCIM connection reads what it is sent."""

    help = __doc__
    options = {"organization_slug": "--organization", "extension_schemas": "--extension-schemas"}

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument("--organization", required=True, metavar="SLUG", help="the organization's slug")
        parser.add_argument(
            "--strict", action=BooleanOptionalAction, help="refuse what RFC 7643 and 7644 do not have (default: off)"
        )
        parser.add_argument(
            "--skip-unknown-members",
            action=BooleanOptionalAction,
            help="leave out members who are not there, instead of refusing the change of a group (default: off)",
        )
        parser.add_argument(
            "--extension-schemas",
            type=Path,
            metavar="FILE",
            help='JSON: [{"resourceType": "User", "schema": {"id": "urn:…", "name": …, "attributes": […]}}]',
        )

    def carry_out(self, origin: Origin, **options: Any) -> Answer:
        """Change it."""
        operator.update_scim_connection(
            organization_slug=options["organization"],
            is_strict=options["strict"],
            skips_unknown_members=options["skip_unknown_members"],
            extension_schemas=_read(options["extension_schemas"]),
            origin=origin,
        )
        return Answer({"organization_slug": options["organization"]}, "The connection is changed.")


def _read(path: Path | None) -> Any:
    try:
        return json.loads(path.read_text()) if path else None
    except (OSError, ValueError) as error:
        raise Invalid(f"The file cannot be read as JSON: {error}", field="extension_schemas") from None
