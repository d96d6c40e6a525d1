"""What a new address changes: sessions, former addresses, roles by domain."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone
from pytest_django import Settings

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.directory import Directory
from portal.directory.email_otps import CodeRequest
from portal.directory.errors import Conflict, Unauthenticated
from portal.directory.organizations import EMAIL_OTP
from portal.directory.sessions import SessionTerms, SignedIn
from portal.embedded import models
from portal.embedded.directory import EmbeddedDirectory, EmbeddedProvider
from portal.embedded.scope import Scope
from portal.embedded.sessions.lifecycle import start_session
from portal.embedded.sign_in.methods import email_factor
from tests import factories
from tests.tasks import run_tasks

NEW = "new@acme.example"


@pytest.fixture(autouse=True)
def _email(settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "portal@example.com"


def opened(who: SignedIn) -> Directory:
    return EmbeddedProvider().open("acme", Origin()).acting_as(who)


def by_password(member: models.MemberRow) -> SignedIn:
    return start_session(member, Origin(), password_entered_at=timezone.now())


def by_code(member: models.MemberRow) -> SignedIn:
    factor = email_factor(EMAIL_OTP, member.email_address, member.pk, timezone.now())
    return start_session(member, Origin(), password_entered_at=None, factors=[factor])


def ask(who: SignedIn, address: str = NEW) -> str:
    """Ask for a code, and return it."""
    opened(who).account.start_email_update(address)
    run_tasks()
    (text,) = [str(one.body) for one in mail.outbox if one.to == [address]][-1:]
    return next(line.strip() for line in text.splitlines() if line.strip().isdigit())


def update(who: SignedIn, address: str = NEW) -> SignedIn:
    return opened(who).account.finish_email_update(email_address=address, code=ask(who, address))


def is_live(who: SignedIn) -> bool:
    try:
        opened(who).sessions.authenticate(who.session_token)
    except Unauthenticated:
        return False
    return True


def test_sessions_that_only_the_old_address_started_end(member: models.MemberRow) -> None:
    models.MemberRow.objects.filter(pk=member.pk).update(password="!a hash")
    member.refresh_from_db()
    here, other_code, other_password = by_code(member), by_code(member), by_password(member)

    update(here)

    assert is_live(here)
    assert is_live(other_password)
    assert not is_live(other_code)


def test_the_old_address_is_kept_for_the_member(acme: models.OrganizationRow, member: models.MemberRow) -> None:
    old = member.email_address
    update(by_password(member))

    member.refresh_from_db()
    assert [one["email_address"] for one in member.retired_email_addresses or ()] == [old]


def test_an_address_that_was_taken_in_the_meantime_is_not_given(
    acme: models.OrganizationRow, member: models.MemberRow
) -> None:
    who = by_password(member)
    code = ask(who)
    factories.member(acme, NEW)

    with pytest.raises(Conflict):
        opened(who).account.finish_email_update(email_address=NEW, code=code)
    assert is_live(who)
    member.refresh_from_db()
    assert member.email_address != NEW


def test_a_former_address_of_another_member_gets_no_code(
    acme: models.OrganizationRow, member: models.MemberRow, admin: models.MemberRow
) -> None:
    former = admin.email_address
    update(by_password(admin))
    mail.outbox.clear()

    opened(by_password(member)).account.start_email_update(former)
    run_tasks()

    assert [one for one in mail.outbox if one.subject.startswith("Confirm")] == []


def test_what_waits_does_not_tell_whose_address_it_is(member: models.MemberRow, admin: models.MemberRow) -> None:
    account, seen = opened(by_password(member)).account, []
    for address in (NEW, admin.email_address):
        mail.outbox.clear()
        account.start_email_update(address)
        run_tasks()
        waiting = account.pending_email_update()
        assert waiting
        with pytest.raises(Unauthenticated):
            account.finish_email_update(email_address=address, code="x")
        attempts = models.EmailTokenRow.objects.get(email_address=address).failed_attempts
        noticed = [one.subject for one in mail.outbox if one.to == [member.email_address]]
        seen.append((waiting.email_address == address, waiting.expires_at is not None, attempts, noticed))

    assert seen[0] == seen[1]


def test_asking_for_a_members_address_does_not_stop_their_codes(
    member: models.MemberRow, admin: models.MemberRow
) -> None:
    opened(by_password(member)).account.start_email_update(admin.email_address)
    product = EmbeddedDirectory(Scope("acme", Origin(), project=Actor(ActorType.PROJECT, "secret")))
    product.email_otps.request(CodeRequest(email_address=admin.email_address))
    run_tasks()
    code = next(line.strip() for line in str(mail.outbox[-1].body).splitlines() if line.strip().isdigit())

    outcome = product.email_otps.authenticate(email_address=admin.email_address, code=code, terms=SessionTerms())

    assert outcome.member.email_address == admin.email_address


def test_the_last_admin_by_domain_keeps_their_address(acme: models.OrganizationRow, member: models.MemberRow) -> None:
    factories.role_by_domain(acme, "acme.example", "stytch_admin")
    who = by_password(models.MemberRow.objects.select_related("organization").get(pk=member.pk))
    code = ask(who, "new@other.example")

    with pytest.raises(Conflict, match="no admin"):
        opened(who).account.finish_email_update(email_address="new@other.example", code=code)
    member.refresh_from_db()
    assert member.email_address.endswith("@acme.example")


def test_a_code_ends_in_time_and_after_five_wrong_ones(member: models.MemberRow) -> None:
    who = by_password(member)
    code = ask(who)
    with time_machine.travel(timezone.now() + timedelta(minutes=10, seconds=1)), pytest.raises(Unauthenticated):
        opened(who).account.finish_email_update(email_address=NEW, code=code)
    wrong = "000000" if code != "000000" else "000001"
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            opened(who).account.finish_email_update(email_address=NEW, code=wrong)
    with pytest.raises(Unauthenticated):
        opened(who).account.finish_email_update(email_address=NEW, code=code)


def test_a_code_for_a_new_address_does_not_sign_in_at_the_portal(member: models.MemberRow) -> None:
    code = ask(by_password(member))
    with pytest.raises(Unauthenticated):
        EmbeddedProvider().open("acme", Origin()).email_otps.sign_in(email_address=NEW, code=code)
