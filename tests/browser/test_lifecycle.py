"""The lifecycle of a connection in a browser: pause, resume, contacts, deletion and restoration."""

import pytest
from playwright.sync_api import Browser, Page, expect

from portal.directory.members import MemberStatus
from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import models
from tests import factories
from tests.browser.conftest import Portal, check_accessibility, overflow

pytestmark = pytest.mark.browser


@pytest.fixture
def connection(embedded: Portal) -> models.ScimConnectionRow:
    """Acme's connection, with Pia, who has a role through a group."""
    group = models.ScimGroupRow.objects.get(display_name="Team 001")
    pia = factories.provisioned(group.connection, "pia@acme.example", display_name="Pia Patel")
    factories.put_in_group(group, [pia])
    factories.group_role(group, "stytch_admin")
    return group.connection


@pytest.mark.usefixtures("connection")
def test_an_admin_pauses_and_resumes_and_enters_contacts(embedded: Portal, page: Page) -> None:
    embedded.sign_in(page)
    page.goto(f"{embedded.url}/o/acme/scim/settings/")
    check_accessibility(page)
    page.get_by_role("link", name="Pause…").click()
    check_accessibility(page)
    page.get_by_role("button", name="Pause provisioning").click()
    expect(page.locator("#toasts")).to_contain_text("Okta production is paused.")
    check_accessibility(page)
    page.get_by_role("link", name="Groups").first.click()
    expect(page.get_by_text("Ada Admin paused it")).to_be_visible()
    page.get_by_role("button", name="Resume provisioning").click()
    expect(page.locator("#toasts")).to_contain_text("Provisioning resumed.")
    expect(page.get_by_text("The connection is paused")).to_have_count(0)

    page.get_by_role("navigation", name="SCIM").get_by_role("link", name="Settings").click()
    contacts = page.locator("#contacts")
    contacts.get_by_label("Email addresses").fill("it@acme.example")
    contacts.get_by_role("button", name="Save").click()
    expect(page.locator("#toasts")).to_contain_text("Contacts saved.")
    expect(contacts.get_by_label("Email addresses")).to_have_value("it@acme.example")


def test_an_admin_deletes_and_restores(embedded: Portal, page: Page, connection: models.ScimConnectionRow) -> None:
    embedded.sign_in(page)
    page.goto(f"{embedded.url}/o/acme/scim/settings/")
    page.get_by_role("link", name="Delete…").click()
    expect(page.get_by_text("1 person loses")).to_be_visible()
    check_accessibility(page)
    page.get_by_label("Deactivate them").check()
    page.get_by_label("to confirm").fill("Okta production")
    page.get_by_role("button", name="Delete connection").click()
    expect(page.locator("#toasts")).to_contain_text("1 person was deactivated.")
    assert models.MemberRow.objects.get(email_address="pia@acme.example").status == MemberStatus.DELETED
    check_accessibility(page)

    page.get_by_role("link", name="Restore a deleted connection").click()
    check_accessibility(page)
    page.get_by_role("link", name="Okta production", exact=True).click()
    check_accessibility(page)
    page.get_by_label("Make them active again").check()
    page.get_by_role("button", name="Restore connection").click()
    expect(page.locator("#toasts")).to_contain_text("1 person is active again.")
    connection.refresh_from_db()
    assert connection.status == ScimConnectionStatus.ACTIVE


def test_it_works_without_javascript_and_on_a_phone(
    embedded: Portal, browser: Browser, connection: models.ScimConnectionRow
) -> None:
    page = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844}).new_page()
    embedded.sign_in(page)
    page.goto(f"{embedded.url}/o/acme/scim/settings/")
    page.get_by_role("link", name="Pause…").click()
    assert overflow(page) == 0
    page.get_by_role("button", name="Pause provisioning").click()
    assert overflow(page) == 0
    page.get_by_role("navigation", name="SCIM").get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="Delete…").click()
    assert overflow(page) == 0
    page.get_by_label("Keep them as members").check()
    page.get_by_label("to confirm").fill("okta")
    page.get_by_role("button", name="Delete connection").click()
    expect(page.get_by_text("This isn't the name of the connection.").first).to_be_visible()
    assert overflow(page) == 0
    page.get_by_label("to confirm").fill("Okta production")
    page.get_by_role("button", name="Delete connection").click()
    expect(page.get_by_text("No identity provider is connected")).to_be_visible()
    page.get_by_role("link", name="Restore a deleted connection").click()
    assert overflow(page) == 0
    page.get_by_role("link", name="Okta production", exact=True).click()
    assert overflow(page) == 0
    page.get_by_role("button", name="Restore connection").click()
    # It's restored as it was: paused.
    expect(page.get_by_text("The connection is paused")).to_be_visible()
    assert overflow(page) == 0


def test_it_works_by_keyboard(embedded: Portal, page: Page, connection: models.ScimConnectionRow) -> None:
    embedded.sign_in(page)
    page.goto(f"{embedded.url}/o/acme/scim/delete/")
    tab_to(page, "Keep them as members")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Deactivate them")).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.type("Okta production")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("Okta production is deleted.")


def tab_to(page: Page, label: str) -> None:
    wanted = page.get_by_label(label)
    for _ in range(60):
        page.keyboard.press("Tab")
        if wanted.evaluate("one => one === document.activeElement"):
            return
    pytest.fail(f"{label} is not reached by the keyboard")


def test_stytch_says_what_is_not_available_and_deletes(stytch: Portal, page: Page) -> None:
    stytch.sign_in(page)
    page.goto(f"{stytch.url}/o/acme/scim/settings/")
    expect(page.get_by_text("Not available with this directory").first).to_be_visible()
    check_accessibility(page)
    page.get_by_role("link", name="Delete…").click()
    expect(page.get_by_text("This can’t be undone")).to_be_visible()
    check_accessibility(page)
    name = page.locator("label", has_text="to confirm").locator("b").inner_text()
    page.get_by_label("to confirm").fill(name)
    page.get_by_role("button", name="Delete connection").click()
    expect(page.locator("#toasts")).to_contain_text(f"{name} is deleted.")
    expect(page.get_by_text("No identity provider is connected")).to_be_visible()
