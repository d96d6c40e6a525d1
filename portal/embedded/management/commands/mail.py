"""`manage.py mail`: texts of one's own, and the language of an organization's emails."""

from argparse import ArgumentParser
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
from portal.mail.delivery import UndeliverableError, send_email
from portal.mail.languages import ENGLISH
from portal.mail.own_texts import TEMPLATES, in_own_words, read
from portal.mail.rendering import render_html, render_text


class Command(OperatorCommand):
    """Check, preview and send emails with your own texts, or set the language of an organization's emails."""

    help = __doc__
    options = {"organization_slug": "NAME", "name": "NAME", "locale": "--locale", "to": "--to", "folder": "--folder"}

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument(
            "what",
            choices=["check", "preview", "test", "language"],
            help="check the texts in the folder that PROJECT_FILE names; print an email with example values; send it; or set "
            "the language of an organization's emails to members who have chosen none",
        )
        parser.add_argument("name", nargs="?", default="", help=f"an organization's slug, or {', '.join(TEMPLATES)}")
        parser.add_argument("--locale", choices=["", *LOCALES], help='the language, such as de-DE; "" for English')
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
        if what == "preview":
            return _preview(name, locale or ENGLISH, options["folder"])
        if "@" not in options["to"]:
            raise Invalid("Enter your own email address.", field="to")
        return _test(name, locale or ENGLISH, options["to"])


def _check() -> Output:
    found = read(settings.PROJECT.mail.texts)
    if found.problems:
        raise Invalid("\n".join(found.problems))
    names = [f"{name} ({locale})" for locale, name in sorted(found.texts)]
    said = f"Your own texts can be used: {', '.join(names)}." if names else "There are no texts of your own."
    return Output({"texts": [{"locale": locale, "email": name} for locale, name in sorted(found.texts)]}, said)


def _preview(name: str, locale: str, folder: str | None) -> Output:
    email = in_own_words(example(name, locale), RECIPIENT)
    html, text = render_html(email, RECIPIENT), render_text(email, RECIPIENT)
    fields = {"subject": email.subject, "preheader": email.preheader, "html": html, "text": text}
    if folder is None:
        return Output(fields, f"Subject: {email.subject}\nPreheader: {email.preheader}\n\n{text}")
    paths = [Path(folder) / f"{name}.{locale}.{kind}" for kind in ("html", "txt")]
    try:
        for path, content in zip(paths, (html, text), strict=True):
            path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise Invalid(str(error), field="folder") from error
    return Output(fields, f"Wrote {paths[0]} and {paths[1]}.")


def _test(name: str, locale: str, address: str) -> Output:
    try:
        send_email(example(name, locale), to=address)
    except (ImproperlyConfigured, UndeliverableError) as error:
        raise Unavailable(str(error)) from error
    except OSError as error:
        raise Unavailable(
            f"The mail server can't be reached ({type(error).__name__}). Run manage.py doctor."
        ) from error
    return Output({"email": name, "locale": locale, "to": address}, f"Sent {name} ({locale}) to {address}.")


def _language(origin: Origin, slug: str, locale: str) -> Output:
    operator.set_language(organization_slug=slug, locale=locale, origin=origin)
    said = f"Emails to members of {slug} are now in {locale or ENGLISH}, unless they chose a language."
    return Output({"organization_slug": slug, "locale": locale}, said)
