"""Operators' own texts of emails: a file per language in a folder, checked when it's read.

They replace the subject, the preheader, the title and the paragraphs of an email; the frame stays. Placeholders such as
{organization_name} are all that is evaluated. If a text can't be used, the built-in one is sent, and the log says so.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import msgspec
import structlog
from django.conf import settings

from portal.directory.locales import LOCALES
from portal.mail.catalog import PLACEHOLDER, filled, paragraph_of
from portal.mail.content import Block, Button, Code, Email, Facts
from portal.mail.names import name_in_subject
from portal.mail.rendering import portal_name, public_host

log = structlog.get_logger("gatehouse.mail")

# In every text.
COMMON = frozenset({"organization_name", "portal_name", "portal_host", "recipient"})
# Each alone in its paragraph: the button with its link below it, the code, and the table.
_LINK, _CODE, _FACTS = "link", "code", "facts"
BLOCKS = frozenset({_LINK, _CODE, _FACTS})
_MAX_SUBJECT, _MAX_LENGTH, _MAX_PARAGRAPHS = 100, 1000, 20
# Control and bidirectional characters: texts are one line each.
_HIDDEN = re.compile("[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Template:
    """What the texts of an email may use, and which block they must have."""

    placeholders: frozenset[str]
    required: frozenset[str] = frozenset({_LINK})
    has_facts: bool = True

    @property
    def blocks(self) -> frozenset[str]:
        """The blocks that a body may have."""
        return self.required | ({_FACTS} if self.has_facts else frozenset())


def _template(placeholders: str, *, required: str = _LINK, has_facts: bool = True) -> Template:
    return Template(frozenset(placeholders.split()), frozenset({required}), has_facts)


_REQUESTED = "expires_in expires_at requested_at device location ip_address"
_SECOND_FACTOR = "method changed_at changed_by remaining_methods device location ip_address"
TEMPLATES: Mapping[str, Template] = {
    "invitation": _template("expires_at inviter_name inviter_email roles"),
    "sign-in-link": _template(_REQUESTED),
    "one-time-code": _template(_REQUESTED, required=_CODE),
    "password-reset": _template(_REQUESTED),
    "email-change-proof": _template("new_email expires_in expires_at", has_facts=False),
    "email-change-notice": _template("old_email new_email requested_at device location ip_address"),
    "password-changed": _template("changed_at changed_by device location ip_address"),
    "mfa-added": _template(_SECOND_FACTOR),
    "mfa-removed": _template(_SECOND_FACTOR),
    "recovery-codes": _template("changed_at changed_by device location ip_address"),
    "new-sign-in": _template("signed_in_at device location ip_address"),
    "new-sign-ins": _template("signed_in_at device location ip_address"),
}


class OwnText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The texts of an email. What is left out stays as it is."""

    subject: str | None = None
    preheader: str | None = None
    title: str | None = None
    body: tuple[str, ...] | None = None
    button: str | None = None


@dataclass(frozen=True, slots=True)
class OwnTexts:
    """The texts that can be used, by language and name, and what is wrong with the others."""

    texts: Mapping[tuple[str, str], OwnText] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    # Those that are wrong, to say so when their email is sent.
    rejected: frozenset[tuple[str, str]] = frozenset()


@cache
def read(folder: str) -> OwnTexts:
    """Return the texts of a folder, "" for none. Files are read once: changes take effect when the process starts again."""
    texts: dict[tuple[str, str], OwnText] = {}
    problems: list[str] = []
    rejected: set[tuple[str, str]] = set()
    for path in sorted(Path(folder).glob("*.toml")) if folder else ():
        if path.stem not in LOCALES:
            problems.append(f"{path.name}: the name must be one of {', '.join(LOCALES)}, with .toml")
            continue
        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
            problems.append(f"{path.name}: {error}")
            rejected |= {(path.stem, name) for name in TEMPLATES}
            continue
        for name, table in tables.items():
            text, found = _checked(name, table)
            if text is not None and not found:
                texts[path.stem, name] = text
            else:
                problems += [f"{path.name}: [{name}] {problem}" for problem in found]
                rejected.add((path.stem, name))
    return OwnTexts(texts, tuple(problems), frozenset(rejected))


def in_own_words(email: Email, to: str) -> Email:
    """Return an email to a recipient with the operator's own texts, if there are any that can be used."""
    found, key = read(settings.PROJECT.mail.texts), (email.locale, email.template)
    if key in found.rejected:
        _log_failure(email, "invalid")
    own = found.texts.get(key)
    if own is None:
        return email
    try:
        return _replaced(email, own, to)
    except (KeyError, ValueError) as error:
        # Without the values, which are personal.
        _log_failure(email, type(error).__name__)
        return email


def _log_failure(email: Email, cause: str) -> None:
    log.error("mail_template_failed", template=email.template, locale=email.locale, cause=cause)


def _replaced(email: Email, own: OwnText, to: str) -> Email:
    values = {
        **email.values,
        "organization_name": email.organization_name or portal_name(),
        "portal_name": portal_name(),
        "portal_host": public_host(),
        "recipient": to,
    }
    # Without the characters that keep a name in the body from becoming a link.
    in_header = {**values, "organization_name": name_in_subject(values["organization_name"].replace(".\u200c", "."))}
    return replace(
        email,
        subject=filled(own.subject, in_header) if own.subject is not None else email.subject,
        preheader=filled(own.preheader, in_header) if own.preheader is not None else email.preheader,
        title=filled(own.title, values) if own.title is not None else email.title,
        blocks=tuple(_blocks(email, own, values)),
    )


def _blocks(email: Email, own: OwnText, values: Mapping[str, str]) -> Iterator[Block]:
    blocks = {_name_of(one): _labeled(one, own, values) for one in email.blocks if _name_of(one)}
    if own.body is None:
        yield from (_labeled(one, own, values) for one in email.blocks)
        return
    for text in own.body:
        name = _alone(text)
        if name is None:
            yield paragraph_of(text, values)
        elif name in blocks:
            yield blocks[name]
        elif name != _FACTS:
            raise KeyError(name)


def _name_of(block: Block) -> str:
    match block:
        case Button():
            return _LINK
        case Code():
            return _CODE
        case Facts():
            return _FACTS
        case _:
            return ""


def _labeled(block: Block, own: OwnText, values: Mapping[str, str]) -> Block:
    if isinstance(block, Button) and own.button is not None:
        return replace(block, label=filled(own.button, values))
    return block


def _alone(text: str) -> str | None:
    """Return the block that a paragraph names, None for a text."""
    match = PLACEHOLDER.fullmatch(text.strip())
    return match[1] if match and match[1] in BLOCKS else None


def _checked(name: str, table: object) -> tuple[OwnText | None, list[str]]:
    """Return the texts of a table, and what is wrong with them."""
    template = TEMPLATES.get(name)
    if template is None:
        return None, [f"isn't an email with texts of your own. These are: {', '.join(TEMPLATES)}"]
    try:
        own = msgspec.convert(table, OwnText)
    except msgspec.ValidationError as error:
        return None, [str(error)]
    return own, list(_problems(own, template))


def _problems(own: OwnText, template: Template) -> Iterator[str]:
    lines = {"subject": own.subject, "preheader": own.preheader, "title": own.title, "button": own.button}
    for place, text in lines.items():
        if text is not None:
            yield from _of_text(place, text, template, _MAX_SUBJECT if place == "subject" else _MAX_LENGTH)
    if own.body is not None:
        yield from _of_body(own.body, template)


def _of_body(body: tuple[str, ...], template: Template) -> Iterator[str]:
    if len(body) > _MAX_PARAGRAPHS:
        yield f"body: at most {_MAX_PARAGRAPHS} paragraphs"
    alone = [_alone(text) for text in body]
    for number, (text, block) in enumerate(zip(body, alone, strict=True), start=1):
        if block is None:
            yield from _of_text(f"body, paragraph {number}", text, template, _MAX_LENGTH)
        elif block not in template.blocks:
            yield f"body, paragraph {number}: this email has no {{{block}}}"
    for block in sorted(template.blocks):
        count = alone.count(block)
        if block in template.required and count != 1:
            yield f"body: needs a paragraph {{{block}}}, once"
        elif count > 1:
            yield f"body: {{{block}}} only once"


def _of_text(place: str, text: str, template: Template, longest: int) -> Iterator[str]:
    if not text.strip() or len(text) > longest or _HIDDEN.search(text):
        yield f"{place}: must be one line of 1 to {longest} characters"
    names = PLACEHOLDER.findall(text)
    for name in names:
        if name in BLOCKS:
            where = "must be alone in its paragraph" if place.startswith("body") else "isn't allowed here"
            yield f"{place}: {{{name}}} {where}"
        elif name not in COMMON | template.placeholders:
            yield f"{place}: {{{name}}} is unknown. Known are {', '.join(sorted(COMMON | template.placeholders))}"
    if len(re.findall("[{}]", text)) != 2 * len(names):
        yield f"{place}: a brace that belongs to no placeholder"
