"""The deactivation safeguard in a browser: the decisions, by mouse, by keyboard, on a phone and without scripts."""

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from portal.embedded import models
from tests.browser.conftest import Portal, check_accessibility, overflow
from tests.browser.test_groups import tab_to

pytestmark = pytest.mark.browser


@pytest.fixture
def holding(embedded: Portal) -> Portal:
    """Deactivations of two people in Acme are on hold."""
    now = timezone.now()
    models.ScimConnectionRow.objects.update(hold_started_at=now)
    keys = models.ScimUserRow.objects.values_list("pk", flat=True)[:2]
    models.ScimUserRow.objects.filter(pk__in=list(keys)).update(deactivation_held_at=now)
    return embedded


def open_safeguard(portal: Portal, page: Page) -> None:
    portal.sign_in(page)
    page.goto(f"{portal.url}/o/acme/scim/attention/deactivations/")


def test_the_overview_leads_to_the_hold_and_an_approval_confirms_the_number(holding: Portal, page: Page) -> None:
    holding.sign_in(page)
    page.goto(f"{holding.url}/o/acme/scim/")
    page.get_by_role("link", name="Review", exact=True).click()
    expect(page.get_by_role("heading", name="2 deactivations are on hold")).to_be_visible()
    check_accessibility(page)

    page.get_by_label("These people have left").check()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="2 people lose access")).to_be_visible()
    check_accessibility(page)
    page.get_by_label("Number of people").fill("2")
    page.get_by_role("button", name="Approve 2 deactivations").click()

    expect(page.get_by_text("Approved for 2 people.").first).to_be_visible()
    expect(page.get_by_role("heading", name="No deactivations are on hold")).to_be_visible()
    check_accessibility(page)


def test_it_works_on_a_phone_without_javascript(holding: Portal, browser: Browser) -> None:
    page = browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False).new_page()
    open_safeguard(holding, page)

    page.get_by_label("I’m not sure yet").check()
    page.get_by_role("button", name="Continue").click()

    expect(page.get_by_text("Deactivations stay on hold.").first).to_be_visible()


def test_it_works_by_keyboard_and_fits_a_phone(holding: Portal, browser: Browser) -> None:
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    open_safeguard(holding, page)
    assert overflow(page) == 0

    page.get_by_label("It was a mistake").focus()
    page.keyboard.press("Space")
    tab_to(page, "Continue")
    page.keyboard.press("Enter")

    expect(page.get_by_text("Hold cleared. The count starts again.").first).to_be_visible()


def test_stytch_has_no_safeguard(stytch: Portal, page: Page) -> None:
    open_safeguard(stytch, page)

    expect(page.get_by_role("heading", name="Not available with this directory")).to_be_visible()
    check_accessibility(page)
