"""Active people who can't sign in, in a browser: from the overview to the reason, on a phone and without scripts."""

import pytest
from playwright.sync_api import Browser, Page, expect

from portal.embedded import models
from tests import factories
from tests.browser.conftest import Portal, check_accessibility, overflow

pytestmark = pytest.mark.browser


@pytest.fixture
def without_access(embedded: Portal) -> Portal:
    """Acme with a person who waits for Ada Employee's address, and one without an address."""
    connection = models.ScimConnectionRow.objects.get(organization__slug="acme")
    address = "ada.employee@acme.example"
    factories.provisioned(connection, address, display_name="Ada Employee")
    document = {"emails": [{"value": address}]}
    factories.scim_user(connection, "ada.contractor", document=document, cannot_sign_in=True, awaited_address=address)
    factories.scim_user(connection, "robot", cannot_sign_in=True)
    return embedded


def test_an_admin_gets_from_the_overview_to_the_reason(without_access: Portal, page: Page) -> None:
    without_access.sign_in(page)
    page.get_by_role("link", name="View people").click()
    expect(page.get_by_role("link", name="ada.contractor")).to_be_visible()
    expect(page.get_by_text("Okta sent no email address.")).to_be_visible()
    check_accessibility(page)

    page.get_by_label("State").select_option("Active")
    expect(page.get_by_role("link", name="person01@acme.example")).to_be_visible()
    page.get_by_label("State").select_option("Can’t sign in")
    expect(page.get_by_role("link", name="person01@acme.example")).to_have_count(0)
    page.get_by_role("link", name="Ada Employee").click()
    expect(page.get_by_role("heading", name="Ada Employee", level=1)).to_be_visible()
    page.go_back()
    page.get_by_role("link", name="ada.contractor").wait_for()
    page.get_by_role("link", name="ada.contractor").click()
    expect(page.get_by_text("signs in with ada.employee@acme.example")).to_be_visible()
    check_accessibility(page)


def test_it_fits_a_phone_without_javascript(without_access: Portal, browser: Browser) -> None:
    page = browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False).new_page()
    without_access.sign_in(page)
    page.goto(f"{without_access.url}/o/acme/scim/people/")
    page.get_by_label("State").select_option("Can’t sign in")
    page.get_by_role("button", name="Apply").click()

    expect(page.get_by_text("signs in with ada.employee@acme.example")).to_be_visible()
    assert overflow(page) <= 0
