"""Who may come in, and where to, in a browser."""

import pytest
from playwright.sync_api import Page, expect
from pytest_django import Settings

from portal.access import rate_limits
from portal.embedded import models
from tests.browser.conftest import Portal, check_accessibility, overflow

pytestmark = pytest.mark.browser


def test_a_person_in_two_organizations_chooses_and_switches(portal: Portal, page: Page) -> None:
    page.goto(portal.url)
    check_accessibility(page)
    portal.fill_in(page)

    page.wait_for_url(f"{portal.url}/organizations/")
    check_accessibility(page)
    page.get_by_role("button", name="Acme").click()
    page.wait_for_url(f"{portal.url}/o/acme/")
    check_accessibility(page)

    other = page.context.new_page()
    other.goto(f"{portal.url}/o/globex/")
    other.get_by_role("link", name="Sign in").click()
    portal.fill_in(other)
    other.wait_for_url(f"{portal.url}/o/globex/")
    # Both are open, each in its tab.
    page.reload()
    expect(page.get_by_role("link", name="Acme")).to_be_visible()
    page.get_by_role("link", name="switch organization").click()
    expect(page.get_by_text("Globex", exact=False).first).to_be_visible()


@pytest.fixture(autouse=True)
def _refusals_are_expected(expected_errors: list[str]) -> None:
    expected_errors += ["status of 403", "status of 404", "status of 422"]


def test_a_wrong_password_is_an_error_in_the_form(portal: Portal, page: Page) -> None:
    page.goto(f"{portal.url}/o/acme/sign-in/")
    page.get_by_label("Email address").fill("ada@acme.example")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("alert")).to_contain_text("Incorrect email or password.")
    check_accessibility(page)


def test_a_member_without_the_permission_sees_who_can_help(portal: Portal, page: Page) -> None:
    portal.sign_in(page, "max@acme.example")
    page.get_by_role("navigation").get_by_role("link", name="SCIM").click()

    expect(page.get_by_role("heading", name="You don’t have access to SCIM")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("let you see the SCIM connection")
    expect(page.get_by_role("main")).to_contain_text("ada@acme.example")
    check_accessibility(page)


def test_another_organizations_admin_finds_nothing(portal: Portal, page: Page) -> None:
    portal.sign_in(page, "gil@globex.example", "globex")

    for path in ("/o/acme/", "/o/acme/scim/", "/o/acme/scim/groups/"):
        answer = page.goto(portal.url + path)
        assert answer
        assert answer.status == 404
    check_accessibility(page)


def test_signing_out_ends_it(portal: Portal, page: Page) -> None:
    portal.sign_in(page)
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{portal.url}/signed-out/")
    check_accessibility(page)

    page.goto(f"{portal.url}/o/acme/scim/")
    page.wait_for_url(f"{portal.url}/o/acme/sign-in/**")


def test_a_form_survives_a_session_that_ended(embedded: Portal, page: Page, expected_errors: list[str]) -> None:
    expected_errors.append("status of 401")
    embedded.sign_in(page)
    page.goto(f"{embedded.url}/o/acme/scim/contacts/")
    page.get_by_label("Email addresses").fill("it@acme.example")
    embedded.revoke_sessions()

    page.locator("#contacts").get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="You were signed out")).to_be_visible()
    check_accessibility(page)
    page.get_by_role("button", name="Sign in and continue").click()
    expect(page.get_by_role("main")).to_contain_text("What you typed is kept")
    check_accessibility(page)
    embedded.fill_in(page)
    expect(page.get_by_role("heading", name="You’re signed in")).to_be_visible()
    check_accessibility(page)
    page.get_by_role("button", name="Send it again").click()

    expect(page.get_by_role("main")).to_contain_text("it@acme.example")
    assert models.ScimContactRow.objects.get().email_address == "it@acme.example"


def test_a_member_whose_password_is_paused_asks_for_a_link(
    embedded: Portal, page: Page, settings: Settings, expected_errors: list[str]
) -> None:
    expected_errors += ["status of 429"]
    settings.SIGN_IN_TOTAL_PER_MEMBER = "1 per hour"
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "portal@example.com"
    rate_limits.admit(rate_limits.Attempt("192.0.2.1", "acme", "ada@acme.example"))
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{embedded.url}/o/acme/sign-in/")

    embedded.fill_in(page)
    expect(page.get_by_role("alert")).to_contain_text("Signing in by password is paused")
    expect(page.get_by_label("Email address")).to_have_value("ada@acme.example")
    check_accessibility(page)
    assert overflow(page) <= 0
    page.get_by_role("button", name="Email me a sign-in link").press("Enter")

    expect(page.get_by_role("heading", name="Check your email")).to_be_visible()
    check_accessibility(page)
    assert overflow(page) <= 0
    page.get_by_role("link", name="Back to sign-in").click()
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
