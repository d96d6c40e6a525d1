"""`manage.py rotatesigningkey`."""

from argparse import ArgumentParser
from typing import Any

from portal.directory.actor import Origin
from portal.embedded.management.operator_command import Answer, OperatorCommand


class Command(OperatorCommand):
    """Publish a new key for session JWTs, which signs ten minutes later; the former one is published for a month more."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare `--withdraw` and `--lost`."""
        super().add_arguments(parser)
        ways = parser.add_mutually_exclusive_group()
        ways.add_argument(
            "--lost",
            action="store_true",
            help="sign with the new one at once, in place of one that neither SECRET_KEY nor a fallback decrypts",
        )
        ways.add_argument(
            "--withdraw",
            action="store_true",
            help="sign with the new one at once, and believe the former ones no longer, because somebody else may have them",
        )

    def carry_out(self, origin: Origin, **options: Any) -> Answer:
        """Make the key."""
        # Loads what makes keys, which no other command needs.
        from portal.embedded.sessions import signing_keys  # noqa: PLC0415 -- as above

        new = signing_keys.rotate(origin, withdraw=options["withdraw"], lost=options["lost"])
        return Answer(
            {"kid": new.kid, "signs_from": new.signs_from.isoformat()},
            f"New key:     {new.kid}\nSigns from:  {new.signs_from:%Y-%m-%d %H:%M:%S} UTC, in every process within a minute",
        )
