"""The host script in a page of another site, as a product loads it from the host of frames."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.embed.product import Answer
from tests.embed.site import APP_HOST, Site

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("embed")]

OTHER_HOST = "app.other.example"
MOUNT = """
    window.events = [];
    window.handle = mount(document.getElementById("portal"), {
        fetchTicket: async ({ path }) => (await fetch(`/ticket?${new URLSearchParams({ path })}`)).json(),
        area: "scim",
        path: "scim/groups/",
        onEvent: (event) => events.push(event),
    });
"""
CLASSIC = (
    '<script src="{script}.js"></script><script src="/page.js" defer></script>',
    f"const {{ mount }} = Gatehouse; {MOUNT}",
)
MODULE = ('<script src="/page.js" type="module"></script>', f'import {{ mount }} from "{{script}}.mjs"; {MOUNT}')


def open_page(site: Site, tab: Page, host: str = APP_HOST, kind: tuple[str, str] = CLASSIC) -> list[str]:
    """Open a product's page that mounts a frame, and return the IDs of the tickets that its backend creates."""
    created: list[str] = []
    script = f"{site.embed}/static/embed/gatehouse"

    def ticket(fields: dict[str, str]) -> Answer:
        answer = site.ticket(path=fields.get("path", ""))
        created.append(answer["ticket_id"])
        return 200, json.dumps({"ticket": answer["ticket"], "url": answer["url"]}), {"Content-Type": "application/json"}

    site.product.backend(host, "/ticket", ticket)
    site.product.page(host, "/page.js", kind[1].replace("{script}", script), {"Content-Type": "text/javascript"})
    policy = f"default-src 'none'; script-src 'self' {site.embed}; connect-src 'self'; frame-src {site.embed}; form-action {site.embed}"
    html = (
        f'<!doctype html><html lang="en"><title>Product</title>{kind[0].format(script=script)}<div id="portal"></div>'
    )
    headers = {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}
    tab.goto(site.product.page(host, "/mounted", html, headers))
    return created


def events(tab: Page, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tab.evaluate("kind => events.filter(({ type }) => type === kind)", kind)
    return found


def wait_for(tab: Page, kind: str, count: int = 1) -> dict[str, Any]:
    tab.wait_for_function(
        "([kind, count]) => window.events?.filter(({ type }) => type === kind).length >= count", arg=[kind, count]
    )
    return events(tab, kind)[-1]


@pytest.mark.parametrize("kind", [CLASSIC, MODULE], ids=["classic", "module"])
def test_the_script_opens_the_portal_in_a_page_with_strict_headers(
    site: Site, tab: Page, kind: tuple[str, str]
) -> None:
    created = open_page(site, tab, kind=kind)

    assert wait_for(tab, "ready")["path"] == "scim/groups/"
    expect(tab.frame_locator("#portal iframe").first.get_by_role("heading", name="SCIM").first).to_be_visible()
    assert wait_for(tab, "height")["height"] > 100
    assert len(created) == 1
    assert events(tab, "error") == []


def test_a_session_is_renewed_while_someone_types(site: Site, tab: Page) -> None:
    created = open_page(site, tab)
    wait_for(tab, "ready")
    name = tab.frame_locator("#portal iframe").first.get_by_role("link").first
    name.evaluate("() => (document.body.dataset.isTheSame = '')")
    before = tab.context.cookies()
    assert tab.evaluate("handle.renew()") is True

    assert len(created) == 2
    assert name.evaluate("() => document.body.dataset.isTheSame") == ""
    assert wait_for(tab, "session-renewed")["seconds"] > 800
    assert {cookie["name"] for cookie in before} == {cookie["name"] for cookie in tab.context.cookies()}


def test_an_ended_session_is_started_again_at_the_same_place(site: Site, tab: Page) -> None:
    tab.clock.install()
    created = open_page(site, tab)
    wait_for(tab, "ready")
    tab.clock.fast_forward(20_000)
    site.backend.request("DELETE", f"organizations/acme/embed/tickets/{created[0]}")
    tab.frame_locator("#portal iframe").first.get_by_role("link", name="Overview").click()

    wait_for(tab, "session-expired")
    assert wait_for(tab, "ready", 2)["path"] == "scim/groups/"
    assert len(created) == 2


def test_the_script_reports_that_a_page_is_not_registered(site: Site, tab: Page) -> None:
    tab.clock.install()
    open_page(site, tab, host=OTHER_HOST)
    expect(tab.locator("iframe")).to_have_count(2)
    tab.clock.fast_forward(16_000)

    assert wait_for(tab, "error")["code"] == "not-ready"
    assert events(tab, "ready") == []
