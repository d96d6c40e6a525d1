"""The member's own authenticator app, recovery codes and name, on the account page."""

import re
from datetime import timedelta
from html import unescape

import pyotp
import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from portal.embedded import models
from tests import factories

ACCOUNT, SIGN_IN, CONFIRM = "/o/acme/account/", "/o/acme/sign-in/", "/o/acme/confirm/"
SET_UP, REMOVE, CODES = f"{ACCOUNT}app/", f"{ACCOUNT}app/remove/", f"{ACCOUNT}recovery-codes/"
START = timezone.now().replace(microsecond=0)
LATER = timedelta(minutes=6)


@pytest.fixture
def client(member: models.MemberRow) -> Client:
    return factories.signed_in(member)


def text(client: Client, url: str = ACCOUNT) -> str:
    return " ".join(unescape(client.get(url).content.decode()).split())


def secret_of(html: str) -> str:
    found = re.search(r'name="secret" value="([A-Z2-7]+)"', html)
    assert found
    return found.group(1)


def code(secret: str) -> str:
    return pyotp.TOTP(secret).at(timezone.now())


def set_up(client: Client) -> tuple[str, list[str]]:
    """Set an app up, and return its secret and the recovery codes."""
    secret = secret_of(text(client, SET_UP))
    html = client.post(SET_UP, {"secret": secret, "code": code(secret)}).content.decode()
    return secret, re.findall(r"<li>([a-z0-9-]{11})</li>", html)


def test_an_app_is_set_up_and_counts_from_the_next_sign_in(client: Client, member: models.MemberRow) -> None:
    assert "Not set up. With an app, knowing your password isn’t enough" in text(client)
    page = text(client, SET_UP)
    secret = secret_of(page)
    assert 'aria-label="QR code for your authenticator app"' in page
    assert re.sub(r"\s", "", secret) in re.sub(r"\s", "", page.partition("setup-key")[2])

    wrong = client.post(SET_UP, {"secret": secret, "code": "000 00x"})
    assert wrong.status_code == 422
    assert secret_of(wrong.content.decode()) == secret
    saved = client.post(SET_UP, {"secret": secret, "code": code(secret)})

    assert len(re.findall(r"<li>[a-z0-9-]{11}</li>", saved.content.decode())) == 10
    assert "Two factors protect your account." in text(client)
    member.refresh_from_db()
    assert (member.mfa_enrolled, member.default_mfa_method) == (True, "totp")
    assert client.get(SET_UP).status_code == 303


def test_a_missing_code_is_an_error_at_its_field(client: Client) -> None:
    secret = secret_of(text(client, SET_UP))

    answer = client.post(SET_UP, {"secret": secret})

    assert answer.status_code == 422
    assert 'id="id_code_error"' in answer.content.decode()


@pytest.mark.parametrize("sent", ["", "<script>", "A" * 500])
def test_a_secret_from_elsewhere_is_replaced(client: Client, sent: str) -> None:
    html = client.post(SET_UP, {"secret": sent, "code": "123456"}).content.decode()

    assert secret_of(html) != sent
    assert "<script>alert" not in html


def test_an_app_that_took_too_long_starts_again(client: Client) -> None:
    with time_machine.travel(START, tick=False):
        secret = secret_of(text(client, SET_UP))
        models.TotpRow.objects.update(expires_at=START)

        answer = client.post(SET_UP, {"secret": secret, "code": code(secret)})

        assert (answer.status_code, answer["Location"]) == (303, SET_UP)
        assert "took too long" in text(client, SET_UP)


def test_guesses_of_the_first_code_are_limited(client: Client) -> None:
    secret = secret_of(text(client, SET_UP))
    statuses = [client.post(SET_UP, {"secret": secret, "code": "00000x"}).status_code for _ in range(11)]

    assert statuses == [422] * 10 + [429]


def test_adding_replacing_and_removing_ask_for_a_proof_first(client: Client) -> None:
    with time_machine.travel(START, tick=False):
        set_up(client)
    with time_machine.travel(START + LATER, tick=False):
        for answer in (client.get(REMOVE), client.post(REMOVE), client.post(CODES)):
            assert answer.status_code == 303
            assert answer["Location"].startswith(f"{CONFIRM}?next=")
    assert models.TotpRow.objects.count() == 1


def test_an_open_browser_adds_no_app(client: Client) -> None:
    factories.forget_password_entry()

    for answer in (client.get(SET_UP), client.post(SET_UP, {"secret": "A" * 32, "code": "123456"})):
        assert answer["Location"].startswith(f"{CONFIRM}?next=")
    assert not models.TotpRow.objects.exists()


def test_new_recovery_codes_replace_the_earlier_ones(client: Client) -> None:
    _, first = set_up(client)

    page = client.post(CODES).content.decode()

    codes = re.findall(r"<li>([a-z0-9-]{11})</li>", page)
    assert len(codes) == 10
    assert not set(codes) & set(first)
    assert 'download="recovery-codes.txt"' in page


def test_without_an_app_there_are_no_recovery_codes(client: Client) -> None:
    assert "Recovery codes" not in text(client)
    assert client.post(CODES)["Location"] == ACCOUNT
    assert client.get(REMOVE)["Location"] == ACCOUNT
    assert not models.RecoveryCodesRow.objects.exists()


def test_an_app_is_removed_and_is_not_asked_for(client: Client, member: models.MemberRow) -> None:
    set_up(client)
    assert "You’re no longer asked for a second factor" in text(client, REMOVE)

    assert client.post(REMOVE)["Location"] == ACCOUNT

    assert "your recovery codes were removed" in text(client)
    member.refresh_from_db()
    assert (member.totp_id, member.mfa_enrolled, member.default_mfa_method) == (None, False, "")
    assert not models.RecoveryCodesRow.objects.exists()


def test_who_keeps_a_phone_number_confirms_with_it_then(client: Client, member: models.MemberRow) -> None:
    set_up(client)
    models.MemberRow.objects.filter(pk=member.pk).update(
        mfa_phone_number="+12025550123", mfa_phone_number_verified=True
    )

    assert "You confirm with a code by text message." in text(client, REMOVE)


def test_where_it_is_required_the_page_says_that_another_one_is_needed(
    client: Client, acme: models.OrganizationRow
) -> None:
    set_up(client)
    models.OrganizationRow.objects.filter(pk=acme.pk).update(settings={"mfa_policy": "REQUIRED_FOR_ALL"})

    assert "requires a second factor, so you set up another one" in text(client, REMOVE)


def test_where_apps_are_not_allowed_none_is_set_up(client: Client, acme: models.OrganizationRow) -> None:
    settings = {"mfa_methods": "RESTRICTED", "allowed_mfa_methods": ["sms_otp"]}
    models.OrganizationRow.objects.filter(pk=acme.pk).update(settings=settings)

    assert "doesn’t allow authenticator apps" in text(client)
    assert client.get(SET_UP).status_code == 403
    assert client.post(SET_UP, {"secret": "A" * 32, "code": "123456"}).status_code == 403


def test_members_change_their_names(client: Client, member: models.MemberRow) -> None:
    answer = client.post(f"{ACCOUNT}name/", {"name": "Max <b>Muster</b>"})

    assert (answer.status_code, answer["Location"]) == (303, ACCOUNT)
    assert "<b>Muster" not in client.get(ACCOUNT).content.decode()
    member.refresh_from_db()
    assert member.name == "Max <b>Muster</b>"
    assert models.ActivityEntryRow.objects.filter(action="member.update").exists()
    too_long = client.post(f"{ACCOUNT}name/", {"name": "x" * 257})
    assert too_long.status_code == 422
    assert 'id="id_name_error"' in too_long.content.decode()


def test_a_managed_name_is_changed_at_the_identity_provider(acme: models.OrganizationRow) -> None:
    user = factories.provisioned(factories.scim_connection(acme), "pia@acme.example")
    assert user.member
    client = factories.signed_in(user.member)
    assert f'action="{ACCOUNT}name/"' not in text(client)

    answer = client.post(f"{ACCOUNT}name/", {"name": "Other"})

    assert answer.status_code == 422
    user.member.refresh_from_db()
    assert user.member.name != "Other"
