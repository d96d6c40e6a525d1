"""The member's own passkeys, on the account page; and an admin who removes a member's."""

import json
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client
from pytest_django import Settings

from portal.directory.ids import public_id
from portal.embedded import models
from tests import factories
from tests.authenticators import ORIGIN, Authenticator
from tests.conftest import PASSWORD
from tests.tasks import run_tasks

ACCOUNT = "/o/acme/account/"
ADD = f"{ACCOUNT}passkeys/add/"


@pytest.fixture(autouse=True)
def _named_host(settings: Settings) -> None:
    settings.PUBLIC_URL = ORIGIN


@pytest.fixture
def client(member: models.MemberRow) -> Client:
    return factories.signed_in(member)


def text(client: Client, url: str = ACCOUNT) -> str:
    return " ".join(unescape(client.get(url).content.decode()).split())


def options(client: Client, url: str = ADD, **fields: str) -> dict[str, Any]:
    answer = client.post(url, {"passkey_options": "1", **fields})
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()["publicKey"]
    return found


def add(client: Client, own: Authenticator, name: str = "Laptop") -> str:
    answer = client.post(ADD, {"name": name, "code": own.create(options(client))})
    return unescape(answer.content.decode())


def test_the_first_one_comes_with_recovery_codes(client: Client, member: models.MemberRow) -> None:
    models.MemberRow.objects.filter(pk=member.pk).update(email_address_verified=True)
    assert f'href="{ADD}"' in text(client)
    asked = options(client)
    assert asked["rp"]["id"] == "portal.example.com"
    assert asked["authenticatorSelection"]["userVerification"] == "required"
    assert asked["attestation"] == "none"

    page = add(client, Authenticator())

    assert "Save your recovery codes" in page
    assert "data-print hidden" in page
    assert "Laptop" in text(client)
    assert "Two factors protect your account." in text(client)
    again = client.post(ADD, {"name": "Phone", "code": Authenticator().create(options(client))})
    assert (again.status_code, again["Location"]) == (303, ACCOUNT)
    asked = options(client)
    assert len(asked["excludeCredentials"]) == 2


def test_the_member_is_notified(
    client: Client, member: models.MemberRow, mailoutbox: list[Any], settings: Settings
) -> None:
    settings.EMAIL_IS_SET_UP = True
    models.MemberRow.objects.filter(pk=member.pk).update(email_address_verified=True)
    add(client, Authenticator())
    row = models.PasskeyRow.objects.get()
    removed = client.post(f"{ACCOUNT}passkeys/{public_id('webauthn-registration', row.pk)}/remove/")
    assert removed["Location"] == ACCOUNT
    run_tasks()
    subjects = [one.subject for one in mailoutbox]
    assert subjects == ["Passkey added to your Acme account", "Passkey removed from your Acme account"]
    assert not models.RecoveryCodesRow.objects.exists()


def test_a_page_says_that_passkeys_need_scripts(client: Client) -> None:
    page = text(client, ADD)
    assert "Passkeys need JavaScript" in page
    assert 'src="/static/js/passkeys' in page
    assert "data-passkey hidden" in page


def test_a_wrong_response_adds_nothing(client: Client) -> None:
    options(client)
    wrong = client.post(ADD, {"name": "Laptop", "code": "{}"})
    assert wrong.status_code == 422
    assert "Your device didn’t confirm. Try again or use another way." in wrong.content.decode()
    assert 'value="Laptop"' in wrong.content.decode()
    assert client.post(ADD, {"name": "Laptop", "code": ""}).status_code == 422
    assert not models.PasskeyRow.objects.exists()


def test_adding_and_removing_need_a_recent_proof(client: Client) -> None:
    factories.forget_password_entry()
    assert client.get(ADD)["Location"].startswith("/o/acme/confirm/")
    assert client.post(ADD, {"passkey_options": "1"})["Location"].startswith("/o/acme/confirm/")


def test_confirming_with_a_passkey(client: Client, member: models.MemberRow) -> None:
    own = Authenticator()
    add(client, own)
    models.MemberSessionRow.objects.update(factors=[])
    factories.forget_password_entry()
    row = models.PasskeyRow.objects.get()
    remove = f"{ACCOUNT}passkeys/{public_id('webauthn-registration', row.pk)}/remove/"
    confirm = client.get(client.get(remove)["Location"])["Location"]
    assert confirm.startswith("/o/acme/confirm/second-factor/")
    assert 'data-passkey-form="get"' in text(client, confirm)
    asked = options(client, confirm, factor="passkey")
    wrong = client.post(confirm, {"factor": "passkey", "code": Authenticator().get(asked)})
    assert wrong.status_code == 422
    asked = options(client, confirm, factor="passkey")

    done = client.post(confirm, {"factor": "passkey", "code": own.get(asked), "next": remove})

    assert (done.status_code, done["Location"]) == (303, remove)
    assert "Remove a passkey?" in text(client, remove)


def test_signing_in_with_a_passkey(client: Client, member: models.MemberRow) -> None:
    own = Authenticator()
    add(client, own)
    visitor = Client()
    models.MemberRow.objects.filter(pk=member.pk).update(password=make_password(PASSWORD))
    entered = visitor.post("/o/acme/sign-in/", {"email_address": member.email_address, "password": PASSWORD})
    challenge = entered["Location"]
    assert challenge == "/o/acme/sign-in/second-factor/"
    page = text(visitor, challenge)
    assert 'data-passkey-form="get"' in page
    assert "Use a recovery code" in page
    wrong = visitor.post(challenge, {"factor": "passkey", "code": "{}"})
    assert wrong.status_code == 422
    assert "Your device didn’t confirm." in wrong.content.decode()
    asked = options(visitor, challenge, factor="passkey")

    done = visitor.post(challenge, {"factor": "passkey", "code": own.get(asked)})

    assert (done.status_code, done["Location"]) == (303, "/o/acme/")


def test_another_members_passkey_isnt_found(client: Client, acme: models.OrganizationRow) -> None:
    other = factories.member(acme, "other@acme.example")
    add(factories.signed_in(other), Authenticator())
    row = models.PasskeyRow.objects.get()
    for page in ("", "remove/"):
        url = f"{ACCOUNT}passkeys/{public_id('webauthn-registration', row.pk)}/{page}"
        assert client.get(url).status_code == 404
        assert client.post(url, {"name": "Mine"}).status_code == 404


def test_a_name_is_changed(client: Client) -> None:
    add(client, Authenticator())
    row = models.PasskeyRow.objects.get()
    url = f"{ACCOUNT}passkeys/{public_id('webauthn-registration', row.pk)}/"
    assert 'value="Laptop"' in text(client, url)
    assert client.post(url, {"name": "x" * 61}).status_code == 422
    assert client.post(url, {"name": "<b>Work</b>"})["Location"] == ACCOUNT
    assert "&lt;b&gt;Work&lt;/b&gt;" in client.get(ACCOUNT).content.decode()


def test_the_members_data_has_them_without_the_keys(client: Client) -> None:
    add(client, Authenticator())
    data = json.loads(client.get(f"{ACCOUNT}data/").content)
    assert [sorted(one) for one in data["passkeys"]] == [["created_at", "is_synced", "last_used_at", "name"]]
    assert data["passkeys"][0]["name"] == "Laptop"


def test_a_restricted_organization_says_so(client: Client, acme: models.OrganizationRow) -> None:
    models.OrganizationRow.objects.filter(pk=acme.pk).update(
        settings={"mfa_methods": "RESTRICTED", "allowed_mfa_methods": ["totp"]}
    )
    assert f"{acme.name} doesn’t allow passkeys." in text(client)
    assert client.get(ADD).status_code == 403


def test_an_ip_address_says_so(client: Client, settings: Settings) -> None:
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    assert "Browsers don’t accept passkeys for an IP address." in text(client)
    assert client.get(ADD).status_code == 404


def test_an_admin_removes_the_passkeys_of_a_member(
    client: Client, member: models.MemberRow, acme: models.OrganizationRow
) -> None:
    add(client, Authenticator())
    admin = factories.signed_in(factories.member(acme, "boss@acme.example", roles=["stytch_admin"]))
    url = f"/o/acme/members/{public_id('member', member.pk)}/"
    assert "Remove passkeys" in text(admin, url)

    removed = admin.post(f"{url}passkeys/remove/")

    assert (removed.status_code, removed["Location"]) == (303, url)
    assert not models.PasskeyRow.objects.exists()
    assert f"{member.email_address} no longer has passkeys." in text(admin, url)
