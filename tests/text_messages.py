"""What is sent by text message, in files of a test's own folder."""

import json
from dataclasses import dataclass
from pathlib import Path

from portal.sms.url import SmsKind, SmsService
from tests.tasks import run_tasks


@dataclass(frozen=True)
class TextMessages:
    """The messages of a folder."""

    folder: Path

    @property
    def service(self) -> SmsService:
        return SmsService(SmsKind.FILES, str(self.folder))

    def sent(self, number: str = "") -> list[str]:
        """Send what waits, and return the texts to a number, or to all, the oldest first."""
        run_tasks()
        found = [json.loads(one.read_text()) for one in sorted(self.folder.glob("*.json"))]
        return [one["body"] for one in found if number in {"", one["to"]}]

    def code(self, number: str = "") -> str:
        """Send what waits, and return the newest code."""
        return self.sent(number)[-1].partition(" is your code")[0]
