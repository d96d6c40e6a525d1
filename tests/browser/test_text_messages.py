"""A phone number from its first code to its removal, in a browser: on a phone without scripts, and with the keyboard."""

import pytest
from playwright.sync_api import Browser, Page, expect

from portal.embedded import models
from tests.browser.conftest import Portal, check_accessibility, overflow
from tests.text_messages import TextMessages

pytestmark = pytest.mark.browser
NUMBER = "+12025550123"


def require(*methods: str) -> None:
    settings = {"mfa_policy": "REQUIRED_FOR_ALL", "mfa_methods": "RESTRICTED", "allowed_mfa_methods": [*methods]}
    models.OrganizationRow.objects.filter(slug="acme").update(settings=settings)


def enter_password(portal: Portal, page: Page) -> None:
    page.goto(f"{portal.url}/o/acme/sign-in/")
    portal.fill_in(page)


def sign_out(page: Page) -> None:
    page.context.clear_cookies()


def test_a_number_is_added_and_used_on_a_phone_without_scripts(
    embedded: Portal, browser: Browser, texts: TextMessages
) -> None:
    require("sms_otp")
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    enter_password(embedded, page)
    page.get_by_label("Mobile phone number").fill("+1 202 555 0123")
    assert overflow(page) <= 0
    page.get_by_role("button", name="Send a code").click()
    expect(page.get_by_text("ends in 23")).to_be_visible()
    assert overflow(page) <= 0
    page.get_by_label("Code from the message").fill(texts.code(NUMBER))
    page.get_by_role("button", name="Add phone number").click()
    page.wait_for_url(f"{embedded.url}/o/acme/")

    sign_out(page)
    enter_password(embedded, page)
    expect(page.get_by_text("ends in 23")).to_be_visible()
    assert overflow(page) <= 0
    first = texts.code(NUMBER)
    page.get_by_role("button", name="Send a new code").click()
    assert texts.code(NUMBER) != first
    page.get_by_label("Code from the message").fill(texts.code(NUMBER))
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(f"{embedded.url}/o/acme/")
    context.close()


def test_the_pages_have_nothing_for_axe_to_find(embedded: Portal, page: Page, texts: TextMessages) -> None:
    require("totp", "sms_otp")
    enter_password(embedded, page)
    check_accessibility(page)
    page.get_by_role("button", name="Use text messages").press("Enter")
    expect(page.get_by_label("Mobile phone number")).to_be_focused()
    check_accessibility(page)
    page.keyboard.type(NUMBER)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Code from the message")).to_be_focused()
    check_accessibility(page)
    page.keyboard.type(texts.code(NUMBER))
    page.keyboard.press("Enter")
    page.wait_for_url(f"{embedded.url}/o/acme/")

    page.goto(f"{embedded.url}/o/acme/account/")
    expect(page.get_by_text("Ends in 23.")).to_be_visible()
    check_accessibility(page)
    page.get_by_role("link", name="Remove… phone number").click()
    check_accessibility(page)
    page.get_by_role("button", name="Remove phone number").click()
    expect(page.locator(".toast")).to_contain_text("Your phone number was removed.")


def test_a_number_is_added_on_the_account_page(embedded: Portal, page: Page, texts: TextMessages) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    embedded.sign_in(page)
    page.goto(f"{embedded.url}/o/acme/account/")
    page.get_by_role("link", name="Add phone number").click()
    check_accessibility(page)
    assert overflow(page) <= 0
    page.get_by_label("Mobile phone number").fill(NUMBER)
    page.get_by_role("button", name="Send a code").click()
    expect(page.get_by_text("Ends in 23")).to_be_visible()
    check_accessibility(page)
    assert overflow(page) <= 0
    page.get_by_label("Code from the message").fill(texts.code(NUMBER))
    page.get_by_role("button", name="Add phone number").click()
    expect(page.locator(".toast")).to_contain_text("Your phone number is confirmed.")

    # From now on, sensitive changes ask for a code.
    models.MemberSessionRow.objects.update(password_entered_at=None, factors=[])
    page.goto(f"{embedded.url}/o/acme/account/phone/remove/")
    expect(page.get_by_role("heading", name="Confirm that it’s you")).to_be_visible()
    check_accessibility(page)
    page.get_by_role("button", name="Send a code").click()
    check_accessibility(page)
    assert overflow(page) <= 0
    page.get_by_label("Code from the message").fill(texts.code(NUMBER))
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="Remove your phone number?")).to_be_visible()
