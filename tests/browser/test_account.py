"""The account in a browser: its time zone is the default, and preferences are saved."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Portal, check_accessibility, overflow

pytestmark = pytest.mark.browser


def open_account(portal: Portal, page: Page) -> None:
    portal.sign_in(page)
    page.get_by_role("link", name=re.compile("your account")).click()
    expect(page.get_by_role("heading", name="Preferences")).to_be_visible()


def test_times_are_in_the_zone_of_the_browser_until_another_is_chosen(portal: Portal, browser: Browser) -> None:
    page = browser.new_context(timezone_id="Asia/Tokyo", locale="en-US").new_page()
    open_account(portal, page)
    expect(page.get_by_text(re.compile("It’s now .* JST"))).to_be_visible()
    check_accessibility(page)

    page.get_by_label("Time zone").select_option("Europe/London")
    page.get_by_label("Theme").select_option("dark")
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.locator(".toast")).to_contain_text("Preferences saved.")
    expect(page.get_by_text(re.compile("It’s now .* (GMT|BST)"))).to_be_visible()
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    check_accessibility(page)


def test_it_works_on_a_phone_without_javascript_in_utc(portal: Portal, browser: Browser) -> None:
    context = browser.new_context(
        java_script_enabled=False, timezone_id="Asia/Tokyo", viewport={"width": 390, "height": 844}
    )
    page = context.new_page()
    portal.sign_in(page)
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name=re.compile("your account")).click()

    expect(page.get_by_text(re.compile("It’s now .* UTC"))).to_be_visible()
    assert overflow(page) == 0
    page.get_by_label("Time zone").select_option("Asia/Tokyo")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text(re.compile("It’s now .* JST"))).to_be_visible()
