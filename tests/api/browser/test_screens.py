"""Stytch's own screens for admins, from its published bundle, on our API."""

import re
from contextlib import suppress

import pytest
from django.core import mail
from django.utils import timezone
from msgspec.structs import replace
from playwright.sync_api import Locator, Page, Response, expect
from pytest_django import Settings

from portal.directory.configuration import RedirectUrls
from portal.directory.members import MemberStatus
from portal.directory.scim.connection import ScimConnectionStatus
from portal.directory.sessions import AuthenticationFactor
from portal.embedded import models
from tests import factories
from tests.api.browser.conftest import ProductPage
from tests.tasks import run_tasks

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.node]


MANAGES = "Manages the organization, its members and its connections"


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
    page.get_by_text(MANAGES).click()
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


def submit(page: Page, name: str) -> None:
    """Press a button of the open dialog, and wait until it has closed."""
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name=name, exact=True).click()
    expect(dialog).to_have_count(0)


def choose(page: Page, number: int, option: str) -> None:
    """Choose an option of a list in the open dialog."""
    page.get_by_role("dialog").get_by_role("combobox").nth(number).click()
    page.get_by_role("listbox").get_by_text(option, exact=True).click()


def row(page: Page, email_address: str) -> Locator:
    return page.get_by_role("row").filter(has_text=email_address)


def act(page: Page, email_address: str, action: str) -> None:
    """Choose an action from the menu of a member."""
    row(page, email_address).get_by_role("button").first.click()
    page.get_by_role("menuitem", name=action).click()


def edit(page: Page, section: int) -> None:
    page.get_by_role("button", name="Edit", exact=True).nth(section).click()


def save(page: Page) -> None:
    press(page, "Save")
    submit(page, "Save changes")
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0)


@pytest.fixture
def failures(product_page: ProductPage) -> list[str]:
    """The requests of the page that failed, as they are. The screens send some of them again, and close their dialogs."""
    failed: list[str] = []

    def note(response: Response) -> None:
        if response.status >= 400 and "/sdk/v1/" in response.url:
            failed.append(f"{response.status} {response.request.method} {response.url}")

    product_page.page.on("response", note)
    return failed


@pytest.fixture
def _invitations(product_page: ProductPage, settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "portal@example.com"
    settings.PROJECT = replace(settings.PROJECT, redirect_urls=RedirectUrls(invite=(product_page.product,)))


@pytest.mark.usefixtures("_invitations")
def test_an_admin_invites_people_on_stytchs_screen(
    product_page: ProductPage, ada: models.MemberRow, failures: list[str]
) -> None:
    page = product_page.page
    product_page.open_screen("members", ada)

    press(page, "Invite")
    page.get_by_placeholder("Enter name").fill("Nia New")
    page.get_by_placeholder("Enter email address").fill("nia@acme.example")
    choose(page, 0, MANAGES)
    submit(page, "Invite")
    expect(row(page, "nia@acme.example")).to_contain_text("stytch_admin")
    expect(row(page, "nia@acme.example")).to_contain_text("Invited")
    # The message is that of the first invitation, too.
    with page.expect_response("**/magic_links/email/invite"):
        act(page, "nia@acme.example", "Resend invite")
    expect(page.get_by_text("Invite sent to nia@acme.example").last).to_be_visible()
    run_tasks()
    assert [one.to for one in mail.outbox] == [["nia@acme.example"]] * 2
    page.reload()
    act(page, "nia@acme.example", "Revoke invite")
    submit(page, "Revoke invite")

    expect(row(page, "nia@acme.example")).to_have_count(0)
    assert ada.organization.members.get(name="Nia New").status == MemberStatus.DELETED
    assert failures == []


def test_an_admin_changes_a_member_on_stytchs_screen(
    product_page: ProductPage, ada: models.MemberRow, failures: list[str]
) -> None:
    factories.member(ada.organization, "max@acme.example", name="Max Member")
    page = product_page.page

    product_page.open_screen("members", ada)
    expect(row(page, "ada@acme.example")).to_be_visible()
    page.get_by_placeholder("Search by email").fill("max@")
    expect(row(page, "ada@acme.example")).to_have_count(0)
    act(page, "max@acme.example", "Edit member")
    edit(page, 0)
    page.locator("input[type=text]").first.fill("Max Power")
    save(page)
    edit(page, 1)
    press(page, "Add Role assignment")
    choose(page, 0, MANAGES)
    submit(page, "Add Role")
    save(page)

    page.reload()
    expect(row(page, "max@acme.example")).to_contain_text("Max Power")
    expect(row(page, "max@acme.example")).to_contain_text("stytch_admin")
    assert failures == []


def test_an_admin_deactivates_and_reactivates_a_member_on_stytchs_screen(
    product_page: ProductPage, ada: models.MemberRow, failures: list[str]
) -> None:
    member = factories.member(ada.organization, "max@acme.example", name="Max Member")
    ada.organization.members.update(email_address_verified=True)
    factories.product_session_token(member)
    page = product_page.page

    product_page.open_screen("members", ada)
    act(page, "max@acme.example", "Edit member")
    press(page, "Revoke all sessions")
    confirm(page)
    assert not member.sessions.filter(revoked_at=None).exists()
    press(page, "Deactivate Member")
    submit(page, "Deactivate Member")
    expect(page.get_by_role("button", name="Deactivate Member")).to_have_count(0)
    page.reload()
    expect(row(page, "ada@acme.example")).to_be_visible()
    expect(row(page, "max@acme.example")).to_have_count(0)

    page.get_by_role("columnheader", name="Status").get_by_role("button").click()
    page.get_by_role("menuitem", name="Deactivated").click()
    page.keyboard.press("Escape")
    act(page, "max@acme.example", "Reactivate")
    submit(page, "Reactivate")
    page.reload()
    expect(row(page, "max@acme.example")).to_contain_text("Active")
    assert failures == []


def change_sign_in(page: Page) -> None:
    """Allow passwords and authenticator apps only, and require a second factor."""
    edit(page, 1)
    for name in ("Disable Allow all primary auth methods", "Password", "Enable Require MFA for all users"):
        page.get_by_role("checkbox", name=name).click()
    for name in ("Disable Allow all secondary auth methods", "TOTP"):
        page.get_by_role("checkbox", name=name, exact=name == "TOTP").click()
    save(page)


def change_joining(page: Page) -> None:
    """Let people of one domain join, and invite only them."""
    edit(page, 2)
    page.get_by_text("Users from allowed email domains").click()
    page.get_by_role("checkbox", name="Email domains").click()
    press(page, "Add domain")
    page.get_by_placeholder("Enter domain").fill("acme.example")
    submit(page, "Save")
    save(page)


def change_roles(page: Page) -> None:
    """Make everyone of one domain an admin."""
    edit(page, 3)
    press(page, "Add Role assignment")
    choose(page, 0, MANAGES)
    choose(page, 1, "Email")
    page.get_by_role("dialog").get_by_role("textbox").last.fill("acme.example")
    submit(page, "Save")
    save(page)


def test_an_admin_changes_the_settings_on_stytchs_screen(
    product_page: ProductPage, ada: models.MemberRow, failures: list[str]
) -> None:
    # Without a second factor, requiring one would end her session.
    now = timezone.now()
    factor = AuthenticationFactor("totp", "authenticator_app", created_at=now, last_authenticated_at=now)
    page = product_page.page
    product_page.open_screen("organization", ada, [factor])

    edit(page, 0)
    page.locator("input[type=text]").first.fill("Acme Limited")
    save(page)
    change_sign_in(page)
    change_joining(page)
    change_roles(page)
    page.reload()

    expect(page.get_by_text("Acme Limited")).to_be_visible()
    chosen = [one for one in ("Password", "Email OTP", "TOTP", "SMS OTP", "Email domains") if is_chosen(page, one)]
    assert chosen == ["Password", "TOTP", "Email domains"]
    expect(page.get_by_role("checkbox", name="Disable Require MFA for all users")).to_be_checked()
    expect(page.get_by_role("radio", name="Users from allowed email domains")).to_be_checked()
    expect(page.get_by_role("cell", name="acme.example", exact=True)).to_be_visible()
    expect(page.get_by_role("cell", name="stytch_admin")).to_be_visible()
    assert failures == []


def is_chosen(page: Page, name: str) -> bool:
    return page.get_by_role("checkbox", name=name, exact=True).is_checked()
