"""What SMS_URL says: the service that sends text messages."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

TWILIO_HOST = "api.twilio.com"
_ACCOUNT = re.compile(r"AC[0-9a-zA-Z]{32}")
# A number, a messaging service, or the name that some countries allow in place of a number.
_SENDER = re.compile(r"\+[1-9][0-9]{6,14}|MG[0-9a-zA-Z]{32}|[A-Za-z0-9 ]{1,11}")
_WEBHOOK = "webhook+https"


class SmsKind(StrEnum):
    """How text messages are sent."""

    CONSOLE = "console"
    FILES = "filesms"
    WEBHOOK = "webhook"
    TWILIO = "twilio"


@dataclass(frozen=True, slots=True)
class SmsService:
    """A service that sends text messages, with what it needs of these."""

    kind: SmsKind
    # The folder, or the URL without its secret.
    target: str = ""
    secret: str = field(default="", repr=False)
    # Twilio's account, and the number that messages come from.
    account: str = ""
    sender: str = ""


def parse_sms_url(url: str) -> SmsService | None:
    """Return the service of a URL, None for "". Raise ValueError, without the URL: it contains a secret."""
    if not url:
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError("isn't a URL") from None
    match parts.scheme:
        case "console" if not (parts.netloc or parts.path):
            return SmsService(SmsKind.CONSOLE)
        case "filesms" if not parts.netloc and parts.path.startswith("/") and parts.path != "/":
            return SmsService(SmsKind.FILES, unquote(parts.path))
        case scheme if scheme == _WEBHOOK and parts.hostname and not (parts.username or parts.fragment):
            return _webhook(parts)
        case "twilio" if _ACCOUNT.fullmatch(parts.username or "") and parts.password:
            return _twilio(parts)
    raise ValueError(
        "must be console:, filesms:///folder, webhook+https://:secret@host/path or "
        "twilio://account_sid:auth_token@/from-number"
    )


def _webhook(parts: SplitResult) -> SmsService:
    host = parts.netloc.rpartition("@")[2]
    target = urlunsplit(("https", host, parts.path, parts.query, ""))
    return SmsService(SmsKind.WEBHOOK, target, secret=unquote(parts.password or ""))


def _twilio(parts: SplitResult) -> SmsService:
    sender, account = unquote(parts.path.removeprefix("/")), parts.username or ""
    if not _SENDER.fullmatch(sender) or parts.query or parts.fragment:
        raise ValueError("must end with the number that messages come from, such as /+12025550123")
    host = parts.netloc.rpartition("@")[2] or TWILIO_HOST
    return SmsService(
        SmsKind.TWILIO,
        f"https://{host}/2010-04-01/Accounts/{account}/Messages.json",
        secret=unquote(parts.password or ""),
        account=account,
        sender=sender,
    )
