"""How pages arrive: few bytes on a first visit, compressed pages, and nothing on the page that jumps."""

import gzip
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from playwright.sync_api import BrowserContext, Page, Route, expect

from portal.embedded import models
from tests.browser.conftest import Portal

pytestmark = pytest.mark.browser

# For the whole first visit: page, style sheet, scripts, font and icon.
MAX_BYTES = 120_000
# Longer than the half second after a click in which the browser excuses a shift.
SLOW_MS = 800
# Each shift: its size, and the elements that moved within the window.
RECORD = """
    window.shifts = [];
    new PerformanceObserver(list => {
        for (const entry of list.getEntries())
            window.shifts.push([entry.value, entry.sources.map(({ node }) => node && (node.id || node.className || node.nodeName))]);
    }).observe({ type: "layout-shift", buffered: true });
"""


def sent_bytes(url: str, page_bytes: int) -> int:
    """Return what a response costs. A static file is counted as `collectstatic` compresses it, which the test server doesn't."""
    path = urlsplit(url).path
    if not path.startswith("/static/"):
        return page_bytes
    file = Path(str(finders.find(path.removeprefix("/static/"))))
    content = file.read_bytes()
    return len(content if file.suffix == ".woff2" else gzip.compress(content, 9))


@pytest.mark.parametrize("path", ["/", "/scim/", "/scim/groups/"])
def test_a_first_visit_loads_few_bytes(embedded: Portal, context: BrowserContext, page: Page, path: str) -> None:
    embedded.sign_in(page)
    visit = context.new_page()
    devtools = context.new_cdp_session(visit)
    devtools.send("Network.enable")
    devtools.send("Network.setCacheDisabled", {"cacheDisabled": True})
    urls: dict[str, str] = {}
    loaded: dict[str, int] = {}
    devtools.on("Network.responseReceived", lambda event: urls.update({event["requestId"]: event["response"]["url"]}))
    devtools.on(
        "Network.loadingFinished", lambda event: loaded.update({event["requestId"]: int(event["encodedDataLength"])})
    )

    response = visit.goto(f"{embedded.url}/o/acme{path}")
    visit.wait_for_load_state("networkidle")

    assert response is not None
    assert response.header_value("content-encoding") == "gzip"
    assert all(url.startswith(embedded.url) for url in urls.values())
    # Only names with letters beyond Latin-1 need the larger font.
    assert [url for url in urls.values() if "latin-ext" in url] == []
    assert len([url for url in urls.values() if "/static/" in url]) >= 4
    sizes = {urls[key]: sent_bytes(urls[key], number) for key, number in loaded.items()}
    assert sum(sizes.values()) <= MAX_BYTES, sizes


def test_a_name_with_other_latin_letters_loads_their_font(embedded: Portal, page: Page) -> None:
    models.MemberRow.objects.filter(email_address="ada@acme.example").update(name="Željko Łukasz")
    with page.expect_request("**/inter-*-latin-ext*.woff2"):
        embedded.sign_in(page)


@pytest.fixture
def slowly() -> Callable[[Page, str], None]:
    """Return a way to delay the responses to some requests."""

    def delay(page: Page, pattern: str) -> None:
        def respond(route: Route) -> None:
            response = route.fetch()
            page.wait_for_timeout(SLOW_MS)
            route.fulfill(response=response)

        page.route(pattern, respond)

    return delay


def shifts(page: Page) -> list[object]:
    page.wait_for_timeout(200)
    found: list[object] = page.evaluate("window.shifts")
    return found


def test_loading_more_moves_nothing(embedded: Portal, page: Page, slowly: Callable[[Page, str], None]) -> None:
    page.add_init_script(RECORD)
    embedded.sign_in(page)
    page.goto(f"{embedded.url}/o/acme/scim/groups/")
    more = page.get_by_role("link", name="Load more")
    more.scroll_into_view_if_needed()
    slowly(page, "**/groups/?cursor=**")
    page.evaluate("window.shifts = []")

    more.click()
    expect(page.locator("#groups-more")).to_contain_text("100 shown")

    assert shifts(page) == []


def test_a_rotation_that_updates_itself_moves_nothing(
    embedded: Portal, page: Page, slowly: Callable[[Page, str], None]
) -> None:
    page.add_init_script(RECORD)
    embedded.sign_in(page)
    page.goto(f"{embedded.url}/o/acme/scim/token/rotate/")
    page.get_by_role("button", name="Create new token").click()
    page.get_by_role("link", name="Check that Okta uses it").click()
    page.get_by_role("link", name="Check now").wait_for()
    slowly(page, "**/token/rotate/")

    with page.expect_response("**/token/rotate/"):
        page.evaluate("window.shifts = []")

    assert shifts(page) == []


def test_a_message_moves_nothing(embedded: Portal, page: Page) -> None:
    page.add_init_script(RECORD)
    embedded.sign_in(page)
    page.goto(f"{embedded.url}/o/acme/scim/settings/")
    page.locator("#contacts").get_by_label("Email addresses").fill("it@acme.example")
    page.locator("#contacts").get_by_role("button", name="Save").click()
    expect(page.locator("#toasts")).to_contain_text("Contacts saved.")
    assert shifts(page) == []

    page.get_by_role("button", name="Close message").click()
    assert shifts(page) == []
