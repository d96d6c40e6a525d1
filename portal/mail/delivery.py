"""Hand emails to the mail server, each to one address, so that recipients never see each other's addresses.

Tasks do this, because a mail server can take long or be away. No message of an error here has an address in it.
"""

import hashlib
import secrets
from dataclasses import replace
from email.charset import QP, Charset
from smtplib import SMTPRecipientsRefused
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMultiAlternatives

from portal.mail.content import Email
from portal.mail.own_templates import Parts, own_parts
from portal.mail.own_texts import in_own_words
from portal.mail.rendering import language_tag, render_html, render_text

_PERMANENT = 500  # SMTP, RFC 5321, 4.2.1: from here on, trying again doesn't help
_UTF_8 = Charset("utf-8")
_UTF_8.body_encoding = QP


class UndeliverableError(Exception):
    """The mail server will never accept this email: the address doesn't exist there, or the message is invalid."""


def send_email(email: Email, *, to: str, key: str = "", color: str = "") -> None:
    """Hand an email to the mail server. Raise UndeliverableError, or OSError if trying again may help.

    `color` is that of the organization's buttons, "" for the project's. With a `key`, the same email to the same address has the same Message-ID, so that mailboxes drop a second copy.
    Raise ImproperlyConfigured without EMAIL_URL.
    """
    if not settings.EMAIL_IS_SET_UP:
        raise ImproperlyConfigured("Email isn't configured. Set EMAIL_URL and EMAIL_FROM for the worker too.")
    email = replace(email, color=color)
    parts = own_parts(email, to) or built_in_parts(in_own_words(email, to), to)
    message = EmailMultiAlternatives(
        parts.subject,
        parts.text,
        settings.DEFAULT_FROM_EMAIL,
        [to],
        headers=_headers(email, to, key),
        reply_to=[settings.EMAIL_REPLY_TO] if settings.EMAIL_REPLY_TO else None,
    )
    message.encoding = _UTF_8
    message.attach_alternative(parts.html, "text/html")
    try:
        message.send()
    except SMTPRecipientsRefused as error:
        if all(code >= _PERMANENT for code, _ in error.recipients.values()):
            raise UndeliverableError("The mail server rejected the address.") from None
        raise
    except ValueError:
        raise UndeliverableError("The message is invalid.") from None


def built_in_parts(email: Email, to: str) -> Parts:
    """Return an email in the built-in frame."""
    return Parts(one_line(email.subject), render_html(email, to), render_text(email, to))


def one_line(text: str) -> str:
    """Return a text without line breaks, as headers need."""
    return " ".join(text.split())


def _headers(email: Email, to: str, key: str) -> dict[str, str]:
    name = hashlib.sha256(f"{key} {to}".encode()).hexdigest()[:40] if key else secrets.token_hex(20)
    headers = {
        # At the public host: the name of the machine stays private.
        "Message-ID": f"<{name}@{urlsplit(settings.PUBLIC_URL).hostname}>",
        "Auto-Submitted": "auto-generated",  # RFC 3834, 5
        "X-Auto-Response-Suppress": "OOF, AutoReply",  # the same for Microsoft Exchange
        "Content-Language": language_tag(email.locale),
    }
    if email.stop_url:
        # RFC 8058: mail programs offer to stop the emails, and do it with one POST.
        headers["List-Unsubscribe"] = f"<{email.stop_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers
