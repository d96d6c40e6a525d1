"""`manage.py rotatesigningkey`."""

from argparse import ArgumentParser
from typing import Any

from portal.directory.actor import Origin
from portal.embedded.management.operator_command import OperatorCommand, Output


class Command(OperatorCommand):
    """Publish a new signing key for session JWTs, which signs ten minutes later."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare `--withdraw` and `--lost`."""
        super().add_arguments(parser)
        modes = parser.add_mutually_exclusive_group()
        modes.add_argument(
            "--lost",
            action="store_true",
            help="sign with the new key immediately, in place of one that no key of this server decrypts",
        )
        modes.add_argument(
            "--withdraw",
            action="store_true",
            help="sign with the new key immediately and reject JWTs of older keys, because someone else may have them",
        )

    def run(self, origin: Origin, **options: Any) -> Output:
        """Create the key."""
        # Imported here: no other command needs the libraries for keys.
        from portal.embedded.sessions import signing_keys  # noqa: PLC0415 -- as above

        new = signing_keys.rotate(origin, withdraw=options["withdraw"], lost=options["lost"])
        return Output(
            {"kid": new.kid, "signs_from": new.signs_from.isoformat()},
            f"New key:     {new.kid}\nSigns from:  {new.signs_from:%Y-%m-%d %H:%M:%S} UTC, in every process within a minute",
        )
