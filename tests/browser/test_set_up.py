"""Setup in a browser: the live check updates while requests arrive, and stops when it is complete."""

import json
import re

import pytest
from playwright.sync_api import Browser, Page, expect

from portal.embedded import models
from tests import factories
from tests.browser.conftest import Portal, check_accessibility, overflow
from tests.browser.test_groups import tab_to
from tests.scim_server.conftest import Idp

pytestmark = pytest.mark.browser

TOKEN = "scim_token-of-initech"


@pytest.fixture
def idp(embedded: Portal) -> Idp:
    """A new identity provider in an organization with only an admin."""
    initech = factories.organization("initech", name="Initech")
    admin = models.MemberRow.objects.get(organization__slug="acme", email_address="ada@acme.example")
    models.MemberRow.objects.create(
        organization=initech,
        email_address="ina@initech.example",
        direct_roles=["stytch_admin"],
        password=admin.password,
    )
    return Idp(factories.scim_connection(initech, bearer_token=TOKEN), TOKEN)


def open_set_up(portal: Portal, page: Page) -> None:
    portal.sign_in(page, "ina@initech.example", "initech")
    page.goto(f"{portal.url}/o/initech/scim/set-up/")


def line(page: Page, title: str, state: str) -> None:
    expect(
        page.locator(f"li[data-state='{state}']", has=page.get_by_role("heading", name=re.compile(f"^{title}")))
    ).to_be_visible()


def test_the_check_updates_while_requests_arrive_and_then_stops_polling(embedded: Portal, idp: Idp, page: Page) -> None:
    open_set_up(embedded, page)
    line(page, "URL", "next")

    idp.get("/Users/Users")
    line(page, "URL", "problem")
    expect(page.locator("#announcements")).to_contain_text("The URL ends in /Users or /Groups twice")
    check_accessibility(page)

    idp.get("/Users")
    line(page, "First person", "next")
    user = idp.create_user("priya@initech.example", displayName="Priya Patel")
    expect(page.get_by_text("Priya Patel")).to_be_visible()
    expect(page.get_by_text("assigning a group sends its people, but not the group")).to_be_visible()
    idp.create_group("Sales", [user])
    line(page, "First group", "done")
    idp.patch(f"/Users/{user}", {"op": "replace", "value": {"active": False}})
    expect(page.get_by_text("Okta is set up.")).to_be_visible()
    check_accessibility(page)

    polled: list[str] = []
    page.on("request", lambda request: polled.append(request.url))
    page.clock.install()
    page.clock.fast_forward("10:00")
    assert polled == []


def test_polling_slows_down_and_ends_if_nothing_changes(embedded: Portal, idp: Idp, page: Page) -> None:
    page.clock.install()
    open_set_up(embedded, page)
    page.evaluate(_RECORD_POLLS)

    waits = [seconds_until_poll(page) for _ in range(12)]
    assert waits == sorted(waits)
    assert waits[0] <= 4
    assert 40 <= waits[-1] <= seconds_until_poll(page) + 3 <= 66

    for _ in range(150):
        run(page, 60)
    polled = len(polls(page))
    for _ in range(10):
        run(page, 60)
    assert len(polls(page)) == polled


def run(page: Page, seconds: int) -> None:
    """Run the clock of the page, which stops while a response is on its way."""
    page.clock.run_for(seconds * 1000)
    for _ in range(2000):
        if page.evaluate("window.responses === window.polls.length"):
            return
        page.wait_for_timeout(10)
    raise AssertionError("no response")


# With the clock of the page, so that slow responses change nothing.
_RECORD_POLLS = """() => {
    window.polls = [Date.now()];
    window.responses = 1;
    document.body.addEventListener("htmx:beforeRequest", () => window.polls.push(Date.now()));
    document.body.addEventListener("htmx:afterRequest", () => (window.responses += 1));
}"""


def polls(page: Page) -> list[int]:
    """Return when the page was loaded and when it polled, in milliseconds of its clock."""
    found: list[int] = page.evaluate("window.polls")
    return found


def seconds_until_poll(page: Page) -> int:
    """Run the clock of the page until it has polled and got a response, and return how long it waited."""
    before = len(polls(page))
    for _ in range(70):
        run(page, 1)
        polled = polls(page)
        if len(polled) > before:
            return round((polled[-1] - polled[-2]) / 1000)
    raise AssertionError("no further poll")


def test_a_hidden_tab_does_not_poll(embedded: Portal, idp: Idp, page: Page) -> None:
    page.clock.install()
    open_set_up(embedded, page)
    polled: list[str] = []
    page.on("request", lambda request: polled.append(request.url) if "seen=" in request.url else None)
    page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    page.clock.run_for(10_000)
    assert polled == []

    idp.get("/Users")
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")

    line(page, "Token", "done")


def test_the_focus_stays_while_the_check_updates(embedded: Portal, idp: Idp, page: Page) -> None:
    open_set_up(embedded, page)
    tab_to(page, "Check now")

    idp.get("/Users")

    line(page, "Token", "done")
    expect(page.get_by_role("link", name="Check now")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Check now")).to_be_focused()


def test_it_works_without_javascript(embedded: Portal, idp: Idp, browser: Browser) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    open_set_up(embedded, page)
    line(page, "URL", "next")
    expect(page.get_by_text("Updates automatically")).to_be_hidden()

    idp.create_user("priya@initech.example", displayName="Priya Patel")
    page.get_by_role("link", name="Check now").click()

    line(page, "First person", "done")
    # The next step is a place on the page.
    page.locator("li[data-state='next']").get_by_role("link").click()
    assert page.url.endswith("#step-6")


def test_it_fits_a_phone(embedded: Portal, idp: Idp, browser: Browser) -> None:
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    idp.get("/Users/Users")
    open_set_up(embedded, page)

    assert overflow(page) == 0
    check_accessibility(page)
    # It comes before the guide.
    check, guide = (page.locator(one).bounding_box() for one in ("#live-check", "#step-1"))
    assert check
    assert guide
    assert check["y"] < guide["y"]


@pytest.mark.parametrize("provider", ["onelogin", "generic", "microsoft-entra"])
def test_every_guide_is_accessible(embedded: Portal, idp: Idp, page: Page, provider: str) -> None:
    models.ScimConnectionRow.objects.filter(pk=idp.connection.pk).update(identity_provider=provider)
    open_set_up(embedded, page)

    check_accessibility(page)
    assert overflow(page) == 0


def test_a_template_is_copied_with_its_lines(embedded: Portal, idp: Idp, page: Page) -> None:
    models.ScimConnectionRow.objects.filter(pk=idp.connection.pk).update(identity_provider="onelogin")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_set_up(embedded, page)

    page.get_by_role("button", name="Copy SCIM JSON Template").click()

    expect(page.locator("#announcements")).to_have_text("Copied")
    copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert copied["userName"] == "{$parameters.scimusername}"


def test_the_url_keeps_the_choice_of_a_guide(embedded: Portal, idp: Idp, page: Page) -> None:
    models.ScimConnectionRow.objects.filter(pk=idp.connection.pk).update(identity_provider="generic")
    open_set_up(embedded, page)

    page.get_by_label("Your identity provider").select_option("google-workspace")
    page.get_by_role("button", name="Show guide").click()

    expect(page.get_by_role("heading", name="Set up Google Workspace")).to_be_visible()
    idp.get("/Users")
    line(page, "Token", "done")
    page.get_by_role("link", name="Check now").click()
    expect(page).to_have_url(re.compile("guide=google-workspace"))
    page.reload()
    expect(page.get_by_label("Your identity provider")).to_have_value("google-workspace")


def test_with_stytch_the_guide_and_the_reason_are_shown(stytch: Portal, page: Page) -> None:
    stytch.sign_in(page)
    page.goto(f"{stytch.url}/o/acme/scim/set-up/")

    expect(page.get_by_role("heading", name="Set up Okta")).to_be_visible()
    expect(page.get_by_role("heading", name="Not available with this directory")).to_be_visible()
    check_accessibility(page)
