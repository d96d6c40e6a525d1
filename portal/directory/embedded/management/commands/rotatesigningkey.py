"""`manage.py rotatesigningkey`."""

from argparse import ArgumentParser
from typing import Any

from portal.directory.embedded.management.operator_command import Answer, OperatorCommand
from portal.directory.types import Origin


class Command(OperatorCommand):
    """Have a new key sign session JWTs; what the former one signed is believed on, and it is published for a month more."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare `--withdraw`."""
        super().add_arguments(parser)
        parser.add_argument(
            "--withdraw",
            action="store_true",
            help="believe and publish the former keys no longer, because somebody else may have them",
        )

    def carry_out(self, origin: Origin, **options: Any) -> Answer:
        """Make the key."""
        # Loads what makes keys, which no other command needs.
        from portal.directory.embedded import signing_keys  # noqa: PLC0415 -- as above

        kid = signing_keys.rotate(origin, withdraw=options["withdraw"])
        return Answer({"kid": kid}, f"Signs from now on: {kid}\nRunning processes follow within a minute.")
