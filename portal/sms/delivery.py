"""Hand text messages to the service of SMS_URL.

Tasks do this, because a service can take long or be away. No message of an error or of the log here has a number or a text.
"""

import base64
import json
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from portal.sms.url import SmsKind, SmsService

log = structlog.get_logger("gatehouse.sms")

# What no second attempt changes: the service knows the message, and rejects it.
_REJECTED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.GONE, HTTPStatus.UNPROCESSABLE_ENTITY})


class UndeliverableError(Exception):
    """The service will never send this message, for example because the number doesn't exist."""


class ServiceError(Exception):
    """The service didn't take the message. Trying again may help."""


class Transport(Protocol):
    """A way to send text messages."""

    def send(self, to: str, body: str) -> None:
        """Send a text to a number (E.164). Raise UndeliverableError, or another error if trying again may help."""
        ...


def send_sms(to: str, body: str) -> None:
    """Send a text message by the service of SMS_URL, as `Transport.send` does. Raise ImproperlyConfigured without one."""
    if settings.SMS_SERVICE is None:
        raise ImproperlyConfigured("Text messages aren't configured. Set SMS_URL for the worker too.")
    transport_of(settings.SMS_SERVICE).send(to, body)


def transport_of(service: SmsService) -> Transport:
    """Return what sends by a service."""
    match service.kind:
        case SmsKind.CONSOLE:
            return Console()
        case SmsKind.FILES:
            return Files(Path(service.target))
        case SmsKind.WEBHOOK:
            return Webhook(service)
        case SmsKind.TWILIO:
            return Twilio(service)


class Console:
    """Writes messages to standard output."""

    def send(self, to: str, body: str) -> None:
        """Write a message as a line of JSON."""
        sys.stdout.write(json.dumps({"to": to, "body": body}, ensure_ascii=False) + "\n")
        sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class Files:
    """Writes each message to a file of its own, which only this user can read."""

    folder: Path

    def send(self, to: str, body: str) -> None:
        """Write a message as JSON."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        now = timezone.now()
        name = f"{now:%Y%m%d-%H%M%S-%f}-{secrets.token_hex(4)}"
        message = json.dumps({"to": to, "body": body, "sent_at": now.isoformat()}, ensure_ascii=False)
        # Readers of the folder never see half a message.
        draft = self.folder / f"{name}.part"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(message)
        draft.rename(self.folder / f"{name}.json")


@dataclass(frozen=True, slots=True)
class Webhook:
    """POSTs messages as JSON to a server of the operator."""

    service: SmsService

    def send(self, to: str, body: str) -> None:
        """POST a message with the secret as a bearer token."""
        sent = json.dumps({"to": to, "body": body}).encode()
        headers = {"Authorization": f"Bearer {self.service.secret}"} if self.service.secret else {}
        _post(self.service, sent, "application/json", headers)


@dataclass(frozen=True, slots=True)
class Twilio:
    """Sends messages by Twilio's REST API (POST /2010-04-01/Accounts/{sid}/Messages.json)."""

    service: SmsService

    def send(self, to: str, body: str) -> None:
        """POST a message with the account and its token."""
        sender = "MessagingServiceSid" if self.service.sender.startswith("MG") else "From"
        fields = {"To": to, sender: self.service.sender, "Body": body}
        basic = base64.b64encode(f"{self.service.account}:{self.service.secret}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Accept": "application/json"}
        _post(self.service, urlencode(fields).encode(), "application/x-www-form-urlencoded", headers)


def _post(service: SmsService, body: bytes, content_type: str, headers: Mapping[str, str]) -> None:
    # Loaded at the first use: only workers send, and web processes need no HTTP client.
    from portal.outbound.client import post  # noqa: PLC0415 -- as above

    response = post(service.target, body, content_type=content_type, headers=headers)
    if HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
        return
    log.warning("sms_rejected", service=str(service.kind), status=response.status, code=_code(response.body))
    if response.status in _REJECTED:
        raise UndeliverableError("The service rejected the message.")
    raise ServiceError(f"The service answered with status {response.status}.")


def _code(body: bytes) -> int | None:
    """Return Twilio's number of an error. Its text names the phone number."""
    try:
        document: Any = json.loads(body)
    except ValueError:
        return None
    code = document.get("code") if isinstance(document, Mapping) else None
    return code if isinstance(code, int) else None
