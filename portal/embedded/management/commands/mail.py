"""`manage.py mail`: texts and templates of one's own, and the language of an organization's emails."""

from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from portal.directory.actor import Origin
from portal.directory.errors import Invalid, Unavailable
from portal.directory.locales import LOCALES
from portal.embedded import operator
from portal.embedded.mail_examples import RECIPIENT, example
from portal.embedded.management.operator_command import OperatorCommand, Output
from portal.mail.content import Email
from portal.mail.delivery import UndeliverableError, built_in_parts, send_email
from portal.mail.languages import ENGLISH
from portal.mail.own_templates import own_parts, own_templates
from portal.mail.own_texts import TEMPLATES, in_own_words, read


class Command(OperatorCommand):
    """Check, preview and send emails with your own texts and templates, or set the language of an organization's emails."""

    help = __doc__
    options = {
        "organization_slug": "NAME",
        "name": "NAME",
        "locale": "--locale",
        "to": "--to",
        "folder": "--folder",
        "template": "--template",
    }

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument(
            "what",
            choices=["check", "preview", "test", "language"],
            help="check the texts and templates in the folders that PROJECT_FILE names; print an email with example values; send it; or set "
            "the language of an organization's emails to members who have chosen none",
        )
        parser.add_argument("name", nargs="?", default="", help=f"an organization's slug, or {', '.join(TEMPLATES)}")
        parser.add_argument("--locale", choices=["", *LOCALES], help='the language, such as de-DE; "" for English')
        parser.add_argument("--template", default="", metavar="ID", help="preview, test: a template of your own")
        parser.add_argument("--folder", metavar="FOLDER", help="preview: write the HTML and the text there")
        parser.add_argument("--to", default="", metavar="ADDRESS", help="test: your own email address")

    def run(self, origin: Origin, **options: Any) -> Output:
        """Run one of the commands."""
        what, name, locale = options["what"], options["name"], options["locale"]
        if what == "check":
            return _check()
        if what == "language":
            if locale is None:
                raise Invalid("Name the language.", field="locale")
            return _language(origin, name, locale)
        if name not in TEMPLATES:
            raise Invalid(f"Name one of {', '.join(TEMPLATES)}.", field="name")
        email = _example(name, locale or ENGLISH, options["template"])
        if what == "preview":
            return _preview(email, options["folder"])
        if "@" not in options["to"]:
            raise Invalid("Enter your own email address.", field="to")
        return _test(email, options["to"])


def _check() -> Output:
    found, whole = read(settings.PROJECT.mail.texts), own_templates()
    if problems := [*found.problems, *whole.problems]:
        raise Invalid("\n".join(problems))
    names = [f"{name} ({locale})" for locale, name in sorted(found.texts)]
    of_templates = [f"{name} ({locale}) of {template}" for template, name, locale in sorted(whole.templates)]
    lines = [
        f"Your own texts can be used: {', '.join(names)}." if names else "There are no texts of your own.",
        *([f"Your own templates can be used: {', '.join(of_templates)}."] if of_templates else []),
    ]
    fields = {
        "texts": [{"locale": locale, "email": name} for locale, name in sorted(found.texts)],
        "templates": [
            {"template": template, "locale": locale, "email": name}
            for template, name, locale in sorted(whole.templates)
        ],
    }
    return Output(fields, "\n".join(lines))


def _example(name: str, locale: str, template_id: str) -> Email:
    """Return an email with example values, in a template if one is named. Raise Invalid if that can't be used."""
    if template_id and (template_id, name, locale) not in own_templates().templates:
        about = f"{template_id}/{name}.{locale}."
        problems = [one for one in own_templates().problems if one.startswith(about)]
        raise Invalid("\n".join(problems) or f"There is no template {about}html.", field="template")
    return replace(example(name, locale), template_id=template_id)


def _preview(email: Email, folder: str | None) -> Output:
    parts, preheader = own_parts(email, RECIPIENT), ""
    if parts is None:
        email = in_own_words(email, RECIPIENT)
        parts, preheader = built_in_parts(email, RECIPIENT), email.preheader
    fields = {"subject": parts.subject, "preheader": preheader, "html": parts.html, "text": parts.text}
    if folder is None:
        before = f"\nPreheader: {preheader}" if preheader else ""
        return Output(fields, f"Subject: {parts.subject}{before}\n\n{parts.text}")
    paths = [Path(folder) / f"{email.template}.{email.locale}.{kind}" for kind in ("html", "txt")]
    try:
        for path, content in zip(paths, (parts.html, parts.text), strict=True):
            path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise Invalid(str(error), field="folder") from error
    return Output(fields, f"Wrote {paths[0]} and {paths[1]}.")


def _test(email: Email, address: str) -> Output:
    try:
        send_email(email, to=address)
    except (ImproperlyConfigured, UndeliverableError) as error:
        raise Unavailable(str(error)) from error
    except OSError as error:
        raise Unavailable(
            f"The mail server can't be reached ({type(error).__name__}). Run manage.py doctor."
        ) from error
    fields = {"email": email.template, "locale": email.locale, "to": address}
    return Output(fields, f"Sent {email.template} ({email.locale}) to {address}.")


def _language(origin: Origin, slug: str, locale: str) -> Output:
    operator.set_language(organization_slug=slug, locale=locale, origin=origin)
    said = f"Emails to members of {slug} are now in {locale or ENGLISH}, unless they chose a language."
    return Output({"organization_slug": slug, "locale": locale}, said)
