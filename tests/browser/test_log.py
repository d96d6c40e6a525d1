"""The log in a browser: filters, the page of a request, its dry run, and the export."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from portal.embedded import models
from tests import factories
from tests.browser.conftest import Portal, check_accessibility, overflow
from tests.browser.test_groups import tab_to
from tests.scim_server.conftest import Idp

pytestmark = pytest.mark.browser

LOOKUPS = 70


@pytest.fixture
def idp(embedded: Portal) -> Idp:
    """Acme's identity provider, with many lookups and two failed requests in the log."""
    connection = models.ScimConnectionRow.objects.get(organization__slug="acme")
    idp = Idp(connection, "scim_token-of-acme")
    for number in range(LOOKUPS):
        factories.scim_request(connection, query=f"startIndex={number}")
    group = idp.create_group("Sales")
    idp.get("/Users/Users")
    idp.patch(f"/Groups/{group}", {"op": "replace", "path": "displayName", "value": "Selling"}, **{"If-Match": 'W/"1"'})
    return idp


def open_log(portal: Portal, page: Page, query: str = "") -> None:
    portal.sign_in(page)
    page.goto(f"{portal.url}/o/acme/scim/log/{query}")


def wait_for_htmx(page: Page) -> None:
    """Wait until loaded content is active: a script is faster than a person."""
    expect(page.locator(".htmx-request, .htmx-added, .htmx-settling")).to_have_count(0)


def choose(page: Page, label: str, value: str) -> None:
    """Choose a filter."""
    wait_for_htmx(page)
    page.get_by_label(label).select_option(value)


def rows(page: Page) -> int:
    return page.locator("#log tbody tr:not(#log-more, .day)").count()


def test_requests_are_paged_and_filtered(embedded: Portal, idp: Idp, page: Page) -> None:
    open_log(embedded, page)
    check_accessibility(page)
    assert rows(page) == 50

    page.get_by_role("link", name="Load more").click()
    expect(page.locator("#log-more")).to_contain_text(f"All {LOOKUPS + 3} shown")
    expect(page.locator("#announcements")).to_have_text(f"All {LOOKUPS + 3} shown")
    choose(page, "Result", "refused")
    expect(page.locator("#log-more")).to_contain_text("All 2 shown")
    expect(page.get_by_text("The URL ends in /Users or /Groups twice")).to_be_visible()
    choose(page, "About", "User")
    expect(page.locator("#log-more")).to_contain_text("All 1 shown")
    choose(page, "Kind", "DELETE")
    expect(page.get_by_role("heading", name="No matching requests")).to_be_visible()
    check_accessibility(page)
    page.get_by_role("link", name="Clear filters").first.click()
    expect(page.locator("#log-more")).to_contain_text("50 shown")


def test_going_back_from_a_request_restores_the_position(embedded: Portal, idp: Idp, page: Page) -> None:
    open_log(embedded, page)
    page.get_by_role("link", name="Load more").click()
    expect(page.locator("#log-more")).to_contain_text(f"All {LOOKUPS + 3} shown")
    last = page.locator("#log tbody tr:not(#log-more, .day) a").last
    address = last.get_attribute("href")
    last.click()
    expect(page.get_by_role("heading", name="Request", exact=True)).to_be_visible()

    page.go_back()

    expect(page.locator(f'#log a[href="{address}"]')).to_be_visible()
    expect(page.locator("#log-more")).to_contain_text(f"All {LOOKUPS + 3} shown")


def test_a_failed_request_links_to_its_fix_and_its_dry_run(embedded: Portal, idp: Idp, page: Page) -> None:
    open_log(embedded, page)
    choose(page, "Result", "refused")
    expect(page.locator("#log-more")).to_contain_text("All 2 shown")

    page.get_by_role("link", name="Rename group Sales").click()
    expect(page.get_by_role("heading", name="Changed in the meantime")).to_be_visible()
    check_accessibility(page)
    page.get_by_role("link", name="Dry run").click()
    expect(page.get_by_role("heading", name="The request would succeed")).to_be_visible()
    expect(page.get_by_text("Nothing was changed").first).to_be_visible()
    expect(page.get_by_role("heading", name="A group would change: Selling")).to_be_visible()
    check_accessibility(page)
    assert idp.get("/Groups", filter='displayName eq "Sales"').json()["totalResults"] == 1

    page.go_back()
    page.go_back()
    expect(page).to_have_url(re.compile("outcome=refused"))
    expect(page.get_by_label("Result")).to_have_value("refused")
    expect(page.locator("#log-more")).to_contain_text("All 2 shown")


def test_a_user_links_to_their_requests(embedded: Portal, idp: Idp, page: Page) -> None:
    user = idp.create_user("pia@acme.example", displayName="Pia Patel")
    embedded.sign_in(page)
    page.goto(f"{embedded.url}/o/acme/scim/people/{user}/")

    page.get_by_role("link", name="View log").click()

    expect(page.get_by_role("link", name="About Pia Patel")).to_be_visible()
    assert rows(page) == 1
    check_accessibility(page)
    choose(page, "Result", "succeeded")
    expect(page).to_have_url(re.compile("outcome=succeeded"))
    expect(page.get_by_role("link", name="About Pia Patel")).to_be_visible()
    wait_for_htmx(page)
    page.get_by_role("link", name="About Pia Patel").click()
    expect(page.get_by_role("link", name="About Pia Patel")).to_have_count(0)
    expect(page.get_by_label("Result")).to_have_value("succeeded")


def test_the_filtered_requests_are_exported(embedded: Portal, idp: Idp, page: Page) -> None:
    open_log(embedded, page)
    choose(page, "Result", "refused")
    expect(page.locator("#log-more")).to_contain_text("All 2 shown")

    for button, ending, lines in (("CSV", ".csv", 3), ("JSON Lines", ".jsonl", 2)):
        with page.expect_download() as download:
            page.get_by_role("button", name=button).click()
        assert re.fullmatch(rf"scim-log-acme-\d+-\d+\{ending}", download.value.suggested_filename)
        assert len(download.value.path().read_text().splitlines()) == lines


def test_it_works_on_a_phone_without_javascript(embedded: Portal, idp: Idp, browser: Browser) -> None:
    page = browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False).new_page()
    open_log(embedded, page)
    assert rows(page) == 50
    page.get_by_role("link", name="Load more").click()
    expect(page.locator("#log-more")).to_contain_text(f"51 to {LOOKUPS + 3}, the last")
    page.get_by_role("link", name="List people").first.click()
    expect(page.get_by_role("heading", name="List people")).to_be_visible()
    page.go_back()
    expect(page.locator("#log-more")).to_contain_text(f"51 to {LOOKUPS + 3}, the last")

    choose(page, "Result", "refused")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#log-more")).to_contain_text("All 2 shown")
    with page.expect_download():
        page.get_by_role("button", name="CSV").click()
    page.get_by_role("link", name="Rename group Sales").click()
    page.get_by_role("link", name="Dry run").click()
    expect(page.get_by_role("heading", name="A group would change: Selling")).to_be_visible()


def test_it_fits_a_phone(embedded: Portal, idp: Idp, browser: Browser) -> None:
    long = "x" * 200
    factories.scim_request(idp.connection, path=f"/{long}", status=404, detail=long, user_agent=long, body=f'"{long}"')
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    open_log(embedded, page)
    assert overflow(page) == 0
    check_accessibility(page)
    page.get_by_role("link", name="Unknown request").first.click()
    expect(page.get_by_role("heading", name="Request", exact=True)).to_be_visible()
    assert overflow(page) == 0
    page.goto(f"{embedded.url}/o/acme/scim/log/?outcome=refused")
    page.get_by_role("link", name="Rename group Sales").click()
    page.get_by_role("link", name="Dry run").click()
    expect(page.get_by_role("heading", name="The request would succeed")).to_be_visible()
    assert overflow(page) == 0


def test_it_works_by_keyboard(embedded: Portal, idp: Idp, page: Page) -> None:
    open_log(embedded, page)
    page.get_by_label("Result").focus()
    page.keyboard.press("ArrowDown")
    expect(page).to_have_url(re.compile("outcome=succeeded"))
    expect(page.get_by_label("Result")).to_be_focused()
    wait_for_htmx(page)
    page.keyboard.press("ArrowDown")
    expect(page.locator("#log-more")).to_contain_text("All 2 shown")
    expect(page.get_by_label("Result")).to_be_focused()

    page.get_by_label("Search by person").fill("sales")
    page.keyboard.press("Enter")
    expect(page.locator("#log-more")).to_contain_text("All 1 shown")
    tab_to(page, "Rename group Sales")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Changed in the meantime")).to_be_visible()
    tab_to(page, "Dry run")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="The request would succeed")).to_be_visible()


def test_with_stytch_the_reason_is_shown(stytch: Portal, page: Page) -> None:
    open_log(stytch, page)

    expect(page.get_by_role("heading", name="Not available with this directory")).to_be_visible()
    check_accessibility(page)
    page.goto(f"{stytch.url}/o/acme/scim/")
    expect(page.get_by_text("Identity providers send their requests to the directory itself")).to_be_visible()
    check_accessibility(page)
