"""Render an email as HTML and as plain text, with the same facts and links."""

from collections.abc import Iterator
from email.utils import parseaddr
from urllib.parse import urlsplit

from django.conf import settings
from django.template.loader import render_to_string

from portal.directory.brands import Brand, brand_of
from portal.directory.themes import BUILT_IN
from portal.mail.catalog import Texts, texts
from portal.mail.content import Block, Button, Code, Email, Facts, FooterLink, Paragraph, Steps
from portal.mail.languages import RIGHT_TO_LEFT
from portal.mail.wrapping import columns, padded, wrapped

_LABEL_COLUMNS = 13
# Blanks after the preheader, so that mail programs don't show the beginning of the email next to it.
_FILLER = "\u2007\ufeff\u034f " * 30


def render_html(email: Email, to: str) -> str:
    """Return the HTML part for a recipient."""
    name, said = email.organization_name or portal_name(), texts(email.locale)
    html = render_to_string(
        "emails/email.html",
        {
            "email": email,
            "name": name,
            "initial": name.strip()[:1].upper(),
            "filler": _FILLER,
            "why": why_sent(email, to),
            "sender": sender_note(email),
            "imprint": _imprint(),
            "brand": brand_for(email),
            "opens": "".join(_opens(one, said) for one in email.blocks if isinstance(one, Button)),
            "language": language_tag(email.locale),
            "is_right_to_left": email.locale in RIGHT_TO_LEFT,
            **_sides(email.locale),
        },
    )
    return html.strip() + "\n"


def facts_as_html(facts: Facts, locale: str) -> str:
    """Return a table of facts for an operator's own HTML, in the colors that it has there."""
    colors = dict.fromkeys(("label_color", "value_color"), "inherit")
    return render_to_string("emails/facts.html", {"block": facts, **colors, **_sides(locale)}).strip()


def facts_as_text(facts: Facts) -> str:
    """Return a table of facts as lines."""
    width = max(_LABEL_COLUMNS, *(columns(label) + 3 for label, _ in facts.rows))
    return "\n".join(wrapped(value, padded(label, width), " " * width) for label, value in facts.rows)


def render_text(email: Email, to: str) -> str:
    """Return the plain-text part for a recipient. No line takes more than 72 columns, except a link alone on its line."""
    head = " · ".join(filter(None, [email.organization_name or portal_name(), email.context]))
    title = wrapped(email.title)
    underline = "=" * max(map(columns, title.splitlines()))
    body = "\n\n".join(part for block in email.blocks for part in _block(block, texts(email.locale)))
    links = [line for link in email.links for line in _footer_link(link)]
    foot = "\n".join(
        [
            wrapped(why_sent(email, to)),
            *links,
            wrapped(sender_note(email)),
            *([wrapped(_imprint())] if _imprint() else []),
        ]
    )
    return f"{wrapped(head)}\n\n{title}\n{underline}\n\n{body}\n\n{'-' * 24}\n{foot}\n"


def language_tag(locale: str) -> str:
    """Return a locale as a language tag (RFC 5646)."""
    return "pt-BR" if locale == "pt-br" else locale


def portal_name() -> str:
    """Return the name of the portal in emails."""
    return str(settings.PROJECT.mail.portal_name)


def brand_for(email: Email) -> Brand:
    """Return the colors of an email: its organization's, the project's for emails, or else those of the project's theme."""
    return brand_of(email.color or settings.PROJECT.mail.brand or settings.PROJECT.theme.color or BUILT_IN.color)


def public_host() -> str:
    """Return the host of the portal, with its port if it has one."""
    return urlsplit(settings.PUBLIC_URL).netloc


def why_sent(email: Email, to: str) -> str:
    """Return why the recipient gets an email, and that notices about security can't be turned off."""
    said = texts(email.locale)
    why = said("frame.why", address=to, reason=email.reason)
    return said.sentences(why, said("frame.security") if email.is_security else "")


def sender_note(email: Email) -> str:
    """Return who sent an email for which organization, and where replies go."""
    said, host = texts(email.locale), public_host()
    if email.organization_name:
        sent = said("frame.sent_for", portal=portal_name(), host=host, organization=email.organization_name)
    else:
        sent = said("frame.sent", portal=portal_name(), host=host)
    name, address = parseaddr(settings.EMAIL_REPLY_TO)
    replies = said("frame.replies", name=name or address) if address else said("frame.no_replies")
    return said.sentences(sent, replies)


def _sides(locale: str) -> dict[str, str]:
    """Return where lines start, and the space between a label and its fact."""
    if locale in RIGHT_TO_LEFT:
        return {"start": "right", "fact_padding": "9px 0 9px 12px"}
    return {"start": "left", "fact_padding": "9px 12px 9px 0"}


def _imprint() -> str:
    return str(settings.PROJECT.mail.imprint)


def _opens(button: Button, said: Texts) -> str:
    """Return the sentences between a button and the link below it."""
    opens = said("frame.opens_link" if button.is_link else "frame.opens_page", host=button.host)
    return said.sentences(opens, button.note)


def _block(block: Block, said: Texts) -> Iterator[str]:
    match block:
        case Paragraph():
            yield wrapped("".join(one.text for one in block.words))
        case Facts():
            yield facts_as_text(block)
        case Steps():
            yield "\n".join(wrapped(step, f"{n}. ", "   ") for n, step in enumerate(block.steps, start=1))
        case Code():
            yield f"    {block.value}"
        case Button():
            yield f"{wrapped(said('frame.button_on_host', label=block.label, host=block.host))}\n{block.url}"
            yield wrapped(block.note)


def _footer_link(link: FooterLink) -> Iterator[str]:
    yield f"{link.label}:"
    yield link.url
