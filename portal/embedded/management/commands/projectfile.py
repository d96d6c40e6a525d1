"""`manage.py projectfile`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portal.directory.configuration import load_configuration
from portal.directory.configuration_file import as_toml


class Command(BaseCommand):
    """Print the project's configuration as a file for PROJECT_FILE, with every setting. With --check, check such a file."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--check", type=Path, metavar="FILE", help="check a file before PROJECT_FILE names it")

    def handle(self, *_: Any, check: Path | None, **__: Any) -> None:
        """Print the file, or that it's correct."""
        if check is None:
            self.stdout.write(as_toml(settings.PROJECT), ending="")
            return
        try:
            load_configuration(check, allows_http=settings.ALLOW_HTTP)
        except ValueError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{check} is correct.")
