"""`manage.py assignscimgrouprole`."""

from argparse import ArgumentParser
from typing import Any

from portal.directory.actor import Origin
from portal.embedded import operator
from portal.embedded.management.operator_command import Answer, OperatorCommand


class Command(OperatorCommand):
    """Give a role to everybody in a group that the identity provider pushed."""

    help = __doc__
    options = {"organization_slug": "--organization", "group": "--group", "roles": "--role"}

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument("--organization", required=True, metavar="SLUG", help="the organization's slug")
        parser.add_argument("--group", required=True, metavar="NAME", help="the group's name, in any case")
        parser.add_argument("--role", required=True, help="the id of a role, such as stytch_admin")

    def carry_out(self, origin: Origin, **options: Any) -> Answer:
        """Give it."""
        operator.assign_scim_group_role(
            organization_slug=options["organization"],
            group_name=options["group"],
            role_id=options["role"],
            origin=origin,
        )
        return Answer(
            {"organization_slug": options["organization"], "role_id": options["role"]},
            f'Everybody in "{options["group"]}" is {options["role"]} now.',
        )
