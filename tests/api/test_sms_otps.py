"""Stytch's codes by text message, called by its own SDK, by a backend and by pages."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
import structlog
import time_machine
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from prometheus_client import REGISTRY
from pytest_django import Settings
from stytch import B2BClient

from portal.directory.configuration import ProjectConfiguration, Sms
from portal.directory.ids import public_id
from portal.embedded import models
from tests import factories
from tests.api.conftest import Answer, Caller
from tests.conftest import PASSWORD
from tests.tasks import run_tasks
from tests.text_messages import TextMessages

PageOf = Callable[[models.MemberRow | None], Caller]
ADA = "ada@acme.example"
NUMBER, OTHER = "+12025550123", "+12025550199"
START = timezone.now().replace(microsecond=0)
SEND, AUTHENTICATE = "otps/sms/send", "otps/sms/authenticate"


def at(seconds: float = 0) -> time_machine.travel:
    return time_machine.travel(START + timedelta(seconds=seconds), tick=False)


def require(slug: str = "acme", **more: Any) -> None:
    models.OrganizationRow.objects.filter(slug=slug).update(settings={"mfa_policy": "REQUIRED_FOR_ALL", **more})


def give_number(member: models.MemberRow, number: str = NUMBER) -> str:
    """Give a member a verified number, and return their ID."""
    models.MemberRow.objects.filter(pk=member.pk).update(
        mfa_phone_number=number, mfa_phone_number_verified=True, default_mfa_method="sms_otp"
    )
    return public_id("member", member.pk)


def enter_password(caller: Caller, slug: str = "acme", address: str = ADA) -> Answer:
    body = {
        "organization_id": slug,
        "email_address": address,
        "password": PASSWORD,
        "session_duration_minutes": 60,
    }
    return caller.post("passwords/authenticate", body)


def before(answer: Answer, member_id: str = "", slug: str = "acme") -> dict[str, Any]:
    """Return the fields that name a member and the sign-in that waits."""
    token = answer["intermediate_session_token"]
    return {
        "organization_id": slug,
        "member_id": member_id or answer["member_id"],
        "intermediate_session_token": token,
    }


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


def enter(caller: Caller, fields: dict[str, Any], code: str, **more: Any) -> Answer:
    return caller.post(AUTHENTICATE, fields | {"code": code, "session_duration_minutes": 60} | more)


def seen(row: models.SmsOtpRow) -> str:
    return " ".join(str(value) for value in row.__dict__.values())


# --- Signing in -----------------------------------------------------------------------------------------------------


def test_a_code_is_sent_at_once_and_signs_in(backend: Caller, admin: models.MemberRow, texts: TextMessages) -> None:
    require()
    give_number(admin)

    asked = enter_password(backend)

    assert asked["member_authenticated"] is False
    assert asked["mfa_required"]["secondary_auth_initiated"] == "sms_otp"
    assert asked["mfa_required"]["member_options"] == {"mfa_phone_number": NUMBER, "totp_registration_id": ""}
    code = texts.code(NUMBER)
    entered = enter(backend, before(asked), code)
    assert entered.status == 200
    factors = entered["member_session"]["authentication_factors"]
    (factor,) = [one for one in factors if one["type"] == "otp"]
    assert (factor["delivery_method"], factor["sequence_order"]) == ("sms", "SECONDARY")
    assert factor["phone_number_factor"]["phone_number"] == NUMBER
    assert factor["phone_number_factor"]["phone_id"].startswith("phone-number-")
    assert backend.post("sessions/authenticate", {"session_token": entered["session_token"]}).status == 200
    assert texts.sent()[0].startswith(f"{code} is your code for Acme. It works for 2 minutes.")


def test_nothing_is_sent_before_the_first_factor(
    backend: Caller, page_of: PageOf, admin: models.MemberRow, texts: TextMessages
) -> None:
    require()
    member_id = give_number(admin)
    wrong_password = {"organization_id": "acme", "email_address": ADA, "password": "wrong"}
    assert backend.post("passwords/authenticate", wrong_password).status == 401
    visitor = page_of(None)
    alone = visitor.post("b2b/otps/sms/send", {"organization_id": "acme", "member_id": member_id})
    assert alone.error_type == "no_session_arguments"
    invented = {"organization_id": "acme", "member_id": member_id, "intermediate_session_token": "x" * 43}
    assert visitor.post("b2b/otps/sms/send", invented).error_type == "intermediate_session_not_found"

    assert texts.sent() == []


def test_an_app_that_is_the_default_sends_nothing(
    backend: Caller, admin: models.MemberRow, texts: TextMessages
) -> None:
    require()
    give_number(admin)
    body = {
        "organization_id": "acme",
        "member_id": public_id("member", admin.pk),
        "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
        "recovery_codes": [],
    }
    assert backend.post("totp/migrate", body).status == 200
    models.MemberRow.objects.update(default_mfa_method="totp")

    asked = enter_password(backend)

    assert asked["mfa_required"]["secondary_auth_initiated"] is None
    assert texts.sent() == []
    assert backend.post(SEND, before(asked)).status == 200
    assert enter(backend, before(asked), texts.code()).status == 200


def test_discovery_sends_nothing(backend: Caller, admin: models.MemberRow, texts: TextMessages) -> None:
    require()
    give_number(admin)

    body = {"email_address": ADA, "password": PASSWORD}
    found = backend.post("passwords/discovery/authenticate", body)

    (one,) = found["discovered_organizations"]
    assert one["mfa_required"]["secondary_auth_initiated"] is None
    assert texts.sent() == []
    exchanged = backend.post(
        "discovery/intermediate_sessions/exchange",
        {"organization_id": "acme", "intermediate_session_token": found["intermediate_session_token"]},
    )
    assert exchanged["mfa_required"]["secondary_auth_initiated"] == "sms_otp"
    assert enter(backend, before(exchanged), texts.code()).status == 200


def test_the_sdk_enrolls_a_member(sdk: B2BClient, admin: models.MemberRow, texts: TextMessages) -> None:
    member_id = public_id("member", admin.pk)
    token = factories.product_session_token(admin)

    sent = sdk.otps.sms.send("acme", member_id, mfa_phone_number="+1 (202) 555-0123", session_token=token)

    assert (sent.member.mfa_phone_number, sent.member.mfa_phone_number_verified) == (NUMBER, False)
    confirmed = sdk.otps.sms.authenticate(
        "acme", member_id, texts.code(NUMBER), session_token=token, set_mfa_enrollment="enroll", set_default_mfa=True
    )
    assert confirmed.member.mfa_phone_number_verified
    assert (confirmed.member.mfa_enrolled, confirmed.member.default_mfa_method) == (True, "sms_otp")
    assert confirmed.session_token == token
    assert models.ActivityEntryRow.objects.filter(action="member.add_mfa_phone_number").count() == 1


def test_pages_enroll_and_sign_in(page_of: PageOf, admin: models.MemberRow, texts: TextMessages) -> None:
    page, mine = page_of(admin), {"organization_id": "acme", "member_id": public_id("member", admin.pk)}
    assert page.post("b2b/otps/sms/send", mine | {"mfa_phone_number": NUMBER}).status == 200
    done = page.post("b2b/otps/sms/authenticate", mine | {"code": texts.code(), "set_mfa_enrollment": "enroll"})
    assert done["member"]["mfa_enrolled"] is True

    visitor = page_of(None)
    asked = visitor.post(
        "b2b/passwords/authenticate", {"organization_id": "acme", "email_address": ADA, "password": PASSWORD}
    )

    assert asked["mfa_required"]["secondary_auth_initiated"] == "sms_otp"
    fields = before(asked) | {"code": texts.code(), "session_duration_minutes": 60}
    assert visitor.post("b2b/otps/sms/authenticate", fields)["member_session"]


def test_messages_are_in_the_language_of_the_member_or_the_request(
    backend: Caller, admin: models.MemberRow, texts: TextMessages
) -> None:
    one = {"organization_id": "acme", "member_id": give_number(admin)}
    models.MemberRow.objects.update(locale="de-DE")
    assert backend.post(SEND, one).status == 200
    assert "ist Ihr Code für Acme. Er gilt 2 Minuten." in texts.sent()[-1]

    assert backend.post(SEND, one | {"locale": "fr"}).status == 200

    assert "est votre code pour Acme." in texts.sent()[-1]
    assert backend.post(SEND, one | {"locale": "xx"}).status == 400


def test_the_project_sends_to_a_number_that_it_knows(
    backend: Caller, admin: models.MemberRow, texts: TextMessages
) -> None:
    one = {"organization_id": "acme", "member_id": public_id("member", admin.pk)}
    assert backend.post(SEND, one).error_type == "member_phone_number_not_found"
    give_number(admin)

    assert backend.post(SEND, one).status == 200
    assert len(texts.sent(NUMBER)) == 1
    assert backend.post(AUTHENTICATE, one | {"code": texts.code()}).error_type == "no_session_arguments"


# --- What a code doesn't do ----------------------------------------------------------------------------------------


def test_a_code_works_once(backend: Caller, admin: models.MemberRow, texts: TextMessages) -> None:
    require()
    give_number(admin)
    asked = enter_password(backend)
    code = texts.code()
    entered = enter(backend, before(asked), code)
    assert entered.status == 200
    one = {"organization_id": "acme", "member_id": asked["member_id"], "session_token": entered["session_token"]}

    again = enter(backend, one, code)

    assert (again.status, again.error_type) == (404, "otp_code_not_found")


def test_a_new_code_replaces_the_one_before(backend: Caller, admin: models.MemberRow, texts: TextMessages) -> None:
    require()
    give_number(admin)
    asked = enter_password(backend)
    old = texts.code()
    assert backend.post(SEND, before(asked)).status == 200
    new = texts.code()

    assert old != new
    assert enter(backend, before(asked), old).error_type == "otp_code_not_found"
    assert enter(backend, before(asked), new).status == 200


def test_a_code_works_for_two_minutes(backend: Caller, admin: models.MemberRow, texts: TextMessages) -> None:
    require()
    give_number(admin)
    with at():
        asked = enter_password(backend)
    with at(5):
        code = texts.code()  # the time begins when it's sent
    with at(125):
        assert enter(backend, before(asked), code).error_type == "otp_code_not_found"
    with at(124.9):
        assert enter(backend, before(asked), code).status == 200


def test_another_members_code_and_session_are_rejected(
    backend: Caller, admin: models.MemberRow, member: models.MemberRow, texts: TextMessages
) -> None:
    require()
    ada_id = give_number(admin)
    give_number(member, OTHER)
    ada, max_ = enter_password(backend), enter_password(backend, address="max@acme.example")
    theirs = texts.code(OTHER)

    assert enter(backend, before(ada), theirs).error_type == "otp_code_not_found"
    mixed = enter(backend, before(max_, ada_id), texts.code(NUMBER))
    assert mixed.error_type == "invalid_intermediate_session_token_for_organization"
    assert backend.post(SEND, before(max_, ada_id)).error_type == mixed.error_type
    models.OrganizationRow.objects.update(settings={})
    on_behalf = backend.post(
        SEND,
        {"organization_id": "acme", "member_id": ada_id, "session_token": factories.product_session_token(member)},
    )
    assert on_behalf.error_type == "member_session_member_id_mismatch"


def test_another_organizations_session_and_factor_are_rejected(
    backend: Caller, admin: models.MemberRow, texts: TextMessages
) -> None:
    globex = factories.organization("globex")
    gil = factories.member(globex, ADA, password=PASSWORD)
    require("globex")
    give_number(admin)
    their_id = give_number(gil)
    mine = factories.product_session_token(admin)
    acme = {"organization_id": "acme", "member_id": public_id("member", admin.pk), "session_token": mine}
    assert backend.post(SEND, acme).status == 200
    assert enter(backend, acme, texts.code()).status == 200

    globex_session = {"organization_id": "globex", "member_id": their_id, "session_token": mine}
    assert backend.post(SEND, globex_session).status in {401, 403, 404, 400}
    assert enter(backend, globex_session, texts.code()).status in {401, 403, 404, 400}
    models.MemberRow.objects.update(email_address_verified=True)
    exchanged = backend.post("sessions/exchange", {"organization_id": "globex", "session_token": mine})
    # The number is the same, but it was proved for another member.
    assert exchanged["member_authenticated"] is False


def test_a_code_is_for_the_number_it_was_sent_to(backend: Caller, admin: models.MemberRow, texts: TextMessages) -> None:
    require()
    give_number(admin)
    asked = enter_password(backend)
    code = texts.code()
    models.MemberRow.objects.update(mfa_phone_number=OTHER)

    assert enter(backend, before(asked), code).error_type == "otp_code_not_found"


def test_deleting_the_number_ends_its_code(backend: Caller, admin: models.MemberRow, texts: TextMessages) -> None:
    require()
    member_id = give_number(admin)
    asked = enter_password(backend)
    code = texts.code()
    assert backend.delete(f"organizations/acme/members/mfa_phone_numbers/{member_id}").status == 200
    assert not models.SmsOtpRow.objects.exists()

    assert enter(backend, before(asked), code).error_type == "otp_code_not_found"


def test_five_wrong_codes_end_a_code(backend: Caller, admin: models.MemberRow, texts: TextMessages) -> None:
    require()
    give_number(admin)
    asked = enter_password(backend)
    code = texts.code()
    for _ in range(4):
        assert enter(backend, before(asked), wrong(code)).status == 404
    assert enter(backend, before(asked), f"{code[:3]} {code[3:]}").status == 200

    asked = enter_password(backend)
    code = texts.code()
    for _ in range(5):
        assert enter(backend, before(asked), wrong(code)).status == 404
    assert enter(backend, before(asked), code).error_type == "otp_code_not_found"


def test_new_codes_give_no_more_than_ten_tries(backend: Caller, admin: models.MemberRow, texts: TextMessages) -> None:
    require()
    give_number(admin)
    with at():
        asked = enter_password(backend)
        for _ in range(2):
            code = texts.code()
            for _ in range(5):
                assert enter(backend, before(asked), wrong(code)).status == 404
            backend.post(SEND, before(asked))
        sent = len(texts.sent())
        assert enter(backend, before(asked), texts.code()).error_type == "too_many_requests"
        assert backend.post(SEND, before(asked)).error_type == "too_many_requests"
        # The sign-in itself isn't held up, and sends nothing.
        asked = enter_password(backend)
        assert asked["mfa_required"]["secondary_auth_initiated"] is None
        assert len(texts.sent()) == sent
    with at(15 * 60):
        asked = enter_password(backend)
        assert enter(backend, before(asked), texts.code()).status == 200
    assert models.SmsOtpRow.objects.get().failed_attempts == 0


# --- Numbers and limits ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "error_type"),
    [
        ("123", "invalid_phone_number"),
        ("+1202555", "invalid_phone_number"),
        ("202 555 0123", "invalid_phone_number"),
        ("+12025550123;ext=5", "invalid_phone_number"),
        ("+12025550123\n+12025550199", "invalid_phone_number"),
        ("+1" * 50, "invalid_phone_number"),
        ("+49 1512 3456789", "phone_number_country_not_allowed"),
        # It begins with +1, too: numbers of the Caribbean are a favorite of fraud.
        ("+18765550123", "phone_number_country_not_allowed"),
        ("+18005550199", "invalid_phone_number"),
        ("+19005550199", "invalid_phone_number"),
        # Personal numbers, which are forwarded at a price.
        ("+15005550123", "invalid_phone_number"),
    ],
)
def test_a_number_must_be_a_phone_of_an_allowed_country(
    backend: Caller, admin: models.MemberRow, texts: TextMessages, number: str, error_type: str
) -> None:
    one = {
        "organization_id": "acme",
        "member_id": public_id("member", admin.pk),
        "session_token": factories.product_session_token(admin),
        "mfa_phone_number": number,
    }

    assert backend.post(SEND, one).error_type == error_type
    admin.refresh_from_db()
    assert (admin.mfa_phone_number, texts.sent()) == ("", [])


def test_the_project_chooses_the_countries(
    backend: Caller, admin: models.MemberRow, texts: TextMessages, settings: Settings
) -> None:
    settings.PROJECT = ProjectConfiguration(sms=Sms(countries=("DE",)))
    require()
    give_number(admin)
    asked = enter_password(backend)
    # The number is of a country that is no longer allowed.
    assert asked["mfa_required"]["secondary_auth_initiated"] is None
    assert backend.post(SEND, before(asked)).error_type == "phone_number_country_not_allowed"
    models.MemberRow.objects.update(mfa_phone_number="+4915123456789")

    assert enter_password(backend)["mfa_required"]["secondary_auth_initiated"] == "sms_otp"
    assert len(texts.sent("+4915123456789")) == 1


def test_a_verified_number_is_replaced_only_by_deleting_it(
    backend: Caller, admin: models.MemberRow, texts: TextMessages
) -> None:
    token = factories.product_session_token(admin)
    one = {"organization_id": "acme", "member_id": public_id("member", admin.pk), "session_token": token}
    # A number with a typing error was never confirmed, so it can be replaced.
    assert backend.post(SEND, one | {"mfa_phone_number": OTHER}).status == 200
    old = texts.code(OTHER)
    assert backend.post(SEND, one | {"mfa_phone_number": NUMBER}).status == 200
    assert enter(backend, one, old).error_type == "otp_code_not_found"
    assert enter(backend, one, texts.code(NUMBER)).status == 200

    another = backend.post(SEND, one | {"mfa_phone_number": OTHER})

    assert another.error_type == "duplicate_member_phone_number_for_member"
    admin.refresh_from_db()
    assert (admin.mfa_phone_number, admin.mfa_phone_number_verified) == (NUMBER, True)


def test_with_the_first_factor_alone_nobody_adds_a_number(
    backend: Caller, admin: models.MemberRow, texts: TextMessages
) -> None:
    require()
    member_id = public_id("member", admin.pk)
    body = {
        "organization_id": "acme",
        "member_id": member_id,
        "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
        "recovery_codes": [],
    }
    asked = enter_password(backend)
    assert backend.post(SEND, before(asked) | {"mfa_phone_number": NUMBER}).status == 200
    code = texts.code()
    # Between the two requests, the member gets an app.
    assert backend.post("totp/migrate", body).status == 200

    assert enter(backend, before(asked), code).error_type == "insufficient_factors"
    sent = backend.post(SEND, before(asked) | {"mfa_phone_number": OTHER})
    assert sent.error_type == "insufficient_factors"
    admin.refresh_from_db()
    assert admin.mfa_phone_number_verified is False


def test_an_organization_can_forbid_text_messages(
    backend: Caller, admin: models.MemberRow, texts: TextMessages
) -> None:
    require(mfa_methods="RESTRICTED", allowed_mfa_methods=["totp"])
    give_number(admin)
    asked = enter_password(backend)
    assert asked["mfa_required"] == {"member_options": None, "secondary_auth_initiated": None}

    for answer in (backend.post(SEND, before(asked)), enter(backend, before(asked), "123456")):
        assert answer.error_type == "operation_restricted_by_organization_mfa_methods"
    assert texts.sent() == []


def test_without_a_service_nothing_is_offered(backend: Caller, admin: models.MemberRow) -> None:
    require()
    give_number(admin)
    asked = enter_password(backend)

    assert asked["mfa_required"]["secondary_auth_initiated"] is None
    answer = backend.post(SEND, before(asked))
    assert (answer.status, answer.error_type) == (404, "sms_settings_not_found")


@pytest.mark.parametrize(
    ("setting", "outcome", "numbers"),
    [
        ("SMS_RATE_PER_NUMBER", "number_limit", [NUMBER, NUMBER, NUMBER]),
        ("SMS_RATE_PER_MEMBER", "member_limit", [NUMBER, OTHER, "+14155550142"]),
        # Numbers of one block of ten thousand.
        ("SMS_RATE_PER_PREFIX", "prefix_limit", [NUMBER, OTHER, "+12025550142"]),
        ("SMS_RATE_PER_ORGANIZATION", "organization_limit", [NUMBER, OTHER, "+14155550142"]),
        ("SMS_RATE_OF_NEW_NUMBERS", "new_numbers_limit", [NUMBER, OTHER, "+14155550142"]),
    ],
)
def test_messages_are_limited(
    backend: Caller,
    acme: models.OrganizationRow,
    texts: TextMessages,
    settings: Settings,
    setting: str,
    outcome: str,
    numbers: Sequence[str],
) -> None:
    setattr(settings, setting, "2 per hour")
    counted = REGISTRY.get_sample_value("gatehouse_sms_total", {"outcome": outcome}) or 0
    answers = []
    someone = factories.member(acme, "one@acme.example")
    for index, number in enumerate(numbers):
        if setting != "SMS_RATE_PER_MEMBER":
            someone = factories.member(acme, f"{index}@acme.example")
        one = {
            "organization_id": "acme",
            "member_id": public_id("member", someone.pk),
            "session_token": factories.product_session_token(someone),
            "mfa_phone_number": number,
        }
        answers.append(backend.post(SEND, one))

    assert [one.status for one in answers] == [200, 200, 429]
    assert answers[-1].error_type == "too_many_requests"
    assert len(texts.sent()) == (
        2 if setting != "SMS_RATE_PER_MEMBER" else 1
    )  # a newer code ends the task of an older one
    assert REGISTRY.get_sample_value("gatehouse_sms_total", {"outcome": outcome}) == counted + 1


def test_the_limit_of_new_numbers_is_of_all_organizations_and_spares_confirmed_ones(
    backend: Caller, admin: models.MemberRow, texts: TextMessages, settings: Settings
) -> None:
    settings.SMS_RATE_OF_NEW_NUMBERS = "1 per hour"
    statuses = []
    for slug in ("globex", "initech"):
        someone = factories.member(factories.organization(slug), f"one@{slug}.example")
        one = {
            "organization_id": slug,
            "member_id": public_id("member", someone.pk),
            "session_token": factories.product_session_token(someone),
            "mfa_phone_number": OTHER,
        }
        statuses.append(backend.post(SEND, one).status)
    require()
    give_number(admin)

    assert statuses == [200, 429]
    assert enter_password(backend)["mfa_required"]["secondary_auth_initiated"] == "sms_otp"
    assert len(texts.sent(NUMBER)) == 1


def test_a_stranger_cannot_use_up_the_messages_of_someones_number(
    backend: Caller, admin: models.MemberRow, texts: TextMessages, settings: Settings
) -> None:
    settings.SMS_RATE_PER_NUMBER = settings.SMS_RATE_PER_PREFIX = "2 per day"
    require()
    give_number(admin)
    mallory = factories.member(factories.organization("globex"), "mallory@globex.example")
    one = {
        "organization_id": "globex",
        "member_id": public_id("member", mallory.pk),
        "session_token": factories.product_session_token(mallory),
        "mfa_phone_number": NUMBER,
    }
    assert [backend.post(SEND, one).status for _ in range(3)] == [200, 200, 429]
    assert len(texts.sent(NUMBER)) == 1

    asked = enter_password(backend)

    assert asked["mfa_required"]["secondary_auth_initiated"] == "sms_otp"
    assert enter(backend, before(asked), texts.code(NUMBER)).status == 200


def test_one_ip_address_cannot_have_many_sent(
    page_of: PageOf, admin: models.MemberRow, texts: TextMessages, settings: Settings
) -> None:
    settings.SIGN_IN_RATE_PER_ADDRESS = "2 per minute"
    page, mine = page_of(admin), {"organization_id": "acme", "member_id": public_id("member", admin.pk)}
    statuses = [page.post("b2b/otps/sms/send", mine | {"mfa_phone_number": NUMBER}).status for _ in range(3)]

    assert statuses == [200, 200, 429]


# --- Nothing to read ------------------------------------------------------------------------------------------------


def test_neither_the_number_nor_the_code_is_in_a_log_or_a_task(
    backend: Caller, admin: models.MemberRow, texts: TextMessages, caplog: pytest.LogCaptureFixture
) -> None:
    require()
    give_number(admin)
    with structlog.testing.capture_logs() as logged:
        asked = enter_password(backend)
        task = DBTaskResult.objects.get()
        assert NUMBER not in str(task.args_kwargs)
        code = texts.code()
        assert code not in str(task.args_kwargs)
        assert code not in seen(models.SmsOtpRow.objects.get())
        enter(backend, before(asked), wrong(code))
        assert enter(backend, before(asked), code).status == 200
    for text in (str(logged), caplog.text, str([*models.ActivityEntryRow.objects.values()])):
        assert NUMBER not in text
        assert NUMBER[2:] not in text
        assert code not in text


def test_a_second_copy_has_the_same_code_and_a_used_one_is_not_sent_again(
    backend: Caller, admin: models.MemberRow, texts: TextMessages
) -> None:
    """A worker can be killed between sending a message and saying so."""
    require()
    give_number(admin)
    asked = enter_password(backend)
    first = texts.code()
    DBTaskResult.objects.update(status="READY")
    run_tasks()
    assert len(texts.sent()) == 2
    assert texts.code() == first
    assert enter(backend, before(asked), first).status == 200
    DBTaskResult.objects.update(status="READY")
    run_tasks()
    assert len(texts.sent()) == 2


def test_nothing_is_sent_to_a_country_that_was_removed_in_the_meantime(
    backend: Caller, admin: models.MemberRow, texts: TextMessages, settings: Settings
) -> None:
    require()
    give_number(admin)
    enter_password(backend)
    settings.PROJECT = ProjectConfiguration(sms=Sms(countries=("DE",)))

    assert texts.sent() == []
    assert not DBTaskResult.objects.filter(status="READY").exists()


@pytest.mark.parametrize("is_organization", [False, True])
def test_nothing_is_sent_to_someone_who_can_no_longer_sign_in(
    backend: Caller, admin: models.MemberRow, texts: TextMessages, is_organization: bool
) -> None:
    require()
    give_number(admin)
    enter_password(backend)
    if is_organization:
        models.OrganizationRow.objects.update(deleted_at=timezone.now())
    else:
        models.MemberRow.objects.update(status="deleted")

    assert texts.sent() == []


def test_a_code_is_not_accepted_from_someone_who_was_deactivated_since(
    backend: Caller, admin: models.MemberRow, texts: TextMessages
) -> None:
    require()
    give_number(admin)
    asked = enter_password(backend)
    code = texts.code()
    models.MemberRow.objects.update(status="deleted")

    assert enter(backend, before(asked), code).error_type == "invalid_intermediate_session_token_for_organization"
    assert not models.MemberSessionRow.objects.exists()


def test_what_is_sent_is_counted(backend: Caller, admin: models.MemberRow, texts: TextMessages) -> None:
    def value(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, labels) or 0

    before_all = value("gatehouse_sms_total", outcome="sent"), value("gatehouse_sms_segments_total", country="US")
    require()
    give_number(admin)
    enter_password(backend)
    texts.code()

    assert value("gatehouse_sms_total", outcome="sent") == before_all[0] + 1
    assert value("gatehouse_sms_segments_total", country="US") == before_all[1] + 1
