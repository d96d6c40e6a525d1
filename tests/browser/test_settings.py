"""Settings in a browser: the keyboard alone, and a phone without JavaScript."""

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django import Settings

from portal.embedded import models
from tests.browser.conftest import Portal, check_accessibility, overflow
from tests.browser.test_keyboard import press, tab_to
from tests.embedded.embedding.conftest import PAGE, register, ticket_of

pytestmark = pytest.mark.browser


def test_the_name_and_what_members_need_are_changed_with_the_keyboard(embedded: Portal, page: Page) -> None:
    embedded.sign_in(page)
    press(page, page.get_by_role("navigation").get_by_role("link", name="Settings"))
    for label, text in (("Name", "Acme Tools"), ("Slug", "acme-tools")):
        tab_to(page, page.get_by_label(label, exact=True))
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.type(text)
    press(page, page.get_by_role("button", name="Save"))
    # The session follows the organization to its new address.
    page.wait_for_url("**/o/acme-tools/settings/**")
    expect(page.get_by_role("link", name="Acme Tools")).to_be_visible()
    check_accessibility(page)

    press(page, page.get_by_role("link", name="Sign-in"))
    press(page, page.get_by_role("switch", name="Email link"), "Space")
    press(page, page.get_by_role("button", name="Review change"))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    check_accessibility(page)
    press(page, page.get_by_role("link", name="Cancel"))
    page.goto(f"{embedded.url}/o/acme/settings/sign-in/")
    page.wait_for_url("**/o/acme-tools/settings/sign-in/")


def test_a_role_and_a_domain_are_added_on_a_phone_without_javascript(embedded: Portal, browser: Browser) -> None:
    page = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844}).new_page()
    embedded.sign_in(page)
    page.goto(f"{embedded.url}/o/acme/settings/roles/")
    page.get_by_role("link", name="New role").click()
    page.get_by_role("textbox", name="Name").fill("Auditor")
    page.get_by_label("See and export the activity log").check()
    assert overflow(page) == 0
    page.get_by_role("button", name="Continue").click()
    assert overflow(page) == 0
    page.get_by_role("button", name="Create role").click()
    expect(page.get_by_role("heading", name="Auditor", level=1)).to_be_visible()
    assert overflow(page) == 0

    page.goto(f"{embedded.url}/o/acme/settings/domains/")
    page.get_by_role("link", name="Add domain").click()
    page.get_by_role("textbox", name="Domain").fill("acme.example")
    page.get_by_role("button", name="Add domain").click()
    expect(page.get_by_text("acme.example").first).to_be_visible()
    assert overflow(page) == 0
    assert models.EmailDomainRow.objects.get().domain == "acme.example"


@pytest.fixture
def acme(embedded: Portal, settings: Settings) -> models.OrganizationRow:
    """Acme, whose portal one page may embed."""
    settings.EMBED_URL = "https://embed.example.com"
    register(row := models.OrganizationRow.objects.get(slug="acme"), PAGE)
    return row


@pytest.mark.usefixtures("acme")
def test_more_tickets_are_loaded(embedded: Portal, page: Page) -> None:
    for _ in range(30):
        ticket_of(models.MemberRow.objects.get(email_address="max@acme.example"))
    embedded.sign_in(page)
    page.goto(f"{embedded.url}/o/acme/settings/embedding/?limit=25")
    press(page, page.get_by_role("link", name="Load more"))
    expect(page.get_by_text("All 30 shown").first).to_be_visible()
    check_accessibility(page)

    # The first of the new rows has the focus.
    expect(page.locator("tbody tr").nth(25).get_by_role("link")).to_be_focused()


def test_an_origin_is_added_and_removed(
    embedded: Portal, page: Page, acme: models.OrganizationRow, expected_errors: list[str]
) -> None:
    # The response to what isn't an origin.
    expected_errors.append("422")
    embedded.sign_in(page)
    page.goto(f"{embedded.url}/o/acme/settings/embedding/")
    press(page, page.get_by_role("link", name="Add origin"))
    origin = page.get_by_role("textbox", name="Origin")
    expect(origin).to_be_focused()
    page.keyboard.type("https://intranet.acme.example/")
    page.keyboard.press("Enter")
    expect(page.get_by_text("An origin has no path and no slash at the end")).to_be_visible()
    check_accessibility(page)
    origin.fill("https://intranet.acme.example")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Pages of https://intranet.acme.example can embed the portal now.").first).to_be_visible()
    press(page, page.get_by_role("link", name=f"Remove… {PAGE}"))
    press(page, page.get_by_role("button", name="Remove origin"))
    page.wait_for_url("**/settings/embedding/")
    acme.refresh_from_db()
    assert acme.embed_origins == ["https://intranet.acme.example"]
