"""A passkey from its creation to its removal, in Chromium with a virtual authenticator."""

from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect
from pytest_django import Settings

from portal.embedded import models
from tests import factories
from tests.browser.conftest import Portal, check_accessibility, overflow

pytestmark = pytest.mark.browser
CANCELED = "Your device didn’t confirm. Try again or use another way."


class Device:
    """The virtual authenticator of a page's browser."""

    def __init__(self, page: Page) -> None:
        self._cdp: CDPSession = page.context.new_cdp_session(page)
        self._cdp.send("WebAuthn.enable")
        options: dict[str, Any] = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        self._id = self._cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def verifies(self, *, is_right: bool) -> None:
        """Let the person's fingerprint be right or wrong from now on."""
        self._cdp.send("WebAuthn.setUserVerified", {"authenticatorId": self._id, "isUserVerified": is_right})


@pytest.fixture
def named(embedded: Portal, settings: Settings) -> Portal:
    """The portal, by the name of its host."""
    settings.PUBLIC_URL = embedded.url
    return embedded


@pytest.fixture
def authenticator(page: Page) -> Device:
    return Device(page)


def enter_password(portal: Portal, page: Page) -> None:
    page.goto(f"{portal.url}/o/acme/sign-in/")
    portal.fill_in(page)


def sign_out(page: Page) -> None:
    page.context.clear_cookies()


def add(page: Page, portal: Portal, name: str) -> None:
    page.goto(f"{portal.url}/o/acme/account/")
    page.get_by_role("link", name="Add passkey").or_(page.get_by_role("link", name="Add another passkey")).click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Create passkey").click()


def test_from_creation_to_removal(named: Portal, page: Page, authenticator: Device) -> None:
    named.sign_in(page)
    page.goto(f"{named.url}/o/acme/account/passkeys/add/")
    check_accessibility(page)
    add(page, named, "Laptop")
    expect(page.get_by_role("heading", name="Save your recovery codes")).to_be_visible()
    page.get_by_label("I saved these codes").check()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Laptop")).to_be_visible()
    check_accessibility(page)

    # Sign in, with the keyboard.
    sign_out(page)
    enter_password(named, page)
    button = page.get_by_role("button", name="Use your passkey")
    expect(button).to_be_focused()
    check_accessibility(page)
    authenticator.verifies(is_right=False)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text=CANCELED)).to_be_visible()
    check_accessibility(page)
    authenticator.verifies(is_right=True)
    button.press("Enter")
    page.wait_for_url(f"{named.url}/o/acme/")


def test_confirming_renaming_and_removing(named: Portal, page: Page, authenticator: Device) -> None:
    named.sign_in(page)
    add(page, named, "Laptop")
    expect(page.get_by_role("heading", name="Save your recovery codes")).to_be_visible()
    forget_proofs()
    page.goto(f"{named.url}/o/acme/account/")
    page.get_by_role("link", name="Remove… Laptop").click()
    expect(page.get_by_role("heading", name="Confirm that it’s you")).to_be_visible()
    check_accessibility(page)
    authenticator.verifies(is_right=False)
    page.get_by_role("button", name="Use your passkey").click()
    expect(page.get_by_role("alert").filter(has_text=CANCELED)).to_be_visible()
    authenticator.verifies(is_right=True)
    page.get_by_role("button", name="Use your passkey").click()
    expect(page.get_by_role("heading", name="Remove a passkey?")).to_be_visible()
    check_accessibility(page)
    page.get_by_role("link", name="Cancel").click()

    page.get_by_role("link", name="Rename Laptop").click()
    check_accessibility(page)
    page.get_by_role("textbox", name="Name").fill("Work laptop")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Work laptop")).to_be_visible()

    page.get_by_role("link", name="Remove… Work laptop").click()
    page.get_by_role("button", name="Remove passkey").click()
    expect(page.locator(".toast")).to_contain_text("The passkey Work laptop was removed.")
    expect(page.get_by_role("heading", name="Work laptop")).to_be_hidden()


def forget_proofs() -> None:
    """Let all proofs in all sessions be an hour old."""
    factories.forget_password_entry()
    for session in models.MemberSessionRow.objects.all():
        old = "2026-01-01T00:00:00Z"
        session.factors = [{**one, "last_authenticated_at": old} for one in session.factors]
        session.save(update_fields=["factors"])


def test_a_required_factor_is_set_up_at_sign_in(named: Portal, page: Page, authenticator: Device) -> None:
    models.OrganizationRow.objects.filter(slug="acme").update(settings={"mfa_policy": "REQUIRED_FOR_ALL"})
    enter_password(named, page)
    page.get_by_role("button", name="Create a passkey").press("Enter")
    expect(page.get_by_role("heading", name="Create a passkey")).to_be_visible()
    check_accessibility(page)
    authenticator.verifies(is_right=False)
    page.get_by_role("button", name="Create passkey").click()
    expect(page.get_by_role("alert").filter(has_text=CANCELED)).to_be_visible()
    authenticator.verifies(is_right=True)
    page.get_by_role("button", name="Create passkey").click()
    page.get_by_label("I saved these codes").check()
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(f"{named.url}/o/acme/")
    assert models.PasskeyRow.objects.get().name == "Chrome on Linux"

    add(page, named, "Again")
    expect(page.get_by_role("alert").filter(has_text="has a passkey for your account already")).to_be_visible()


def test_recovery_codes_are_printed_without_buttons(named: Portal, page: Page, authenticator: Device) -> None:
    named.sign_in(page)
    add(page, named, "Laptop")
    expect(page.get_by_role("heading", name="Save your recovery codes")).to_be_visible()
    page.evaluate("window.print = () => { window.printed = true; }")
    page.get_by_role("button", name="Print").press("Enter")
    assert page.evaluate("window.printed")
    page.emulate_media(media="print")
    expect(page.get_by_role("list", name="Recovery codes for ada@acme.example")).to_be_visible()
    for name in ("Print", "Copy", "Continue"):
        expect(page.get_by_role("button", name=name)).to_be_hidden()
    expect(page.get_by_role("navigation")).to_be_hidden()


def test_without_scripts_the_page_says_so_and_codes_are_there(named: Portal, page: Page, browser: Browser) -> None:
    Device(page)
    named.sign_in(page)
    add(page, named, "Laptop")
    code = (
        page.get_by_role("list", name="Recovery codes for ada@acme.example").get_by_role("listitem").first.inner_text()
    )

    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    plain = context.new_page()
    enter_password(named, plain)
    # Playwright's switch keeps scripts from running, but the parser doesn't know of it.
    assert "Passkeys need JavaScript" in (plain.locator("noscript").text_content() or "")
    expect(plain.get_by_role("button", name="Use your passkey")).to_be_hidden()
    assert overflow(plain) <= 0
    plain.get_by_role("button", name="Use a recovery code").click()
    plain.get_by_label("Recovery code").fill(code)
    plain.get_by_role("button", name="Continue").click()
    plain.wait_for_url(f"{named.url}/o/acme/")
    plain.goto(f"{named.url}/o/acme/account/")
    expect(plain.get_by_role("heading", name="Laptop")).to_be_visible()
    assert overflow(plain) <= 0
    context.close()
