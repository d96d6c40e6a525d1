"""The activity log: its list with filters, the page of an entry, and the export."""

import csv
import io
import json
import re
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries

from portal.directory.actor import ActorType
from portal.directory.ids import first_uuid7, public_id, uuid7
from portal.embedded import models
from portal.embedded.directory import EmbeddedDirectory
from portal.web.availability import REASONS
from tests import factories

URL = "/o/acme/activity/"
EXPORT = f"{URL}export/"
HOSTILE = '"><script>alert(1)</script>'
NORA = "member-live-01900000-0000-7000-8000-000000000002"


def page(client: Client, url: str = URL, /, **query: str | int) -> str:
    return client.get(url, query).content.decode()


def text_of(html: str) -> str:
    """Return the visible text on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def fragment(client: Client, target: str, /, **query: str | int) -> Any:
    return client.get(URL, query, headers={"HX-Request": "true", "HX-Target": target})


def listed(html: str) -> list[str]:
    """Return the ID of each entry in the list."""
    return re.findall(rf'href="{URL}(activity-live-[0-9a-f-]+)/"', html)


def ids(*rows: models.ActivityEntryRow) -> list[str]:
    return [public_id("activity", row.pk) for row in rows]


def roles_entry(organization: models.OrganizationRow, **more: Any) -> models.ActivityEntryRow:
    change = {"before": {"roles": []}, "after": {"roles": ["editor"]}}
    group = {"target_id": "scim-group-live-01900000-0000-7000-8000-000000000001", "target_name": "Engineering"}
    return factories.activity_entry(organization, "scim_group.update_roles", **change, **group, **more)


def on(days_ago: int, organization: models.OrganizationRow, **more: Any) -> models.ActivityEntryRow:
    at = timezone.now() - timedelta(days=days_ago)
    return factories.activity_entry(organization, pk=first_uuid7(at), **more)


def test_the_list_says_who_did_what_to_what_and_from_where(admin_client: Client, acme: models.OrganizationRow) -> None:
    roles_entry(acme, ip_address="198.51.100.7", user_agent="Okta", request_id="request-id-live-1")

    html = page(admin_client)

    text = text_of(html)
    assert "Nora North gave Engineering the role Editor" in text
    assert "From 198.51.100.7 · Okta · request request-id-live-1" in text
    assert f"Today, {timezone.localdate():%-d %B %Y}" in text
    assert "<ins>editor</ins>" in html


def test_entries_are_listed_newest_first_under_their_days(admin_client: Client, acme: models.OrganizationRow) -> None:
    with patch("django.utils.timezone.now", return_value=timezone.now() - timedelta(days=1)):
        older = factories.activity_entry(acme, pk=first_uuid7(timezone.now()))
    newer = factories.activity_entry(acme)

    html = page(admin_client, target_id=older.target_id)

    assert listed(html) == ids(newer, older)
    assert [name.partition(",")[0] for name in re.findall(r'class="timeline-day">([^<]+)<', html)] == [
        "Today",
        "Yesterday",
    ]


def test_load_more_appends_without_repeating_the_day(admin_client: Client, acme: models.OrganizationRow) -> None:
    rows = [factories.activity_entry(acme) for _ in range(30)]
    first = page(admin_client, limit=25)
    (more,) = re.findall(r'hx-get="([^"]+cursor[^"]+)"', first)

    appended = admin_client.get(
        more.replace("&amp;", "&"), headers={"HX-Request": "true", "HX-Target": "activity-more"}
    ).content.decode()
    alone = admin_client.get(more.replace("&amp;", "&")).content.decode()

    newest = ids(*reversed(rows))
    assert listed(first)[:25] == newest[:25]
    assert listed(appended)[:5] == listed(alone)[:5] == newest[25:]
    assert "timeline-day" not in appended
    assert "timeline-day" in alone


FILTERS = {
    "who": ({"who": "operator"}, {"actor_type": ActorType.OPERATOR}),
    "what": ({"what": "scim"}, {"action": "scim_connection.pause"}),
    "text": ({"q": "engin"}, {"target_name": "Engineering"}),
    "actor": ({"actor_id": NORA}, {"actor_id": NORA}),
    "target": ({"target_id": "scim-group-live-1"}, {"target_id": "scim-group-live-1"}),
}


@pytest.mark.parametrize(("query", "values"), FILTERS.values(), ids=FILTERS)
def test_a_filter_shows_what_matches(
    admin_client: Client, acme: models.OrganizationRow, query: dict[str, str], values: dict[str, str]
) -> None:
    factories.activity_entry(acme)
    wanted = factories.activity_entry(acme, **values)
    factories.activity_entry(acme)

    html = page(admin_client, **query)

    assert listed(html) == ids(wanted)


def test_a_time_range_shows_its_days(admin_client: Client, acme: models.OrganizationRow) -> None:
    operator = {"actor_type": ActorType.OPERATOR}
    today, last_week, last_year = (on(days, acme, **operator) for days in (0, 6, 300))
    day = timezone.localdate() - timedelta(days=6)

    def found(**query: str) -> list[str]:
        return listed(page(admin_client, who="operator", **query))

    assert found() == ids(today, last_week, last_year)
    assert found(when="1") == ids(today)
    assert found(when="7") == found(when="30") == ids(today, last_week)
    assert found(when="dates", since=day.isoformat(), until=day.isoformat()) == ids(last_week)
    assert found(when="dates", until=day.isoformat()) == ids(last_week, last_year)


@pytest.mark.parametrize(
    "query",
    [
        {"who": "nobody"},
        {"what": "x"},
        {"when": "8"},
        {"when": "dates", "since": "x"},
        {"since": "2026-02-01", "until": "2026-01-31"},
        {"since": "1969-12-31"},
        {"limit": "7"},
        {"q": "x" * 201},
    ],
    ids=str,
)
def test_a_filter_that_does_not_exist_is_reported(admin_client: Client, query: dict[str, str]) -> None:
    response = admin_client.get(URL, query)

    assert response.status_code == 422
    assert "field-error" in response.content.decode()


def test_a_list_without_entries_says_so(admin_client: Client, acme: models.OrganizationRow) -> None:
    html = page(admin_client, q="nothing like this")

    assert "No matching changes" in html
    assert "Clear filters" in html
    assert "Export CSV" not in html


def test_a_link_shows_the_changes_of_one_target(admin_client: Client, acme: models.OrganizationRow) -> None:
    row = roles_entry(acme)
    factories.activity_entry(acme)

    html = page(admin_client, target_id=row.target_id)

    assert listed(html) == ids(row)
    assert "Changes of Engineering Remove filter" in text_of(html)
    assert f'<a class="chip" href="{URL}?">' in html


def test_routine_changes_can_be_left_out(admin_client: Client, acme: models.OrganizationRow) -> None:
    row = roles_entry(acme)
    for action in ("member_session.create", "scim_user.update", "member.deactivate"):
        factories.activity_entry(acme, action)

    assert listed(page(admin_client, what="not-routine")) == ids(row)
    assert listed(page(admin_client, what="not-routine", target_id=row.target_id)) == ids(row)
    assert listed(page(admin_client, what="not-routine", who="member")) == ids(row)


def test_a_cursor_that_has_expired_starts_the_list_again(admin_client: Client, acme: models.OrganizationRow) -> None:
    factories.activity_entry(acme)

    response = fragment(admin_client, "activity-more", cursor="forged")

    assert response["HX-Retarget"] == "#activity"
    assert "The list starts again" in response.content.decode()


def test_a_fragment_replaces_the_list_and_the_export(admin_client: Client, acme: models.OrganizationRow) -> None:
    factories.activity_entry(acme, target_name="Engineering")

    html = fragment(admin_client, "activity", q="engin").content.decode()

    assert "<html" not in html
    assert re.search(r'id="activity-export"[^>]*hx-swap-oob="true"', html)
    assert '<input type="hidden" name="q" value="engin">' in html


@pytest.mark.parametrize("number", [2, 40])
def test_the_page_takes_a_fixed_number_of_queries(
    admin_client: Client, acme: models.OrganizationRow, django_assert_num_queries: DjangoAssertNumQueries, number: int
) -> None:
    for _ in range(number):
        roles_entry(acme)
    page(admin_client)

    with django_assert_num_queries(3):  # the session, entries, and the connection for the frame
        page(admin_client)


def test_an_entry_shows_every_detail(admin_client: Client, acme: models.OrganizationRow) -> None:
    more = {"actor_id": NORA, "ip_address": "198.51.100.7", "user_agent": "Chrome", "request_id": "request-id-live-1"}
    row = roles_entry(acme, on_behalf_of="case 48213", **more)

    html = page(admin_client, f"{URL}{ids(row)[0]}/")

    text = text_of(html)
    assert "<h1>Nora North gave Engineering the role Editor</h1>" in html
    assert "<ins>editor</ins>" in html
    for value in ("198.51.100.7", "Chrome", "request-id-live-1", "case 48213", row.target_id, ids(row)[0]):
        assert value in text
    assert f"{URL}?actor_id={NORA}" in html
    assert f"{URL}?target_id={row.target_id}" in html


def test_values_cannot_become_markup(admin_client: Client, acme: models.OrganizationRow) -> None:
    row = factories.activity_entry(
        acme, "scim_user.update", target_name=HOSTILE, actor_name=HOSTILE, after={HOSTILE: HOSTILE}, user_agent=HOSTILE
    )

    for html in (page(admin_client), page(admin_client, f"{URL}{ids(row)[0]}/"), page(admin_client, q=HOSTILE)):
        assert "<script>alert" not in html
        assert escape(HOSTILE) in html


def test_another_organizations_entry_is_not_found(
    admin_client: Client, acme: models.OrganizationRow, globex: models.OrganizationRow
) -> None:
    foreign = roles_entry(globex)

    assert listed(page(admin_client, q="Engineering")) == []
    for activity_id in (*ids(foreign), public_id("activity", uuid7()), "x"):
        assert admin_client.get(f"{URL}{activity_id}/").status_code == 404


def test_targets_lead_to_their_pages_if_the_member_may_see_them(acme: models.OrganizationRow, settings: Any) -> None:
    roles_entry(acme)
    admin = factories.signed_in(factories.member(acme, "a@acme.example", roles=["stytch_admin"]))
    auditor = auditing(acme, settings)

    assert "/o/acme/scim/groups/scim-group-live" in page(admin)
    assert "/o/acme/scim/groups/" not in page(auditor)
    assert "Nora North gave Engineering the role Editor" in text_of(page(auditor))


def auditing(acme: models.OrganizationRow, settings: Any) -> Client:
    """Return the client of a member who may see the activity log and nothing else."""
    role = {"role_id": "auditor", "permissions": [{"resource_id": "gatehouse.activity", "actions": ["get"]}]}
    models.OrganizationRow.objects.filter(pk=acme.pk).update(custom_roles=[role])
    return factories.signed_in(factories.member(acme, "audit@acme.example", roles=["auditor"]))


def test_the_navigation_leads_there_or_shows_a_lock(admin_client: Client, member_client: Client) -> None:
    def area(client: Client) -> str:
        html = client.get("/o/acme/").content.decode()
        return html.partition(f'<a class="area" href="{URL}"')[2].partition("</a>")[0]

    assert "no access" not in area(admin_client)
    assert "no access" in area(member_client)
    assert member_client.get(URL).status_code == 403


def test_a_directory_without_a_log_says_so(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EmbeddedDirectory, "activity", None)

    assert escape(REASONS["activity"]) in page(admin_client)
    assert f'href="{URL}"' not in page(admin_client, "/o/acme/")
    assert admin_client.post(EXPORT, {"file_format": "csv"}).status_code == 501


def exported(client: Client, **data: str) -> str:
    response: Any = client.post(EXPORT, data)
    assert response.status_code == 200
    return b"".join(response.streaming_content).decode()


def test_an_export_has_every_detail_in_both_formats(admin_client: Client, acme: models.OrganizationRow) -> None:
    row = roles_entry(acme, ip_address="198.51.100.7")
    factories.activity_entry(acme)

    [line] = csv.DictReader(io.StringIO(exported(admin_client, file_format="csv", what="roles"), newline=""))
    found = json.loads(exported(admin_client, file_format="jsonl", what="roles"))

    assert list(line) == list(found)
    assert [line["id"]] == [found["id"]] == ids(row)
    assert line["at"] == found["at"] == row.at.isoformat()
    assert line["sentence"] == "Nora North gave Engineering the role Editor"
    assert (found["before"], found["after"]) == ({"roles": []}, {"roles": ["editor"]})
    assert json.loads(line["after"]) == {"roles": ["editor"]}
    recorded = models.ActivityEntryRow.objects.filter(action="activity_log.export")
    assert [one.after for one in recorded] == [{"kind": "roles"}] * 2


def test_a_spreadsheet_runs_no_formula(admin_client: Client, acme: models.OrganizationRow) -> None:
    factories.activity_entry(acme, target_name="=1+1")

    assert "'=1+1" in exported(admin_client, file_format="csv")


@pytest.mark.parametrize("data", [{}, {"file_format": "xml"}, {"file_format": "csv", "who": "x"}])
def test_an_export_of_nothing_known_is_rejected(admin_client: Client, data: dict[str, str]) -> None:
    assert admin_client.post(EXPORT, data).status_code == 422
    assert not models.ActivityEntryRow.objects.filter(action="activity_log.export").exists()


def test_a_further_export_is_rejected_while_others_run(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.web.exports.claim", lambda *_: False)

    assert admin_client.post(EXPORT, {"file_format": "csv"}).status_code == 429
    assert not models.ActivityEntryRow.objects.filter(action="activity_log.export").exists()


def test_the_last_day_of_the_calendar_is_a_day(admin_client: Client, acme: models.OrganizationRow) -> None:
    entry = factories.activity_entry(acme)

    html = page(admin_client, when="dates", until="9999-12-31", target_id=entry.target_id)

    assert listed(html) == ids(entry)
