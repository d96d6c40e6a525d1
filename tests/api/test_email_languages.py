"""Stytch's `locale` in the requests that send an email: the language of the whole email, or an error."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from msgspec.structs import replace
from pytest_django import Settings
from stytch import B2BClient

from portal.directory.configuration import RedirectUrls
from portal.directory.ids import public_id
from portal.directory.locales import LOCALES
from portal.embedded import models
from portal.mail.catalog import texts
from tests.api.conftest import Caller
from tests.tasks import run_tasks

ADA, NEW = "ada@acme.example", "new@acme.example"


@pytest.fixture(autouse=True)
def _project(settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "portal@example.com"
    urls = {name: (f"https://app.example.com/{name}",) for name in RedirectUrls.__struct_fields__}
    settings.PROJECT = replace(settings.PROJECT, redirect_urls=RedirectUrls(**urls))


@pytest.fixture
def ada(admin: models.MemberRow) -> models.MemberRow:
    """Ada, whose emails are in French unless a request asks for another language."""
    models.MemberRow.objects.filter(pk=admin.pk).update(locale="fr", email_address_verified=True)
    models.OrganizationRow.objects.update(locale="nl")
    return admin


def start_update(sdk: B2BClient, ada: models.MemberRow, **more: Any) -> None:
    sdk.organizations.members.start_email_update(
        organization_id="acme", member_id=public_id("member", ada.pk), email_address=NEW, **more
    )


# Each request, the text of its subject, and the language without `locale`.
Ask = Callable[..., object]
REQUESTS: dict[str, tuple[Ask, str, str]] = {
    "link": (lambda sdk, _, **more: sdk.magic_links.email.login_or_signup("acme", ADA, **more), "sign-in-link", "fr"),
    "invite": (lambda sdk, _, **more: sdk.magic_links.email.invite("acme", NEW, **more), "invitation", "nl"),
    "code": (lambda sdk, _, **more: sdk.otps.email.login_or_signup("acme", ADA, **more), "one-time-code", "fr"),
    "reset": (lambda sdk, _, **more: sdk.passwords.email.reset_start("acme", ADA, **more), "password-reset", "fr"),
    "update": (start_update, "email-change-proof", "fr"),
    "discovery link": (
        lambda sdk, _, **more: sdk.magic_links.email.discovery.send(ADA, **more),
        "sign-in-link",
        "fr",
    ),
    "discovery code": (lambda sdk, _, **more: sdk.otps.email.discovery.send(ADA, **more), "one-time-code", "fr"),
    "discovery reset": (
        lambda sdk, _, **more: sdk.passwords.discovery.email.reset_start(ADA, **more),
        "password-reset",
        "fr",
    ),
}
each = pytest.mark.parametrize("name", REQUESTS)


def sent_in(locale: str, table: str) -> bool:
    """Send what waits, and say whether the first email is in a language."""
    run_tasks()
    message, before = mail.outbox[0], texts(locale)(f"{table}.subject", organization="|").split("|")
    is_tagged = message.message()["Content-Language"] == {"pt-br": "pt-BR"}.get(locale, locale)
    return is_tagged and all(part in str(message.subject) for part in before)


@each
@pytest.mark.parametrize("locale", ["de-DE", "ja"])
def test_a_request_chooses_the_language(sdk: B2BClient, ada: models.MemberRow, name: str, locale: str) -> None:
    ask, table, _ = REQUESTS[name]
    ask(sdk, ada, locale=locale)

    assert sent_in(locale, table)


@each
def test_without_it_the_member_or_the_organization_does(sdk: B2BClient, ada: models.MemberRow, name: str) -> None:
    ask, table, locale = REQUESTS[name]
    ask(sdk, ada)

    assert sent_in(locale, table)


@pytest.mark.parametrize("locale", [*LOCALES, "", None])
def test_every_language_of_stytchs_is_accepted(backend: Caller, ada: models.MemberRow, locale: str | None) -> None:
    asked = {"organization_id": "acme", "email_address": ADA, "locale": locale}

    assert backend.post("magic_links/email/login_or_signup", asked).status == 200
    assert sent_in(locale or "fr", "sign-in-link")


@pytest.mark.parametrize("locale", ["de", "../../etc/passwd", "EN", 1])
def test_another_language_is_an_error(backend: Caller, ada: models.MemberRow, locale: object) -> None:
    asked = {"organization_id": "acme", "email_address": ADA, "locale": locale}

    assert backend.post("magic_links/email/login_or_signup", asked).status == 400
    assert run_tasks() == 0
