"""Connecting and rotating the token in a browser: shown once, copied, rotated by keyboard, and without scripts."""

import re

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from portal.embedded import models
from tests import factories
from tests.browser.conftest import Portal, check_accessibility, overflow
from tests.fakes.stytch import DEMO_PASSWORD

pytestmark = pytest.mark.browser

TOKEN = re.compile(r"^scim_[\w-]{64}$")


@pytest.fixture
def scim(embedded: Portal) -> str:
    """Return the URL of the SCIM pages of an organization without a connection."""
    ada = models.MemberRow.objects.get(organization__slug="acme", email_address="ada@acme.example")
    initech = factories.organization("initech", name="Initech")
    ina = factories.member(initech, "ina@initech.example", roles=["stytch_admin"])
    models.MemberRow.objects.filter(pk=ina.pk).update(password=ada.password)
    return f"{embedded.url}/o/initech/scim/"


def connect(embedded: Portal, page: Page, scim: str) -> str:
    """Sign in, connect Okta, and return the token that is shown."""
    embedded.sign_in(page, "ina@initech.example", "initech")
    page.goto(scim)
    page.get_by_role("link", name="Connect identity provider").click()
    page.get_by_role("radio", name="Okta").check()
    page.get_by_label("Name", exact=True).fill("Okta production")
    page.get_by_role("button", name="Create connection").click()
    token = page.locator("#bearer-token")
    expect(token).to_have_value(TOKEN)
    return token.input_value()


def valid_tokens() -> int:
    return models.ScimTokenRow.objects.filter(connection__organization__slug="initech", revoked_at=None).count()


def test_the_token_is_seen_focused_and_copied_and_a_reload_explains(
    embedded: Portal, scim: str, page: Page, context: BrowserContext
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    token = connect(embedded, page, scim)
    expect(page.locator("#bearer-token")).to_be_focused()
    expect(page.locator("#bearer-token")).to_be_in_viewport(ratio=1)
    check_accessibility(page)

    page.locator("[data-copy='#bearer-token']").click()
    expect(page.locator("#announcements")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == token

    page.reload()
    expect(page.get_by_text("isn’t shown again")).to_be_visible()
    assert token not in page.content()
    check_accessibility(page)
    expect(page.get_by_role("heading", name="Set up Okta")).to_be_visible()
    page.get_by_role("link", name="Create a new one").click()
    expect(page.get_by_role("button", name="Create new token")).to_be_visible()
    page.go_back()
    page.go_back()
    assert token not in page.content()
    assert valid_tokens() == 1


def test_failed_copying_does_not_show_success(embedded: Portal, scim: str, page: Page) -> None:
    """Defect 8: copying claims success when it failed."""
    page.add_init_script(
        "navigator.clipboard.writeText = () => Promise.reject(new Error('no')); document.execCommand = () => false;"
    )
    token = connect(embedded, page, scim)

    page.locator("[data-copy='#bearer-token']").click()

    expect(page.locator("#announcements")).to_contain_text("Not copied")
    expect(page.locator("[data-copied]")).to_have_count(0)
    assert page.evaluate("document.getSelection().toString()") == token


def test_the_token_is_rotated_by_keyboard_and_leaving_cancels_nothing(embedded: Portal, scim: str, page: Page) -> None:
    connect(embedded, page, scim)
    factories.forget_password_entry()
    page.goto(f"{scim}token/")
    page.get_by_role("link", name="Rotate token").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type(DEMO_PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Create new token").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#bearer-token")).to_be_focused()
    expect(page.locator("#bearer-token")).to_have_value(TOKEN)

    page.keyboard.press("Escape")
    page.mouse.click(5, 5)
    page.goto(scim)
    assert valid_tokens() == 2

    page.goto(f"{scim}token/")
    page.get_by_role("link", name="Continue rotation").click()
    check_accessibility(page)
    page.get_by_role("button", name="Finish anyway").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("The old token is revoked.")
    check_accessibility(page)
    assert valid_tokens() == 1


def test_a_double_click_creates_one_token_and_shows_it(embedded: Portal, scim: str, page: Page) -> None:
    connect(embedded, page, scim)
    page.goto(f"{scim}token/rotate/")

    page.get_by_role("button", name="Create new token").dblclick()

    expect(page.locator("#bearer-token")).to_have_value(TOKEN)
    assert valid_tokens() == 2


def test_it_works_without_javascript_on_a_phone(embedded: Portal, scim: str, browser: Browser) -> None:
    page = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844}).new_page()
    connect(embedded, page, scim)
    page.goto(f"{scim}token/")
    page.get_by_role("link", name="Rotate token").click()
    page.get_by_role("button", name="Create new token").click()
    expect(page.locator("#bearer-token")).to_have_value(TOKEN)
    # A button that needs scripts isn't shown without them.
    expect(page.locator("[data-copy]").first).to_be_hidden()
    page.get_by_role("link", name="Check that Okta uses it").click()
    page.get_by_role("button", name="Discard new token").click()
    expect(page.locator("#toasts")).to_contain_text("The new token is discarded.")
    page.goto(f"{scim}settings/")
    page.get_by_label("Name", exact=True).fill("Okta")
    page.get_by_role("button", name="Save").first.click()
    expect(page.get_by_text("Okta keeps people and groups")).to_be_attached()
    page.close()


def test_it_fits_a_phone_with_the_token_in_full(embedded: Portal, scim: str, browser: Browser) -> None:
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    connect(embedded, page, scim)
    assert overflow(page) == 0
    check_accessibility(page)
    shows_all = "field => field.scrollWidth <= field.clientWidth && field.scrollHeight <= field.clientHeight + 2"
    assert page.locator("#bearer-token").evaluate(shows_all)
    for path in ("settings/", "token/rotate/", "create/"):
        page.goto(scim + path)
        assert overflow(page) == 0, path
    page.close()
