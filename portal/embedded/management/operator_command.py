"""What the operator's commands share: an answer for people, or the same for scripts."""

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
class Answer:
    """What a command did: `fields` under Stytch's names, and `text` for a person."""

    fields: Mapping[str, str]
    text: str


class OperatorCommand(BaseCommand, ABC):
    """Carries something out in the embedded directory; a refusal is one sentence that names the option."""

    # The option by which a person gave each field.
    options: Mapping[str, str] = {}

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare `--json`."""
        parser.add_argument("--json", action="store_true", help="answer with one JSON object, for scripts")

    @abstractmethod
    def carry_out(self, origin: Origin, **options: Any) -> Answer:
        """Do it. Raises DirectoryError."""

    def handle(self, *_: Any, json: bool, **options: Any) -> None:
        """Do it and answer."""
        try:
            answer = self.carry_out(Origin(user_agent=f"manage.py {self.__module__.rpartition('.')[2]}"), **options)
        except DirectoryError as error:
            option = self.options.get(error.field, "")
            raise CommandError(f"{option}: {error.detail}" if option else error.detail) from None
        self.stdout.write(dumps(answer.fields, indent=2) if json else answer.text)
