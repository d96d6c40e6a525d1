"""Existing members in a browser: a decision for several, and the same by keyboard, on a phone and without scripts."""

import pytest
from playwright.sync_api import Browser, Page, expect

from portal.embedded import models
from tests import factories
from tests.browser.conftest import Portal, check_accessibility, overflow

pytestmark = pytest.mark.browser

NUMBER = 3


@pytest.fixture
def waiting(embedded: Portal) -> Portal:
    """Three members of Acme wait for a decision."""
    connection = models.ScimConnectionRow.objects.get(organization__slug="acme")
    for number in range(NUMBER):
        member = factories.member(connection.organization, f"old{number}@acme.example")
        factories.scim_conflict(connection, member)
    return embedded


def open_conflicts(portal: Portal, page: Page) -> None:
    portal.sign_in(page)
    page.goto(f"{portal.url}/o/acme/scim/attention/existing-members/")


def test_chosen_members_are_approved_and_the_others_wait(waiting: Portal, page: Page) -> None:
    open_conflicts(waiting, page)
    check_accessibility(page)

    page.get_by_label("Select old1@acme.example").check()
    page.get_by_role("button", name="Let Okta manage").click()

    page.wait_for_load_state()
    expect(page.get_by_label("Select old1@acme.example")).to_have_count(0)
    expect(page.get_by_label("Select old0@acme.example")).to_be_visible()
    page.goto(f"{waiting.url}/o/acme/scim/attention/existing-members/?state=approved")
    expect(page.get_by_text("old1@acme.example").first).to_be_visible()
    check_accessibility(page)


def test_it_works_on_a_phone_without_javascript(waiting: Portal, browser: Browser) -> None:
    page = browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False).new_page()
    open_conflicts(waiting, page)

    page.get_by_label("Select everyone shown").check()
    page.get_by_role("button", name="Keep separate").click()

    expect(page.get_by_role("heading", name="No pending decisions")).to_be_visible()


def test_it_works_by_keyboard_and_fits_a_phone(waiting: Portal, browser: Browser) -> None:
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    open_conflicts(waiting, page)
    assert overflow(page) == 0

    page.get_by_label("Select old2@acme.example").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Let Okta manage").focus()
    page.keyboard.press("Enter")

    page.wait_for_load_state()
    expect(page.get_by_label("Select old2@acme.example")).to_have_count(0)


def test_a_domain_is_allowed_and_removed_without_javascript(waiting: Portal, browser: Browser) -> None:
    page = browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False).new_page()
    open_conflicts(waiting, page)
    page.get_by_role("link", name="Always allow a domain").click()
    page.get_by_label("Email domain").fill("acme.example")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Always allow acme.example").click()

    page.goto(f"{waiting.url}/o/acme/scim/attention/existing-members/domain/")
    assert overflow(page) == 0
    page.get_by_role("button", name="Remove acme.example").click()

    expect(page.get_by_role("heading", name="No domains are allowed yet")).to_be_visible()


def test_stytch_has_no_conflicts(stytch: Portal, page: Page) -> None:
    open_conflicts(stytch, page)

    expect(page.get_by_role("heading", name="Not available with this directory")).to_be_visible()
    check_accessibility(page)
