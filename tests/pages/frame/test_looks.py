"""Each page of the frame in Chromium: nothing for axe to find, light and dark, and no wider than a phone."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.messages import error, success
from django.contrib.messages.middleware import MessageMiddleware
from django.http import HttpResponse
from django.template import engines
from django.test import Client, RequestFactory
from playwright.sync_api import BrowserContext, Page, expect

from portal.embedded import models
from portal.pages.session.forms import SignInForm
from tests import factories

pytestmark = pytest.mark.browser

Show = Callable[[str], Page]
COMPONENTS = """{% extends "base.html" %}{% block title %}Components{% endblock %}
{% block heading %}{% page_header title="Engineering" subtitle="A group" back_url="/" back_label="Groups" %}
<a class="btn" href="/">Edit</a><a class="btn btn-primary" href="/">Rotate token</a>{% endpage_header %}{% endblock %}
{% block content %}
{% notice tone="info" title="Info" text="Text" %}{% endnotice %}{% notice tone="success" title="Done" %}{% endnotice %}
{% notice tone="warning" title="Soon" %}<a class="btn" href="/">Look</a>{% endnotice %}
{% notice tone="danger" title="Failed" text="Text" request_id="request-id-live-01a20a6c-33bf-7a88-88bf-e25f2f4b0ab1" %}{% endnotice %}
<p>{% badge "Neutral" %} {% badge "Info" tone="info" %} {% badge "Active" tone="success" icon="circle-check" %}
{% badge "Soon" tone="warning" %} {% badge "Failed" tone="danger" %}</p>
<section class="panel"><div class="panel-header"><h2>Connection</h2><p>A note</p></div>
{% copy_field name="base-url" label="Base URL" value="https://portal.example/v1/b2b/scim/connection" help_text="In Okta." %}
<dl class="details">{% detail "Token" %}<code>····1234</code>{% enddetail %}{% detail "Name" %}Okta{% enddetail %}</dl>
<table class="table table-stacked"><thead><tr><th scope="col">Group</th><th scope="col">Members</th></tr></thead>
<tbody><tr><th scope="row"><a href="/">Engineering</a></th><td data-label="Members">1,204</td></tr></tbody></table>
<p class="load-more"><a class="btn" href="/">Load more</a> <span class="loading"><span class="spinner"></span> Loading</span></p>
{% include "ui/skeleton.html" %}</section>
{% empty_state icon="users-round" title="No groups yet" text="Push some." level="h2" %}<a class="btn" href="/">How</a>{% endempty_state %}
<form class="panel" method="post" action="/">{% form_errors form %}{% field form.email_address %}{% field form.password %}
<button class="btn btn-primary" type="submit">Save</button></form>
{% endblock %}"""


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


def test_every_component_is_accessible(show: Show, rf: RequestFactory) -> None:
    request = rf.get("/")
    MessageMiddleware(lambda _: HttpResponse()).process_request(request)
    success(request, "The group was renamed.")
    error(request, "The token could not be rotated.")
    form = SignInForm({"email_address": "nobody"})
    form.add_error(None, "Incorrect email or password.")

    check(show(engines["django"].from_string(COMPONENTS).render({"portal": None, "form": form}, request)))


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
