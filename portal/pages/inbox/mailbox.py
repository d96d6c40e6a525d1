"""The emails and text messages that the demo wrote to files instead of sending them (filemail:///…, filesms:///…)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

MAX_SHOWN = 50
_SEPARATOR = b"\n" + b"-" * 79 + b"\n"  # Django's, after each message


@dataclass(frozen=True, slots=True)
class Message:
    """An email or a text message. `name` is its file's, and `text` an email's plain-text part."""

    name: str
    subject: str
    sender: str
    recipient: str
    sent_at: datetime
    text: str


def messages_in(folder: Path) -> tuple[Message, ...]:
    """Return the newest messages, newest first, at most MAX_SHOWN. None if the folder doesn't exist yet."""
    files = [*folder.glob("*.log"), *folder.glob("*.json")]
    files.sort(key=lambda one: (one.stat().st_mtime, one.name), reverse=True)
    return tuple(message for one in files[:MAX_SHOWN] for message in _read(one))[:MAX_SHOWN]


def _read(path: Path) -> Iterator[Message]:
    content, written_at = path.read_bytes(), datetime.fromtimestamp(path.stat().st_mtime, UTC)
    if path.suffix == ".json":
        sent = json.loads(content)
        yield Message(path.stem, "Text message", "", sent["to"], written_at, sent["body"])
        return
    for number, part in enumerate(one for one in content.split(_SEPARATOR) if one.strip()):
        parsed = message_from_bytes(part, _class=EmailMessage, policy=policy.default)
        body = parsed.get_body(("plain",)) if isinstance(parsed, EmailMessage) else None
        yield Message(
            f"{path.stem}-{number}",
            str(parsed["Subject"] or ""),
            str(parsed["From"] or ""),
            str(parsed["To"] or ""),
            written_at,
            str(body.get_content()) if body else "",
        )
