"""`manage.py archiveactivity`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from portal.directory.actor import Actor, ActorType, Origin
from portal.embedded.activity_archive import archive
from portal.embedded.audit import Caller
from portal.embedded.management.operator_command import OperatorCommand, Output


class Command(OperatorCommand):
    """Move the months of the activity log that are older than ACTIVITY_LOG_DAYS to files."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the folder."""
        super().add_arguments(parser)
        parser.add_argument("--to", type=Path, required=True, help="an existing folder for the files")

    def run(self, origin: Origin, **options: Any) -> Output:
        """Write the files and delete their entries."""
        to: Path = options["to"]
        if not to.is_dir():
            raise CommandError(f"--to: {to} isn't a folder.")
        done = list(archive(to, Caller(Actor(ActorType.OPERATOR), origin)))
        lines = [f"Moved {one.entries} entries to {one.file} (SHA-256 {one.sha256})." for one in done]
        text = "\n".join(lines) or "No complete month is old enough."
        return Output({one.file.name: one.sha256 for one in done}, text)
