"""Each page of the frame in Chromium: nothing for axe to find, light and dark, and no wider than a phone."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.messages import success
from django.contrib.messages.middleware import MessageMiddleware
from django.http import HttpResponse
from django.template import engines
from django.test import Client, RequestFactory
from playwright.sync_api import BrowserContext, Page, expect

from portal.embedded import models
from portal.pages.styleguide.views import styleguide
from portal.web.request import PortalRequest
from tests import factories

pytestmark = pytest.mark.browser

Show = Callable[[str], Page]


@pytest.fixture(params=["light", "dark"])
def browser_context_args(browser_context_args: dict[str, object], request: pytest.FixtureRequest) -> dict[str, object]:
    return {**browser_context_args, "color_scheme": request.param, "viewport": {"width": 1280, "height": 800}}


@pytest.fixture
def show(context: BrowserContext, origin: str) -> Show:
    """Return a way to look at a page."""

    def open_page(html: str) -> Page:
        context.route(f"{origin}/", lambda route: route.fulfill(body=html, content_type="text/html; charset=utf-8"))
        page = context.new_page()
        page.goto(f"{origin}/")
        return page

    return open_page


def check(page: Page) -> None:
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        found = Axe().run(page).response["violations"]
        assert [(width, rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found] == []
        assert page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth") <= 0


def test_every_component_is_accessible_in_every_state(show: Show, rf: RequestFactory, tmp_path: Path) -> None:
    request = rf.get("/styleguide/")
    MessageMiddleware(lambda _: HttpResponse()).process_request(request)
    request.htmx = False  # type: ignore[attr-defined]  # -- as its middleware does

    page = show(styleguide(cast("PortalRequest", request)).content.decode())

    check(page)
    # For a person to look at: pytest --basetemp FOLDER keeps it.
    page.screenshot(path=tmp_path / "styleguide.png", full_page=True)


def test_the_style_guide_is_for_development_only(visitor: Client) -> None:
    assert not settings.DEBUG
    assert visitor.get("/styleguide/").status_code == 404


def test_pages_of_signed_in_members_are_accessible(
    acme: models.OrganizationRow, admin_client: Client, member_client: Client, show: Show
) -> None:
    factories.scim_connection(acme)

    for client, path in ((admin_client, "/o/acme/"), (member_client, "/o/acme/"), (member_client, "/o/acme/scim/")):
        check(show(client.get(path).content.decode()))


def test_pages_of_visitors_are_accessible(
    acme: models.OrganizationRow, visitor: Client, admin_client: Client, show: Show
) -> None:
    for client, path in (
        (visitor, "/o/acme/sign-in/"),
        (visitor, "/signed-out/"),
        (visitor, "/nowhere/"),
        (admin_client, "/organizations/"),
    ):
        check(show(client.get(path).content.decode()))


def test_on_a_phone_the_menu_opens_without_scripts(admin_client: Client, show: Show) -> None:
    page = show(admin_client.get("/o/acme/").content.decode())
    expect(page.get_by_role("navigation")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 800})
    expect(page.get_by_role("navigation")).to_be_hidden()

    page.get_by_role("button", name="Menu").click()

    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    check_open_menu = Axe().run(page).response["violations"]
    assert [rule["id"] for rule in check_open_menu] == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("navigation")).to_be_hidden()


def test_a_closed_message_is_gone_and_focus_is_not_lost(show: Show, rf: RequestFactory) -> None:
    request = rf.get("/")
    MessageMiddleware(lambda _: HttpResponse()).process_request(request)
    success(request, "One")
    success(request, "Two")
    page = show(engines["django"].from_string('{% extends "base.html" %}').render({"portal": None}, request))

    page.get_by_role("button", name="Close message").first.click()
    expect(page.get_by_role("button", name="Close message")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("#toasts")).to_be_hidden()
    expect(page.get_by_role("main")).to_be_focused()


def test_the_first_key_leads_past_the_navigation(admin_client: Client, show: Show) -> None:
    page = show(admin_client.get("/o/acme/").content.decode())

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.get_by_role("main")).to_be_focused()
