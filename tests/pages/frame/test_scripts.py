"""What scripts add to a page: copying, retry after a failed load, focus, and nothing that the policy forbids."""

import re
from collections import deque
from collections.abc import Callable

import pytest
from django.template import engines
from django.template.loader import render_to_string
from django.test import RequestFactory
from playwright.sync_api import BrowserContext, Page, Route, expect

pytestmark = pytest.mark.browser

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'"
)
PAGE = """{% extends "base.html" %}{% block title %}Trial{% endblock %}{% block content %}<h1>Trial</h1>
{% copy_field name="base-url" label="Base URL" value="https://portal.example/scim" %}
<section id="groups" data-error-target="#groups-error">
  <ul id="list"><li>First group</li></ul>
  <p id="more"><a class="btn" href="/more" hx-get="/more" hx-target="#more" hx-swap="outerHTML">Load more</a></p>
  {% include "ui/load_error.html" with name="groups-error" only %}
</section>{% endblock %}"""
MORE = '<ul id="more"><li data-focus-after-load>Second group</li></ul>'
Answer = Callable[[Route], None]


def answer(status: int, body: str, **headers: str) -> Answer:
    def send(route: Route) -> None:
        route.fulfill(status=status, body=body, headers={"Content-Type": "text/html; charset=utf-8", **headers})

    return send


def refuse() -> Answer:
    context = {
        "status": 503,
        "title": "Not available right now",
        "detail": "The directory does not answer.",
        "request_id": "request-id-live-1",
        "retry_url": "/more",
    }
    return answer(503, render_to_string("error.html#error-notice", context), **{"X-Request-ID": "request-id-live-1"})


@pytest.fixture
def answers() -> deque[Answer]:
    """What /more answers, one after the other."""
    return deque()


@pytest.fixture
def trial(context: BrowserContext, origin: str, answers: deque[Answer]) -> Page:
    """Open a page in the real frame, with the real scripts, under the real policy."""

    def answer_next(route: Route) -> None:
        answers.popleft()(route)

    html = engines["django"].from_string(PAGE).render({"portal": None}, RequestFactory().get("/"))
    context.route(f"{origin}/more", answer_next)
    context.route(f"{origin}/", answer(200, html, **{"Content-Security-Policy": POLICY}))
    page = context.new_page()
    page.goto(f"{origin}/")
    return page


def load_more(page: Page) -> None:
    page.get_by_role("button", name="Load more").or_(page.get_by_role("link", name="Load more")).click()


def test_focus_follows_what_was_loaded(trial: Page, answers: deque[Answer]) -> None:
    answers.append(answer(200, MORE))

    load_more(trial)

    expect(trial.get_by_text("Second group")).to_be_focused()


def test_loading_the_page_itself_moves_no_focus(trial: Page) -> None:
    assert trial.evaluate("() => document.activeElement === document.body")


def test_a_failed_load_keeps_what_is_there_and_says_why(trial: Page, answers: deque[Answer]) -> None:
    answers.append(refuse())

    load_more(trial)

    expect(trial.locator("#groups-error")).to_contain_text("The directory does not answer.")
    expect(trial.locator("#groups-error")).to_contain_text("request-id-live-1")
    expect(trial.get_by_text("First group")).to_be_visible()
    expect(trial.get_by_role("link", name="Load more")).to_be_visible()
    # One alert, not one within the other.
    assert trial.locator("#groups-error [role=alert]").count() == 0


def test_retry_repeats_the_same_request_and_then_the_explanation_is_gone(trial: Page, answers: deque[Answer]) -> None:
    answers.extend([refuse(), refuse(), answer(200, MORE)])
    load_more(trial)
    retry = trial.get_by_role("link", name="Try again")

    retry.click()
    expect(retry).to_be_focused()
    retry.click()

    expect(trial.get_by_text("Second group")).to_be_focused()
    expect(trial.locator("#groups-error")).to_be_empty()
    assert not trial.url.endswith("/more")
    assert not answers


def test_focus_stays_near_where_nothing_that_was_loaded_takes_it(trial: Page, answers: deque[Answer]) -> None:
    answers.extend([refuse(), answer(200, '<p id="more">That was all.</p>')])
    load_more(trial)

    trial.get_by_role("link", name="Try again").click()

    expect(trial.locator("#groups")).to_be_focused()


def test_without_a_connection_the_page_says_so_and_retries(trial: Page, answers: deque[Answer]) -> None:
    answers.extend([lambda route: route.abort("internetdisconnected"), answer(200, MORE)])

    load_more(trial)
    expect(trial.locator("#groups-error")).to_contain_text("The portal could not be reached")
    trial.get_by_role("button", name="Try again").click()

    expect(trial.get_by_text("Second group")).to_be_visible()
    expect(trial.locator("#groups-error")).to_be_empty()


def test_a_response_that_is_not_the_portals_is_not_shown(trial: Page, answers: deque[Answer]) -> None:
    answers.append(answer(502, '<div class="notice">Bad proxy<img src=x onerror="alert(1)"></div>'))

    load_more(trial)

    expect(trial.locator("#groups-error")).to_contain_text("Unexpected response")
    expect(trial.locator("#groups-error")).not_to_contain_text("Bad proxy")


def test_a_session_that_ended_leads_to_sign_in(
    trial: Page, context: BrowserContext, origin: str, answers: deque[Answer]
) -> None:
    context.route(f"{origin}/sign-in/", answer(200, "<title>Sign in</title>"))
    answers.append(answer(401, "", **{"HX-Redirect": "/sign-in/"}))

    load_more(trial)

    expect(trial).to_have_title("Sign in")


def test_copying_claims_success_only_when_it_succeeded(trial: Page, context: BrowserContext) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = trial.get_by_role("button", name=re.compile("Base URL"))

    button.click()

    expect(button).to_contain_text("Copied")
    expect(trial.get_by_role("status")).to_have_text("Copied")
    assert trial.evaluate("() => navigator.clipboard.readText()") == "https://portal.example/scim"
    expect(button).to_be_focused()


def test_where_copying_is_rejected_the_value_is_selected(trial: Page) -> None:
    trial.evaluate(
        "() => { navigator.clipboard.writeText = () => Promise.reject(); document.execCommand = () => false; }"
    )

    trial.get_by_role("button", name=re.compile("Base URL")).click()

    expect(trial.get_by_role("status")).to_contain_text("Not copied")
    expect(trial.get_by_label("Base URL").and_(trial.get_by_role("textbox"))).to_be_focused()
    assert trial.evaluate("() => getSelection().toString()") == "https://portal.example/scim"
    assert trial.locator("[data-copied]").count() == 0
