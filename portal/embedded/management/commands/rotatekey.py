"""`manage.py rotatekey`."""

from argparse import ArgumentParser
from typing import Any

from portal.directory.actor import Origin
from portal.embedded.management.operator_command import OperatorCommand, Output


class Command(OperatorCommand):
    """Replace SECRET_KEY or ENCRYPTION_KEY in two steps, each checked against the server processes that run."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the step and the key."""
        super().add_arguments(parser)
        parser.add_argument(
            "step",
            choices=["start", "complete"],
            help="start: verify that every process has the new key. complete: verify that every process uses it, and "
            "encrypt stored secrets under it",
        )
        parser.add_argument("key", choices=["SECRET_KEY", "ENCRYPTION_KEY"], help="the setting")

    def run(self, origin: Origin, **options: Any) -> Output:
        """Take the step, and print the next one."""
        # Imported here: no other command needs the libraries for keys.
        from portal.embedded import key_rotation  # noqa: PLC0415 -- as above

        key = key_rotation.RotatedKey(options["key"])
        if options["step"] == "start":
            done = key_rotation.start(key)
            return Output(
                {"processes": str(done.processes)},
                f"Running processes that have the new key: {done.processes}, all of them.\n"
                f"Now make the new key {key} and the old one {key}_FALLBACKS on every node, restart the nodes one by one, "
                f"and run:\nmanage.py rotatekey complete {key}",
            )
        done = key_rotation.complete(key, origin)
        when = "In a day, when open forms and lists no longer need it" if key == "SECRET_KEY" else "Now"
        return Output(
            {"processes": str(done.processes), "reencrypted": str(done.reencrypted)},
            f"Running processes that use the new key: {done.processes}, all of them.\n"
            f"Stored secrets encrypted under it: {done.reencrypted} more, all of them now.\n"
            f"{when}, remove the old key from {key}_FALLBACKS on every node.",
        )
