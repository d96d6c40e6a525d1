"""Members in a browser: a bulk action with the keyboard alone, and a list of people invited on a phone without JavaScript."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django import Settings

from portal.embedded import models
from tests.browser.conftest import Portal, check_accessibility, overflow
from tests.browser.test_keyboard import press, tab_to
from tests.tasks import run_tasks

pytestmark = pytest.mark.browser


@pytest.fixture
def _email(settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "Gatehouse <portal@example.com>"


def test_members_are_chosen_and_given_a_role_with_the_keyboard(embedded: Portal, page: Page) -> None:
    embedded.sign_in(page)
    press(page, page.get_by_role("navigation").get_by_role("link", name="Members"))
    expect(page.get_by_role("heading", name="Members", exact=True)).to_be_visible()
    action = page.get_by_role("combobox", name=re.compile("chosen"))
    expect(action).to_be_hidden()

    press(page, page.get_by_role("checkbox", name="Select Ada Admin"), "Space")
    press(page, page.get_by_role("checkbox", name="Select Max Member"), "Space")
    expect(action).to_be_visible()
    check_accessibility(page)
    tab_to(page, action)
    page.keyboard.type("Add")
    press(page, page.get_by_role("button", name="Continue"))
    tab_to(page, page.get_by_label("Role"))
    page.keyboard.type("Admin")
    press(page, page.get_by_role("button", name="Add a role"))

    expect(page.locator("#toasts")).to_contain_text("The role was added to 2 members.")
    expect(page.get_by_role("row", name="Max Member").get_by_text("Admin")).to_be_visible()


@pytest.mark.usefixtures("_email")
def test_people_are_invited_on_a_phone_without_javascript(embedded: Portal, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    embedded.sign_in(page)
    page.goto(f"{embedded.url}/o/acme/members/")
    assert overflow(page) == 0
    page.get_by_role("link", name="Invite", exact=True).click()
    page.get_by_label("Email addresses").fill("lee@contoso.example\nKim Vega <kim@contoso.example>\nsam.example")
    assert overflow(page) == 0
    page.get_by_role("button", name="Invite").click()

    expect(page.get_by_role("heading", name="2 of 3 can be invited")).to_be_visible()
    expect(page.get_by_text("Invalid").first).to_be_visible()
    assert overflow(page) == 0
    page.get_by_role("button", name="Send 2 invitations").click()
    run_tasks()
    page.reload()
    expect(page.get_by_role("heading", name="2 of 3 invited")).to_be_visible()

    page.goto(f"{embedded.url}/o/acme/members/?q=contoso")
    expect(page.get_by_text("Expires in").first).to_be_visible()
    page.goto(f"{embedded.url}/o/acme/members/invitations/")
    assert overflow(page) == 0
    page.get_by_role("button", name=re.compile("Revoke.*kim@contoso.example")).click()
    expect(page.get_by_text("kim@contoso.example")).to_be_visible()
    assert models.MemberRow.objects.get(email_address="kim@contoso.example").status == "deleted"
