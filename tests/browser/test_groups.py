"""The main job in a browser: open the SCIM page, press the button, and see the groups page by page."""

import re

import pytest
from django.core import signing
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import NUMBER_OF_GROUPS, Portal, check_accessibility, overflow

pytestmark = pytest.mark.browser


def names(page: Page) -> list[str]:
    return [text.strip() for text in page.locator("#groups tbody .lead").all_inner_texts()]


def load_more(page: Page, shown: str) -> None:
    page.get_by_role("link", name="Load more").click()
    expect(page.locator("#groups-more")).to_contain_text(shown)


def test_groups_are_fetched_by_a_button_page_by_page_each_once(portal: Portal, page: Page) -> None:
    portal.open_groups(page)
    assert len(names(page)) == 50
    expect(page.locator("#announcements")).to_have_text("50 shown")

    load_more(page, "100 shown")
    load_more(page, f"All {NUMBER_OF_GROUPS} shown")

    assert len(names(page)) == len(set(names(page))) == NUMBER_OF_GROUPS
    expect(page.get_by_role("link", name="Load more")).to_have_count(0)
    expect(page.locator("#announcements")).to_have_text(f"All {NUMBER_OF_GROUPS} shown")


def test_a_reload_and_the_back_button_show_the_same(portal: Portal, page: Page) -> None:
    portal.open_groups(page)
    first = names(page)

    page.reload()
    assert names(page) == first
    page.go_back()
    expect(page.get_by_role("link", name="Get groups")).to_be_visible()
    page.go_forward()
    expect(page.locator("#groups-more")).to_contain_text("50 shown")


def test_groups_are_loaded_on_the_overview_and_move_nothing(portal: Portal, page: Page) -> None:
    portal.sign_in(page)
    page.goto(f"{portal.url}/o/acme/scim/")
    page.evaluate(
        """() => {
            window.shifts = [];
            new PerformanceObserver((list) => window.shifts.push(...list.getEntries().map((entry) => entry.value)))
                .observe({ type: "layout-shift", buffered: false });
        }"""
    )

    page.get_by_role("link", name="Get groups").click()
    load_more(page, "100 shown")

    expect(page.locator("#scim-sections [aria-current=page]")).to_have_text("Overview")
    expect(page.get_by_role("heading", name="SCIM", exact=True)).to_be_visible()
    assert page.evaluate("window.shifts") == []


def test_the_order_of_the_list_survives_the_back_button(embedded: Portal, page: Page) -> None:
    embedded.open_group_list(page)
    first = names(page)

    page.get_by_label("Sort by").select_option("newest")
    page.wait_for_url("**sort=newest**")
    assert names(page) == [f"Team {n:03}" for n in range(NUMBER_OF_GROUPS - 1, NUMBER_OF_GROUPS - 51, -1)]
    page.go_back()
    expect(page.get_by_label("Sort by")).to_have_value("")
    assert names(page) == first


def test_a_reload_and_the_way_back_keep_the_place_after_load_more(portal: Portal, page: Page) -> None:
    portal.open_groups(page)
    load_more(page, "100 shown")
    load_more(page, f"All {NUMBER_OF_GROUPS} shown")
    seen = names(page)
    row = page.locator("#groups tbody .lead").nth(110)
    row.scroll_into_view_if_needed()

    page.reload()
    assert names(page) == seen
    expect(page.locator("#groups-more")).to_contain_text(f"All {NUMBER_OF_GROUPS} shown")
    page.goto(f"{portal.url}/o/acme/scim/settings/")
    page.go_back()
    assert names(page) == seen
    expect(row).to_be_in_viewport()


def test_the_way_back_from_a_group_keeps_the_place(embedded: Portal, page: Page) -> None:
    embedded.open_groups(page)
    load_more(page, "100 shown")
    page.get_by_role("link", name="Team 075", exact=True).click()
    expect(page.get_by_role("heading", name="Team 075")).to_be_visible()

    page.go_back()

    assert len(names(page)) == 100
    expect(page.get_by_role("link", name="Team 075", exact=True)).to_be_in_viewport()


def test_a_search_narrows_the_list_and_says_when_nothing_matches(embedded: Portal, page: Page) -> None:
    embedded.open_group_list(page)

    page.get_by_label("Search groups by name").fill("team 12")
    page.keyboard.press("Enter")
    expect(page.locator("#groups-more")).to_contain_text("All 12 shown")
    assert names(page) == ["Team 012", "Team 112", *(f"Team {n}" for n in range(120, 130))]
    # The focus stays in the search field.
    expect(page.get_by_label("Search groups by name")).to_be_focused()

    page.get_by_label("Search groups by name").fill("zebra")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No matching groups")).to_be_visible()
    check_accessibility(page)
    page.get_by_role("link", name="Clear filters").click()
    expect(page.locator("#groups-more")).to_contain_text("50 shown")


def test_a_group_opens_to_its_people_page_by_page(embedded: Portal, page: Page) -> None:
    embedded.open_groups(page)
    page.get_by_role("link", name="Team 000", exact=True).click()

    expect(page.get_by_role("heading", name="Team 000")).to_be_visible()
    check_accessibility(page)
    page.get_by_role("link", name="Load more").click()
    expect(page.locator("#members-more")).to_contain_text("All 60 shown")
    expect(page.get_by_text("Deactivated", exact=True)).to_have_count(1)
    assert page.locator("#members small", has_text=re.compile(r"person\d\d@acme\.example")).count() == 60


def test_on_stytch_the_page_explains_that_there_is_no_search(stytch: Portal, page: Page) -> None:
    stytch.open_group_list(page)

    expect(page.get_by_text("lists groups without their members")).to_be_visible()
    expect(page.get_by_label("Search groups by name")).to_have_count(0)
    expect(page.locator("#groups tbody .lead a")).to_have_count(0)
    page.goto(f"{stytch.url}/o/acme/scim/groups/scim-group-test-none/")
    expect(page.get_by_role("heading", name="Not available with this directory")).to_be_visible()
    check_accessibility(page)


def test_everything_works_without_javascript(portal: Portal, browser: Browser) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    portal.open_groups(page)
    seen = names(page)

    while page.get_by_role("link", name="Load more").count():
        with page.expect_navigation():
            page.get_by_role("link", name="Load more").click()
        seen += names(page)

    assert len(seen) == len(set(seen)) == NUMBER_OF_GROUPS
    assert "the last" in page.locator("#groups-more").inner_text()
    with page.expect_navigation():
        page.get_by_role("link", name="Back to the first page").click()
    assert names(page) == seen[:50]
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/signed-out/")


def test_everything_works_by_keyboard(portal: Portal, page: Page) -> None:
    portal.sign_in(page)
    page.goto(f"{portal.url}/o/acme/scim/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, "Get groups")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Groups", exact=True)).to_be_focused()

    tab_to(page, "Load more")
    page.keyboard.press("Enter")
    expect(page.locator("#groups-more")).to_contain_text("100 shown")
    first_new = page.locator("#groups tbody tr").nth(50).locator("[data-focus-after-load]")
    expect(first_new).to_be_focused()


def tab_to(page: Page, name: str) -> None:
    for _ in range(250):
        page.keyboard.press("Tab")
        if name in page.evaluate("document.activeElement.textContent"):
            return
    raise AssertionError(f"{name} cannot be reached by keyboard")


def test_it_fits_a_phone(portal: Portal, browser: Browser) -> None:
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    page.goto(f"{portal.url}/sign-in/")
    assert overflow(page) == 0
    page.goto(f"{portal.url}/o/acme/sign-in/")
    portal.fill_in(page)
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("navigation").get_by_role("link", name="SCIM").click()
    page.get_by_role("link", name="Get groups").click()
    load_more(page, "100 shown")

    assert overflow(page) == 0
    check_accessibility(page)


def test_the_page_has_no_accessibility_finding(portal: Portal, page: Page) -> None:
    portal.sign_in(page)
    page.goto(f"{portal.url}/o/acme/scim/")
    check_accessibility(page)
    page.get_by_role("link", name="Get groups").click()
    load_more(page, "100 shown")
    check_accessibility(page)


def test_the_base_url_is_copied(portal: Portal, page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    portal.sign_in(page)
    page.goto(f"{portal.url}/o/acme/scim/")

    page.get_by_role("button", name="Copy Base URL").click()

    expect(page.locator("#announcements")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.get_by_label("Base URL", exact=True).input_value()


def test_a_session_that_has_ended_leads_to_sign_in_and_back(
    portal: Portal, page: Page, expected_errors: list[str]
) -> None:
    expected_errors.append("401")
    portal.open_groups(page)
    portal.revoke_sessions()

    page.get_by_role("link", name="Load more").click()

    page.get_by_role("link", name="Sign in and continue").click()
    portal.fill_in(page)
    page.wait_for_url(f"{portal.url}/o/acme/scim/?groups=shown**")
    assert len(names(page)) == 50


def test_a_failure_keeps_what_is_loaded_and_offers_to_retry(
    portal: Portal, page: Page, expected_errors: list[str]
) -> None:
    expected_errors += ["Failed to load resource", "htmx:"]
    portal.open_groups(page)

    page.route("**/scim/?groups=shown&cursor=**", abort)
    page.get_by_role("link", name="Load more").click()
    expect(page.get_by_role("alert")).to_contain_text("could not be reached")
    assert len(names(page)) == 50

    page.unroute("**/scim/?groups=shown&cursor=**")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#groups-more")).to_contain_text("100 shown")
    expect(page.get_by_text("could not be reached")).to_have_count(0)


def abort(route: Route) -> None:
    route.abort()


def test_an_expired_cursor_starts_the_list_again(embedded: Portal, page: Page) -> None:
    embedded.open_groups(page)
    load_more(page, "100 shown")
    stale = signing.dumps("team 099", salt="another list")
    page.locator("#groups-more a").evaluate(
        "(link, url) => { link.setAttribute('hx-get', url); link.href = url; htmx.process(link); }",
        f"/o/acme/scim/?groups=shown&cursor={stale}&shown=100",
    )
    link = page.get_by_role("link", name="Load more")
    link.evaluate("link => link.replaceWith(link.cloneNode(true))")
    page.evaluate("htmx.process(document.getElementById('groups-more'))")

    link.click()

    expect(page.get_by_text("The list starts again")).to_be_visible()
    assert len(names(page)) == 50
