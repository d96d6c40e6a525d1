"""The log: its list with filters, and the page of one request."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from django.test import Client, override_settings
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries

from portal.directory.errors import Unavailable
from portal.directory.ids import first_uuid7, public_id, uuid7
from portal.directory.scim.connection import ScimIdentityProvider
from portal.embedded import models
from portal.embedded.scim.log import reading
from portal.embedded.scim.log.reading import EmbeddedScimLog
from portal.web.availability import REASONS
from scim_admin.log_presenter import request_title
from tests import factories
from tests.absent import absent
from tests.scim_server.conftest import USER_SCHEMA, Idp

LOG = "/o/acme/scim/log/"
HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture
def connection(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme, bearer_token="scim_token-of-acme")


@pytest.fixture
def idp(connection: models.ScimConnectionRow) -> Idp:
    return Idp(connection, "scim_token-of-acme")


def url_of(entry: models.ScimRequestRow) -> str:
    return f"{LOG}{public_id('scim-request', entry.pk)}/"


def page(client: Client, url: str = LOG, /, **query: str | int) -> str:
    return client.get(url, query).content.decode()


def text_of(html: str) -> str:
    """Return the visible text on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def fragment(client: Client, target: str, url: str = LOG, /, **query: str | int) -> Any:
    return client.get(url, query, headers={"HX-Request": "true", "HX-Target": target})


def shown(html: str) -> list[str]:
    """Return method and path of each request shown."""
    return re.findall(r"<small><code>([^<]+)</code></small>", html)


def more_of(html: str) -> str:
    found = re.search(r'hx-get="([^"]*cursor=[^"]*)"', html)
    return found.group(1).replace("&amp;", "&") if found else ""


def all_pages(client: Client, url: str) -> Iterator[list[str]]:
    target = "log"
    while url:
        html = fragment(client, target, url).content.decode()
        yield shown(html)
        url, target = more_of(html), "log-more"


def at_times(connection: models.ScimConnectionRow, *timestamps: datetime) -> list[models.ScimRequestRow]:
    """Log a request at each time; the path tells them apart."""
    return [
        factories.scim_request(connection, id=first_uuid7(timestamp), at=timestamp, path=f"/Users/{number}")
        for number, timestamp in enumerate(timestamps)
    ]


# --- The list ----------------------------------------------------------------------------------------------------------


def test_a_row_shows_time_request_subject_outcome_and_changes(admin_client: Client, idp: Idp) -> None:
    user = idp.create_user("pia@acme.example", displayName="Pia Patel")
    idp.patch(f"/Users/{user}", {"op": "replace", "path": "displayName", "value": "Pia Q. Patel"})
    entry = idp.entries[-1]

    html = page(admin_client)

    assert shown(html) == ["PATCH /Users/…", "POST /Users"]
    [row] = re.findall(r"<tr>(?:(?!</tr>).)*Change Pia Q. Patel.*?</tr>", html, re.DOTALL)
    assert f'href="{url_of(entry)}"' in row
    assert "Succeeded Changed displayName 200" in text_of(row)
    assert f'<time datetime="{entry.at.isoformat(timespec="seconds")}"' in row
    assert entry.at.strftime("%H:%M:%S") in row


def test_requests_have_the_heading_of_their_day_once(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    now = datetime(2026, 11, 30, 1, tzinfo=UTC)
    at_times(connection, *(now - timedelta(hours=hours) for hours in range(60, -1, -1)))
    headings = re.compile(r'<tr class="day">\s*<th scope="rowgroup" colspan="4">([^<]*)</th>')
    with time_machine.travel(now, tick=False):
        admin_client.cookies["browser-time-zone"] = "UTC"
        first = page(admin_client, limit=25)
        more = fragment(admin_client, "log-more", more_of(first)).content.decode()
        whole = page(admin_client, more_of(first))

    assert headings.findall(first) == ["Today, 30 November 2026", "Yesterday, 29 November 2026"]
    assert headings.findall(more) == ["28 November 2026"]
    assert headings.findall(whole) == ["Yesterday, 29 November 2026", "28 November 2026"]
    assert ">01:00:00</time>" in first


def test_a_deleted_user_has_no_name_and_no_link(admin_client: Client, idp: Idp) -> None:
    group, user = idp.create_group("Sales"), idp.create_user("pia@acme.example")
    models.ScimUserRow.objects.all().delete()

    html = page(admin_client)
    assert "Create group Sales" in html
    assert "Create a person" in html
    of_group, of_user = (page(admin_client, url_of(entry)) for entry in idp.entries)
    assert f'href="/o/acme/scim/groups/{group}/">Sales</a>' in of_group
    assert f"people/{user}" not in of_user
    assert "no longer here" in of_user


def test_a_failed_request_shows_its_cause_and_how_to_fix_it(admin_client: Client, idp: Idp) -> None:
    idp.get("/Users/Users")

    html = page(admin_client)

    assert "tone-danger" in html
    assert "The URL ends in /Users or /Groups twice" in html
    assert "Remove /Users or /Groups from the URL in Okta" in html


def test_a_request_that_waits_for_a_decision_does_not_look_like_a_mistake(admin_client: Client, idp: Idp) -> None:
    factories.member(idp.connection.organization, "max@acme.example")
    idp.send("POST", "/Users", {"userName": "max@acme.example"})

    html = page(admin_client)

    assert "Create max@acme.example" in html
    assert "Waiting for your decision" in html
    assert "tone-warning" in html
    assert "tone-danger" not in html


def test_an_empty_lookup_does_not_look_like_a_failure(admin_client: Client, idp: Idp) -> None:
    idp.get(f"/Users/{public_id('scim-user', uuid7())}")

    html = page(admin_client)

    assert "Not found" in html
    assert "tone-danger" not in html


def test_pages_list_every_request_once_newest_first(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    for number in range(60):
        factories.scim_request(connection, path=f"/Users/{number}")

    pages = list(all_pages(admin_client, f"{LOG}?limit=25"))

    assert [len(one) for one in pages] == [25, 25, 10]
    assert [one for found in pages for one in found] == [f"GET /Users/{number}" for number in reversed(range(60))]


def test_a_new_request_does_not_shift_the_pages(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    for number in range(30):
        factories.scim_request(connection, path=f"/Users/{number}")
    first = fragment(admin_client, "log", limit=25).content.decode()
    factories.scim_request(connection, path="/Users/new")

    second = fragment(admin_client, "log-more", more_of(first)).content.decode()

    assert shown(second) == [f"GET /Users/{number}" for number in reversed(range(5))]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"outcome": "refused"}, ["DELETE /Groups/1"]),
        ({"outcome": "succeeded"}, ["GET /Schemas", "PATCH /Groups/1", "POST /Users"]),
        ({"resource_type": "User"}, ["POST /Users"]),
        ({"resource_type": "Group"}, ["DELETE /Groups/1", "PATCH /Groups/1"]),
        ({"method": "GET"}, ["GET /Schemas"]),
        ({"method": "changes"}, ["DELETE /Groups/1", "PATCH /Groups/1", "POST /Users"]),
        ({"resource_type": "Group", "outcome": "succeeded"}, ["PATCH /Groups/1"]),
    ],
)
def test_requests_are_filtered(
    admin_client: Client, connection: models.ScimConnectionRow, query: dict[str, str], expected: list[str]
) -> None:
    factories.scim_request(connection, method="POST", path="/Users", status=201, resource_type="User")
    factories.scim_request(connection, method="PATCH", path="/Groups/1", resource_type="Group")
    factories.scim_request(connection, method="DELETE", path="/Groups/1", resource_type="Group", status=404)
    factories.scim_request(connection, method="GET", path="/Schemas")

    assert shown(page(admin_client, **query)) == expected


def test_each_active_filter_can_be_removed(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    factories.scim_request(connection, method="DELETE", status=404)

    html = page(admin_client, q="DELETE", outcome="refused", method="changes", period="week", limit=25)

    assert (
        "“DELETE” Remove filter Failed Remove filter Changes only Remove filter Last 7 days Remove filter"
        in text_of(html)
    )
    assert f'href="{LOG}?q=DELETE&amp;outcome=refused&amp;method=changes&amp;limit=25"' in html
    assert "1 Jan 2026, 00:00 UTC to 2 Jan 2026, 12:30 UTC" in page(
        admin_client, since="2026-01-01T00:00", until="2026-01-02T12:30"
    )


def test_requests_are_found_by_person_group_and_request_id(admin_client: Client, idp: Idp) -> None:
    pia = idp.create_user("pia@acme.example", displayName="Pia Patel")
    idp.create_group("Sales", [pia])
    idp.send("POST", "/Users", {"userName": "pia@acme.example"})
    created, grouped, failed = idp.entries

    def found(text: str) -> list[str]:
        return re.findall(rf'href="{LOG}(scim-request-[^/"]+)/\?q=', page(admin_client, q=text))

    def ids(*entries: models.ScimRequestRow) -> list[str]:
        return [public_id("scim-request", entry.pk) for entry in entries]

    assert found("patel") == ids(created)
    assert found("PIA@acme") == ids(failed, created)
    assert found("sale") == ids(grouped)
    assert found(grouped.request_id) == ids(grouped)
    assert found(ids(failed)[0]) == ids(failed)
    assert found("request-id-live-ffffffff-ffff-4fff-bfff-ffffffffffff") == []
    assert found("nobody") == []


def test_a_search_takes_a_fixed_number_of_queries(
    admin_client: Client, idp: Idp, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        idp.create_user(f"pia{number}@acme.example")
        factories.scim_group(idp.connection, f"Pia {number}")
    admin_client.get(LOG)

    with django_assert_max_num_queries(12):
        html = page(admin_client, q="pia")

    assert len(shown(html)) == 20


def test_a_period_relative_to_now_has_several_pages(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    for number in range(30):
        factories.scim_request(connection, path=f"/Users/{number}")

    pages = list(all_pages(admin_client, f"{LOG}?limit=25&period=day"))

    assert [len(one) for one in pages] == [25, 5]


def test_requests_are_filtered_by_time(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    nine = datetime(2026, 1, 31, 9, tzinfo=UTC)
    at_times(connection, nine - timedelta(minutes=1), nine, nine + timedelta(minutes=1))

    assert shown(page(admin_client, since="2026-01-31T09:00")) == ["GET /Users/2", "GET /Users/1"]
    html = page(admin_client, until="2026-01-31T09:00")
    assert shown(html) == ["GET /Users/0"]
    assert 'value="2026-01-31T09:00"' in html


def test_the_filter_by_a_user_shows_the_name_and_can_be_cleared(admin_client: Client, idp: Idp) -> None:
    pia = idp.create_user("pia@acme.example", displayName="Pia Patel")
    idp.create_user("max@acme.example")
    link = re.search(r'href="([^"]*log/[^"]*)"', page(admin_client, f"/o/acme/scim/people/{pia}/"))
    assert link

    html = page(admin_client, link.group(1).replace("&amp;", "&") + "&outcome=succeeded")

    assert len(shown(html)) == 1
    assert "About Pia Patel Remove filter" in text_of(html)
    # The form keeps the filter, and a link removes only this one.
    assert f'<input type="hidden" name="resource_id" value="{pia}">' in html
    assert f'href="{LOG}?outcome=succeeded"' in html


def test_the_filter_by_a_group_shows_the_name_even_without_results(admin_client: Client, idp: Idp) -> None:
    group = idp.create_group("Sales")

    html = page(admin_client, resource_type="Group", resource_id=group, outcome="refused")

    assert "About Sales Remove filter" in text_of(html)
    assert "No matching requests" in html


def test_the_requests_of_a_deleted_user_are_still_shown(admin_client: Client, idp: Idp) -> None:
    user = idp.create_user("pia@acme.example")
    models.ScimUserRow.objects.all().delete()

    html = page(admin_client, resource_id=user)

    assert len(shown(html)) == 1
    assert "About someone who is no longer here Remove filter" in text_of(html)
    assert "someone who is no longer here" in page(admin_client, resource_id=HOSTILE)


def test_the_filter_applies_to_every_page(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    for number in range(60):
        factories.scim_request(connection, path=f"/Users/{number}", status=200 if number % 2 else 409)

    pages = list(all_pages(admin_client, f"{LOG}?limit=25&outcome=refused"))

    assert [len(one) for one in pages] == [25, 5]


def test_a_search_that_stopped_early_says_so_and_continues(
    admin_client: Client, connection: models.ScimConnectionRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_SEARCHED", 20)
    start = datetime(2026, 1, 31, 9, tzinfo=UTC)
    at_times(connection, *(start + timedelta(minutes=number) for number in range(50)))
    models.ScimRequestRow.objects.filter(path="/Users/5").update(method="DELETE")

    html = page(admin_client, method="DELETE")

    assert "No matching requests" not in html
    assert "Nothing found so far, searched back to 31 Jan 2026, 09:30 UTC" in text_of(html)
    assert "Load more" in html
    pages = list(all_pages(admin_client, f"{LOG}?method=DELETE"))
    assert pages == [[], [], ["DELETE /Users/5"]]


def test_empty_filtered_empty_and_failed_look_different(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    assert "No requests yet" in page(admin_client)
    factories.scim_request(connection)
    html = page(admin_client, method="DELETE")
    assert "No matching requests" in html
    assert "Clear filters" in html
    assert "No requests yet" not in html
    with patch.object(EmbeddedScimLog, "page", side_effect=Unavailable("The directory does not answer.")):
        response = fragment(admin_client, "log")
    assert response.status_code == 503
    assert "No requests yet" not in response.content.decode()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "7"),
        ("outcome", "perhaps"),
        ("resource_type", "user"),
        ("method", "BREW"),
        ("period", "month"),
        ("q", "x" * 101),
        ("since", "yesterday"),
        ("since", "0001-01-01T00:00"),
        ("until", "1969-12-31T23:59"),
    ],
)
def test_an_invalid_parameter_is_rejected_at_its_field(
    admin_client: Client, connection: models.ScimConnectionRow, name: str, value: str
) -> None:
    response = admin_client.get(LOG, {name: value})

    assert response.status_code == 422
    assert f'id="id_{name}_error"' in response.content.decode()


def test_a_period_that_ends_before_it_begins_is_rejected(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    response = admin_client.get(LOG, {"since": "2026-01-31T09:00", "until": "2026-01-31T09:00"})

    assert response.status_code == 422
    assert 'id="id_until_error"' in response.content.decode()


@pytest.mark.parametrize("value", ["x" * 101, "a\0b"])
def test_an_id_that_is_too_long_is_rejected(
    admin_client: Client, connection: models.ScimConnectionRow, value: str
) -> None:
    response = admin_client.get(LOG, {"resource_id": value})

    assert response.status_code == 422
    assert "Person or group not found" in response.content.decode()


@pytest.mark.parametrize("until", ["9999-12-31T23:59", "9999-12-31T23:59-23:00"])
def test_a_time_in_the_distant_future_is_valid(
    admin_client: Client, connection: models.ScimConnectionRow, until: str
) -> None:
    factories.scim_request(connection)

    assert shown(page(admin_client, until=until)) == ["GET /Users"]


def test_a_cursor_of_another_filter_starts_again(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    for _ in range(30):
        factories.scim_request(connection)
    found = re.search(r"cursor=([^&\"]+)", page(admin_client, limit=25))
    assert found

    html = page(admin_client, method="GET", limit=25, cursor=found.group(1).replace("%3A", ":"))

    assert "The list starts again" in html


def test_retention_and_masking_are_explained(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    with override_settings(SCIM_LOG_DAYS=30, SCIM_LOG_ENTRIES=20_000):
        html = page(admin_client)

    assert "kept for 30 days, without passwords and tokens" in html
    assert "Beyond 20,000 requests, the oldest are deleted earlier" in html
    assert "SCIM_LOG_DAYS" not in html


def test_the_log_needs_a_connection(admin_client: Client) -> None:
    assert "No identity provider is connected" in page(admin_client)


def test_a_directory_without_a_log_shows_the_reason(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    entry = factories.scim_request(connection)
    with absent("log"):
        for url in (LOG, url_of(entry)):
            response = admin_client.get(url)
            assert response.status_code == 200
            assert "Not available with this directory" in response.content.decode()
            assert escape(REASONS["log"]) in response.content.decode()


@pytest.mark.parametrize("number", [2, 250])
def test_the_number_of_queries_is_independent_of_the_number_of_requests(
    admin_client: Client,
    connection: models.ScimConnectionRow,
    django_assert_num_queries: DjangoAssertNumQueries,
    number: int,
) -> None:
    user, group = factories.scim_user(connection, "pia@acme.example"), factories.scim_group(connection, "Sales")
    about = [("User", public_id("scim-user", user.pk)), ("Group", public_id("scim-group", group.pk))]
    for turn in range(number):
        resource_type, resource_id = about[turn % 2]
        factories.scim_request(connection, resource_type=resource_type, resource_id=resource_id, status=200 + turn % 3)
    admin_client.get(LOG)

    with django_assert_num_queries(5):  # session, connection, requests, users, groups
        admin_client.get(LOG, {"limit": "250"})
    with django_assert_num_queries(6):  # and how far it may search
        admin_client.get(LOG, {"limit": "250", "method": "GET"})


def test_other_organizations_requests_are_not_shown(
    admin_client: Client, connection: models.ScimConnectionRow, globex: models.OrganizationRow
) -> None:
    other = factories.scim_connection(globex)
    gus = factories.scim_user(other, "gus@globex.example")
    about = {"resource_type": "User", "resource_id": public_id("scim-user", gus.pk)}
    foreign = factories.scim_request(other, path="/Users/secret", **about)

    assert shown(page(admin_client)) == []
    html = page(admin_client, resource_id=about["resource_id"])
    assert shown(html) == []
    assert "gus@globex.example" not in html
    assert admin_client.get(url_of(foreign)).status_code == 404


# --- Titles ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "query", "words"),
    [
        ("GET", "/Users", "", "List people"),
        ("GET", "/Users", "startIndex=1&filter=userName+eq+%22x%22", "Look for a person"),
        ("GET", "/Users/1", "", "Read a person"),
        ("POST", "/Users", "", "Create a person"),
        ("POST", "/Users/.search", "", "Search for people"),
        ("PUT", "/Users/1", "", "Update a person"),
        ("PATCH", "/Groups/1", "", "Change a group"),
        ("DELETE", "/Groups/1", "", "Delete a group"),
        ("DELETE", "/Groups", "", "Delete all groups"),
        ("GET", "/Groups", "filter=displayName", "Look for a group"),
        ("POST", "/Bulk", "", "Send several changes at once"),
        ("GET", "/ServiceProviderConfig", "", "Read the capabilities"),
        ("GET", "/Schemas/urn:x", "", "Read the schemas"),
        ("GET", "/users", "", "Unknown request"),
        ("GET", "/Users/Users/1", "", "Unknown request"),
        ("BREW", "/Users/1", "", "Unknown request"),
        ("GET", "", "", "Unknown request"),
    ],
)
def test_a_request_has_a_title(
    connection: models.ScimConnectionRow, method: str, path: str, query: str, words: str
) -> None:
    row = factories.scim_request(connection, method=method, path=path, query=query)

    assert request_title(reading.request_value(row)) == words


USER = "/Users/1"
GROUP = "/Groups/1"


def patch_of(*operations: dict[str, Any]) -> str:
    return json.dumps({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations})


ONE, TWO = [{"value": "a"}], [{"value": "a"}, {"value": "b"}]


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("PATCH", USER, patch_of({"op": "replace", "value": {"active": False}}), "Deactivate Pia Patel"),
        ("PATCH", USER, patch_of({"op": "Replace", "path": "active", "value": "False"}), "Deactivate Pia Patel"),
        ("PATCH", USER, patch_of({"op": "replace", "path": "active", "value": True}), "Reactivate Pia Patel"),
        ("PATCH", USER, patch_of({"op": "replace", "value": {"active": True, "title": "x"}}), "Change Pia Patel"),
        ("PATCH", GROUP, patch_of({"op": "add", "path": "members", "value": TWO}), "Add 2 members to Sales"),
        ("PATCH", GROUP, patch_of({"op": "remove", "path": "members", "value": ONE}), "Remove 1 member from Sales"),
        (
            "PATCH",
            GROUP,
            patch_of({"op": "remove", "path": 'members[value eq "a"]'}, {"op": "add", "path": "members", "value": ONE}),
            "Change the members of Sales",
        ),
        ("PATCH", GROUP, patch_of({"op": "remove", "path": "members"}), "Change group Sales"),
        ("PATCH", GROUP, patch_of({"op": "replace", "value": {"id": "1", "displayName": "x"}}), "Rename group Sales"),
        ("PUT", USER, json.dumps({"userName": "xxx", "active": False}), "Update Pia Patel"),
        ("PATCH", USER, '{"Operations": [{"op', "Change Pia Patel"),
        ("PATCH", USER, "[]", "Change Pia Patel"),
        ("PATCH", USER, patch_of({"op": "add", "path": "name", "value": [1]}), "Change Pia Patel"),
    ],
)
def test_a_title_says_what_a_change_is_for(
    admin_client: Client, connection: models.ScimConnectionRow, method: str, path: str, body: str, words: str
) -> None:
    user = factories.scim_user(connection, "pia@acme.example", display_name="Pia Patel")
    group = factories.scim_group(connection, "Sales")
    about = {"resource_type": "User", "resource_id": public_id("scim-user", user.pk)}
    if path == GROUP:
        about = {"resource_type": "Group", "resource_id": public_id("scim-group", group.pk)}
    entry = factories.scim_request(connection, method=method, path=path, body=body, **about)

    assert f">{words}</a>" in page(admin_client)
    assert f"<h1>{words}</h1>" in page(admin_client, url_of(entry))


def test_a_title_names_no_one_who_is_not_known(admin_client: Client, idp: Idp) -> None:
    unknown = public_id("scim-user", uuid7())
    idp.patch(f"/Users/{unknown}", {"op": "replace", "value": {"active": False}})
    idp.send("POST", "/Users", {"displayName": "Lena Fischer"})

    html = page(admin_client)

    assert ">Deactivate a person</a>" in html
    assert ">Create Lena Fischer</a>" in html


# --- One request -------------------------------------------------------------------------------------------------------


def test_the_page_of_a_request_shows_every_detail(admin_client: Client, idp: Idp) -> None:
    user = idp.create_user("pia@acme.example", displayName="Pia Patel")
    idp.patch(f"/Users/{user}", {"op": "replace", "path": "active", "value": False}, **{"User-Agent": "Okta SCIM 1"})
    entry = idp.entries[-1]

    html = page(admin_client, url_of(entry))

    for shown in (
        "<h1>Deactivate Pia Patel</h1>",
        f"PATCH /Users/{user}",
        f'href="/o/acme/scim/people/{user}/">Pia Patel</a>',
        f'href="{LOG}?resource_id={user}"',
        "Okta SCIM 1",
        entry.request_id,
        entry.ip_address,
        "acme</code>",  # the last four of the token
        escape('"path": "active"'),
        "active",
        f'href="{LOG}"',
    ):
        assert shown in html, shown
    # One value per line.
    assert escape('\n      "op": "replace",') in html


def test_a_failed_request_shows_cause_and_fix_in_the_identity_providers_terms(
    admin_client: Client, acme: models.OrganizationRow
) -> None:
    connection = factories.scim_connection(acme, identity_provider=ScimIdentityProvider.MICROSOFT_ENTRA)
    entry = factories.scim_request(connection, status=401, refusal="unknown_token")

    html = page(admin_client, url_of(entry))

    assert "The token is unknown" in html
    assert "never created the token" in html
    assert "“Secret token”" in html
    # The cause comes before what was sent, and its fix is in steps.
    assert html.index("How to fix it") < html.index("What Microsoft Entra ID sent") < html.index(">Response<")
    assert html.count('<span class="step-mark"') > 1


def test_a_failure_without_a_known_cause_says_what_to_do(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    entry = factories.scim_request(connection, status=418, detail="Short and stout.")

    html = page(admin_client, url_of(entry))

    assert "We don’t recognize this error" in html
    assert "Short and stout." in html


def test_a_request_of_a_deleted_connection_can_still_be_read(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    entry = factories.scim_request(connection, status=404, refusal="connection_deleted")
    models.ScimConnectionRow.objects.update(status="deleted")

    assert "The connection was deleted" in page(admin_client, url_of(entry))


def test_a_cut_body_is_shown_as_it_is(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    entry = factories.scim_request(connection, method="POST", body='{"userName": "x', is_body_cut=True)

    html = page(admin_client, url_of(entry))

    assert escape('{"userName": "x') in html
    assert "only a part of it" in html


def test_hostile_values_are_text(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    entry = factories.scim_request(
        connection,
        method=HOSTILE[:16],
        path=(f"/Users/{HOSTILE}" + "/x" * 400)[:512],
        query=f"filter={HOSTILE}",
        status=400,
        scim_type=HOSTILE,
        detail=HOSTILE,
        user_agent=HOSTILE,
        request_id=HOSTILE,
        body=HOSTILE,
        changed_attributes=[HOSTILE],
        resource_type="User",
        resource_id=HOSTILE,
    )
    fine = factories.scim_request(connection, changed_attributes=[HOSTILE])

    for url in (LOG, url_of(entry), url_of(fine)):
        response = admin_client.get(url)
        assert response.status_code == 200
        assert "<script>alert" not in response.content.decode()


@pytest.mark.parametrize(
    "scim_request_id", ["none", "scim-request-live-00000000-0000-0000-0000-000000000000", "x" * 300]
)
def test_an_unknown_request_is_not_found(
    admin_client: Client, connection: models.ScimConnectionRow, scim_request_id: str
) -> None:
    assert admin_client.get(f"{LOG}{scim_request_id}/").status_code == 404


def test_a_request_leads_to_the_newer_and_the_older_one_of_its_list(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    oldest, failed, middle, newest = (
        factories.scim_request(connection, status=status, path=f"/Users/{number}")
        for number, status in enumerate((400, 400, 200, 400))
    )

    def neighbors(entry: models.ScimRequestRow, query: str = "") -> list[str]:
        html = page(admin_client, url_of(entry) + query)
        return [
            found.group(1).replace("&amp;", "&") if (found := re.search(rf'href="([^"]+)" rel="{one}"', html)) else ""
            for one in ("prev", "next")
        ]

    assert neighbors(newest) == ["", url_of(middle)]
    assert neighbors(middle) == [url_of(newest), url_of(failed)]
    assert neighbors(oldest) == [url_of(failed), ""]
    only_failed = "?outcome=refused"
    assert neighbors(newest, only_failed) == ["", url_of(failed) + only_failed]
    # An index doesn't have this condition.
    by_method = "?outcome=refused&method=GET"
    factories.scim_request(connection, status=400, method="POST")
    assert neighbors(failed, by_method) == [url_of(newest) + by_method, url_of(oldest) + by_method]
    assert f'href="{LOG}{only_failed}">Log' in page(admin_client, url_of(failed) + only_failed)
    # An invalid filter isn't one.
    assert neighbors(middle, "?outcome=x") == [url_of(newest), url_of(failed)]


def test_the_rows_of_a_filtered_list_lead_on_within_the_list(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    entry = factories.scim_request(connection, status=400)

    assert f'href="{url_of(entry)}?outcome=refused"' in page(admin_client, f"{LOG}?outcome=refused")
    assert f'href="{url_of(entry)}"' in page(admin_client)


def test_a_failed_request_names_others_with_the_same_cause(admin_client: Client, idp: Idp) -> None:
    for number in range(5):
        idp.send("POST", "/Users", {"schemas": [USER_SCHEMA], "userName": f"person{number}", "emails": "none"})
    idp.send("GET", "/Unknown")
    idp.create_user("pia@acme.example")
    first, *_, last, other, created = idp.entries

    def same(entry: models.ScimRequestRow) -> list[str]:
        html = page(admin_client, url_of(entry))
        panel = re.search(r'id="same-heading".*?</section>', html, re.DOTALL)
        return re.findall(r"Create (person\d)<", panel.group()) if panel else []

    assert same(first) == ["person4", "person3", "person2"]
    assert same(last) == ["person3", "person2", "person1"]
    assert same(other) == same(created) == []


@pytest.mark.parametrize("body", ["", "x" * 5000])
def test_the_page_of_a_request_takes_a_fixed_number_of_queries(
    admin_client: Client,
    connection: models.ScimConnectionRow,
    django_assert_num_queries: DjangoAssertNumQueries,
    body: str,
) -> None:
    user = factories.scim_user(connection, "pia@acme.example")
    entry = factories.scim_request(
        connection, body=body, resource_type="User", resource_id=public_id("scim-user", user.pk)
    )
    admin_client.get(url_of(entry))

    with django_assert_num_queries(6):  # session, request, person, connection, newer and older request
        admin_client.get(url_of(entry))


def test_a_member_without_the_right_sees_who_can_help(
    member_client: Client, connection: models.ScimConnectionRow
) -> None:
    entry = factories.scim_request(connection)

    for url in (LOG, url_of(entry)):
        response = member_client.get(url)
        assert response.status_code == 403
        assert "let you see the SCIM connection" in response.content.decode()


@pytest.mark.usefixtures("connection")
@pytest.mark.parametrize("milliseconds", [253_402_300_799_999, 2**48 - 1])
def test_a_request_id_from_the_end_of_the_calendar_finds_nothing(admin_client: Client, milliseconds: int) -> None:
    digits = f"{milliseconds:012x}"
    request_id = f"request-id-live-{digits[:8]}-{digits[8:]}-7000-8000-000000000000"

    assert admin_client.get(LOG, {"q": request_id}).status_code == 200
