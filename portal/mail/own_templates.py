"""Operators' own emails: the whole HTML and text of one, in files that are checked when they are read.

`<folder>/<template ID>/<email>.<locale>.html` and `.txt`, both. The subject is the title of the HTML. Placeholders are all
that is evaluated, and their values are escaped. An email whose template can't be used is sent with the built-in one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from html import escape, unescape
from pathlib import Path

import structlog
from django.conf import settings

from portal.directory.errors import NotFound
from portal.directory.locales import LOCALES
from portal.mail.catalog import PLACEHOLDER, filled
from portal.mail.content import Button, Code, Email, Facts
from portal.mail.languages import ENGLISH
from portal.mail.names import name_in_subject
from portal.mail.own_texts import COMMON, TEMPLATES
from portal.mail.rendering import (
    brand_for,
    facts_as_html,
    facts_as_text,
    language_tag,
    portal_name,
    public_host,
    sender_note,
    why_sent,
)
from portal.mail.template_check import CODE, COLORS, FACTS, LINK, Fault, Rules, check_html, check_text

log = structlog.get_logger("gatehouse.mail")

# Emails that someone requested. Security notices keep the frame: no template may disguise them.
REPLACEABLE = ("invitation", "sign-in-link", "one-time-code", "password-reset", "email-change-proof")
_IN_EVERY = COMMON | COLORS | {"organization_initial", "reason", "reply_note", "imprint", "locale"}
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_FILE = re.compile(r"([a-z-]+)\.([A-Za-z-]+)\.(html|txt)")


@dataclass(frozen=True, slots=True)
class OwnTemplate:
    """An email of one's own, in one language."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class Parts:
    """What is handed to the mail server."""

    subject: str
    html: str
    text: str


# The ID of a template, an email and a language.
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class OwnTemplates:
    """The templates that can be used, all that there are, and what is wrong with the others."""

    templates: Mapping[Key, OwnTemplate] = field(default_factory=dict)
    keys: frozenset[Key] = frozenset()
    problems: tuple[str, ...] = ()


def own_templates() -> OwnTemplates:
    """Return the project's templates. Files are read once: changes take effect when the process starts again."""
    mail = settings.PROJECT.mail
    return read(mail.templates, (public_host(), *mail.link_hosts))


@cache
def read(folder: str, hosts: tuple[str, ...]) -> OwnTemplates:
    """Return the templates of a folder, "" for none, whose links lead to some hosts only."""
    templates: dict[Key, OwnTemplate] = {}
    keys: set[Key] = set()
    problems: list[str] = []
    for path in sorted(Path(folder).iterdir()) if folder else ():
        if not path.is_dir() or path.name.startswith("."):
            continue
        if not _ID.fullmatch(path.name):
            problems.append(f"{path.name}: the ID of a template has up to 100 letters, digits, _ and -")
            continue
        for file in sorted(path.iterdir()):
            match = _FILE.fullmatch(file.name)
            if not match or match[1] not in REPLACEABLE or match[2] not in LOCALES:
                problems.append(
                    f"{path.name}/{file.name}: the name must be an email ({', '.join(REPLACEABLE)}), a language "
                    f"({', '.join(LOCALES)}) and html or txt, such as sign-in-link.en.html"
                )
                continue
            keys.add((path.name, match[1], match[2]))
    for key in sorted(keys):
        template, found = _checked(Path(folder), key, hosts)
        problems += found
        if template is not None:
            templates[key] = template
    return OwnTemplates(templates, frozenset(keys), tuple(problems))


def known_template(template_id: str | None, name: str, *, parameter: str) -> str:
    """Return the ID that a request has for an email, "" for none. Raise NotFound unless there is such a template."""
    if not template_id:
        return ""
    if not any(key[:2] == (template_id, name) for key in own_templates().keys):
        raise NotFound(
            f"There is no template with this ID for the email {name}.",
            field=parameter,
            error_type="email_template_not_found",
        )
    return template_id


def language_with_template(template_id: str, name: str, locale: str) -> str:
    """Return the language that an email is written in: English if a template has only that, and never a mix of both."""
    chosen, keys = template_id or settings.PROJECT.mail.template, own_templates().keys
    return ENGLISH if (chosen, name, locale) not in keys and (chosen, name, ENGLISH) in keys else locale


def own_parts(email: Email, to: str) -> Parts | None:
    """Return an email to a recipient in the template that was chosen for it, None to send the built-in one."""
    chosen = email.template_id or settings.PROJECT.mail.template
    if not chosen or email.template not in REPLACEABLE:
        return None
    found, key = own_templates(), (chosen, email.template, email.locale)
    template = found.templates.get(key)
    if template is None:
        if key in found.keys or email.template_id:
            _log_failure(key, "invalid" if key in found.keys else "missing")
        return None
    try:
        return _rendered(template, email, to)
    except (KeyError, ValueError) as error:
        # Without the values, which are personal.
        _log_failure(key, type(error).__name__)
        return None


@cache
def _log_failure(key: Key, cause: str) -> None:
    """Log once in each process that a template couldn't be used."""
    template_id, name, locale = key
    log.error("mail_template_failed", template_id=template_id, template=name, locale=locale, cause=cause)


def _checked(folder: Path, key: Key, hosts: tuple[str, ...]) -> tuple[OwnTemplate | None, list[str]]:
    """Return a template if it can be used, and what is wrong with its files."""
    template_id, name, locale = key
    described = TEMPLATES[name]
    (required,) = described.required
    rules = Rules(_IN_EVERY | described.placeholders, required, described.has_facts, frozenset(hosts))
    contents, problems = {}, []
    for kind, other in (("html", "txt"), ("txt", "html")):
        file = f"{template_id}/{name}.{locale}.{kind}"
        try:
            contents[kind] = (folder / file).read_text(encoding="utf-8")
        except FileNotFoundError:
            problems.append(f"{template_id}/{name}.{locale}.{other}: needs {name}.{locale}.{kind} next to it")
        except (OSError, UnicodeError) as error:
            problems.append(f"{file}: {error}")
    html, text = contents.get("html"), contents.get("txt")
    subject, in_html = check_html(html, rules) if html is not None else ("", [])
    problems += _lines(f"{template_id}/{name}.{locale}.html", in_html)
    problems += _lines(f"{template_id}/{name}.{locale}.txt", check_text(text, rules) if text is not None else [])
    if html is None or text is None or problems:
        return None, problems
    return OwnTemplate(unescape(subject), html, text), []


def _lines(file: str, faults: list[Fault]) -> list[str]:
    return [f"{file}, line {one.line}: {one.reason}" for one in faults]


def _rendered(template: OwnTemplate, email: Email, to: str) -> Parts:
    values = {name: " ".join(value.split()) for name, value in _values(email, to).items()}
    html = {name: escape(value) for name, value in values.items()}
    plain = dict(values)
    facts = next((one for one in email.blocks if isinstance(one, Facts)), None)
    html[FACTS], plain[FACTS] = (facts_as_html(facts, email.locale), facts_as_text(facts)) if facts else ("", "")
    # As in own_texts: without the characters that keep a name in the body from becoming a link.
    name = name_in_subject(values["organization_name"].replace(".\u200c", "."))
    return Parts(
        " ".join(filled(template.subject, {**values, "organization_name": name}).split()),
        PLACEHOLDER.sub(lambda match: html[match[1]], template.html),
        PLACEHOLDER.sub(lambda match: plain[match[1]], template.text),
    )


def _values(email: Email, to: str) -> dict[str, str]:
    name, brand = email.organization_name or portal_name(), brand_for(email)
    secret = next((one for one in email.blocks if isinstance(one, Button | Code)), None)
    match secret:
        case Button():
            values = {LINK: secret.url}
        case Code():
            values = {CODE: secret.value}
        case _:
            values = {}
    return {
        **email.values,
        **values,
        "organization_name": name,
        "organization_initial": name.strip()[:1].upper(),
        "portal_name": portal_name(),
        "portal_host": public_host(),
        "recipient": to,
        "reason": why_sent(email, to),
        "reply_note": sender_note(email),
        "imprint": str(settings.PROJECT.mail.imprint),
        "locale": language_tag(email.locale),
        "brand": brand.color,
        "brand_link": brand.link,
        "brand_link_dark": brand.link_dark,
    }
