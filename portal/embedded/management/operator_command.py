"""The base of the operator's commands: output for people or, with --json, for scripts."""

from abc import ABC, abstractmethod
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import dataclass
from json import dumps
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.directory.actor import Origin
from portal.directory.errors import DirectoryError


@dataclass(frozen=True, slots=True)
class Output:
    """What a command did: `fields` in Stytch's terms for scripts, as JSON has them, and `text` for people."""

    fields: Mapping[str, Any]
    text: str


class OperatorCommand(BaseCommand, ABC):
    """A command of the embedded directory. An error is one sentence that names the option."""

    # The option of each field that an error can name.
    options: Mapping[str, str] = {}

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare `--json`."""
        parser.add_argument("--json", action="store_true", help="print one JSON object, for scripts")

    @abstractmethod
    def run(self, origin: Origin, **options: Any) -> Output:
        """Run the command. Raise DirectoryError."""

    def handle(self, *_: Any, json: bool, **options: Any) -> None:
        """Run the command and print its output."""
        try:
            output = self.run(Origin(user_agent=f"manage.py {self.__module__.rpartition('.')[2]}"), **options)
        except DirectoryError as error:
            option = self.options.get(error.field, "")
            raise CommandError(f"{option}: {error.detail}" if option else error.detail) from None
        self.stdout.write(dumps(output.fields, indent=2) if json else output.text)
