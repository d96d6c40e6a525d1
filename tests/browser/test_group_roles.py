"""An admin gives a group a role: from the list of groups to the review, and on to why a person has the role."""

import pytest
from playwright.sync_api import Browser, Page, expect

from portal.embedded import models
from tests import factories
from tests.browser.conftest import Portal, check_accessibility, overflow

pytestmark = pytest.mark.browser


@pytest.fixture
def pia(embedded: Portal) -> models.ScimUserRow:
    """Pia is in Team 001, which grants no role yet."""
    group = models.ScimGroupRow.objects.get(display_name="Team 001")
    user = factories.provisioned(group.connection, "pia@acme.example", display_name="Pia Patel")
    factories.put_in_group(group, [user])
    return user


def test_a_role_is_assigned_reviewed_and_explained(embedded: Portal, page: Page, pia: models.ScimUserRow) -> None:
    embedded.sign_in(page)
    page.goto(f"{embedded.url}/o/acme/scim/groups/?q=team+001")
    page.get_by_role("link", name="Team 001", exact=True).click()
    check_accessibility(page)
    page.get_by_role("link", name="Edit roles").click()
    check_accessibility(page)
    page.get_by_role("checkbox", name="Admin").check()
    page.get_by_role("button", name="Continue").click()

    expect(page.get_by_role("heading", name="1 person gains Admin")).to_be_visible()
    check_accessibility(page)
    page.get_by_role("link", name="Back to the roles").click()
    expect(page.get_by_role("checkbox", name="Admin")).to_be_checked()
    page.go_back()
    page.get_by_role("button", name="Save roles").click()

    page.wait_for_url("**/scim/groups/?roles=with")
    expect(page.locator("#toasts")).to_contain_text("Roles of “Team 001” saved.")
    check_accessibility(page)
    page.get_by_role("link", name="Team 001", exact=True).click()
    page.get_by_role("link", name="Pia Patel").click()
    expect(page.get_by_role("listitem").filter(has_text="Through the group Team 001")).to_contain_text("Admin")
    check_accessibility(page)


def test_it_works_without_javascript_and_on_a_phone(
    embedded: Portal, browser: Browser, pia: models.ScimUserRow
) -> None:
    page = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844}).new_page()
    embedded.sign_in(page)
    page.goto(f"{embedded.url}/o/acme/scim/people/")
    assert overflow(page) == 0
    page.get_by_label("Search people by name, userName or email").fill("PIA@")
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("link", name="Pia Patel").click()
    assert overflow(page) == 0
    page.get_by_role("link", name="Team 001").click()
    assert overflow(page) == 0
    page.get_by_role("link", name="Edit roles").click()
    page.get_by_role("checkbox", name="Admin").check()
    assert overflow(page) == 0
    page.get_by_role("button", name="Continue").click()
    assert overflow(page) == 0
    page.get_by_role("button", name="Save roles").click()
    page.wait_for_url("**/scim/groups/?roles=with")
    assert overflow(page) == 0


def test_roles_go_to_several_groups_that_were_loaded_page_by_page(
    embedded: Portal, page: Page, pia: models.ScimUserRow
) -> None:
    embedded.open_group_list(page)
    page.get_by_role("checkbox", name="Choose Team 001").check()
    page.get_by_role("link", name="Load more").click()
    page.get_by_role("checkbox", name="Choose Team 060").check()
    page.get_by_role("button", name="Assign roles to chosen groups").click()

    expect(page.get_by_role("heading", name="2 groups")).to_be_visible()
    check_accessibility(page)
    page.get_by_role("checkbox", name="Admin").check()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="1 person gains Admin")).to_be_visible()
    check_accessibility(page)
    page.get_by_role("button", name="Save roles").click()

    expect(page.locator("#toasts")).to_contain_text("Roles of 2 groups saved.")
    assert page.locator("#groups tbody .lead").all_inner_texts() == ["Team 001", "Team 060"]


def test_it_works_by_keyboard(embedded: Portal, page: Page, pia: models.ScimUserRow) -> None:
    group = models.ScimGroupRow.objects.get(display_name="Team 001")
    embedded.sign_in(page)
    page.goto(f"{embedded.url}/o/acme/scim/groups/scim-group-live-{group.pk}/roles/")
    box = page.get_by_role("checkbox", name="Admin")
    for _ in range(40):
        page.keyboard.press("Tab")
        if box.evaluate("box => box === document.activeElement"):
            break
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="1 person gains Admin")).to_be_visible()


def test_people_are_searched_and_filtered(embedded: Portal, page: Page) -> None:
    embedded.sign_in(page)
    page.goto(f"{embedded.url}/o/acme/scim/people/")
    page.get_by_role("link", name="Load more").click()
    expect(page.locator("#people-more")).to_contain_text("All 60 shown")
    page.get_by_label("State", exact=True).select_option("deactivated")
    expect(page.locator("#people-more")).to_contain_text("All 1 shown")
    page.get_by_label("Search people by name, userName or email").fill("zebra")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No matching people")).to_be_visible()
    check_accessibility(page)


def test_on_stytch_roles_are_assigned_without_a_preview(stytch: Portal, page: Page) -> None:
    stytch.sign_in(page)
    page.goto(f"{stytch.url}/o/acme/scim/people/")
    expect(page.get_by_role("heading", name="Not available with this directory")).to_be_visible()
    page.goto(f"{stytch.url}/o/acme/scim/groups/")
    page.locator("#groups tbody a", has_text="Edit roles").first.click()
    page.get_by_role("checkbox", name="Admin").check()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Not available with this directory")).to_be_visible()
    check_accessibility(page)
    page.get_by_role("button", name="Save roles").click()
    page.wait_for_url("**/scim/groups/?roles=with")
    expect(page.locator("#toasts")).to_contain_text("saved.")
