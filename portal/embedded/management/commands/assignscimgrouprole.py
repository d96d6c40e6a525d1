"""`manage.py assignscimgrouprole`."""

from argparse import ArgumentParser
from typing import Any

from portal.directory.actor import Origin
from portal.embedded import operator
from portal.embedded.management.operator_command import OperatorCommand, Output


class Command(OperatorCommand):
    """Assign a role to a group of the identity provider."""

    help = __doc__
    options = {"organization_slug": "--organization", "group": "--group", "roles": "--role"}

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument("--organization", required=True, metavar="SLUG", help="the organization's slug")
        parser.add_argument("--group", required=True, metavar="NAME", help="the group's name, in upper or lower case")
        parser.add_argument("--role", required=True, help="the role's ID, such as stytch_admin")

    def run(self, origin: Origin, **options: Any) -> Output:
        """Assign it."""
        operator.assign_scim_group_role(
            organization_slug=options["organization"],
            group_name=options["group"],
            role_id=options["role"],
            origin=origin,
        )
        return Output(
            {"organization_slug": options["organization"], "role_id": options["role"]},
            f'Assigned {options["role"]} to the group "{options["group"]}".',
        )
