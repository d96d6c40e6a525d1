"""The portal in a frame of a product's page, over TLS on sites of their own, with third-party cookies blocked."""

import json
import shutil
from html import escape
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, FrameLocator, Page, Playwright, expect

from tests.conftest import PASSWORD
from tests.embed.site import APP_HOST, CHROMIUM, EMBED_HOST, Site

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("embed")]

PAGE = """<!doctype html><html lang="en"><title>Product</title><main><h1>Directory</h1>{}</main></html>"""
FRAME = """<iframe name="{name}" title="Portal" width="1000" height="800"></iframe>
<form method="post" action="{url}" target="{name}"><input type="hidden" name="ticket" value="{ticket}"><button>Open {name}</button></form>"""


def frame_html(ticket: dict[str, Any], name: str = "portal", url: str = "") -> str:
    return FRAME.format(name=name, url=escape(url or ticket["url"]), ticket=escape(ticket["ticket"]))


def embed(
    site: Site, tab: Page, ticket: dict[str, Any], host: str = APP_HOST, headers: dict[str, str] | None = None
) -> FrameLocator:
    """Open a page of the product that submits a ticket into a frame."""
    tab.goto(site.product.page(host, "/directory", PAGE.format(frame_html(ticket)), headers))
    tab.get_by_role("button", name="Open portal").click()
    return tab.frame_locator("iframe")


@pytest.fixture(scope="module", autouse=True)
def _groups(site: Site) -> None:
    connection = site.backend.request("POST", "scim/acme/connection", display_name="Okta", identity_provider="okta")
    created = connection["connection"]
    for number in range(60):
        site.backend.provision(created["connection_id"], created["bearer_token"], f"Team {number:03}")


def test_a_ticket_opens_the_portal_in_a_frame(site: Site, tab: Page) -> None:
    frame = embed(site, tab, site.ticket())

    expect(frame.get_by_role("heading", name="SCIM")).to_be_visible()
    expect(frame.get_by_role("navigation", name="Portal")).to_have_count(0)
    cookies = tab.context.cookies()
    assert [
        (one["name"], one["secure"], one["httpOnly"], one["sameSite"])
        for one in cookies
        if "csrf" not in one["name"] and "time-zone" not in one["name"]
    ] == [("__Host-embed-acme-scim", True, True, "None")]
    assert all(one.get("partitionKey") for one in cookies)


def test_a_deep_link_and_a_filter(site: Site, tab: Page) -> None:
    frame = embed(site, tab, site.ticket(path="scim/groups/?q=Eng"))

    expect(frame.get_by_label("Search groups by name")).to_have_value("Eng")


def test_groups_are_loaded_page_by_page(site: Site, tab: Page) -> None:
    frame = embed(site, tab, site.ticket())

    frame.get_by_role("link", name="Get groups").click()
    expect(frame.get_by_text("Team 000").first).to_be_visible()
    frame.get_by_role("link", name="Load more").click()
    expect(frame.get_by_text("Team 059").first).to_be_visible()


def test_a_setting_is_changed_in_a_frame(site: Site, tab: Page) -> None:
    frame = embed(site, tab, site.ticket(areas=["settings"], organization="globex"))

    frame.get_by_label("Name").first.fill("Globex Corporation")
    frame.get_by_role("button", name="Save").first.click()

    expect(frame.get_by_text("Globex Corporation").first).to_be_visible()
    assert (
        site.backend.request("GET", "organizations/globex")["organization"]["organization_name"] == "Globex Corporation"
    )


def test_a_token_is_rotated_at_the_portal_itself(site: Site, tab: Page) -> None:
    frame = embed(site, tab, site.ticket(path="scim/token/rotate/"))

    with tab.context.expect_page() as opened:
        frame.get_by_role("link", name="Open the portal").click()
    portal = opened.value
    assert portal.evaluate("window.opener") is None
    portal.get_by_label("Email address").fill("ada@acme.example")
    portal.get_by_label("Password").fill(PASSWORD)
    portal.get_by_role("button", name="Sign in").click()
    portal.get_by_role("button", name="Create new token").click()
    portal.get_by_role("button", name="Copy").first.wait_for()
    portal.close()

    expect(frame.get_by_role("heading", name="Done in the other tab")).to_be_visible(timeout=15_000)
    frame.get_by_role("link", name="Continue here").click()
    expect(frame.get_by_role("heading", level=1)).to_be_visible()


def test_two_frames_of_two_organizations(site: Site, tab: Page) -> None:
    acme, globex = site.ticket(), site.ticket(organization="globex", areas=["members"])
    tab.goto(site.product.page(APP_HOST, "/two", PAGE.format(frame_html(acme, "first") + frame_html(globex, "second"))))
    tab.get_by_role("button", name="Open first").click()
    tab.get_by_role("button", name="Open second").click()

    expect(tab.frame_locator("iframe[name=first]").get_by_role("heading", name="SCIM")).to_be_visible()
    expect(tab.frame_locator("iframe[name=second]").get_by_text("gil@globex.example").first).to_be_visible()


def test_a_page_that_is_not_registered_shows_nothing(site: Site, tab: Page) -> None:
    ticket = site.ticket()
    frame = embed(site, tab, ticket, "evil.example")

    tab.wait_for_timeout(500)
    expect(frame.get_by_role("heading", name="SCIM")).to_have_count(0)
    assert tab.context.cookies() == []


def test_a_used_ticket(site: Site, tab: Page) -> None:
    ticket = site.ticket()
    expect(embed(site, tab, ticket).get_by_role("heading", name="SCIM")).to_be_visible()
    tab.context.clear_cookies()

    expect(embed(site, tab, ticket).get_by_role("heading", name="This page didn’t open")).to_be_visible()


def test_a_registered_frame_in_a_hostile_page(site: Site, tab: Page) -> None:
    inner = site.product.page(APP_HOST, "/inner", PAGE.format(frame_html(site.ticket())))
    outer = site.product.page(
        "evil.example",
        "/outer",
        PAGE.format(f'<iframe src="{inner}" title="Product" width="1100" height="900"></iframe>'),
    )
    tab.goto(outer)
    product = tab.frame_locator("iframe")
    product.get_by_role("button", name="Open portal").click()

    tab.wait_for_timeout(700)
    expect(product.frame_locator("iframe").get_by_role("heading", name="SCIM")).to_have_count(0)


def test_a_frame_in_a_frame_of_registered_pages(site: Site, tab: Page) -> None:
    outer_origin = site.product.origin("suite.product.example")
    site.backend.request("POST", "organizations/acme/embed/origins", origin=outer_origin)
    inner = site.product.page(APP_HOST, "/inner", PAGE.format(frame_html(site.ticket())))
    tab.goto(
        site.product.page(
            "suite.product.example",
            "/",
            PAGE.format(f'<iframe src="{inner}" title="Product" width="1100" height="900"></iframe>'),
        )
    )
    product = tab.frame_locator("iframe")
    product.get_by_role("button", name="Open portal").click()

    expect(product.frame_locator("iframe").get_by_role("heading", name="SCIM")).to_be_visible()


def test_a_page_that_hides_its_origin_learns_why(site: Site, tab: Page) -> None:
    frame = embed(site, tab, site.ticket(), headers={"Referrer-Policy": "no-referrer"})

    tab.wait_for_timeout(500)
    expect(frame.get_by_role("heading", name="SCIM")).to_have_count(0)


def test_a_ticket_in_a_link_is_not_read(site: Site, tab: Page) -> None:
    ticket = site.ticket()
    tab.goto(f"{ticket['url']}?ticket={ticket['ticket']}")

    expect(tab.get_by_role("heading", name="This page didn’t open")).to_be_visible()
    expect(embed(site, tab, ticket).get_by_role("heading", name="SCIM")).to_be_visible()


def test_a_browser_that_blocks_cookies_opens_a_tab(site: Site, playwright: Playwright, tmp_path: Path) -> None:
    preferences = tmp_path / "Default" / "Preferences"
    preferences.parent.mkdir()
    # Chromium's setting "Block all cookies", for the host of frames only while it is in a page of another site.
    blocked = {f"[*.]{EMBED_HOST},[*.]product.example": {"setting": 2}}
    preferences.write_text(json.dumps({"profile": {"content_settings": {"exceptions": {"cookies": blocked}}}}))
    context = playwright.chromium.launch_persistent_context(
        str(tmp_path), executable_path=shutil.which("chromium"), args=CHROMIUM, ignore_https_errors=True
    )
    tab = context.new_page()
    frame = embed(site, tab, site.ticket(path="scim/groups/"))

    with context.expect_page() as opened:
        frame.get_by_role("button", name="Open in a new tab").click()
    expect(opened.value.get_by_role("heading", name="SCIM").first).to_be_visible()
    assert opened.value.url.startswith(f"{site.embed}/o/acme/scim/groups/")
    context.close()


def test_a_page_over_the_frame_gets_no_dangerous_click(site: Site, tab: Page) -> None:
    """A registered page could cover the frame and misdirect a click: the dangerous button isn't there."""
    frame = embed(site, tab, site.ticket(path="scim/delete/"))

    expect(frame.get_by_role("heading", name="Continue in a new tab")).to_be_visible()
    expect(frame.get_by_role("button", name="Delete")).to_have_count(0)


def test_the_keyboard_goes_through_the_border_of_the_frame(site: Site, tab: Page) -> None:
    html = PAGE.format(frame_html(site.ticket()) + "<button>After the frame</button>")
    tab.goto(site.product.page(APP_HOST, "/keyboard", html))
    tab.get_by_role("button", name="Open portal").click()
    expect(tab.frame_locator("iframe").get_by_role("heading", name="SCIM")).to_be_visible()
    seen = []
    tab.locator("h1").click()
    for _ in range(120):
        tab.keyboard.press("Tab")
        seen.append(tab.evaluate("document.activeElement.textContent || document.activeElement.tagName"))
        if "After the frame" in seen:
            break

    assert seen[0] == "IFRAME"
    assert seen[-1] == "After the frame"


def test_axe_and_a_narrow_frame(site: Site, tab: Page) -> None:
    html = PAGE.format(frame_html(site.ticket(areas=["scim", "members"])).replace('width="1000"', 'width="320"'))
    tab.goto(site.product.page(APP_HOST, "/narrow", html))
    tab.get_by_role("button", name="Open portal").click()
    frame = tab.frame_locator("iframe")
    expect(frame.get_by_role("heading", name="SCIM")).to_be_visible()

    inner = tab.frames[1]
    assert inner.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = [*Axe().run(tab).response["violations"], *Axe().run(inner).response["violations"]]
        assert [(scheme, one["id"], [node["target"] for node in one["nodes"]]) for one in found] == []


def test_without_scripts(site: Site, frame_browser: Browser) -> None:
    context = frame_browser.new_context(ignore_https_errors=True, java_script_enabled=False)
    tab = context.new_page()
    frame = embed(site, tab, site.ticket(areas=["scim", "members"]))

    frame.get_by_role("navigation", name="Areas").get_by_role("link", name="Members").click()
    expect(frame.get_by_role("heading", name="Members")).to_be_visible()
    context.close()
