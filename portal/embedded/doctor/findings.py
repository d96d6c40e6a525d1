"""What a check found, and the text of it without secrets and addresses."""

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.db import connection

_EMAIL = re.compile(r"[\w.+%-]+@(?=[\w-])")
_IP = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}(?!\.?\w)|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?!:?\w))", re.IGNORECASE
)
# A shorter password would hide ordinary words.
_MIN_SECRET = 6


class Severity(StrEnum):
    """How bad a finding is. An error keeps something from working, a warning will or may."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is the case, and how to fix it; nothing to fix if it's right."""

    severity: Severity
    text: str
    fix: str = ""


def ok(text: str) -> Finding:
    """Return that something is right."""
    return Finding(Severity.OK, text)


def warning(text: str, fix: str) -> Finding:
    """Return that something will or may go wrong, and what to do."""
    return Finding(Severity.WARNING, text, fix)


def error(text: str, fix: str) -> Finding:
    """Return that something doesn't work, and what to do."""
    return Finding(Severity.ERROR, text, fix)


def masked(text: str) -> str:
    """Return a text that can be sent to support: without secrets, and with parts of email and IP addresses hidden."""
    for secret in _secrets():
        text = text.replace(secret, "[hidden]")
    return _IP.sub(_masked_ip, _EMAIL.sub("***@", text))


def _masked_ip(found: re.Match[str]) -> str:
    try:
        address = ipaddress.ip_address(found[0])
    except ValueError:
        return found[0]
    if isinstance(address, ipaddress.IPv4Address):
        return f"{'.'.join(found[0].split('.')[:2])}.x.x"
    return f"{address.exploded[:9]}:x"


def _secrets() -> list[str]:
    urls = (settings.REDIS_URL, settings.OUTBOUND_PROXY)
    values = [
        settings.SECRET_KEY,
        *settings.SECRET_KEY_FALLBACKS,
        settings.STYTCH_SECRET,
        settings.EMAIL_HOST_PASSWORD,
        str(connection.settings_dict.get("PASSWORD", "")),
        *(unquote(urlsplit(url).password or "") for url in urls),
    ]
    return sorted({value for value in values if len(value) >= _MIN_SECRET}, key=len, reverse=True)
