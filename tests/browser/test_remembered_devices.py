"""A device that is remembered, and the factor that is asked for first: chosen with the keyboard, without scripts."""

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from portal.embedded import models
from tests.browser.conftest import Portal, overflow
from tests.browser.test_keyboard import press, tab_to
from tests.fakes.stytch import DEMO_PASSWORD
from tests.pages.session.test_mfa import ADA, SECRET, give_app, require
from tests.text_messages import TextMessages

pytestmark = pytest.mark.browser


def enter_password(portal: Portal, page: Page) -> None:
    page.goto(f"{portal.url}/o/acme/sign-in/")
    page.get_by_label("Email address").fill(ADA)
    tab_to(page, page.get_by_label("Password"))
    page.keyboard.type(DEMO_PASSWORD)
    page.keyboard.press("Enter")


@pytest.fixture
def both_factors(embedded: Portal) -> None:
    """Acme remembers devices, and Ada has an app, which is asked for first, and a phone number."""
    require(remembered_device_days=14)
    ada = models.MemberRow.objects.get(organization__slug="acme", email_address=ADA)
    give_app(ada)
    models.MemberRow.objects.filter(pk=ada.pk).update(
        mfa_phone_number="+12025550123", mfa_phone_number_verified=True, default_mfa_method="totp"
    )


def remember_device(page: Page) -> None:
    """Enter the app's code, and tick the box."""
    page.get_by_label("Code from your app").fill(pyotp.TOTP(SECRET).now())
    remember = page.get_by_label("Don’t ask on this device for 14 days")
    press(page, remember, "Space")
    expect(remember).to_be_checked()
    assert overflow(page) <= 0
    press(page, page.get_by_role("button", name="Continue"))


@pytest.mark.usefixtures("both_factors")
def test_a_device_is_remembered_and_another_factor_comes_first(
    embedded: Portal, browser: Browser, texts: TextMessages
) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page, home = context.new_page(), f"{embedded.url}/o/acme/"
    enter_password(embedded, page)
    remember_device(page)
    page.wait_for_url(home)

    page.goto(f"{home}account/")
    expect(page.get_by_role("heading", name="Remembered devices")).to_be_visible()
    press(page, page.get_by_role("button", name="Ask first for your phone number"))
    expect(page.get_by_role("button", name="Ask first for your authenticator app")).to_be_visible()
    press(page, page.get_by_role("button", name="Menu"))
    press(page, page.get_by_role("navigation").get_by_role("button", name="Sign out"))
    page.wait_for_url(f"{embedded.url}/signed-out/")

    # Nothing asks for a code here. Another device gets one by text message.
    enter_password(embedded, page)
    page.wait_for_url(home)
    context.clear_cookies()
    enter_password(embedded, page)
    expect(page.get_by_text("ends in 23")).to_be_visible()
    page.get_by_label("Code from the message").fill(texts.code())
    press(page, page.get_by_role("button", name="Continue"))
    page.wait_for_url(home)
    context.close()
