"""Render an email as HTML and as plain text, with the same facts and links."""

import textwrap
from collections.abc import Iterator
from email.utils import parseaddr
from urllib.parse import urlsplit

from django.conf import settings
from django.template.loader import render_to_string

from portal.mail.content import PORTAL_NAME, Block, Button, Code, Email, Facts, FooterLink, Paragraph, Steps

_COLUMNS = 72
_LABEL_COLUMNS = 13
# Blanks after the preheader, so that mail programs don't show the beginning of the email next to it.
_FILLER = "\u2007\ufeff\u034f " * 30


def render_html(email: Email, to: str) -> str:
    """Return the HTML part for a recipient."""
    name = email.organization_name or PORTAL_NAME
    html = render_to_string(
        "emails/email.html",
        {
            "email": email,
            "name": name,
            "initial": name.strip()[:1].upper(),
            "filler": _FILLER,
            "why": _why(email, to),
            "sender": _sender(email),
        },
    )
    return html.strip() + "\n"


def render_text(email: Email, to: str) -> str:
    """Return the plain-text part for a recipient. No line is longer than 72 characters, except a link alone on its line."""
    head = " · ".join(filter(None, [email.organization_name or PORTAL_NAME, email.context]))
    title = _wrapped(email.title)
    underline = "=" * max(map(len, title.splitlines()))
    body = "\n\n".join(part for block in email.blocks for part in _block(block))
    links = [line for link in email.links for line in _footer_link(link)]
    foot = "\n".join([_wrapped(_why(email, to)), *links, _wrapped(_sender(email))])
    return f"{_wrapped(head)}\n\n{title}\n{underline}\n\n{body}\n\n{'-' * 24}\n{foot}\n"


def public_host() -> str:
    """Return the host of the portal, with its port if it has one."""
    return urlsplit(settings.PUBLIC_URL).netloc


def _why(email: Email, to: str) -> str:
    return f"You get this email at {to} because {email.reason}."


def _sender(email: Email) -> str:
    on_behalf_of = f" for {email.organization_name}" if email.organization_name else ""
    return f"Sent by {PORTAL_NAME} ({public_host()}){on_behalf_of}. {_reply_note()}"


def _reply_note() -> str:
    name, address = parseaddr(settings.EMAIL_REPLY_TO)
    return f"Replies go to {name or address}." if address else "Replies to this email aren’t read."


def _block(block: Block) -> Iterator[str]:
    match block:
        case Paragraph():
            yield _wrapped("".join(one.text for one in block.words))
        case Facts():
            width = max(_LABEL_COLUMNS, *(len(label) + 3 for label, _ in block.rows))
            yield "\n".join(_wrapped(value, label.ljust(width), " " * width) for label, value in block.rows)
        case Steps():
            yield "\n".join(_wrapped(step, f"{n}. ", "   ") for n, step in enumerate(block.steps, start=1))
        case Code():
            yield f"    {block.value}"
        case Button():
            yield f"{block.label} on {block.host}:\n{block.url}"
            yield _wrapped(
                f"The link works once, {block.validity}." if block.validity else "You sign in on that page first."
            )


def _footer_link(link: FooterLink) -> Iterator[str]:
    yield f"{link.label}:"
    yield link.url


def _wrapped(text: str, first: str = "", others: str = "") -> str:
    return textwrap.fill(
        text,
        _COLUMNS,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )
