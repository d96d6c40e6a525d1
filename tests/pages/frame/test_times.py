"""Times on pages: relative up to a day, then a date, in the zone of the reader."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.http import StreamingHttpResponse
from django.test import Client
from django.utils import timezone

from portal.embedded import models
from portal.web import times
from portal.web.templatetags.ui import clock_time, exact_time, relative_time
from portal.web.times import BROWSER_ZONE_COOKIE
from tests import factories

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
TEMPLATES = Path(__file__).parents[3] / "templates"


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(minutes=2), "2 minutes ago"),
        (timedelta(hours=23, minutes=59), "23 hours ago"),
        (timedelta(hours=24), "yesterday at 12:00 UTC"),
        (timedelta(hours=36), "yesterday at 00:00 UTC"),
        (timedelta(hours=37), "28 Nov 2026"),
        (timedelta(days=400), "26 Oct 2025"),
        (-timedelta(seconds=5), "in less than a minute"),
        (-timedelta(minutes=59, seconds=58), "in 1 hour"),
        (-timedelta(hours=23, minutes=59), "in 1 day"),
        (-timedelta(days=6, hours=23), "in 7 days"),
        (-timedelta(days=23), "in 23 days"),
        (-timedelta(days=100), "in 3 months"),
    ],
)
def test_a_time_is_relative_up_to_a_day(ago: timedelta, text: str) -> None:
    assert times.relative(NOW - ago).replace("\xa0", " ") == text


def test_the_exact_time_is_in_the_title_and_on_pages_of_details() -> None:
    timestamp = NOW - timedelta(minutes=2)

    assert relative_time(timestamp).replace("\xa0", " ") == (
        '<time datetime="2026-11-30T11:58:00+00:00" title="30 Nov 2026, 11:58 UTC">2 minutes ago</time>'
    )
    assert "30 Nov 2026, 11:58 UTC</time> <span" in relative_time(timestamp, exact=True)
    old = relative_time(NOW - timedelta(days=3), exact=True)
    assert old == '<time datetime="2026-11-27T12:00:00+00:00">27 Nov 2026, 12:00 UTC</time>'
    assert relative_time(None) == "–"


@pytest.mark.parametrize(
    ("zone", "exact", "yesterday"),
    [
        ("Europe/Copenhagen", "30 Nov 2026, 12:30 CET", "yesterday at 00:30 CET"),
        ("America/Los_Angeles", "30 Nov 2026, 03:30 PST", "28 Nov 2026"),
        ("Asia/Kathmandu", "30 Nov 2026, 17:15 UTC+0545", "yesterday at 05:15 UTC+0545"),
    ],
)
def test_times_are_in_the_zone_that_is_active(zone: str, exact: str, yesterday: str) -> None:
    timestamp = NOW - timedelta(minutes=30)
    with timezone.override(zone):
        assert times.exact(timestamp) == exact
        assert f">{exact[13:18]}<" in clock_time(timestamp)
        assert exact_time(timestamp, seconds=True).count(":00 ") == 1
        assert times.relative(datetime(2026, 11, 28, 23, 30, tzinfo=UTC)) == yesterday


def test_summer_time_is_that_of_the_moment() -> None:
    with timezone.override("Europe/Copenhagen"):
        assert times.exact(datetime(2026, 7, 1, 12, 0, tzinfo=UTC)) == "1 Jul 2026, 14:00 CEST"


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_every_time_goes_through_the_tags(path: Path) -> None:
    """A day has no zone: its heading and its parameter in a URL are left."""
    text = path.read_text(encoding="utf-8")

    assert re.findall(r"\|(?:time|timesince|timeuntil)\b", text) == []
    assert set(re.findall(r"\|date:\"([^\"]*)\"", text)) <= {"j F Y", "Y-m-d"}


def entry_at(organization: models.OrganizationRow, at: datetime) -> None:
    """Write an entry of the activity log. Its ID begins with its time."""
    with time_machine.travel(at, tick=False):
        factories.activity_entry(organization, at=at)


def test_the_days_of_the_activity_log_are_those_of_the_reader(
    acme: models.OrganizationRow, admin_client: Client
) -> None:
    at = datetime(2026, 11, 29, 23, 30, tzinfo=UTC)
    entry_at(acme, at)
    heading = re.compile(r'class="timeline-day">([^<]*)<')

    assert "Yesterday, 29 November 2026" in heading.findall(admin_client.get("/o/acme/activity/").content.decode())
    admin_client.cookies[BROWSER_ZONE_COOKIE] = "Europe/Copenhagen"
    html = admin_client.get("/o/acme/activity/").content.decode()
    assert "Today, 30 November 2026" in heading.findall(html)
    assert ">00:30</time>" in html


@pytest.mark.parametrize(("zone", "found"), [("", True), ("Europe/Copenhagen", False), ("America/New_York", True)])
def test_dates_of_the_activity_log_are_days_of_the_reader(
    acme: models.OrganizationRow, admin_client: Client, zone: str, found: bool
) -> None:
    entry_at(acme, datetime(2026, 11, 20, 23, 30, tzinfo=UTC))
    admin_client.cookies[BROWSER_ZONE_COOKIE] = zone

    html = admin_client.get(
        "/o/acme/activity/", {"when": "dates", "since": "2026-11-20", "until": "2026-11-20"}
    ).content.decode()

    assert ("changed the settings of" in html) is found


def test_the_dates_of_the_log_are_in_the_zone_that_they_name(
    acme: models.OrganizationRow, admin_client: Client
) -> None:
    connection = factories.scim_connection(acme)
    with time_machine.travel(datetime(2026, 11, 20, 12, 30, tzinfo=UTC), tick=False):
        factories.scim_request(connection)
    dates = {"since": "2026-11-20T13:00", "until": "2026-11-20T14:00"}

    assert "No matching requests" in admin_client.get("/o/acme/scim/log/", dates).content.decode()
    admin_client.cookies[BROWSER_ZONE_COOKIE] = "Europe/Copenhagen"
    html = admin_client.get("/o/acme/scim/log/", dates).content.decode()
    assert "No matching requests" not in html
    assert "From (CET)" in html
    assert "20 Nov 2026, 13:00 CET to 20 Nov 2026, 14:00 CET" in html


def test_exports_are_in_utc(acme: models.OrganizationRow, admin_client: Client) -> None:
    entry_at(acme, datetime(2026, 11, 20, 23, 30, tzinfo=UTC))
    admin_client.cookies[BROWSER_ZONE_COOKIE] = "Asia/Tokyo"

    response = admin_client.post("/o/acme/activity/export/", {"file_format": "csv"})

    assert isinstance(response, StreamingHttpResponse)
    assert "2026-11-20T23:30:00+00:00" in b"".join(response.streaming_content).decode()
