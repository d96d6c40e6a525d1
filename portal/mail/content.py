"""What an email says, once: its HTML and its plain text are both rendered from this (portal/mail/rendering.py)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Words:
    """A part of a sentence, in bold if it's a name."""

    text: str
    is_strong: bool = False


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph. `is_last` is for what to do if the email wasn't expected."""

    kind: ClassVar[str] = "paragraph"
    words: tuple[Words, ...]
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """A table of two columns: label and value."""

    kind: ClassVar[str] = "facts"
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Steps:
    """A numbered list."""

    kind: ClassVar[str] = "steps"
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Button:
    """The one button. `note` is a sentence: how long its link works, or that its page asks for a sign-in.

    `is_link` says that the link works only once. A quiet button is for emails where there is normally nothing to do.
    """

    kind: ClassVar[str] = "button"
    label: str
    url: str
    note: str
    is_link: bool = False
    is_quiet: bool = False

    @property
    def host(self) -> str:
        """Where the URL leads, with the port if it has one."""
        return urlsplit(self.url).netloc


@dataclass(frozen=True, slots=True)
class Code:
    """A code to enter, large and on a line of its own."""

    kind: ClassVar[str] = "code"
    value: str


@dataclass(frozen=True, slots=True)
class FooterLink:
    """A link below the email, such as where to change its contacts. Without `text`, the URL is shown."""

    label: str
    url: str
    text: str = ""


Block = Paragraph | Facts | Steps | Button | Code


@dataclass(frozen=True, slots=True)
class Email:
    """An email, apart from its recipient.

    The preheader adds what the subject leaves out. `reason` says why the recipient gets it, and continues "You get this email
    at nora@example.com because". Names in it are prepared by `portal.mail.names`.
    """

    subject: str
    preheader: str
    title: str
    blocks: tuple[Block, ...]
    reason: str
    # "" for emails of the portal itself.
    organization_name: str = ""
    # The organization's color, of buttons and links. "" for the project's.
    color: str = ""
    # The area and the connection, such as "SCIM · Okta production".
    context: str = ""
    links: tuple[FooterLink, ...] = ()
    # One of portal.mail.languages.LOCALES, in which all of it is written.
    locale: str = "en"
    # The name of the email in operators' own texts, and the values of their placeholders. "" for emails without them.
    template: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    # The operator's own template that a request chose (portal/mail/own_templates.py), "" for the project's.
    template_id: str = ""
    # About the account's security, so that it can't be turned off.
    is_security: bool = False
    # Where one POST stops these emails (RFC 8058). "" for emails that can't be stopped.
    stop_url: str = ""


def paragraph(*words: str | Words, is_last: bool = False) -> Paragraph:
    """Return a paragraph of plain and bold words."""
    return Paragraph(tuple(one if isinstance(one, Words) else Words(one) for one in words), is_last)


def strong(text: str) -> Words:
    """Return words in bold."""
    return Words(text, is_strong=True)
