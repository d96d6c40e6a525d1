"""The setup page: each identity provider's guide, and the live check of what arrived and what went wrong."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client, override_settings
from django.utils import timezone
from django.utils.html import escape

from portal.directory.ids import public_id
from portal.directory.scim.connection import ScimIdentityProvider
from portal.embedded import models
from portal.web.availability import REASONS
from scim_admin.guides import Guide, guide_for, guides_for
from scim_admin.guides.guide import Milestone
from tests import factories
from tests.absent import absent
from tests.scim_server.conftest import Idp

URL = "/o/acme/scim/set-up/"
FRAGMENT = {"HX-Request": "true", "HX-Target": "live-check"}
GUIDES = [(provider, guide) for provider in ScimIdentityProvider for guide in guides_for(provider)]
EVERY_GUIDE = pytest.mark.parametrize(("provider", "guide"), GUIDES, ids=[guide.key for _, guide in GUIDES])

Send = Callable[[Idp], object]


@pytest.fixture
def idp(acme: models.OrganizationRow) -> Idp:
    token = "scim_token-of-acme"
    return Idp(factories.scim_connection(acme, bearer_token=token), token)


def connect(acme: models.OrganizationRow, provider: ScimIdentityProvider) -> Idp:
    token = "scim_token-of-acme"
    return Idp(factories.scim_connection(acme, bearer_token=token, identity_provider=provider), token)


def text_of(html: str) -> str:
    """Return the visible text on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def page(client: Client, **query: str) -> str:
    return client.get(URL, query).content.decode()


def checks(html: str) -> dict[str, str]:
    """Return the state of each milestone, by its heading."""
    found = re.findall(r'<li data-state="([\w-]+)"[^>]*>.*?<h3>\s*(.*?)\s*<span', html, re.DOTALL)
    return {title: state for state, title in found}


def problem(html: str) -> str:
    """Return the explanations that the check shows."""
    found = re.findall(r'<div class="stack stack-2" data-problem>(.*?)</div>', html, re.DOTALL)
    return unescape(text_of(" ".join(found)))


def start(idp: Idp) -> None:
    """Send the requests of a connection test."""
    idp.get("/Users", filter='userName eq "nobody@acme.example"')


# --- Guides ------------------------------------------------------------------------------------------------------------


@EVERY_GUIDE
def test_a_guide_uses_the_names_on_the_identity_providers_screens(
    admin_client: Client, acme: models.OrganizationRow, provider: ScimIdentityProvider, guide: Guide
) -> None:
    idp = connect(acme, provider)

    html = page(admin_client, guide=guide.key)

    for step in guide.steps:
        assert escape(step.title) in html
        for field in step.fields:
            assert escape(field.name) in html
        for tick in step.ticks:
            assert escape(tick) in html
    assert f'value="http://testserver{idp.base}' in html or idp.base in html
    assert "*" not in text_of(html)
    assert idp.token not in html


@EVERY_GUIDE
def test_a_guide_is_complete(provider: ScimIdentityProvider, guide: Guide) -> None:
    """It covers base URL, token, people, groups and deactivation."""
    fields = [field for step in guide.steps for field in step.fields]

    assert [field.is_base_url for field in fields].count(True) == 1
    assert [field.is_token for field in fields].count(True) == 1
    for milestone in Milestone:
        assert 1 <= guide.number_of(milestone) <= len(guide.steps)
    assert "userName" in repr(guide) or "scimusername" in repr(guide)
    texts = [text for step in guide.steps for text in (*step.actions, *step.after, step.trap) if text]
    texts += [guide.timing, guide.own_log, guide.no_groups, guide.empty_groups, *guide.traps]
    for text in texts:
        assert text.count("*") % 2 == 0, text
        assert text[-1] in ".:", text
        assert "  " not in text, text


def test_an_identity_provider_that_stytch_does_not_name_has_its_own_guide(
    admin_client: Client, acme: models.OrganizationRow
) -> None:
    connect(acme, ScimIdentityProvider.GENERIC)

    html = page(admin_client, guide="google-workspace")

    assert "<h1>Set up Google Workspace</h1>" in html
    assert "Endpoint URL" in html
    assert checks(html)["First group"] == "not-needed"
    # The URL of the check keeps the choice.
    assert "guide=google-workspace&amp;seen=" in html
    assert models.ScimConnectionRow.objects.get().identity_provider == "generic"


def test_an_unknown_guide_is_rejected_with_a_choice_of_guides(
    admin_client: Client, acme: models.OrganizationRow
) -> None:
    connect(acme, ScimIdentityProvider.GENERIC)

    response = admin_client.get(URL, {"guide": "okta"})

    assert response.status_code == 422
    assert "Choose a guide from the list." in response.content.decode()


@pytest.mark.parametrize("page", [URL, "/o/acme/scim/"])
@pytest.mark.parametrize("provider", list(ScimIdentityProvider))
def test_the_base_url_is_shown_as_it_is_entered(
    admin_client: Client, acme: models.OrganizationRow, provider: ScimIdentityProvider, page: str
) -> None:
    """Entra's ends in Microsoft's flag; the API's `base_url` never does."""
    connection = factories.scim_connection(acme, identity_provider=provider)
    base_url = f"/v1/b2b/scim/{public_id('scim-connection', connection.pk)}"

    html = admin_client.get(page).content.decode()

    assert (f'{base_url}?aadOptscim062020"' in html) is (provider is ScimIdentityProvider.MICROSOFT_ENTRA)
    assert (f'{base_url}"' in html) is not (provider is ScimIdentityProvider.MICROSOFT_ENTRA)


def test_only_the_last_four_characters_of_the_token_are_shown(admin_client: Client, idp: Idp) -> None:
    html = page(admin_client)

    assert "<code>acme</code>" in html
    assert idp.token not in html


# --- The check ---------------------------------------------------------------------------------------------------------


def test_the_first_milestone_is_next_before_any_request(admin_client: Client, idp: Idp) -> None:
    html = page(admin_client)

    assert list(checks(html).values()) == ["next", "later", "not-needed", "later", "later", "later"]
    assert "Okta hasn’t sent a request yet." in html
    assert 'href="#step-3"' in html


def test_the_check_follows_the_setup_to_its_end(admin_client: Client, idp: Idp) -> None:
    start(idp)
    html = page(admin_client)
    assert list(checks(html).values()) == ["done", "done", "not-needed", "next", "later", "later"]

    user = idp.create_user("priya@acme.example", displayName="Priya Patel")
    html = page(admin_client)
    assert checks(html)["First person"] == "done"
    assert "Priya Patel" in html
    # Assigned but not pushed: explained in Okta's terms until a group arrives.
    assert "In Okta, assigning a group sends its people, but not the group." in html
    assert 'href="#step-6"' in html

    group = idp.create_group("Sales", [user])
    html = page(admin_client)
    assert checks(html)["First group"] == "done"
    assert "Sales" in html
    assert checks(html)["First deactivation"] == "next"

    idp.patch(f"/Users/{user}", {"op": "replace", "value": {"active": False}})
    html = page(admin_client)
    assert set(checks(html).values()) == {"done", "not-needed"}
    assert "Complete" in html
    assert "data-poll" not in html
    assert group


def test_finished_steps_are_collapsed(admin_client: Client, idp: Idp) -> None:
    def collapsed() -> list[str]:
        return re.findall(r'<li class="guide-done" id="step-(\d)">', page(admin_client))

    assert collapsed() == []
    start(idp)
    # The URL and the token are entered in step 3. What comes before it has no sign of its own.
    assert collapsed() == ["1", "2", "3"]


def test_the_user_agent_is_shown(admin_client: Client, idp: Idp) -> None:
    idp.send("GET", "/Users", **{"User-Agent": "Okta SCIM Client 1.0.0"})

    assert "Okta SCIM Client 1.0.0" in page(admin_client)


def test_discovery_is_expected_only_from_identity_providers_that_read_it(
    admin_client: Client, acme: models.OrganizationRow
) -> None:
    idp = connect(acme, ScimIdentityProvider.CYBERARK)
    title = "Discovery"
    assert checks(page(admin_client))[title] == "later"

    idp.get("/ServiceProviderConfig")
    assert checks(page(admin_client))[title] == "done"


def test_discovery_is_not_needed_once_people_arrive(admin_client: Client, acme: models.OrganizationRow) -> None:
    connect(acme, ScimIdentityProvider.RIPPLING).create_user("priya@acme.example")

    assert checks(page(admin_client))["Discovery"] == "not-needed"


def test_groups_without_members_are_a_problem(admin_client: Client, idp: Idp) -> None:
    user = idp.create_user("priya@acme.example")
    group = idp.create_group("Sales")

    html = page(admin_client)

    assert checks(html)["First group"] == "problem"
    assert "Groups arrived without people" in problem(html)
    assert "Push now" in problem(html)
    assert "*" not in problem(html)
    idp.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": user}]})
    assert checks(page(admin_client))["First group"] == "done"


# --- Mistakes ----------------------------------------------------------------------------------------------------------


def with_header(idp: Idp, authorization: str) -> object:
    return idp.client.get(f"{idp.base}/Users", headers={"Authorization": authorization})


def at(idp: Idp, path: str) -> object:
    return idp.client.get(path, headers={"Authorization": f"Bearer {idp.token}"})


def foreign_token(idp: Idp) -> object:
    factories.scim_connection(factories.organization("globex"), bearer_token="scim_token-of-globex")
    return with_header(idp, "Bearer scim_token-of-globex")


def other_address(idp: Idp) -> object:
    other = factories.scim_connection(factories.organization("globex"))
    return at(idp, f"/v1/b2b/scim/{public_id('scim-connection', other.pk)}/Users")


def too_often(idp: Idp) -> object:
    with override_settings(SCIM_RATE_PER_CONNECTION="1 per minute"):
        return [idp.get("/Users"), idp.get("/Users")]


def plain_http(idp: Idp) -> object:
    with override_settings(SECURE_SSL_REDIRECT=True):
        return idp.get("/Users")


def taken_name(idp: Idp) -> object:
    factories.member(idp.connection.organization, "max@acme.example")
    return idp.send("POST", "/Users", {"userName": "max@acme.example"})


ADDRESS, TOKEN = "URL", "Token"
DISCOVERY, USER = "Discovery", "First person"
OKTA_ADDRESS = "“SCIM connector base URL”"
MISTAKES: dict[str, tuple[Send, str, str, str]] = {
    "doubled /Users": (
        lambda idp: idp.get("/Users/Users"),
        ADDRESS,
        "The URL ends in /Users or /Groups twice",
        f"remove /Users or /Groups from the end of {OKTA_ADDRESS}",
    ),
    "doubled /Users, created": (
        lambda idp: idp.send("POST", "/Users/Users", {"userName": "ada"}),
        ADDRESS,
        "The URL ends in /Users or /Groups twice",
        OKTA_ADDRESS,
    ),
    "extra /scim/v2": (
        lambda idp: idp.get("/scim/v2/Users"),
        ADDRESS,
        "The URL has an extra /scim or /v2",
        OKTA_ADDRESS,
    ),
    "extra /v2": (lambda idp: idp.get("/v2/Users"), ADDRESS, "The URL has an extra /scim or /v2", OKTA_ADDRESS),
    "another beginning": (
        lambda idp: at(idp, idp.base.replace("/v1/b2b/scim", "/scim/v2") + "/Users"),
        ADDRESS,
        "The beginning of the URL is wrong",
        OKTA_ADDRESS,
    ),
    "/v1 missing": (
        lambda idp: at(idp, idp.base.replace("/v1/b2b", "") + "/Users"),
        ADDRESS,
        "The beginning of the URL is wrong",
        OKTA_ADDRESS,
    ),
    "no connection id": (
        lambda idp: at(idp, "/v1/b2b/scim/Users"),
        ADDRESS,
        "The URL doesn't name the connection",
        OKTA_ADDRESS,
    ),
    "cut connection id": (
        lambda idp: at(idp, f"{idp.base[:-3]}/Users"),
        ADDRESS,
        "The URL doesn't name the connection",
        OKTA_ADDRESS,
    ),
    "other connection's id": (other_address, ADDRESS, "The URL belongs to another connection", OKTA_ADDRESS),
    "plain http": (
        plain_http,
        ADDRESS,
        "The URL begins with http, not https",
        f"change {OKTA_ADDRESS} so that it begins with https://",
    ),
    "no header": (
        lambda idp: idp.client.get(f"{idp.base}/Users"),
        TOKEN,
        "No token was sent",
        "set Authentication Mode to HTTP Header",
    ),
    "no Bearer": (
        lambda idp: with_header(idp, idp.token),
        TOKEN,
        "The word “Bearer” is missing",
        "Okta then writes Bearer itself",
    ),
    "basic": (lambda idp: with_header(idp, "Basic YWRhOmFkYQ=="), TOKEN, "The word “Bearer” is missing", "HTTP Header"),
    "unknown token": (
        lambda idp: with_header(idp, "Bearer scim_made-up"),
        TOKEN,
        "The token is unknown",
        "“HTTP Header › Authorization”",
    ),
    "expired token": (
        lambda idp: idp.tokens.update(expires_at=timezone.now()) and idp.get("/Users"),
        TOKEN,
        "The token has expired",
        "“HTTP Header › Authorization”",
    ),
    "revoked token": (
        lambda idp: idp.tokens.update(revoked_at=timezone.now()) and idp.get("/Users"),
        TOKEN,
        "The token was revoked",
        "“HTTP Header › Authorization”",
    ),
    "foreign token": (foreign_token, TOKEN, "The token belongs to another connection", "“HTTP Header › Authorization”"),
    "discovery failed": (
        lambda idp: idp.get("/Schemas", filter='id eq "x"'),
        DISCOVERY,
        "Schemas can't be filtered",
        "can read all of them",
    ),
    "too many requests": (too_often, USER, "Too many requests at once", "Okta tries again automatically"),
    "a user failed": (taken_name, USER, "Matches an existing member", "whether Okta should manage this member"),
}


@pytest.mark.parametrize(("send", "line", "title", "fix"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_recognized_and_explained_in_the_identity_providers_terms(
    admin_client: Client, idp: Idp, send: Send, line: str, title: str, fix: str
) -> None:
    send(idp)
    if idp.tokens.filter(revoked_at=None).count() == 0:
        # The page needs a current token, the one that replaced it.
        factories.scim_token(idp.connection, "scim_the-next-token")

    html = page(admin_client)

    assert checks(html)[line] == "problem"
    assert title in problem(html)
    assert fix in problem(html)
    assert "Problem found" in html


@EVERY_GUIDE
def test_a_mistake_is_explained_in_the_terms_of_each_identity_provider(
    admin_client: Client, acme: models.OrganizationRow, provider: ScimIdentityProvider, guide: Guide
) -> None:
    idp = connect(acme, provider)
    with_header(idp, "Bearer scim_made-up")
    at(idp, "/v1/b2b/scim/Users")

    shown = problem(page(admin_client, guide=guide.key))

    assert f"“{guide.credential_name}”" in shown
    assert f"“{guide.base_url_name}”" in shown


def test_a_fixed_mistake_is_no_longer_shown(admin_client: Client, idp: Idp) -> None:
    with_header(idp, "Bearer scim_made-up")
    idp.get("/Users/Users")
    assert "problem" in checks(page(admin_client)).values()

    start(idp)

    assert "problem" not in checks(page(admin_client)).values()


def test_a_user_that_failed_is_shown_although_other_requests_succeed(admin_client: Client, idp: Idp) -> None:
    """Identity providers look a user up before they create it, and the lookup succeeds."""
    taken_name(idp)
    start(idp)

    assert checks(page(admin_client))[USER] == "problem"


def test_the_number_of_failures_is_shown(admin_client: Client, idp: Idp) -> None:
    for _ in range(3):
        with_header(idp, "Bearer scim_made-up")

    assert "3 times" in page(admin_client)


def test_opening_the_base_url_in_a_browser_is_not_a_mistake(admin_client: Client, idp: Idp) -> None:
    start(idp)
    idp.client.get(idp.base, headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"})

    assert "problem" not in checks(page(admin_client)).values()


def test_an_empty_lookup_is_not_a_mistake(admin_client: Client, idp: Idp) -> None:
    start(idp)
    idp.get("/Users/scim-user-live-00000000-0000-7000-8000-000000000000")

    assert "problem" not in checks(page(admin_client)).values()


# --- Polling -----------------------------------------------------------------------------------------------------------


def poll_url(html: str) -> str:
    found = re.search(r'hx-get="([^"]*seen=[^"]*)"', html)
    assert found
    return found.group(1).replace("&amp;", "&")


def test_a_poll_gets_204_if_nothing_has_changed(admin_client: Client, idp: Idp) -> None:
    url = poll_url(page(admin_client))

    response = admin_client.get(url, headers=FRAGMENT)

    assert (response.status_code, response.content) == (204, b"")
    assert "no-store" in response["Cache-Control"]


def test_a_poll_gets_and_announces_the_check_if_something_has_changed(admin_client: Client, idp: Idp) -> None:
    url = poll_url(page(admin_client))
    idp.create_user("priya@acme.example")

    response = admin_client.get(url, headers=FRAGMENT)

    html = response.content.decode()
    assert response.status_code == 200
    assert html.lstrip().startswith('<section class="panel sticky first-on-phone" id="live-check"')
    assert "Live check: 4 of 6 done" in html
    assert admin_client.get(poll_url(html), headers=FRAGMENT).status_code == 204


def test_a_repeated_request_is_not_a_change(admin_client: Client, idp: Idp) -> None:
    start(idp)
    url = poll_url(page(admin_client))
    start(idp)

    assert admin_client.get(url, headers=FRAGMENT).status_code == 204


def test_a_reload_always_shows_the_whole_page(admin_client: Client, idp: Idp) -> None:
    url = poll_url(page(admin_client))

    html = admin_client.get(url).content.decode()

    assert "<h1>Set up Okta</h1>" in html


# --- States and limits -------------------------------------------------------------------------------------------------


def test_setup_needs_a_connection(admin_client: Client) -> None:
    html = page(admin_client)

    assert "No identity provider is connected" in html
    assert 'href="/o/acme/scim/"' in html


def test_a_directory_without_a_log_shows_the_reason_next_to_the_guide(admin_client: Client, idp: Idp) -> None:
    with absent("health"):
        html = page(admin_client)

    assert "Not available with this directory" in html
    assert escape(REASONS["health"]) in html
    assert "<h1>Set up Okta</h1>" in html
    assert "data-poll" not in html


def test_the_guide_is_hidden_from_members_without_the_permission(member_client: Client, idp: Idp) -> None:
    assert member_client.get(URL).status_code == 403


def test_another_organizations_requests_are_not_shown(
    admin_client: Client, idp: Idp, globex: models.OrganizationRow, other_admin_client: Client
) -> None:
    factories.scim_connection(globex, bearer_token="scim_token-of-globex")
    idp.create_user("priya@acme.example", displayName="Priya Patel")
    # Acme's token at an unknown URL is logged for Acme only.
    at(idp, "/v1/b2b/scim/Users")

    html = other_admin_client.get(URL.replace("acme", "globex")).content.decode()

    assert list(checks(html).values()) == ["next", "later", "not-needed", "later", "later", "later"]
    assert "Priya Patel" not in html
    assert other_admin_client.get(URL).status_code == 404


@pytest.mark.parametrize("number", [3, 150])
def test_the_number_of_queries_is_independent_of_the_number_of_requests(
    admin_client: Client, idp: Idp, django_assert_max_num_queries: Any, number: int
) -> None:
    user = idp.create_user("priya@acme.example")
    for _ in range(number):
        factories.scim_request(idp.connection, status=401, refusal="unknown_token")
    idp.create_group("Sales", [user])
    admin_client.get(URL)

    with django_assert_max_num_queries(9):  # session, connection, seven of the check
        admin_client.get(URL)


def test_old_failures_do_not_hide_later_successes(admin_client: Client, idp: Idp) -> None:
    factories.scim_request(idp.connection, status=401, refusal="expired_token", at=timezone.now() - timedelta(days=3))
    start(idp)

    assert checks(page(admin_client))[TOKEN] == "done"


def test_every_guide_belongs_to_an_identity_provider_of_stytch() -> None:
    assert {provider for provider, _ in GUIDES} == set(ScimIdentityProvider)
    assert guide_for(ScimIdentityProvider.OKTA, "google-workspace").key == "okta"
