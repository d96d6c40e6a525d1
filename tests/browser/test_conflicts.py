"""The conflict list in a browser: a decision for several, and the same by keyboard, on a phone and without scripts."""

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
    page.goto(f"{portal.url}/o/acme/scim/conflicts/")


def test_who_is_chosen_is_approved_and_the_others_wait(waiting: Portal, page: Page) -> None:
    open_conflicts(waiting, page)
    check_accessibility(page)

    page.get_by_label("Choose old1@acme.example").check()
    page.get_by_role("button", name="Approve").click()

    page.wait_for_load_state()
    expect(page.get_by_label("Choose old1@acme.example")).to_have_count(0)
    expect(page.get_by_label("Choose old0@acme.example")).to_be_visible()
    page.goto(f"{waiting.url}/o/acme/scim/conflicts/?state=approved")
    expect(page.get_by_text("old1@acme.example").first).to_be_visible()
    check_accessibility(page)


def test_it_works_on_a_phone_without_javascript(waiting: Portal, browser: Browser) -> None:
    page = browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False).new_page()
    open_conflicts(waiting, page)

    page.get_by_label("All who are shown here").check()
    page.get_by_role("button", name="Dismiss").click()

    expect(page.get_by_role("heading", name="Nobody waits for a decision")).to_be_visible()


def test_it_works_by_keyboard_and_fits_a_phone(waiting: Portal, browser: Browser) -> None:
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    open_conflicts(waiting, page)
    assert overflow(page) == 0

    page.get_by_label("Choose old2@acme.example").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Approve").focus()
    page.keyboard.press("Enter")

    page.wait_for_load_state()
    expect(page.get_by_label("Choose old2@acme.example")).to_have_count(0)


def test_a_domain_is_linked_always_and_taken_back_without_javascript(waiting: Portal, browser: Browser) -> None:
    page = browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False).new_page()
    open_conflicts(waiting, page)
    page.get_by_role("link", name="Always link a domain…").click()
    page.get_by_label("Email domain").fill("acme.example")
    page.get_by_role("button", name="See what it means").click()
    page.get_by_role("button", name="Always link acme.example").click()

    page.goto(f"{waiting.url}/o/acme/scim/conflicts/domain/")
    assert overflow(page) == 0
    page.get_by_role("button", name="Remove acme.example").click()

    expect(page.get_by_text("No domain is linked always yet.")).to_be_visible()


def test_on_stytch_it_is_said_that_there_is_none(stytch: Portal, page: Page) -> None:
    open_conflicts(stytch, page)

    expect(page.get_by_role("heading", name="Not available with this directory")).to_be_visible()
    check_accessibility(page)
