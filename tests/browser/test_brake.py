"""The brake in a browser: who waits, the decision, and the same by keyboard, on a phone and without scripts."""

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from portal.directory.embedded import models
from tests.browser.conftest import Portal, check_accessibility, overflow
from tests.browser.test_groups import tab_to

pytestmark = pytest.mark.browser


@pytest.fixture
def braking(embedded: Portal) -> Portal:
    """Acme's brake brakes, and nobody has decided yet."""
    models.ScimConnection.objects.update(brake_stopped_at=timezone.now())
    return embedded


def open_brake(portal: Portal, page: Page) -> None:
    portal.sign_in(page)
    page.goto(f"{portal.url}/o/acme/scim/brake/")


def test_the_overview_leads_to_the_brake_and_a_decision_lets_it_go_on(braking: Portal, page: Page) -> None:
    braking.sign_in(page)
    page.goto(f"{braking.url}/o/acme/scim/")
    page.get_by_role("link", name="See who waits, and decide").click()
    expect(page.get_by_text("Deactivations wait")).to_be_visible()
    check_accessibility(page)

    page.get_by_role("button", name="Let it go on").click()

    expect(page.get_by_text("Deactivations go on for 24 hours.").first).to_be_visible()
    expect(page.get_by_text("Braking", exact=True)).to_have_count(0)
    check_accessibility(page)


def test_it_works_on_a_phone_without_javascript(braking: Portal, browser: Browser) -> None:
    page = browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False).new_page()
    open_brake(braking, page)

    page.get_by_role("button", name="Keep braking").click()

    expect(page.get_by_text("Deactivations keep waiting.").first).to_be_visible()


def test_it_works_by_keyboard_and_fits_a_phone(braking: Portal, browser: Browser) -> None:
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    open_brake(braking, page)
    assert overflow(page) == 0

    tab_to(page, "Take the brake off")
    page.keyboard.press("Enter")

    expect(page.get_by_text("The brake is off, and counts anew.").first).to_be_visible()


def test_on_stytch_it_is_said_that_there_is_none(stytch: Portal, page: Page) -> None:
    open_brake(stytch, page)

    expect(page.get_by_role("heading", name="Not available with this directory")).to_be_visible()
    check_accessibility(page)
