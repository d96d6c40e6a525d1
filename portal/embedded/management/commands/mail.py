"""`manage.py mail`: the language of an organization's emails."""

from argparse import ArgumentParser
from typing import Any

from portal.directory.actor import Origin
from portal.directory.locales import LOCALES
from portal.embedded import operator
from portal.embedded.management.operator_command import OperatorCommand, Output


class Command(OperatorCommand):
    """Set the language of an organization's emails."""

    help = __doc__
    options = {"organization_slug": "organization", "locale": "locale"}

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        commands = parser.add_subparsers(dest="what", required=True, metavar="COMMAND")
        language = commands.add_parser("language", help="set the language of emails to members who have chosen none")
        super().add_arguments(language)
        language.add_argument("organization", help="the organization's slug")
        language.add_argument("locale", choices=["", *LOCALES], help='such as de-DE, or "" for English')

    def run(self, origin: Origin, **options: Any) -> Output:
        """Set the language."""
        slug, locale = options["organization"], options["locale"]
        operator.set_language(organization_slug=slug, locale=locale, origin=origin)
        fields = {"organization_slug": slug, "locale": locale}
        return Output(fields, f"Emails to members of {slug} are now in {locale or 'en'}, unless they chose a language.")
