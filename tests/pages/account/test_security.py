"""Password, address, sessions, data and leaving, on the account page."""

import json
import re

import pytest
from django.core import mail
from django.test import Client
from pytest_django import Settings

from portal.directory.ids import public_id
from portal.embedded import models
from portal.web.session_cookie import cookie_name
from tests import factories
from tests.conftest import PASSWORD
from tests.tasks import run_tasks

ACCOUNT = "/o/acme/account/"
CONFIRM = "/o/acme/confirm/"
NEW, STRONG = "new@acme.example", "twelve pelicans over Utrecht"


@pytest.fixture(autouse=True)
def _email(settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "portal@example.com"


@pytest.fixture
def client(member: models.MemberRow) -> Client:
    return factories.signed_in(member)


def text(client: Client, url: str = ACCOUNT) -> str:
    return " ".join(client.get(url).content.decode().split())


def code() -> str:
    run_tasks()
    codes = [re.findall(r"^    (\d{6})$", str(one.body), re.MULTILINE) for one in mail.outbox]
    return str([one for found in codes for one in found][-1])


def sessions_of(member: models.MemberRow) -> int:
    return models.MemberSessionRow.objects.filter(member=member, revoked_at=None).count()


# --- Password ---------------------------------------------------------------------------------------------------------


def test_a_recent_proof_needs_no_current_password(client: Client, member: models.MemberRow) -> None:
    page = text(client, f"{ACCOUNT}password/")
    assert "Current password" not in page

    answer = client.post(f"{ACCOUNT}password/", {"new_password": STRONG})

    assert (answer.status_code, answer["Location"]) == (303, ACCOUNT)
    assert "Your password was changed." in text(client)
    assert (
        Client().post("/o/acme/sign-in/", {"email_address": member.email_address, "password": STRONG}).status_code
        == 303
    )


def test_later_the_current_password_is_needed(client: Client, member: models.MemberRow) -> None:
    elsewhere = factories.signed_in(member)
    factories.forget_password_entry()
    assert "Current password" in text(client, f"{ACCOUNT}password/")

    wrong = client.post(f"{ACCOUNT}password/", {"existing_password": "wrong", "new_password": STRONG})
    assert (wrong.status_code, "Incorrect password." in wrong.content.decode()) == (422, True)
    left_out = client.post(f"{ACCOUNT}password/", {"new_password": STRONG})
    assert left_out.status_code == 422
    weak = client.post(f"{ACCOUNT}password/", {"existing_password": PASSWORD, "new_password": "password"})
    assert weak.status_code == 422
    assert elsewhere.get(ACCOUNT).status_code == 200
    done = client.post(f"{ACCOUNT}password/", {"existing_password": PASSWORD, "new_password": STRONG})

    assert done.status_code == 303
    assert elsewhere.get(ACCOUNT).status_code == 401
    assert client.get(ACCOUNT).status_code == 200


def test_guesses_of_the_current_password_are_limited(client: Client, settings: Settings) -> None:
    settings.SIGN_IN_TOTAL_PER_MEMBER = "2 per hour"
    factories.forget_password_entry()
    guess = {"existing_password": "wrong", "new_password": STRONG}

    assert [client.post(f"{ACCOUNT}password/", guess).status_code for _ in range(3)] == [422, 422, 429]


def test_without_a_password_a_code_proves_it(acme: models.OrganizationRow) -> None:
    eve = factories.member(acme, "eve@acme.example")
    client = factories.signed_in(eve)
    assert "Not set." in text(client)
    factories.forget_password_entry()
    assert client.get(f"{ACCOUNT}password/")["Location"].startswith(CONFIRM)


def test_without_passwords_there_is_none_to_change(client: Client) -> None:
    models.OrganizationRow.objects.update(
        settings={"auth_methods": "RESTRICTED", "allowed_auth_methods": ["email_otp"]}
    )
    assert "Acme doesn’t allow signing in by password." in text(client)
    assert "Passwords aren’t allowed" in text(client, f"{ACCOUNT}password/")
    assert client.post(f"{ACCOUNT}password/", {"new_password": STRONG}).status_code == 422


# --- Address ----------------------------------------------------------------------------------------------------------


def test_a_code_changes_the_address_and_the_old_one_is_notified(client: Client, member: models.MemberRow) -> None:
    old = member.email_address
    asked = client.post(f"{ACCOUNT}email/", {"email_address": NEW})
    assert (asked.status_code, NEW in asked.content.decode()) == (200, True)
    entered = code()
    assert {one.to[0]: one.subject for one in mail.outbox} == {
        NEW: "Confirm your new email address for Acme",
        old: "Change of your email address for Acme",
    }
    notice = next(str(one.body) for one in mail.outbox if one.to == [old])
    assert NEW in notice
    assert "/o/acme/account/email/" in notice
    proof = next(str(one.body) for one in mail.outbox if one.to == [NEW])
    assert old not in proof
    assert f"Waiting for the code that we sent to <b>{NEW}</b>" in text(client)

    wrong = client.post(f"{ACCOUNT}email/code/", {"email_address": NEW, "code": "x"})
    assert wrong.status_code == 422
    done = client.post(f"{ACCOUNT}email/code/", {"email_address": NEW, "code": entered})

    assert (done.status_code, done["Location"]) == (303, ACCOUNT)
    assert f"Your email address is now {NEW}." in text(client)
    member.refresh_from_db()
    assert (member.email_address, member.email_address_verified) == (NEW, True)
    run_tasks()
    assert (mail.outbox[-1].to, mail.outbox[-1].subject) == ([old], "Your email address for Acme was changed")
    assert NEW not in str(mail.outbox[-1].body)
    actions = list(models.ActivityEntryRow.objects.order_by("pk").values_list("action", flat=True))
    assert actions.index("member.start_email_update") < actions.index("member.update_email")


def test_the_change_is_canceled(client: Client, member: models.MemberRow) -> None:
    client.post(f"{ACCOUNT}email/", {"email_address": NEW})
    entered = code()
    assert client.post(f"{ACCOUNT}email/cancel/")["Location"] == ACCOUNT

    assert client.post(f"{ACCOUNT}email/code/", {"email_address": NEW, "code": entered}).status_code == 422
    assert "Waiting for the code" not in text(client)


def test_a_new_request_ends_the_one_before(client: Client) -> None:
    client.post(f"{ACCOUNT}email/", {"email_address": NEW})
    # Only the email says how long its code works.
    assert "The code works until" not in text(client, f"{ACCOUNT}email/")
    first = code()
    assert "The code works until" in text(client, f"{ACCOUNT}email/")
    client.post(f"{ACCOUNT}email/", {"email_address": "other@acme.example"})
    code()

    assert client.post(f"{ACCOUNT}email/code/", {"email_address": NEW, "code": first}).status_code == 422


def test_a_code_of_someone_elses_request_changes_nothing(
    client: Client, admin_client: Client, member: models.MemberRow
) -> None:
    client.post(f"{ACCOUNT}email/", {"email_address": NEW})
    entered = code()

    assert admin_client.post(f"{ACCOUNT}email/code/", {"email_address": NEW, "code": entered}).status_code == 422
    assert client.post(f"{ACCOUNT}email/code/", {"email_address": NEW, "code": entered}).status_code == 303


@pytest.mark.parametrize("path", ["/o/acme/account/email/code/", "/o/acme/settings/domains/{}/code/enter/"])
def test_wrong_codes_for_someones_address_pause_only_their_own(
    admin_client: Client, client: Client, settings: Settings, path: str
) -> None:
    settings.SIGN_IN_TOTAL_PER_MEMBER = "2 per hour"
    added = admin_client.post("/o/acme/settings/domains/add/", {"domain": "acme.example"})["Location"]
    url = path.format(added.rstrip("/").rpartition("/")[2])
    for _ in range(3):
        answer = admin_client.post(url, {"email_address": "max@acme.example", "code": "000000"})
    assert answer.status_code == 429

    factories.forget_password_entry()
    assert client.post(CONFIRM, {"password": PASSWORD}).status_code == 303
    assert admin_client.post(CONFIRM, {"password": PASSWORD}).status_code == 429


def test_a_new_address_asks_for_a_proof_first(client: Client, member: models.MemberRow) -> None:
    factories.forget_password_entry()
    assert client.get(f"{ACCOUNT}email/")["Location"].startswith(CONFIRM)
    assert client.post(f"{ACCOUNT}email/", {"email_address": NEW})["Location"].startswith(CONFIRM)
    assert models.EmailTokenRow.objects.count() == 0


def test_emails_to_new_addresses_are_limited(client: Client, settings: Settings) -> None:
    settings.SIGN_IN_EMAIL_RATE = "1 per hour"
    statuses = [client.post(f"{ACCOUNT}email/", {"email_address": NEW}).status_code for _ in range(2)]
    assert statuses == [200, 429]


@pytest.mark.parametrize("address", ["x", "", "member@acme.example"])
def test_a_bad_address_is_rejected(client: Client, member: models.MemberRow, address: str) -> None:
    wanted = member.email_address.upper() if address.startswith("member") else address
    assert client.post(f"{ACCOUNT}email/", {"email_address": wanted}).status_code == 422


def test_a_managed_account_says_who_manages_it(acme: models.OrganizationRow) -> None:
    user = factories.provisioned(factories.scim_connection(acme), "pia@acme.example")
    assert user.member
    client = factories.signed_in(user.member)

    page = text(client)
    assert "Okta manages it. Change it there." in page
    assert "Okta manages your membership." in page
    assert "Okta manages your email address." in text(client, f"{ACCOUNT}email/")
    assert "Okta" in client.post(f"{ACCOUNT}email/", {"email_address": NEW}).content.decode()
    assert models.EmailTokenRow.objects.count() == 0
    assert client.post(f"{ACCOUNT}leave/").status_code == 409


def test_without_email_an_address_cannot_be_proved(client: Client, settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP = False
    assert "Email isn’t configured on this server" in text(client, f"{ACCOUNT}email/")


# --- Sessions ---------------------------------------------------------------------------------------------------------


def test_other_sessions_end_together_or_one_by_one(member: models.MemberRow) -> None:
    client, phone, tablet, old = (factories.signed_in(member) for _ in range(4))
    page = text(client)
    (one, *_others) = re.findall(r'name="member_session_id" value="([^"]+)"', page)
    assert page.count('name="member_session_id"') == 3

    assert client.post(f"{ACCOUNT}sessions/end/", {"member_session_id": one})["Location"] == ACCOUNT
    assert sessions_of(member) == 3
    client.post(f"{ACCOUNT}sessions/end/")

    assert client.get(ACCOUNT).status_code == 200
    assert {browser.get(ACCOUNT).status_code for browser in (phone, tablet, old)} == {401}
    assert "Sign out everywhere else" not in text(client)


def test_ending_a_session_asks_for_a_proof_first(client: Client, member: models.MemberRow) -> None:
    other = factories.signed_in(member)
    factories.forget_password_entry()

    assert client.post(f"{ACCOUNT}sessions/end/")["Location"].startswith(CONFIRM)
    assert other.get(ACCOUNT).status_code == 200


def test_this_session_ends_like_signing_out(client: Client, member: models.MemberRow) -> None:
    row = models.MemberSessionRow.objects.get(member=member)
    answer = client.post(f"{ACCOUNT}sessions/end/", {"member_session_id": public_id("member-session", row.pk)})

    assert answer["Location"] == "/signed-out/"
    assert answer.cookies[cookie_name("acme")].value == ""


def test_a_session_of_someone_else_is_not_found(client: Client, admin: models.MemberRow, admin_client: Client) -> None:
    row = models.MemberSessionRow.objects.get(member=admin)
    chosen = {"member_session_id": public_id("member-session", row.pk)}

    assert client.post(f"{ACCOUNT}sessions/end/", chosen).status_code == 404
    assert admin_client.get(ACCOUNT).status_code == 200


# --- Data and leaving -------------------------------------------------------------------------------------------------


def test_the_data_is_a_file(client: Client, member: models.MemberRow, admin: models.MemberRow) -> None:
    answer = client.get(f"{ACCOUNT}data/")

    assert answer["Content-Type"] == "application/json"
    assert re.fullmatch(r'attachment; filename="account-acme-[\d-]+\.json"', answer["Content-Disposition"])
    data = json.loads(answer.content)
    assert data["member"]["email_address"] == member.email_address
    assert {one["action"] for one in data["activity"]} >= {"member_session.create"}
    assert admin.email_address not in answer.content.decode()
    assert models.ActivityEntryRow.objects.filter(action="member.export_data").count() == 1


def test_the_data_asks_for_a_proof_first(client: Client) -> None:
    factories.forget_password_entry()
    assert client.get(f"{ACCOUNT}data/")["Location"].startswith(CONFIRM)


def test_a_member_leaves(client: Client, member: models.MemberRow) -> None:
    assert "You lose access immediately" in text(client, f"{ACCOUNT}leave/")
    answer = client.post(f"{ACCOUNT}leave/")

    assert (answer["Location"], answer.cookies[cookie_name("acme")].value) == ("/signed-out/", "")
    member.refresh_from_db()
    assert (member.status, sessions_of(member)) == ("deleted", 0)


def test_the_last_admin_stays(admin_client: Client, admin: models.MemberRow) -> None:
    answer = admin_client.post(f"{ACCOUNT}leave/")

    assert (answer.status_code, "last admin" in answer.content.decode()) == (409, True)
    assert admin_client.get(ACCOUNT).status_code == 200


def test_leaving_asks_for_a_proof_first(client: Client, member: models.MemberRow) -> None:
    factories.forget_password_entry()
    assert client.post(f"{ACCOUNT}leave/")["Location"].startswith(CONFIRM)
    member.refresh_from_db()
    assert member.status == "active"
