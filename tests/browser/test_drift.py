"""Differences in a browser: a fix by mouse, by keyboard, on a phone and without scripts."""

import pytest
from playwright.sync_api import Browser, Page, expect

from portal.embedded import models
from tests.browser.conftest import Portal, check_accessibility, overflow
from tests.browser.test_groups import tab_to
from tests.scim_server.conftest import Idp

pytestmark = pytest.mark.browser


@pytest.fixture
def drifted(embedded: Portal) -> Portal:
    """Acme, with a member whose name was changed manually."""
    idp = Idp(models.ScimConnectionRow.objects.get(organization__slug="acme"), "scim_token-of-acme")
    idp.create_user("grace@acme.example", displayName="Grace Hopper")
    models.MemberRow.objects.filter(email_address="grace@acme.example").update(name="Grace H.")
    return embedded


def open_drift(portal: Portal, page: Page) -> None:
    portal.sign_in(page)
    page.goto(f"{portal.url}/o/acme/scim/attention/differences/")


def check_fixed(page: Page) -> None:
    expect(page.get_by_text("The member now matches Okta.").first).to_be_visible()
    expect(page.get_by_role("heading", name="No manual changes")).to_be_visible()
    assert models.MemberRow.objects.get(email_address="grace@acme.example").name == "Grace Hopper"


def test_a_manual_change_is_fixed(drifted: Portal, page: Page) -> None:
    open_drift(drifted, page)
    expect(page.get_by_text("Grace H.", exact=True)).to_be_visible()
    check_accessibility(page)

    page.get_by_role("button", name="Take Okta’s value").click()

    check_fixed(page)
    for kind in ("Not managed", "Groups deleted or renamed", "Groups without a role"):
        page.get_by_role("link", name=kind).click()
        expect(page.get_by_role("link", name=kind)).to_have_attribute("aria-current", "page")
        check_accessibility(page)


def test_it_works_on_a_phone_without_javascript(drifted: Portal, browser: Browser) -> None:
    page = browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False).new_page()
    open_drift(drifted, page)

    page.get_by_role("button", name="Take Okta’s value").click()

    check_fixed(page)


def test_it_works_by_keyboard_and_fits_a_phone(drifted: Portal, browser: Browser) -> None:
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    open_drift(drifted, page)
    assert overflow(page) == 0

    tab_to(page, "Take Okta’s value")
    page.keyboard.press("Enter")

    check_fixed(page)


def test_stytch_has_no_drift(stytch: Portal, page: Page) -> None:
    open_drift(stytch, page)

    expect(page.get_by_role("heading", name="Not available with this directory")).to_be_visible()
    check_accessibility(page)
