"""Codes by text message at sign-in, adding a phone number there, and confirming with a code."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.ids import public_id
from portal.embedded import models
from portal.embedded.directory import EmbeddedDirectory
from portal.embedded.scope import Scope
from tests import factories
from tests.conftest import PASSWORD
from tests.text_messages import TextMessages

SIGN_IN, CHALLENGE = "/o/acme/sign-in/", "/o/acme/sign-in/second-factor/"
SET_UP, CONFIRM = f"{CHALLENGE}set-up/", "/o/acme/confirm/second-factor/"
ADA, NUMBER = "ada@acme.example", "+12025550123"
START = timezone.now().replace(microsecond=0)


def require(**more: Any) -> None:
    models.OrganizationRow.objects.filter(slug="acme").update(settings={"mfa_policy": "REQUIRED_FOR_ALL", **more})


def give_app(member: models.MemberRow) -> None:
    project = Actor(ActorType.PROJECT, "secret")
    directory = EmbeddedDirectory(Scope(member.organization.slug, Origin(), project=project))
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    directory.totps.migrate(public_id("member", member.pk), secret=secret, recovery_codes=["first-code1"])


def enter_password(client: Client, **more: str) -> Any:
    return client.post(SIGN_IN, {"email_address": ADA, "password": PASSWORD, **more})


def is_signed_in(client: Client) -> bool:
    return client.get("/o/acme/").status_code == 200


def text(answer: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


@pytest.fixture
def phone(admin: models.MemberRow, texts: TextMessages) -> models.MemberRow:
    """Ada with a phone number, in an organization that requires a second factor."""
    require()
    admin.mfa_phone_number, admin.mfa_phone_number_verified = NUMBER, True
    admin.default_mfa_method = "sms_otp"
    admin.save()
    return admin


def test_a_code_is_sent_with_the_password_and_opens_the_page(
    phone: models.MemberRow, visitor: Client, texts: TextMessages
) -> None:
    asked = enter_password(visitor, next="/o/acme/scim/")
    assert (asked.status_code, asked["Location"]) == (303, CHALLENGE)
    page = visitor.get(CHALLENGE)
    assert "your phone number that ends in 23 . It works for 2 minutes." in text(page)
    assert "555" not in page.content.decode()
    assert 'autocomplete="one-time-code"' in page.content.decode()
    assert "recovery code" not in text(page)  # they come with an app
    code = texts.code(NUMBER)
    wrong = visitor.post(CHALLENGE, {"factor": "sms", "code": f"{(int(code) + 1) % 10**6:06}"})
    assert wrong.status_code == 422
    assert "Error: Confirm that it’s you" in wrong.content.decode()
    assert not is_signed_in(visitor)

    entered = visitor.post(CHALLENGE, {"factor": "sms", "code": f"{code[:3]}-{code[3:]}"})

    assert (entered.status_code, entered["Location"]) == (303, "/o/acme/scim/")
    assert is_signed_in(visitor)


def test_opening_the_page_sends_nothing(phone: models.MemberRow, visitor: Client, texts: TextMessages) -> None:
    enter_password(visitor)
    assert len(texts.sent()) == 1
    for query in ({}, {"factor": "sms"}, {"send": "1"}, {"factor": "sms", "send": "1"}):
        assert visitor.get(CHALLENGE, query).status_code == 200
    assert len(texts.sent()) == 1

    again = visitor.post(CHALLENGE, {"factor": "sms", "send": "1"})

    assert again.status_code == 200
    assert len(texts.sent()) == 2
    assert visitor.post(CHALLENGE, {"factor": "sms", "code": texts.code()}).status_code == 303


def test_a_member_with_both_chooses(phone: models.MemberRow, visitor: Client, texts: TextMessages) -> None:
    give_app(phone)
    models.MemberRow.objects.update(default_mfa_method="totp")
    enter_password(visitor)
    page = visitor.get(CHALLENGE)
    assert "that your authenticator app shows" in text(page)
    assert all(one in text(page) for one in ("Use a text message", "Use a recovery code"))
    assert texts.sent() == []
    page = visitor.get(CHALLENGE, {"factor": "sms"})
    assert "We’ll send a 6-digit code" in text(page)
    assert 'name="code"' not in page.content.decode()
    assert "Use your authenticator app" in text(page)

    sent = visitor.post(CHALLENGE, {"factor": "sms", "send": "1"})

    assert 'name="code"' in sent.content.decode()
    # Reloading doesn't send another one.
    assert 'name="code"' in visitor.get(CHALLENGE, {"factor": "sms"}).content.decode()
    assert len(texts.sent()) == 1
    assert visitor.post(CHALLENGE, {"factor": "sms", "code": texts.code()}).status_code == 303


def test_too_many_messages_say_so(
    phone: models.MemberRow, visitor: Client, texts: TextMessages, settings: Settings
) -> None:
    settings.SMS_RATE_PER_MEMBER = "1 per hour"
    enter_password(visitor)

    limited = visitor.post(CHALLENGE, {"factor": "sms", "send": "1"})

    assert limited.status_code == 429
    assert "Too many text messages. Try again in 15 minutes" in text(limited)
    assert visitor.post(CHALLENGE, {"factor": "sms", "code": texts.code()}).status_code == 303


def test_what_someone_typed_survives(phone: models.MemberRow, visitor: Client, texts: TextMessages) -> None:
    kept = {"kept_path": "/o/acme/scim/settings/name/", "kept": "display_name=Okta+2"}
    asked = enter_password(visitor, **kept)
    assert 'name="kept_path" value="/o/acme/scim/settings/name/"' in asked.content.decode()
    assert "ends in" in text(asked)
    again = visitor.post(CHALLENGE, {"factor": "sms", "send": "1", **kept})
    assert 'name="kept_path"' in again.content.decode()

    entered = visitor.post(CHALLENGE, {"factor": "sms", "code": texts.code(), **kept})

    assert "Okta 2" in entered.content.decode()


def test_without_a_service_the_page_says_why(phone: models.MemberRow, visitor: Client, settings: Settings) -> None:
    settings.SMS_SERVICE = None
    enter_password(visitor)

    page = visitor.get(CHALLENGE)

    assert page.status_code == 200
    assert "This server doesn’t send text messages at the moment" in text(page)
    assert "Send a code" not in text(page)
    assert visitor.post(CHALLENGE, {"factor": "sms", "send": "1"}).status_code == 422


# --- Adding a number ------------------------------------------------------------------------------------------------


def test_a_number_is_added_during_sign_in(admin: models.MemberRow, visitor: Client, texts: TextMessages) -> None:
    require(mfa_methods="RESTRICTED", allowed_mfa_methods=["sms_otp"])
    asked = enter_password(visitor, next="/o/acme/scim/")
    assert visitor.get(asked["Location"])["Location"] == SET_UP
    page = visitor.get(SET_UP)
    assert "Add a phone number" in text(page)
    assert 'type="tel"' in page.content.decode()
    assert "authenticator app" not in text(page)
    for number in ("", "12", "+49 1512 3456789"):
        answer = visitor.post(SET_UP, {"factor": "sms", "phone_number": number})
        assert answer.status_code == 422
        assert f'value="{number}"' in answer.content.decode() or not number
    assert texts.sent() == []

    sent = visitor.post(SET_UP, {"factor": "sms", "phone_number": "+1 202 555 0123"})

    assert "the phone number that ends in 23" in text(sent)
    assert "555" not in sent.content.decode()
    # Reloading shows the same page, and sends nothing.
    assert "ends in 23" in text(visitor.get(SET_UP))
    assert len(texts.sent(NUMBER)) == 1
    assert visitor.post(SET_UP, {"factor": "sms", "code": "x"}).status_code == 422
    entered = visitor.post(SET_UP, {"factor": "sms", "code": texts.code(NUMBER)})
    assert (entered.status_code, entered["Location"]) == (303, "/o/acme/scim/")
    assert is_signed_in(visitor)
    admin.refresh_from_db()
    assert (admin.mfa_phone_number, admin.mfa_phone_number_verified, admin.default_mfa_method) == (
        NUMBER,
        True,
        "sms_otp",
    )


def test_a_typing_error_can_be_corrected(admin: models.MemberRow, visitor: Client, texts: TextMessages) -> None:
    require()
    enter_password(visitor)
    assert "Use text messages" in text(visitor.get(SET_UP))
    assert "Use an authenticator app" in text(visitor.get(SET_UP, {"factor": "sms"}))
    visitor.post(SET_UP, {"factor": "sms", "phone_number": "+1 202 555 0199"})
    again = visitor.post(SET_UP, {"factor": "sms", "send": "1"})
    assert "ends in 99" in text(again)
    assert len(texts.sent("+12025550199")) == 1  # the second one replaced the first, which was still waiting
    assert "Add a phone number" in text(visitor.get(SET_UP, {"factor": "sms", "change": "1"}))

    visitor.post(SET_UP, {"factor": "sms", "phone_number": NUMBER})

    assert visitor.post(SET_UP, {"factor": "sms", "code": texts.code(NUMBER)}).status_code == 303
    assert is_signed_in(visitor)


def test_limits_while_a_number_is_added(
    admin: models.MemberRow, visitor: Client, texts: TextMessages, settings: Settings
) -> None:
    require()
    settings.SMS_RATE_PER_MEMBER = "1 per hour"
    enter_password(visitor)
    visitor.post(SET_UP, {"factor": "sms", "phone_number": NUMBER})

    for fields in ({"send": "1"}, {"phone_number": NUMBER}):
        limited = visitor.post(SET_UP, {"factor": "sms", **fields})
        assert limited.status_code == 429
        assert "Too many text messages" in text(limited)
    assert len(texts.sent()) == 1


def test_where_only_text_messages_are_allowed_and_none_are_sent_the_page_says_why(
    admin: models.MemberRow, visitor: Client
) -> None:
    require(mfa_methods="RESTRICTED", allowed_mfa_methods=["sms_otp"])
    enter_password(visitor)

    page = visitor.get(SET_UP)

    assert page.status_code == 403
    assert "this server doesn’t send text messages" in text(page)


def test_where_none_are_sent_an_app_is_set_up(admin: models.MemberRow, visitor: Client) -> None:
    require()
    enter_password(visitor)
    for query in ({}, {"factor": "sms"}):
        page = visitor.get(SET_UP, query)
        assert "Scan this in your app" in text(page)
        assert "Use text messages" not in text(page)


def test_a_sign_in_that_took_too_long_sends_nothing(
    admin: models.MemberRow, visitor: Client, texts: TextMessages
) -> None:
    require()
    with time_machine.travel(START, tick=False):
        enter_password(visitor)
    with time_machine.travel(START + timedelta(minutes=11), tick=False):
        late = visitor.post(SET_UP, {"factor": "sms", "phone_number": NUMBER})
    assert (late.status_code, late["Location"]) == (303, SIGN_IN)
    assert texts.sent() == []


# --- Confirming -----------------------------------------------------------------------------------------------------


def test_members_confirm_with_a_code(phone: models.MemberRow, texts: TextMessages) -> None:
    client, page = factories.signed_in(phone), "/o/acme/account/leave/"
    models.OrganizationRow.objects.update(settings={})
    assert client.get(page)["Location"].startswith("/o/acme/confirm/")
    assert client.get("/o/acme/confirm/", {"next": page})["Location"].startswith(CONFIRM)
    shown = client.get(CONFIRM, {"next": page})
    assert "ends in 23" in text(shown)
    assert texts.sent() == []
    sent = client.post(CONFIRM, {"factor": "sms", "send": "1", "next": page})
    assert 'name="code"' in sent.content.decode()
    assert f'name="next" value="{page}"' in sent.content.decode()
    wrong = client.post(CONFIRM, {"factor": "sms", "code": "x", "next": page})
    assert wrong.status_code == 422
    assert 'name="code"' in wrong.content.decode()

    confirmed = client.post(CONFIRM, {"factor": "sms", "code": texts.code(), "next": page})

    assert (confirmed.status_code, confirmed["Location"]) == (303, page)
    assert client.get(page).status_code == 200


def test_confirming_is_limited_too(phone: models.MemberRow, texts: TextMessages, settings: Settings) -> None:
    settings.SMS_RATE_PER_MEMBER = "1 per hour"
    client = factories.signed_in(phone)
    models.OrganizationRow.objects.update(settings={})
    assert client.post(CONFIRM, {"factor": "sms", "send": "1"}).status_code == 200
    assert client.post(CONFIRM, {"factor": "sms", "send": "1"}).status_code == 429
