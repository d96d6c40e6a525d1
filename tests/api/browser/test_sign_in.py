"""Stytch's own sign-in component, from its published bundle, on our API."""

import re
import time
from datetime import timedelta

import pyotp
import pytest
from django.contrib.auth.hashers import check_password
from django.core import mail
from msgspec.structs import replace
from playwright.sync_api import Page, expect
from pytest_django import Settings

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.configuration import RedirectUrls, Sdk
from portal.directory.ids import public_id
from portal.embedded import models
from portal.embedded.directory import EmbeddedDirectory
from portal.embedded.scope import Scope
from portal.embedded.second_factors import stored
from tests import factories
from tests.api.browser.conftest import ProductPage
from tests.api.test_email_sign_in import code_in
from tests.conftest import PASSWORD
from tests.tasks import run_tasks
from tests.text_messages import TextMessages

# Text messages can't be sent yet, so the component doesn't offer them.
TOTP_REQUIRED = {
    "mfa_policy": "REQUIRED_FOR_ALL",
    "mfa_methods": "RESTRICTED",
    "allowed_mfa_methods": ["totp"],
}

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.node]


def enter_email(product_page: ProductPage, email_address: str) -> None:
    product_page.open_sign_in("acme")
    product_page.page.get_by_role("textbox", name="Email").fill(email_address)
    product_page.page.get_by_role("button", name="Continue", exact=True).click()


def test_a_member_signs_in_with_a_password(product_page: ProductPage, ada: models.MemberRow) -> None:
    page = product_page.page
    enter_email(product_page, "ada@acme.example")

    page.locator("input[type=password]").fill("wrong")
    page.get_by_role("button", name="Continue", exact=True).click()
    expect(page.get_by_text("Unauthorized credentials.")).to_be_visible()
    page.locator("input[type=password]").fill(PASSWORD)
    page.get_by_role("button", name="Continue", exact=True).click()

    page.wait_for_function("window.client.session.getSync()")
    assert models.MemberSessionRow.objects.get().member == ada


def test_the_component_reports_to_the_product_and_its_session_lasts_as_long_as_it_asks(
    product_page: ProductPage, ada: models.MemberRow
) -> None:
    page = product_page.page
    enter_email(product_page, "ada@acme.example")
    page.locator("input[type=password]").fill(PASSWORD)
    page.get_by_role("button", name="Continue", exact=True).click()
    page.wait_for_function("window.client.session.getSync()")

    assert "B2B_PASSWORD_AUTHENTICATE" in page.evaluate("window.events")
    session = models.MemberSessionRow.objects.get()
    assert session.expires_at - session.started_at == pytest.approx(timedelta(minutes=60), abs=timedelta(seconds=1))


@pytest.mark.usefixtures("_email")
def test_options_of_the_component_reach_the_email(product_page: ProductPage, ada: models.MemberRow) -> None:
    page = product_page.page
    product_page.open_sign_in("acme", products="emailMagicLinks", locale="de-DE", minutes="15")
    page.get_by_role("textbox", name="Email").fill("ada@acme.example")
    page.get_by_role("button", name="Continue with email").click()
    expect(page.get_by_text("Check your email")).to_be_visible()

    emailed()

    assert mail.outbox[-1].subject == "Ihr Anmeldelink für Acme"
    assert models.EmailTokenRow.objects.get().login_minutes == 15


@pytest.mark.usefixtures("_email")
def test_a_product_that_creates_no_organizations_offers_none(
    product_page: ProductPage, ada: models.MemberRow, settings: Settings
) -> None:
    settings.PROJECT = replace(settings.PROJECT, sdk=Sdk(create_organizations=True))
    page = product_page.page
    product_page.open_sign_in(flow="Discovery", products="emailOtp", **{"no-new-organizations": "yes"})
    page.get_by_role("textbox", name="Email").fill("zoe@zoo.example")
    page.get_by_role("button", name="Continue with email").click()
    enter_code(page, code_in(emailed()))

    expect(page.get_by_text("zoe@zoo.example")).to_be_visible()
    expect(page.get_by_role("button", name="Create an organization")).to_have_count(0)


def test_someone_who_is_not_a_member_learns_it_before_the_password(
    product_page: ProductPage, ada: models.MemberRow
) -> None:
    enter_email(product_page, "eve@acme.example")

    expect(product_page.page.get_by_text("does not have access to Acme")).to_be_visible()


def test_a_way_to_sign_in_that_is_not_here_names_no_method(product_page: ProductPage, ada: models.MemberRow) -> None:
    page = product_page.page
    product_page.open_sign_in("acme")
    page.get_by_role("button", name=re.compile("Google")).click()

    expect(page.get_by_role("heading", name="This isn't available here yet")).to_be_visible()


@pytest.mark.usefixtures("_email")
def test_a_member_signs_in_with_a_code(product_page: ProductPage, ada: models.MemberRow) -> None:
    page = product_page.page
    product_page.open_sign_in("acme", products="emailOtp")
    page.get_by_role("textbox", name="Email").fill("ada@acme.example")
    page.get_by_role("button", name="Continue with email").click()
    expect(page.get_by_text("ada@acme.example")).to_be_visible()

    enter_code(page, "000000")
    expect(page.get_by_text("Invalid passcode")).to_be_visible()
    enter_code(page, code_in(emailed()))

    page.wait_for_function("window.client.session.getSync()")
    assert models.MemberSessionRow.objects.get().factors[0]["type"] == "email_otp"


@pytest.mark.usefixtures("_email")
def test_a_member_signs_in_with_a_link(product_page: ProductPage, ada: models.MemberRow) -> None:
    page = product_page.page
    product_page.open_sign_in("acme", products="emailMagicLinks")
    page.get_by_role("textbox", name="Email").fill("ada@acme.example")
    page.get_by_role("button", name="Continue with email").click()
    expect(page.get_by_text("Check your email")).to_be_visible()

    product_page.open_sign_in("acme", url=url_in(emailed()), products="emailMagicLinks")

    page.wait_for_function("window.client.session.getSync()")
    assert models.MemberSessionRow.objects.get().factors[0]["type"] == "magic_link"


@pytest.mark.usefixtures("_email")
def test_a_person_discovers_their_organizations_and_chooses_one(
    product_page: ProductPage, ada: models.MemberRow
) -> None:
    factories.member(factories.organization("globex", name="Globex"), "ada@acme.example")
    page = product_page.page
    product_page.open_sign_in(flow="Discovery", products="emailMagicLinks")
    page.get_by_role("textbox", name="Email").fill("ada@acme.example")
    page.get_by_role("button", name="Continue with email").click()
    expect(page.get_by_text("Check your email")).to_be_visible()

    product_page.open_sign_in(url=url_in(emailed()), flow="Discovery", products="emailMagicLinks")
    page.get_by_text("Globex").click()

    page.wait_for_function("window.client.session.getSync()")
    assert models.MemberSessionRow.objects.get().member.organization.slug == "globex"


@pytest.mark.usefixtures("_email")
def test_a_person_without_an_organization_creates_one(
    product_page: ProductPage, ada: models.MemberRow, settings: Settings
) -> None:
    settings.PROJECT = replace(settings.PROJECT, sdk=Sdk(create_organizations=True))
    page = product_page.page
    product_page.open_sign_in(flow="Discovery", products="emailOtp")
    page.get_by_role("textbox", name="Email").fill("zoe@zoo.example")
    page.get_by_role("button", name="Continue with email").click()
    enter_code(page, code_in(emailed()))

    page.get_by_role("button", name="Create an organization").click()

    page.wait_for_function("window.client.session.getSync()")
    assert models.MemberSessionRow.objects.get().member.email_address == "zoe@zoo.example"


@pytest.mark.usefixtures("_email")
def test_a_forgotten_password_is_replaced(product_page: ProductPage, ada: models.MemberRow) -> None:
    page = product_page.page
    enter_email(product_page, "ada@acme.example")
    page.get_by_role("button", name=re.compile("reset password")).click()
    page.get_by_role("button", name="Continue", exact=True).click()
    expect(page.get_by_text("Check your email")).to_be_visible()

    product_page.open_sign_in("acme", url=url_in(emailed()), flow="PasswordReset")
    page.locator("input[type=password]").fill("twelve pelicans over Utrecht")
    page.get_by_role("button", name="Continue", exact=True).click()

    page.wait_for_function("window.client.session.getSync()")
    ada.refresh_from_db()
    assert check_password("twelve pelicans over Utrecht", ada.password)


def test_a_member_sets_up_an_app_and_signs_in_with_it(product_page: ProductPage, ada: models.MemberRow) -> None:
    models.OrganizationRow.objects.update(settings=TOTP_REQUIRED)
    page = product_page.page
    enter_password(product_page)
    expect(page.get_by_alt_text("QR code for TOTP enrollment")).to_be_visible()
    secret = stored.get(models.TotpRow.objects.get()).decode()
    page.get_by_role("button", name="Continue", exact=True).click()
    enter_code(page, "000000")
    expect(page.get_by_text("Invalid passcode")).to_be_visible()
    enter_code(page, pyotp.TOTP(secret).now())

    expect(page.get_by_text("Save your backup codes!")).to_be_visible()
    page.get_by_role("button", name="Done").click()
    page.wait_for_function("window.client.session.getSync()")
    assert models.MemberSessionRow.objects.get().factors[0]["type"] == "totp"


def test_a_member_signs_in_with_a_backup_code(product_page: ProductPage, ada: models.MemberRow) -> None:
    models.OrganizationRow.objects.update(settings=TOTP_REQUIRED)
    directory = EmbeddedDirectory(Scope("acme", Origin(), project=Actor(ActorType.PROJECT, "secret")))
    member_id = public_id("member", ada.pk)
    directory.totps.migrate(member_id, secret=pyotp.random_base32(), recovery_codes=["first-code1"])
    page = product_page.page
    enter_password(product_page)
    expect(page.get_by_text("Enter verification code")).to_be_visible()

    page.get_by_role("button", name="Use a backup code").click()
    page.get_by_role("textbox", name="Backup code").fill("first-code1")
    page.get_by_role("button", name="Continue", exact=True).click()

    page.wait_for_function("window.client.session.getSync()")
    assert models.MemberSessionRow.objects.get().factors[0]["type"] == "recovery_codes"


def test_a_member_adds_a_phone_number_and_signs_in_with_it(
    product_page: ProductPage, ada: models.MemberRow, texts: TextMessages
) -> None:
    models.OrganizationRow.objects.update(settings={**TOTP_REQUIRED, "allowed_mfa_methods": ["sms_otp"]})
    page = product_page.page
    enter_password(product_page)
    page.get_by_label("Phone number").fill("2025550123")
    page.get_by_role("button", name="Continue", exact=True).click()
    expect(page.get_by_text("A 6-digit passcode was sent")).to_be_visible(timeout=15_000)
    enter_code(page, texts.code("+12025550123"))

    page.wait_for_function("window.client.session.getSync()")
    ada.refresh_from_db()
    assert ada.mfa_phone_number_verified
    assert models.MemberSessionRow.objects.get().factors[0]["type"] == "otp"

    # The next time, the code is sent with the password.
    page.context.clear_cookies()
    product_page.open_sign_in("acme")
    enter_password(product_page)
    expect(page.get_by_text("A 6-digit passcode was sent")).to_be_visible(timeout=15_000)
    enter_code(page, texts.code("+12025550123"))

    page.wait_for_function("window.client.session.getSync()")
    assert models.MemberSessionRow.objects.count() == 2


def enter_password(product_page: ProductPage) -> None:
    enter_email(product_page, "ada@acme.example")
    product_page.page.locator("input[type=password]").fill(PASSWORD)
    product_page.page.get_by_role("button", name="Continue", exact=True).click()


@pytest.fixture
def _email(product_page: ProductPage, settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "portal@example.com"
    url = (product_page.sign_in_url,)
    urls = RedirectUrls(login=url, signup=url, invite=url, reset_password=url, discovery=url)
    settings.PROJECT = replace(settings.PROJECT, redirect_urls=urls)


def emailed() -> str:
    """Return the text of the newest email, once it was asked for."""
    deadline = time.monotonic() + 10
    while not run_tasks() and time.monotonic() < deadline:
        time.sleep(0.1)
    return str(mail.outbox[-1].body)


def url_in(text: str) -> str:
    return str(re.findall(r"http://127\S+", text)[0])


def enter_code(page: Page, code: str) -> None:
    page.locator("input[autocomplete=one-time-code], input[inputmode=numeric], input[maxlength]").first.click()
    page.keyboard.press("Control+a")
    page.keyboard.type(code)
