"""The second factor at sign-in: codes of an app, recovery codes, setting an app up, and confirming with it."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pyotp
import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.ids import public_id
from portal.directory.sessions import AuthenticationFactor
from portal.embedded import models
from portal.embedded.directory import EmbeddedDirectory, EmbeddedProvider
from portal.embedded.scope import Scope
from portal.embedded.sessions.intermediate import start_intermediate_session
from portal.pages.session.choice import Proof, keep_choice
from tests import factories
from tests.conftest import PASSWORD
from tests.tasks import run_tasks

SIGN_IN, CHALLENGE = "/o/acme/sign-in/", "/o/acme/sign-in/second-factor/"
SET_UP, DONE = f"{CHALLENGE}set-up/", "/o/acme/second-factor/done/"
CONFIRM, CONFIRM_APP = "/o/acme/confirm/", "/o/acme/confirm/second-factor/"
ADA = "ada@acme.example"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
CODES = ["first-code1", "other-code2"]
START = timezone.now().replace(microsecond=0)


def at(seconds: float = 0) -> time_machine.travel:
    return time_machine.travel(START + timedelta(seconds=seconds), tick=False)


def code(secret: str = SECRET) -> str:
    return pyotp.TOTP(secret).at(timezone.now())


def require(slug: str = "acme", **more: Any) -> None:
    models.OrganizationRow.objects.filter(slug=slug).update(settings={"mfa_policy": "REQUIRED_FOR_ALL", **more})


def give_app(member: models.MemberRow) -> None:
    project = Actor(ActorType.PROJECT, "secret")
    directory = EmbeddedDirectory(Scope(member.organization.slug, Origin(), project=project))
    directory.totps.migrate(public_id("member", member.pk), secret=SECRET, recovery_codes=CODES)


def enter_password(client: Client, **more: str) -> Any:
    return client.post(SIGN_IN, {"email_address": ADA, "password": PASSWORD, **more})


def is_signed_in(client: Client) -> bool:
    return client.get("/o/acme/").status_code == 200


@pytest.fixture
def app(admin: models.MemberRow) -> models.MemberRow:
    require()
    give_app(admin)
    return admin


def test_a_code_opens_the_page_that_was_asked_for(app: models.MemberRow, visitor: Client) -> None:
    asked = enter_password(visitor, next="/o/acme/scim/")
    assert (asked.status_code, asked["Location"]) == (303, CHALLENGE)
    assert not is_signed_in(visitor)
    html = visitor.get(CHALLENGE).content.decode()
    assert 'class="form-control code-input"' in html
    assert 'autocomplete="one-time-code"' in html
    assert ADA in html

    with at():
        wrong = visitor.post(CHALLENGE, {"code": "000 00x"})
        assert wrong.status_code == 422
        assert "Error: Confirm that it’s you" in wrong.content.decode()
        assert "The code is wrong or too old." in wrong.content.decode()
        entered = visitor.post(CHALLENGE, {"code": f"{code()[:3]} {code()[3:]}"})

    assert (entered.status_code, entered["Location"]) == (303, "/o/acme/scim/")
    assert is_signed_in(visitor)
    assert visitor.get(CHALLENGE).status_code == 303


def test_a_code_by_email_waits_for_it_too(app: models.MemberRow, visitor: Client, settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "portal@example.com"
    visitor.post("/o/acme/sign-in/code/", {"email_address": ADA})
    run_tasks()
    emailed = re.findall(r"^    (\d{6})$", str(mail.outbox[-1].body), re.MULTILINE)[0]

    asked = visitor.post("/o/acme/sign-in/code/enter/", {"email_address": ADA, "code": emailed})

    assert (asked.status_code, asked["Location"]) == (303, CHALLENGE)
    assert not is_signed_in(visitor)


def test_a_choice_of_organizations_waits_for_it_too(app: models.MemberRow, visitor: Client) -> None:
    asked = visitor.post("/sign-in/", {"email_address": ADA, "password": PASSWORD})

    assert (asked.status_code, asked["Location"]) == (303, CHALLENGE)
    with at():
        assert visitor.post(CHALLENGE, {"code": code()}).status_code == 303
    assert is_signed_in(visitor)


def test_a_recovery_code_opens_the_portal(app: models.MemberRow, visitor: Client) -> None:
    enter_password(visitor)
    html = visitor.get(CHALLENGE, {"factor": "recovery"}).content.decode()
    assert "Recovery code" in html
    assert visitor.post(CHALLENGE, {"factor": "recovery", "code": "wrong"}).status_code == 422

    entered = visitor.post(CHALLENGE, {"factor": "recovery", "code": "FIRST CODE1"})

    assert entered.status_code == 303
    assert "1 recovery code is left" in visitor.get("/o/acme/").content.decode()
    visitor.post("/o/acme/sign-out/")
    enter_password(visitor)
    used = visitor.post(CHALLENGE, {"factor": "recovery", "code": CODES[0]})
    assert "This code was used on" in used.content.decode()


def test_too_many_wrong_codes_wait(app: models.MemberRow, visitor: Client) -> None:
    enter_password(visitor)
    with at():
        for _ in range(10):
            assert visitor.post(CHALLENGE, {"code": "x"}).status_code == 422
        waits = visitor.post(CHALLENGE, {"code": code()})
    assert waits.status_code == 429
    assert "Try again in 15 minutes" in waits.content.decode()
    assert not is_signed_in(visitor)


def test_an_app_is_set_up_during_sign_in(admin: models.MemberRow, visitor: Client) -> None:
    require()
    asked = enter_password(visitor, next="/o/acme/scim/")
    assert visitor.get(asked["Location"])["Location"] == SET_UP
    with at():
        html = visitor.get(SET_UP).content.decode()
        assert 'class="qr"' in html
        secret = re.findall(r">([A-Z2-7 ]{39})</textarea>", html)[0].replace(" ", "")
        # Reloading shows the same app.
        assert secret in visitor.get(SET_UP).content.decode().replace(" ", "")
        wrong = visitor.post(SET_UP, {"code": "x"})
        assert wrong.status_code == 422
        assert "clock is right" in wrong.content.decode()
        assert secret in wrong.content.decode().replace(" ", "")

        saved = visitor.post(SET_UP, {"code": code(secret)})

        html = saved.content.decode()
        codes = re.findall(r"<li>([a-z2-9]{5}-[a-z2-9]{5})</li>", html)
        assert (saved.status_code, len(codes)) == (200, 10)
        assert saved["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"
        download = unescape(re.findall(r'href="(data:[^"]+)"', html)[0])
        assert all(one in download for one in codes)
        assert visitor.post(DONE, {"next": "/o/acme/scim/"})["Location"] == "/o/acme/scim/"
        assert is_signed_in(visitor)
        assert models.MemberRow.objects.get(pk=admin.pk).mfa_enrolled is False  # the organization decides

        other = Client()
        enter_password(other)
        assert other.post(CHALLENGE, {"factor": "recovery", "code": codes[3]}).status_code == 303


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/o/acme/", "/o/globex/", ""])
def test_what_follows_is_a_page_of_the_organization(
    app: models.MemberRow, admin_client: Client, visitor: Client, elsewhere: str
) -> None:
    enter_password(visitor, next=elsewhere)
    with at():
        assert visitor.post(CHALLENGE, {"code": code()})["Location"] == "/o/acme/"
        assert visitor.post(DONE, {"next": elsewhere})["Location"] == "/o/acme/"


@pytest.mark.parametrize("url", [CHALLENGE, SET_UP])
def test_without_a_sign_in_that_waits_there_is_no_page(acme: models.OrganizationRow, visitor: Client, url: str) -> None:
    for response in (visitor.get(url), visitor.post(url, {"code": "123456"})):
        assert (response.status_code, response["Location"]) == (303, SIGN_IN)
    assert "Signing in took too long" in visitor.get(SIGN_IN).content.decode()


def test_a_sign_in_waits_ten_minutes(app: models.MemberRow, visitor: Client) -> None:
    with at():
        enter_password(visitor)
    with at(601):
        assert visitor.post(CHALLENGE, {"code": code()})["Location"] == SIGN_IN
    assert not is_signed_in(visitor)


def test_a_sign_in_waits_for_its_own_organization(app: models.MemberRow, visitor: Client) -> None:
    factories.organization("globex")
    enter_password(visitor)

    assert visitor.get("/o/globex/sign-in/second-factor/")["Location"] == "/o/globex/sign-in/"


def test_a_forged_cookie_is_ignored(app: models.MemberRow, visitor: Client) -> None:
    enter_password(visitor)
    (name,) = [one for one in visitor.cookies if one.endswith("second-factor")]
    visitor.cookies[name] = visitor.cookies[name].value[:-1] + "x"

    assert visitor.get(CHALLENGE)["Location"] == SIGN_IN


def test_an_organization_may_allow_only_what_is_not_here(admin: models.MemberRow, visitor: Client) -> None:
    require(mfa_methods="RESTRICTED", allowed_mfa_methods=["sms_otp"])
    enter_password(visitor)

    assert visitor.get(SET_UP).status_code == 403


def test_what_someone_typed_survives(app: models.MemberRow, visitor: Client) -> None:
    kept = {"kept_path": "/o/acme/scim/settings/name/", "kept": "display_name=Okta+2"}
    asked = enter_password(visitor, **kept)
    assert asked.status_code == 200
    html = asked.content.decode()
    assert 'name="kept_path" value="/o/acme/scim/settings/name/"' in html
    with at():
        entered = visitor.post(CHALLENGE, {"code": code(), **kept})

    assert entered.status_code == 200
    assert "Okta 2" in entered.content.decode()
    assert is_signed_in(visitor)


# --- Confirming ----------------------------------------------------------------------------------------------------


def test_members_with_an_app_confirm_with_it(admin: models.MemberRow, admin_client: Client) -> None:
    give_app(admin)
    page = "/o/acme/scim/token/"
    asked = admin_client.get(CONFIRM, {"next": page})
    assert asked["Location"] == f"{CONFIRM_APP}?next=%2Fo%2Facme%2Fscim%2Ftoken%2F"
    # The password alone isn't enough.
    assert admin_client.post(CONFIRM, {"password": PASSWORD})["Location"] == CONFIRM_APP
    assert f'name="next" value="{page}"' in admin_client.get(CONFIRM_APP, {"next": page}).content.decode()
    with at():
        assert admin_client.post(CONFIRM_APP, {"code": "x"}).status_code == 422

        confirmed = admin_client.post(CONFIRM_APP, {"code": code(), "next": page})

    assert (confirmed.status_code, confirmed["Location"]) == (303, page)
    factors = models.MemberSessionRow.objects.get().factors
    assert [one["type"] for one in factors] == ["totp"]


def test_members_confirm_with_a_recovery_code(admin: models.MemberRow, admin_client: Client) -> None:
    give_app(admin)
    assert "Recovery code" in admin_client.get(CONFIRM_APP, {"factor": "recovery"}).content.decode()

    confirmed = admin_client.post(CONFIRM_APP, {"factor": "recovery", "code": CODES[1]})

    assert confirmed.status_code == 303


def test_the_end_of_a_session_for_the_policy_is_explained(admin: models.MemberRow, admin_client: Client) -> None:
    models.MemberSessionRow.objects.update(revoked_at=timezone.now(), revoked_because="mfa")

    assert "requires a second factor since" in admin_client.get("/o/acme/").content.decode()


def test_discovery_by_email_waits_for_it_too(app: models.MemberRow, visitor: Client, settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "portal@example.com"
    discovery = EmbeddedProvider().email_discovery(Origin())
    factor = AuthenticationFactor("email_otp", "email", timezone.now(), timezone.now())
    _, token = start_intermediate_session(ADA, (), factors=[factor], proves_address=True)
    (one,) = discovery.organizations(token).organizations
    assert one.mfa_required is not None
    visitor.cookies.update(keep_choice(token, Proof.EMAIL).cookies)

    asked = visitor.post("/organizations/", {"organization_id": one.organization.organization_id})

    assert (asked.status_code, asked["Location"]) == (303, CHALLENGE)
    assert not is_signed_in(visitor)


def test_pages_that_need_a_proof_ask_for_the_second_factor(admin: models.MemberRow, admin_client: Client) -> None:
    assert admin_client.get("/o/acme/account/leave/").status_code == 200
    give_app(admin)

    # The password was entered just now.
    assert admin_client.get("/o/acme/account/leave/")["Location"].startswith(CONFIRM)
    with at():
        admin_client.post(CONFIRM_APP, {"code": code()})
        assert admin_client.get("/o/acme/account/leave/").status_code == 200


def test_an_admin_removes_the_app_of_a_member(
    admin_client: Client, member: models.MemberRow, member_client: Client
) -> None:
    url = f"/o/acme/members/{public_id('member', member.pk)}/"
    assert "Remove app" not in admin_client.get(url).content.decode()
    give_app(member)
    assert "Remove app" in admin_client.get(url).content.decode()
    assert member_client.post(f"{url}second-factor/remove/").status_code == 403

    removed = admin_client.post(f"{url}second-factor/remove/")

    assert (removed.status_code, removed["Location"]) == (303, url)
    assert "no longer has an authenticator app" in admin_client.get(url).content.decode()
    assert not models.TotpRow.objects.exists()
    factories.forget_password_entry()
    assert admin_client.post(f"{url}second-factor/remove/")["Location"].startswith(CONFIRM)
