"""Members who are locked after too many wrong passwords and codes, and unlocking them."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from portal.access import rate_limits
from portal.access.rate_limits import Attempt
from portal.directory.ids import public_id
from portal.embedded import models
from tests import factories
from tests.conftest import PASSWORD

ADA, MAX = "ada@acme.example", "max@acme.example"
SIGN_IN, WRONG = "/o/acme/sign-in/", "not the password"


@pytest.fixture(autouse=True)
def _few_attempts(settings: Settings) -> None:
    settings.SIGN_IN_TOTAL_PER_MEMBER, settings.SIGN_IN_RATE_PER_MEMBER = "3 per hour", "100 per hour"


def enter(email_address: str, password: str = WRONG, url: str = SIGN_IN) -> int:
    return Client().post(url, {"email_address": email_address, "password": password}).status_code


def lock(member: models.MemberRow) -> str:
    """Use up the attempts of a member, and return the path of their page."""
    assert [enter(member.email_address) for _ in range(4)] == [422, 422, 422, 429]
    member.refresh_from_db()
    return f"/o/acme/members/{public_id('member', member.pk)}/"


def test_a_locked_member_is_shown_until_the_lock_ends(member: models.MemberRow, admin_client: Client) -> None:
    page = lock(member)
    assert member.lock_created_at is not None
    assert member.lock_expires_at is not None
    assert timedelta(0) < member.lock_expires_at - timezone.now() <= timedelta(hours=1)
    assert "Locked after too many wrong passwords" in admin_client.get(page).content.decode()

    with time_machine.travel(timezone.now() + timedelta(hours=1, seconds=2)):
        assert enter(member.email_address, PASSWORD) == 303
        member.refresh_from_db()
        assert "Locked after" not in factories.signed_in(member).get("/o/acme/account/").content.decode()


def test_an_admin_unlocks_a_member(member: models.MemberRow, admin_client: Client) -> None:
    page = lock(member)
    assert enter(member.email_address, PASSWORD) == 429

    answer = admin_client.post(f"{page}unlock/")

    assert (answer.status_code, answer["Location"]) == (303, page)
    assert "Locked after" not in admin_client.get(page).content.decode()
    assert enter(member.email_address, PASSWORD) == 303
    entry = models.ActivityEntryRow.objects.get(action="member.unlock")
    assert entry.target_name == member.email_address
    # As often again, not without end.
    assert [enter(member.email_address) for _ in range(4)] == [422, 422, 422, 429]


def test_an_unlock_counts_in_its_organization_only(
    member: models.MemberRow, admin_client: Client, globex: models.OrganizationRow
) -> None:
    """Otherwise an admin of one organization could allow any number of guesses at another."""
    factories.member(globex, member.email_address, password=PASSWORD)
    page = lock(member)
    admin_client.post(f"{page}unlock/")

    assert enter(member.email_address, PASSWORD, "/o/globex/sign-in/") == 429
    assert enter(member.email_address, PASSWORD, "/sign-in/") == 429
    assert enter(member.email_address, PASSWORD) == 303


def test_unlocking_needs_the_permission_and_a_proof(
    member: models.MemberRow, admin: models.MemberRow, admin_client: Client
) -> None:
    page = lock(member)
    assert factories.signed_in(member).post(f"{page}unlock/").status_code == 403
    factories.forget_password_entry()
    assert admin_client.post(f"{page}unlock/")["Location"].startswith("/o/acme/confirm/")
    assert enter(member.email_address, PASSWORD) == 429


def test_an_unknown_address_gets_the_same_answers(member: models.MemberRow) -> None:
    answers = [[enter(address) for _ in range(4)] for address in (MAX, "nobody@acme.example")]
    assert answers[0] == answers[1]


def test_signing_in_does_not_count(member: models.MemberRow) -> None:
    assert [enter(member.email_address, PASSWORD) for _ in range(5)] == [303] * 5
    assert [enter(member.email_address) for _ in range(4)] == [422, 422, 422, 429]


def test_signing_in_without_naming_the_organization_counts(member: models.MemberRow) -> None:
    """There a password succeeds if it is right in any organization, such as one that an attacker has created."""
    answers = [enter(member.email_address, PASSWORD, "/sign-in/") for _ in range(4)]
    assert answers == [303, 303, 303, 429]


def test_what_an_address_tries_still_counts(member: models.MemberRow, settings: Settings) -> None:
    settings.SIGN_IN_RATE_PER_ADDRESS = "2 per hour"
    assert [enter(member.email_address, PASSWORD) for _ in range(3)] == [303, 303, 429]


def test_an_attempt_is_not_taken_back_twice(db: None) -> None:
    attempt = Attempt("192.0.2.1", "acme", MAX)
    rate_limits.admit(attempt)
    for _ in range(3):
        rate_limits.forgive(attempt)
    assert [rate_limits.admit(attempt) for _ in range(4)] == [True, True, True, False]
