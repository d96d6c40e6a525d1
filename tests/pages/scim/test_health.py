"""Health of the connection on the overview and the home page: a badge and a sentence for each state."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries

from portal.directory.scim.health import ScimHealthState
from portal.embedded import models
from portal.web.availability import REASONS
from tests import factories
from tests.absent import absent

PAGES = ("/o/acme/", "/o/acme/scim/")
Make = Callable[[models.ScimConnectionRow], object]


@pytest.fixture
def connection(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)


def text_of(html: str) -> str:
    """Return the visible text on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def log_request(connection: models.ScimConnectionRow, **more: Any) -> models.ScimRequestRow:
    return factories.scim_request(connection, **more)


def in_use(connection: models.ScimConnectionRow) -> None:
    factories.scim_user(connection, "pia@acme.example")
    log_request(connection)


def with_token(days: int) -> Make:
    def make(connection: models.ScimConnectionRow) -> None:
        in_use(connection)
        connection.tokens.update(expires_at=timezone.now() + timedelta(days=days))

    return make


def paused(connection: models.ScimConnectionRow) -> None:
    in_use(connection)
    models.ScimConnectionRow.objects.update(paused_at=timezone.now(), paused_by="Pat Pauser")


def degraded(connection: models.ScimConnectionRow) -> None:
    in_use(connection)
    for _ in range(3):
        log_request(connection, method="POST", status=409)


def silent(connection: models.ScimConnectionRow) -> None:
    factories.scim_user(connection, "pia@acme.example")
    log_request(connection, at=timezone.now() - timedelta(days=8))


STATES: dict[ScimHealthState, tuple[Make, str, str]] = {
    ScimHealthState.PAUSED: (paused, "Paused", "can’t change anyone until you resume the connection"),
    ScimHealthState.TOKEN_EXPIRED: (
        with_token(-1),
        "Token expired",
        "Requests from Okta fail until it has a new token",
    ),
    ScimHealthState.WAITING: (lambda _: None, "Waiting for the first request", "Okta hasn’t sent a request yet"),
    ScimHealthState.VERIFYING: (log_request, "Waiting for people", "Okta sends requests, but no people yet"),
    ScimHealthState.DEGRADED: (degraded, "Requests are failing", "Many requests from Okta fail"),
    ScimHealthState.SILENT: (silent, "Silent", "Okta hasn’t sent a request for much longer than usual"),
    ScimHealthState.TOKEN_EXPIRING: (with_token(20), "Token expires soon", "Requests succeed until its token expires"),
    ScimHealthState.HEALTHY: (in_use, "Healthy", "Okta is connected. Requests are succeeding."),
}


def test_every_state_has_words() -> None:
    assert set(STATES) == set(ScimHealthState)


@pytest.mark.parametrize("url", PAGES)
@pytest.mark.parametrize("state", STATES)
def test_each_state_has_a_badge_and_a_sentence(
    admin_client: Client, connection: models.ScimConnectionRow, url: str, state: ScimHealthState
) -> None:
    make, badge, sentence = STATES[state]
    make(connection)

    html = admin_client.get(url).content.decode()

    begin, end = ('id="connections"', "</section>") if url == PAGES[0] else ('class="page-title"', "<p ")
    header = html.partition(begin)[2].partition(end)[0]
    assert re.findall(r'class="badge [^>]*>\s*(?:<svg.*?</svg>)?\s*([^<]+)<', header, re.DOTALL) == [badge]
    # Home has an item about the token instead.
    assert sentence in text_of(html) or (url == PAGES[0] and "The SCIM token" in html)
    assert ("Nothing needs your attention" in html) is (url == PAGES[0] and state is ScimHealthState.HEALTHY)


@pytest.mark.parametrize("url", PAGES)
def test_the_failed_requests_of_the_last_day_link_to_the_log(
    admin_client: Client, connection: models.ScimConnectionRow, url: str
) -> None:
    degraded(connection)

    html = admin_client.get(url).content.decode()

    said = "Requests, last 24 hours 4 3 failed" if url == PAGES[0] else "Requests, last 24 hours 4 requests, 3 failed"
    assert said in text_of(html)
    link = re.search(r'href="([^"]*log/\?outcome=refused[^"]*)"', html)
    assert link
    shown = admin_client.get(link.group(1).replace("&amp;", "&")).content.decode()
    assert shown.count('<td class="lead"') == 3
    assert "All 3 shown" in shown


def test_the_last_request_and_the_next_one_are_shown(admin_client: Client, acme: models.OrganizationRow) -> None:
    connection = factories.scim_connection(acme, identity_provider="microsoft-entra")
    factories.scim_user(connection, "pia@acme.example")
    log_request(connection, at=timezone.now() - timedelta(minutes=10))
    failure = log_request(connection, status=500)

    html = admin_client.get("/o/acme/scim/").content.decode()

    assert f'datetime="{failure.at.isoformat(timespec="seconds")}"' in html
    assert "Next one expected in 40 minutes" in text_of(html)


@pytest.mark.parametrize("url", PAGES)
def test_a_directory_without_a_log_shows_the_reason(
    admin_client: Client, connection: models.ScimConnectionRow, url: str
) -> None:
    with absent("health"):
        html = admin_client.get(url).content.decode()

    assert f"Not available with this directory. {escape(REASONS['health'])}" in text_of(html)
    assert "Active" in html


@pytest.mark.parametrize("url", PAGES)
def test_a_connection_that_needs_attention_is_not_healthy(
    admin_client: Client, connection: models.ScimConnectionRow, url: str
) -> None:
    in_use(connection)
    models.ScimConnectionRow.objects.update(attention="The last admin stays.", attention_at=timezone.now())

    html = admin_client.get(url).content.decode()

    assert "Needs attention" in html
    assert "Nothing needs your attention" not in html


@pytest.mark.parametrize("url", PAGES)
@pytest.mark.parametrize("number", [1, 300])
def test_the_number_of_queries_is_independent_of_the_number_of_requests(
    admin_client: Client,
    connection: models.ScimConnectionRow,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    url: str,
    number: int,
) -> None:
    factories.scim_user(connection, "pia@acme.example")
    for turn in range(number):
        log_request(connection, status=409 if turn % 2 else 200)
    admin_client.get(url)

    # Session, connection, whether there are users, the newest requests, people without access, the numbers, the contacts, and
    # on the home page also activity, differences, invitations and second factors.
    with django_assert_max_num_queries(24 if url == PAGES[0] else 13):
        admin_client.get(url)


def test_pages_that_mention_failed_requests_link_to_them(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    log_request(connection, path="/Users/Users", status=404)
    models.ScimConnectionRow.objects.update(hold_started_at=timezone.now())

    for path, query in (
        ("set-up/", "outcome=refused"),
        ("attention/existing-members/", "outcome=refused&amp;resource_type=User"),
        ("attention/deactivations/", "outcome=refused"),
    ):
        assert f'href="/o/acme/scim/log/?{query}"' in admin_client.get(f"/o/acme/scim/{path}").content.decode(), path


def test_health_is_hidden_from_members_without_the_permission(
    member_client: Client, connection: models.ScimConnectionRow
) -> None:
    degraded(connection)

    assert "failed" not in member_client.get("/o/acme/").content.decode()
