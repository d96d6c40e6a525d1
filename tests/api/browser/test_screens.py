"""Stytch's own screens for admins, from its published bundle, on our API."""

import re
from contextlib import suppress

import pytest
from playwright.sync_api import Locator, Page, expect

from portal.directory.members import MemberStatus
from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import models
from tests import factories
from tests.api.browser.conftest import ProductPage

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.node]


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def tick(box: Locator) -> None:
    """Tick a box of Stytch's, whose component loses a tick while it renders again: press until it stays."""
    for _ in range(3):
        box.click()
        with suppress(AssertionError):
            return expect(box).to_be_checked(timeout=2_000)
    raise AssertionError("the box cannot be ticked")


def confirm(page: Page) -> None:
    """Confirm a dialog: tick its boxes, then press its last button."""
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    for box in dialog.get_by_role("checkbox").all():
        tick(box)
    dialog.get_by_role("button").last.click()
    expect(dialog).to_have_count(0)


def test_an_admin_connects_okta_on_stytchs_screen(product_page: ProductPage, ada: models.MemberRow) -> None:
    page = product_page.page
    product_page.open_screen("scim", ada)

    press(page, "Create")
    page.locator("input[type=text]").fill("Okta")
    page.get_by_role("combobox").first.click()
    page.get_by_text("Okta", exact=True).click()
    press(page, "Create")
    press(page, "Copy the SCIM Connection Settings to your IdP.")
    expect(page.get_by_text(re.compile("^scim_"))).to_be_visible()
    tick(page.get_by_role("checkbox"))
    press(page, "Done")

    expect(page.get_by_text(re.compile("/v1/b2b/scim/scim-connection-live-"))).to_be_visible()
    connection = models.ScimConnectionRow.objects.get()
    assert (connection.display_name, connection.identity_provider) == ("Okta", "okta")


def test_an_admin_gives_a_group_a_role_on_stytchs_screen(product_page: ProductPage, ada: models.MemberRow) -> None:
    factories.scim_groups(factories.scim_connection(ada.organization), ["Staff", "Admins"])
    page = product_page.page
    product_page.open_screen("scim", ada)

    press(page, "Edit")
    press(page, "Add group roles")
    page.get_by_role("combobox").first.click()
    page.get_by_text("Staff", exact=True).click()
    page.get_by_role("combobox").nth(1).click()
    page.get_by_text("Manages the organization").click()
    press(page, "Save")
    confirm(page)

    expect(page.get_by_role("button", name="Edit", exact=True)).to_be_visible()
    given = models.ScimGroupRoleRow.objects.get()
    assert (given.group_name, given.role_id) == ("Staff", "stytch_admin")
    page.reload()
    expect(page.get_by_text("stytch_admin")).to_be_visible()


@pytest.mark.parametrize(("end", "stays"), [("Complete rotation", "next"), ("Cancel rotation", "current")])
def test_an_admin_rotates_the_token_on_stytchs_screen(
    product_page: ProductPage, ada: models.MemberRow, end: str, stays: str
) -> None:
    factories.scim_connection(ada.organization)
    page = product_page.page
    product_page.open_screen("scim", ada)

    press(page, "Start token rotation")
    confirm(page)
    tokens = models.ScimTokenRow.objects.filter(revoked_at=None)
    last_four = {"next": tokens.get(is_next=True).last_four, "current": tokens.get(is_next=False).last_four}
    press(page, end)
    confirm(page)

    expect(page.get_by_role("button", name="Start token rotation", exact=True)).to_be_visible()
    assert [one.last_four for one in tokens.all()] == [last_four[stays]]


def test_an_admin_deletes_the_connection_on_stytchs_screen(product_page: ProductPage, ada: models.MemberRow) -> None:
    factories.scim_connection(ada.organization)
    page = product_page.page
    product_page.open_screen("scim", ada)

    press(page, "Delete Connection")
    confirm(page)

    expect(page.get_by_role("button", name="Create", exact=True)).to_be_visible()
    assert models.ScimConnectionRow.objects.get().status == ScimConnectionStatus.DELETED


def test_the_members_screen_lists_changes_and_deactivates(product_page: ProductPage, ada: models.MemberRow) -> None:
    member = factories.member(ada.organization, "max@acme.example", name="Max Member")
    factories.product_session_token(member)
    page = product_page.page

    product_page.open_screen("members", ada)
    expect(page.get_by_text("ada@acme.example")).to_be_visible()
    page.get_by_role("row").filter(has_text="max@acme.example").get_by_role("button").first.click()
    page.get_by_role("menuitem", name="Edit member").click()
    page.get_by_role("button", name="Edit", exact=True).first.click()
    page.locator("input[type=text]").first.fill("Max Power")
    press(page, "Save")
    confirm(page)
    expect(page.get_by_role("heading", name="Max Power")).to_be_visible()
    press(page, "Revoke all sessions")
    confirm(page)
    press(page, "Deactivate Member")
    confirm(page)

    expect(page.get_by_role("button", name="Deactivate Member")).to_have_count(0)
    member.refresh_from_db()
    assert (member.name, member.status) == ("Max Power", MemberStatus.DELETED)
    assert not member.sessions.filter(revoked_at=None).exists()


def test_the_organizations_screen_loads_and_saves(product_page: ProductPage, ada: models.MemberRow) -> None:
    page = product_page.page

    product_page.open_screen("organization", ada)
    page.get_by_role("button", name="Edit", exact=True).first.click()
    page.locator("input[type=text]").first.fill("Acme Limited")
    press(page, "Save")
    confirm(page)

    expect(page.get_by_text("Acme Limited")).to_be_visible()
    assert models.OrganizationRow.objects.get().name == "Acme Limited"
