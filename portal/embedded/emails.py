"""Emails to one address each, so that recipients never see each other's addresses."""

import hashlib
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMessage


def send_email(*, to: str, subject: str, text: str, key: str = "") -> None:
    """Hand an email to the mail server. Raise OSError or ValueError if it isn't accepted.

    With a `key`, the same email to the same address has the same Message-ID, so that mailboxes drop a second copy.
    """
    headers = {"Auto-Submitted": "auto-generated"}  # RFC 3834, 5
    if key:
        domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
        headers["Message-ID"] = f"<{hashlib.sha256(f'{key} {to}'.encode()).hexdigest()[:40]}@{domain}>"
    EmailMessage(
        one_line(subject),
        text,
        settings.DEFAULT_FROM_EMAIL,
        [to],
        headers=headers,
        reply_to=[settings.EMAIL_REPLY_TO] if settings.EMAIL_REPLY_TO else None,
    ).send()


def one_line(text: str) -> str:
    """Return a text without line breaks, as headers need."""
    return " ".join(text.split())
