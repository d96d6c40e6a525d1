"""The sections of the SCIM area in a browser: on a phone, by keyboard, and without JavaScript."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Portal, check_accessibility, overflow

pytestmark = pytest.mark.browser
SECTIONS = {"People": "people", "Needs attention": "attention"}


@pytest.mark.parametrize("label", SECTIONS)
def test_the_current_section_is_seen_on_a_phone(embedded: Portal, page: Page, label: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    embedded.sign_in(page)
    page.goto(f"{embedded.url}/o/acme/scim/{SECTIONS[label]}/")

    current = page.locator("#scim-sections [aria-current=page]")
    expect(current).to_have_text(label)
    box = current.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert overflow(page) <= 0
    check_accessibility(page)


def test_each_section_opens_by_keyboard_and_has_no_finding(embedded: Portal, page: Page) -> None:
    embedded.sign_in(page)
    page.goto(f"{embedded.url}/o/acme/scim/")
    for label, path in SECTIONS.items():
        page.locator("#scim-sections").get_by_role("link", name=label).focus()
        page.keyboard.press("Enter")
        page.wait_for_url(f"{embedded.url}/o/acme/scim/{path}/")
        expect(page.locator("#scim-sections [aria-current=page]")).to_have_text(label)
        check_accessibility(page)


def test_each_section_opens_without_javascript(embedded: Portal, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    embedded.sign_in(page)
    page.goto(f"{embedded.url}/o/acme/scim/")
    for label, path in SECTIONS.items():
        page.locator("#scim-sections").get_by_role("link", name=label).click()
        page.wait_for_url(f"{embedded.url}/o/acme/scim/{path}/")
        expect(page.locator("#scim-sections [aria-current=page]")).to_have_text(label)
    context.close()
