"""The member's own phone number, on the account page; and an admin who removes a member's."""

import re
from datetime import timedelta
from html import unescape

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from portal.directory.ids import public_id
from portal.embedded import models
from tests import factories
from tests.text_messages import TextMessages

ACCOUNT, CONFIRM = "/o/acme/account/", "/o/acme/confirm/"
ADD, REMOVE = f"{ACCOUNT}phone/", f"{ACCOUNT}phone/remove/"
NUMBER = "+12025550123"
START = timezone.now().replace(microsecond=0)


@pytest.fixture
def client(member: models.MemberRow) -> Client:
    return factories.signed_in(member)


def text(client: Client, url: str = ACCOUNT) -> str:
    return " ".join(unescape(client.get(url).content.decode()).split())


def add(client: Client, texts: TextMessages, number: str = NUMBER) -> None:
    assert client.post(ADD, {"phone_number": number}).status_code == 200
    assert client.post(ADD, {"code": texts.code(number)}).status_code == 303


def test_a_number_is_added_and_counts_from_the_next_sign_in(
    client: Client, member: models.MemberRow, texts: TextMessages
) -> None:
    assert f'href="{ADD}"' in text(client)
    assert 'type="tel"' in text(client, ADD)
    sent = client.post(ADD, {"phone_number": "+1 (202) 555-0123"})
    assert "Ends in 23" in sent.content.decode()
    assert "555" not in sent.content.decode()
    member.refresh_from_db()
    assert member.mfa_phone_number_verified is False
    assert f'href="{ADD}"' in text(client)
    wrong = client.post(ADD, {"code": "12"})
    assert wrong.status_code == 422
    assert "Ends in 23" in wrong.content.decode()

    done = client.post(ADD, {"code": texts.code(NUMBER)})

    assert (done.status_code, done["Location"]) == (303, ACCOUNT)
    page = text(client)
    assert "Your phone number is confirmed." in page
    assert "Two factors protect your account." in page
    assert "Ends in 23." in page
    assert "555" not in page
    member.refresh_from_db()
    assert (member.mfa_enrolled, member.default_mfa_method) == (True, "sms_otp")
    assert client.get(ADD).status_code == 303


def test_another_code_and_another_number(client: Client, member: models.MemberRow, texts: TextMessages) -> None:
    client.post(ADD, {"phone_number": "+1 202 555 0199"})
    old = texts.code("+12025550199")
    assert "Ends in 99" in client.post(ADD, {"send": "1"}).content.decode()
    assert client.post(ADD, {"code": old}).status_code == 422

    add(client, texts)

    member.refresh_from_db()
    assert member.mfa_phone_number == NUMBER


@pytest.mark.parametrize("number", ["", "12", "+49 1512 3456789", "<script>"])
def test_an_invalid_number_is_an_error_at_its_field(client: Client, texts: TextMessages, number: str) -> None:
    answer = client.post(ADD, {"phone_number": number})

    assert answer.status_code == 422
    assert 'id="id_phone_number_error"' in answer.content.decode()
    assert "<script>" not in answer.content.decode().partition("<main")[2]
    assert texts.sent() == []


def test_limits_are_said(client: Client, texts: TextMessages, settings: Settings) -> None:
    settings.SMS_RATE_PER_NUMBER = "1 per hour"
    client.post(ADD, {"phone_number": NUMBER})
    for fields in ({"send": "1"}, {"phone_number": NUMBER}):
        limited = client.post(ADD, fields)
        assert limited.status_code == 429
        assert "Too many text messages" in limited.content.decode()


def test_adding_and_removing_take_a_recent_proof(client: Client, member: models.MemberRow, texts: TextMessages) -> None:
    add(client, texts)
    with time_machine.travel(START + timedelta(minutes=30), tick=False):
        client = factories.signed_in(member)
        factories.forget_password_entry()
        for answer in (client.get(REMOVE), client.post(REMOVE)):
            assert answer["Location"].startswith(CONFIRM)
        models.MemberRow.objects.update(mfa_phone_number="", mfa_phone_number_verified=False)
        for answer in (client.get(ADD), client.post(ADD, {"phone_number": NUMBER})):
            assert answer["Location"].startswith(CONFIRM)
    member.refresh_from_db()
    assert member.mfa_phone_number == ""


def test_members_remove_their_number(client: Client, member: models.MemberRow, texts: TextMessages) -> None:
    add(client, texts)
    assert "your first factor alone protects your account" in text(client, REMOVE)

    assert client.post(REMOVE)["Location"] == ACCOUNT

    page = text(client)
    assert "Your phone number was removed." in page
    assert f'href="{ADD}"' in page
    member.refresh_from_db()
    assert (member.mfa_phone_number, member.mfa_enrolled, member.default_mfa_method) == ("", False, "")
    assert not models.SmsOtpRow.objects.exists()
    assert client.get(REMOVE).status_code == 303


def test_what_cannot_be_added_says_why(client: Client, texts: TextMessages, settings: Settings) -> None:
    models.OrganizationRow.objects.update(settings={"mfa_methods": "RESTRICTED", "allowed_mfa_methods": ["totp"]})
    assert "doesn’t allow codes by text message" in text(client)
    assert client.get(ADD).status_code == 403
    models.OrganizationRow.objects.update(settings={})
    settings.SMS_SERVICE = None
    assert "This server doesn’t send text messages." in text(client)
    assert client.get(ADD).status_code == 404


def test_an_admin_removes_the_number_of_a_member(
    admin_client: Client, member: models.MemberRow, member_client: Client
) -> None:
    url = f"/o/acme/members/{public_id('member', member.pk)}/"
    models.MemberRow.objects.filter(pk=member.pk).update(mfa_phone_number=NUMBER, mfa_phone_number_verified=True)
    page = admin_client.get(url).content.decode()
    assert "Ends in 23." in page
    assert "555" not in page
    assert member_client.post(f"{url}phone-number/remove/").status_code == 403

    removed = admin_client.post(f"{url}phone-number/remove/")

    assert (removed.status_code, removed["Location"]) == (303, url)
    assert "no longer has a phone number for codes" in admin_client.get(url).content.decode()
    member.refresh_from_db()
    assert member.mfa_phone_number == ""
    factories.forget_password_entry()
    assert admin_client.post(f"{url}phone-number/remove/")["Location"].startswith(CONFIRM)


def test_the_member_chooses_what_is_asked_for_first(
    client: Client, member: models.MemberRow, texts: TextMessages
) -> None:
    add(client, texts)
    assert "Ask first" not in text(client)
    row = models.TotpRow.objects.create(
        organization=member.organization, member=member, secret=b"any", encrypted_with="a key"
    )
    models.MemberRow.objects.filter(pk=member.pk).update(totp_id=row.pk)
    assert "Ask first for your authenticator app" in re.sub("<[^>]+>", "", text(client))

    chosen = client.post(f"{ACCOUNT}default-factor/", {"method": "totp"})

    assert (chosen.status_code, chosen["Location"]) == (303, ACCOUNT)
    assert "Ask first for your phone number" in re.sub("<[^>]+>", "", text(client))
    entry = models.ActivityEntryRow.objects.filter(action="member.update").latest("pk")
    assert entry.after == {"default_mfa_method": "totp"}
    # What isn't set up any longer isn't chosen.
    models.MemberRow.objects.filter(pk=member.pk).update(totp_id=None)
    client.post(f"{ACCOUNT}default-factor/", {"method": "totp"})
    assert "You can’t sign in with this method." in text(client)
