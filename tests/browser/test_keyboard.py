"""The main journeys by keyboard alone: every stop is seen, and the focus is never lost, also after HTMX has swapped something."""

import re

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from portal.embedded import models
from tests import factories
from tests.browser.conftest import Portal
from tests.fakes.stytch import DEMO_PASSWORD

pytestmark = pytest.mark.browser

MAX_STOPS = 150
# What has the focus, and whether one sees it: an outline on it or around it, within the window, below nothing else.
STOP = """() => {
    const stop = document.activeElement;
    if (stop === document.body || stop === document.documentElement) return { name: "", problem: "the focus is lost" };
    const name = stop.ariaLabel || stop.textContent.trim().slice(0, 60) || stop.name || stop.id;
    const outlined = [stop, stop.parentElement, stop.parentElement?.parentElement].some((one) => {
        const style = one && getComputedStyle(one);
        return style && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
    });
    if (!outlined) return { name, problem: "no outline" };
    const box = stop.getBoundingClientRect();
    const [x, y] = [box.x + Math.min(box.width, 20) / 2, box.y + Math.min(box.height, 20) / 2];
    const shown = document.elementFromPoint(x, y);
    if (!shown) return { name, problem: "outside of the window" };
    const isSeen = stop.contains(shown) || shown.contains(stop) || stop.labels?.[0]?.contains(shown);
    return { name, problem: isSeen ? "" : `below ${shown.outerHTML.slice(0, 80)}` };
}"""


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus. Fail at a stop that one can't see."""
    # The key before may lead to another page.
    target.wait_for()
    page.wait_for_load_state()
    for _ in range(MAX_STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate(STOP)
        assert stop["problem"] == "", stop
        if target.evaluate("target => target === document.activeElement"):
            return
    raise AssertionError(f"{target} can't be reached with Tab")


def press(page: Page, target: Locator, key: str = "Enter") -> None:
    """Go to the target, and press a key on it."""
    tab_to(page, target)
    page.keyboard.press(key)


def test_signing_in_and_reaching_an_area(portal: Portal, page: Page) -> None:
    page.goto(f"{portal.url}/o/acme/sign-in/")
    email_address, password = page.get_by_label("Email address"), page.get_by_label("Password")
    if not email_address.evaluate("target => target === document.activeElement"):
        tab_to(page, email_address)
    page.keyboard.type("ada@acme.example")
    tab_to(page, password)
    page.keyboard.type(DEMO_PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{portal.url}/o/acme/")

    press(page, page.get_by_role("navigation").get_by_role("link", name="SCIM"))
    page.wait_for_url(f"{portal.url}/o/acme/scim/")


def test_getting_groups_and_loading_more(portal: Portal, page: Page) -> None:
    portal.sign_in(page)
    page.goto(f"{portal.url}/o/acme/scim/")

    press(page, page.get_by_role("link", name="Get groups"))
    expect(page.locator("#groups-more")).to_contain_text("50 shown")
    expect(page.get_by_role("heading", name="Groups", exact=True)).to_be_focused()
    press(page, page.get_by_role("link", name="Load more"))
    expect(page.locator("#groups-more")).to_contain_text("100 shown")
    # The first of the new rows.
    expect(page.locator("#groups tbody tr").nth(50).locator("[data-focus-after-load]")).to_be_focused()
    tab_to(page, page.get_by_role("link", name="Load more"))


def test_assigning_a_role_to_groups(embedded: Portal, page: Page) -> None:
    embedded.open_group_list(page)

    press(page, page.get_by_role("checkbox", name="Choose Team 000"), "Space")
    press(page, page.get_by_role("checkbox", name="Choose Team 001"), "Space")
    press(page, page.get_by_role("button", name="Assign roles to chosen groups"))
    admin = page.get_by_role("checkbox", name="Admin")
    press(page, admin, "Space")
    # The preview is swapped next to the choice, which keeps the focus.
    expect(page.locator("#affected")).to_contain_text("Gain Admin")
    expect(page.locator("#affected-summary")).to_contain_text("Admin")
    expect(admin).to_be_focused()
    expect(admin).to_be_checked()
    press(page, page.get_by_role("button", name="Continue"))
    press(page, page.get_by_role("button", name="Save roles"))
    page.wait_for_url("**/scim/groups/?roles=with")
    expect(page.locator("#toasts")).to_contain_text("Roles of 2 groups saved.")


@pytest.fixture
def initech(embedded: Portal) -> models.OrganizationRow:
    """Return an organization without a connection, whose admin is Ina."""
    ada = models.MemberRow.objects.get(organization__slug="acme", email_address="ada@acme.example")
    initech = factories.organization("initech", name="Initech")
    ina = factories.member(initech, "ina@initech.example", roles=["stytch_admin"])
    models.MemberRow.objects.filter(pk=ina.pk).update(password=ada.password)
    return initech


@pytest.mark.usefixtures("initech")
def test_connecting_an_identity_provider(embedded: Portal, page: Page) -> None:
    embedded.sign_in(page, "ina@initech.example", "initech")
    page.goto(f"{embedded.url}/o/initech/scim/")

    press(page, page.get_by_role("link", name="Connect identity provider"))
    page.wait_for_url("**/scim/create/")
    okta = page.get_by_role("radio", name="Okta")
    # Tab leads to the group of radio buttons once, and the arrow keys through it.
    tab_to(page, okta if okta.is_checked() else page.get_by_role("radio").first)
    page.keyboard.press("Space")
    while not okta.is_checked():
        page.keyboard.press("ArrowDown")
        assert page.evaluate(STOP)["problem"] == ""
    tab_to(page, page.get_by_label("Name", exact=True))
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("Okta production")
    press(page, page.get_by_role("button", name="Create connection"))
    expect(page.locator("#bearer-token")).to_be_focused()


def test_rotating_a_token(embedded: Portal, page: Page, initech: models.OrganizationRow) -> None:
    factories.scim_connection(initech)
    embedded.sign_in(page, "ina@initech.example", "initech")
    page.goto(f"{embedded.url}/o/initech/scim/settings/")

    press(page, page.get_by_role("link", name=re.compile("^Rotate")))
    press(page, page.get_by_role("button", name="Create new token"))
    expect(page.locator("#bearer-token")).to_be_focused()
    press(page, page.get_by_role("link", name="Check that Okta uses it"))
    press(page, page.get_by_role("button", name=re.compile("^Discard")))
    page.wait_for_url("**/scim/settings/**")
    # It leads to the section of the token, and Tab continues from there.
    tab_to(page, page.get_by_role("link", name=re.compile("^Rotate")))


def test_deciding_what_needs_attention(embedded: Portal, page: Page) -> None:
    connection = models.ScimConnectionRow.objects.get(organization__slug="acme")
    factories.scim_conflict(connection, factories.member(connection.organization, "old@acme.example", name="Olga Old"))
    now = timezone.now()
    models.ScimConnectionRow.objects.update(hold_started_at=now)
    keys = models.ScimUserRow.objects.values_list("pk", flat=True)[:2]
    models.ScimUserRow.objects.filter(pk__in=list(keys)).update(deactivation_held_at=now)
    embedded.sign_in(page)
    page.goto(f"{embedded.url}/o/acme/")

    press(page, page.get_by_role("link", name="Review").first)
    page.goto(f"{embedded.url}/o/acme/scim/attention/")
    choices = page.locator("input[type=radio]")
    tab_to(page, choices.first)
    mistake = page.get_by_label("It was a mistake")
    for _ in range(choices.count()):
        if mistake.is_checked():
            break
        page.keyboard.press("ArrowDown")
    press(page, page.get_by_role("button", name="Continue"))
    expect(page.get_by_text("Hold cleared. The count starts again.").first).to_be_visible()
    press(page, page.get_by_label("Select old@acme.example"), "Space")
    press(page, page.get_by_role("button", name="Let Okta manage"))
    expect(page.get_by_text("Okta can now manage 1 member.").first).to_be_visible()
