"""The theme of an organization in a browser: the preview while choosing, every page afterwards, and without JavaScript."""

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import Portal, check_accessibility, overflow

pytestmark = pytest.mark.browser

GREEN, BLUE, OCHRE = "rgb(15, 107, 71)", "rgb(59, 82, 212)", "rgb(140, 117, 0)"


def appearance(portal: Portal, page: Page) -> None:
    portal.sign_in(page)
    page.goto(f"{portal.url}/o/acme/settings/appearance/")


def preview(page: Page, scheme: str = "light") -> Locator:
    return page.locator(f".theme-preview[data-theme={scheme}]")


def test_a_theme_is_previewed_while_it_is_chosen_and_then_every_page_has_it(
    embedded: Portal, page: Page, expected_errors: list[str]
) -> None:
    # The response to a color that can't be read.
    expected_errors.append("422")
    appearance(embedded, page)
    page.get_by_label("Pick").fill("#0f6b47")
    expect(page.get_by_role("textbox", name="Color")).to_have_value("#0f6b47")
    expect(preview(page).locator(".btn-primary")).to_have_css("background-color", GREEN)
    page.get_by_label("Font").focus()
    page.get_by_label("Font").select_option("Serif")
    # What was chosen keeps the focus.
    expect(page.get_by_label("Font")).to_be_focused()
    expect(preview(page, "dark").locator("p").first).to_have_css("font-family", re.compile("Charter"))
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_css("background-color", BLUE)
    check_accessibility(page)

    color = page.get_by_role("textbox", name="Color")
    color.fill("#ffd400")
    color.press("Tab")
    expect(page.get_by_text("White text on #ffd400 has a contrast of 1.4:1, but needs 4.5:1.")).to_be_visible()
    check_accessibility(page)
    page.get_by_role("button", name="Use #8c7500").click()
    expect(preview(page).locator(".btn-primary")).to_have_css("background-color", OCHRE)
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_text("Appearance saved.").first).to_be_visible()
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_css("background-color", OCHRE)
    page.goto(f"{embedded.url}/o/acme/")
    assert "Charter" in page.evaluate("getComputedStyle(document.body).fontFamily")
    assert page.evaluate("[...document.fonts].filter((one) => one.status === 'loaded').length") == 0
    check_accessibility(page)


def test_a_theme_is_previewed_and_saved_on_a_phone_without_javascript(embedded: Portal, browser: Browser) -> None:
    page = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844}).new_page()
    appearance(embedded, page)
    page.get_by_role("textbox", name="Color").fill("#0f6b47")
    page.get_by_label("Corners").select_option("None")
    page.get_by_label("Light or dark").select_option("Dark")
    # Enter previews, too: it never saves what wasn't seen.
    page.get_by_role("textbox", name="Color").press("Enter")

    expect(preview(page, "dark").locator(".btn-primary")).to_have_css("background-color", GREEN)
    expect(preview(page, "dark").locator(".btn-primary")).to_have_css("border-radius", "0px")
    expect(preview(page)).to_have_count(0)
    assert overflow(page) == 0
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_css("background-color", GREEN)
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="Reset to default").click()
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_css("background-color", BLUE)
    assert overflow(page) == 0
