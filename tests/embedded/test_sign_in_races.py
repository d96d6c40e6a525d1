"""Links, codes and choices that several requests use at the same moment: one wins."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.sessions import SessionTerms
from portal.embedded import models
from portal.embedded.audit import Caller
from portal.embedded.directory import EmbeddedDirectory
from portal.embedded.members.sign_in_links import show_link
from portal.embedded.models.email_tokens import EmailPurpose
from portal.embedded.project import EmbeddedProject
from portal.embedded.scope import Scope
from portal.embedded.sign_in import email_tokens
from portal.embedded.sign_in.discovery import exchange_intermediate_session
from tests import factories
from tests.conftest import PASSWORD
from tests.embedded.second_factors.test_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)
ADA, NEW_PASSWORD, TERMS = "ada@acme.example", "quartz lantern orbit meadow", SessionTerms()
PROJECT = Actor(ActorType.PROJECT, "secret")
Act = Callable[[], object]


def opened() -> EmbeddedDirectory:
    return EmbeddedDirectory(Scope("acme", Origin(), project=PROJECT))


def asked(purpose: EmailPurpose) -> models.EmailTokenRow:
    acme = models.OrganizationRow.objects.get()
    row = models.EmailTokenRow(
        organization=acme,
        email_address=ADA,
        purpose=purpose,
        login_minutes=9,
        signup_minutes=9,
        expires_at=timezone.now(),
    )
    row.save(force_insert=True)
    return row


def link(purpose: EmailPurpose) -> str:
    return email_tokens.issue_link(asked(purpose), models.EmailTokenRow.objects.all(), minutes=9)


def by_magic_link() -> Act:
    token = link(EmailPurpose.MAGIC_LINK)
    return lambda: opened().magic_links.authenticate(token, code_verifier="", terms=TERMS)


def by_code() -> Act:
    code = email_tokens.issue_code(asked(EmailPurpose.CODE), models.EmailTokenRow.objects.all(), minutes=9)
    return lambda: opened().email_otps.authenticate(email_address=ADA, code=code, terms=TERMS)


def by_reset() -> Act:
    token = link(EmailPurpose.PASSWORD_RESET)
    return lambda: opened().password_resets.reset(token, password=NEW_PASSWORD, code_verifier="", terms=TERMS)


def by_the_portals_link() -> Act:
    ada = models.MemberRow.objects.select_related("organization").get()
    url = show_link(ada, Caller(PROJECT, Origin()), proves_address=True).url
    directory = EmbeddedDirectory(Scope("acme", Origin()))
    return lambda: directory.sign_in_links.redeem(url.partition("token=")[2], password=NEW_PASSWORD)


def by_choice() -> Act:
    discovery = EmbeddedProject(Origin()).discovery(None)
    token = discovery.authenticate_password(email_address=ADA, password=PASSWORD).intermediate_session_token
    scope = Scope("acme", Origin(), project=PROJECT)
    return lambda: exchange_intermediate_session(scope, token, TERMS)


@pytest.mark.parametrize("way", [by_magic_link, by_code, by_reset, by_the_portals_link, by_choice])
def test_one_of_several_requests_signs_in(way: Callable[[], Act]) -> None:
    factories.member(factories.organization("acme"), ADA, password=PASSWORD)

    results = at_once([way()] * 4)

    assert results.count(None) == 1
    assert models.MemberSessionRow.objects.filter(revoked_at=None).count() == 1
