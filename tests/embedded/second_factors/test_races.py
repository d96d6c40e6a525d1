"""Second factors that two requests use at the same moment: one wins."""

import threading
from collections.abc import Callable, Collection
from datetime import timedelta

import pyotp
import pytest
from django.db import connection
from django.utils import timezone

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.errors import DirectoryError, TooManyRequests
from portal.directory.ids import public_id
from portal.directory.sessions import Continuation, SessionTerms
from portal.embedded import models
from portal.embedded.directory import EmbeddedDirectory
from portal.embedded.scope import Scope
from portal.embedded.second_factors import attempts
from tests import factories
from tests.conftest import PASSWORD
from tests.text_messages import TextMessages

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
CODES = ["first-code1", "other-code2"]
TERMS = SessionTerms()


@pytest.fixture
def directory() -> EmbeddedDirectory:
    """Acme, which requires a second factor, with Ada, who has an app."""
    acme = factories.organization("acme")
    models.OrganizationRow.objects.update(settings={"mfa_policy": "REQUIRED_FOR_ALL"})
    ada = factories.member(acme, "ada@acme.example", password=PASSWORD)
    opened = EmbeddedDirectory(Scope("acme", Origin(), project=Actor(ActorType.PROJECT, "secret")))
    opened.totps.migrate(public_id("member", ada.pk), secret=SECRET, recovery_codes=CODES)
    return opened


def waiting(directory: EmbeddedDirectory) -> Continuation:
    outcome = directory.passwords.authenticate(email_address="ada@acme.example", password=PASSWORD, terms=TERMS)
    return Continuation(intermediate_session_token=outcome.intermediate_session_token)


def at_once(attempted: Collection[Callable[[], object]]) -> list[DirectoryError | None]:
    """Run functions in threads of their own, and return their errors, None for those that succeeded."""
    results: list[DirectoryError | None] = []
    ready = threading.Barrier(len(attempted))

    def run(function: Callable[[], object]) -> None:
        ready.wait()
        try:
            function()
        except DirectoryError as error:
            results.append(error)
        else:
            results.append(None)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[one]) for one in attempted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == len(attempted)
    return results


def member_id() -> str:
    return public_id("member", models.MemberRow.objects.get().pk)


def test_a_code_signs_one_of_several_requests_in(directory: EmbeddedDirectory) -> None:
    code, ada = pyotp.TOTP(SECRET).at(timezone.now()), member_id()
    begun = [waiting(directory) for _ in range(4)]

    results = at_once(
        [lambda one=one: directory.totps.authenticate(ada, code, before=one, terms=TERMS) for one in begun]  # type: ignore[misc]  # -- a default binds it
    )

    assert results.count(None) == 1
    assert {one.error_type for one in results if one} == {"totp_code_already_authenticated"}
    assert models.MemberSessionRow.objects.count() == 1


def test_a_sign_in_that_waits_is_used_by_one_of_several_requests(directory: EmbeddedDirectory) -> None:
    ada, begun = member_id(), waiting(directory)
    code = pyotp.TOTP(SECRET).at(timezone.now())

    results = at_once(
        [
            lambda: directory.totps.authenticate(ada, code, before=begun, terms=TERMS),
            lambda: directory.recovery_codes.recover(ada, CODES[0], before=begun, terms=TERMS),
            lambda: directory.recovery_codes.recover(ada, CODES[1], before=begun, terms=TERMS),
        ]
    )

    assert results.count(None) == 1
    assert {one.error_type for one in results if one} == {"intermediate_session_not_found"}


def test_a_recovery_code_is_used_once_by_several_requests(directory: EmbeddedDirectory) -> None:
    ada, begun = member_id(), [waiting(directory) for _ in range(4)]

    results = at_once(
        [lambda one=one: directory.recovery_codes.recover(ada, CODES[0], before=one, terms=TERMS) for one in begun]  # type: ignore[misc]  # -- a default binds it
    )

    assert results.count(None) == 1


def test_of_many_wrong_codes_at_the_same_moment_ten_are_checked(directory: EmbeddedDirectory) -> None:
    ada, begun = member_id(), waiting(directory)

    results = at_once([lambda: directory.totps.authenticate(ada, "x", before=begun, terms=TERMS)] * 14)

    assert sum(isinstance(one, TooManyRequests) for one in results) == 14 - attempts.MAX_IN_A_ROW
    row = models.TotpRow.objects.get()
    assert row.failed_attempts == attempts.MAX_IN_A_ROW
    assert row.locked_until is not None
    assert row.locked_until - timezone.now() < timedelta(minutes=15)


def test_a_code_by_text_message_signs_one_of_several_requests_in(
    directory: EmbeddedDirectory, texts: TextMessages
) -> None:
    ada, number = member_id(), "+12025550123"
    models.MemberRow.objects.update(
        mfa_phone_number=number, mfa_phone_number_verified=True, default_mfa_method="sms_otp"
    )
    begun = [waiting(directory) for _ in range(4)]
    code = texts.code(number)

    results = at_once(
        [lambda one=one: directory.sms_otps.authenticate(ada, code, before=one, terms=TERMS) for one in begun]  # type: ignore[misc]  # -- a default binds it
    )

    assert results.count(None) == 1
    assert {one.error_type for one in results if one} == {"otp_code_not_found"}
    assert models.MemberSessionRow.objects.count() == 1


def test_codes_that_are_asked_for_at_the_same_moment_are_one(directory: EmbeddedDirectory, texts: TextMessages) -> None:
    ada, number = member_id(), "+12025550123"
    models.MemberRow.objects.update(mfa_phone_number=number, mfa_phone_number_verified=True)
    begun = waiting(directory)

    results = at_once([lambda: directory.sms_otps.send(ada, before=begun)] * 4)

    assert results == [None] * 4
    assert models.SmsOtpRow.objects.count() == 1
    assert len(texts.sent(number)) == 1  # the newest; the tasks of the others find nothing to send
    assert directory.sms_otps.authenticate(ada, texts.code(number), before=begun, terms=TERMS)


def test_of_many_wrong_codes_by_text_message_five_are_checked(
    directory: EmbeddedDirectory, texts: TextMessages
) -> None:
    ada, number = member_id(), "+12025550123"
    models.MemberRow.objects.update(mfa_phone_number=number, mfa_phone_number_verified=True)
    begun = waiting(directory)
    directory.sms_otps.send(ada, before=begun)
    code = texts.code(number)
    wrong = f"{(int(code) + 1) % 10**6:06}"

    at_once([lambda: directory.sms_otps.authenticate(ada, wrong, before=begun, terms=TERMS)] * 8)

    row = models.SmsOtpRow.objects.get()
    assert (row.code_attempts, row.failed_attempts) == (5, 5)
    with pytest.raises(DirectoryError):
        directory.sms_otps.authenticate(ada, code, before=begun, terms=TERMS)
